"""Prices, windows and ends as Prometheus metrics in its text format, for the textfile collector of node_exporter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

from modelctl.core.facts import decimal_text
from modelctl.exports.base import Export, Offer

NAME = "prometheus"
SUMMARY = "prices, windows and ends as metrics (Prometheus text)"
DOCS = "https://prometheus.io/docs/instrumenting/exposition_formats/"
IS_MENU = False

_METRICS = (
    ("modelctl_price", "Price in force, per unit, in the currency of its label."),
    ("modelctl_context_window_tokens", "Context window."),
    ("modelctl_retires_timestamp_seconds", "First instant at which the id answers no more."),
)


def render(offers: Sequence[Offer]) -> Export:
    """All samples, grouped by metric as the format demands."""
    texts = []
    for (name, help_text), samples in zip(_METRICS, (_prices, _windows, _ends), strict=True):
        texts.append(f"# HELP {name} {help_text}\n# TYPE {name} gauge\n")
        texts += (f"{name}{{{labels}}} {value}\n" for offer in offers for labels, value in samples(offer))
    return Export(text="".join(texts), models=len(offers))


def _prices(offer: Offer) -> Iterator[tuple[str, str]]:
    for key, point in sorted(offer.in_force.items()):
        labels = {
            "kind": key.kind,
            "unit": key.unit,
            "context_above": str(key.context_above),
            "service_tier": key.service_tier,
            "hours_utc": key.hours_utc,
            "currency": point.currency,
        }
        yield _labels(offer, **labels), decimal_text(point.amount)


def _windows(offer: Offer) -> Iterator[tuple[str, str]]:
    if offer.facts.context_window is not None:
        yield _labels(offer), str(offer.facts.context_window)


def _ends(offer: Offer) -> Iterator[tuple[str, str]]:
    if (last_day := offer.facts.retires_on) is not None:
        gone_at = datetime.combine(last_day + timedelta(days=1), time(), UTC)
        yield _labels(offer), str(int(gone_at.timestamp()))


def _labels(offer: Offer, **more: str) -> str:
    named = {"provider": offer.key.provider, "model": offer.key.model_id, **more}
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in named.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
