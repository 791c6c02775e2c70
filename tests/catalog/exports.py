"""Databases to export: a shipped catalog, rows that were synced with it, and people who have been at them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from modelctl.catalog.export import ExportedCatalog, catalog_text, exported
from modelctl.catalog.read import understand
from modelctl.core.facts import CAPABILITIES, MODALITIES, ModelFacts, ModelKey, ModelRecord, Source
from modelctl.core.planning.merge import Snapshot, merge
from modelctl.core.planning.plan import Plan
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PricePoint
from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel, StoredProvider
from tests.core.effects import after_plan

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=40)
ACME = Provider(name="acme", display_name="Acme", kind="openai-compatible", api_base_url="https://acme.test/v1")
PRICES = "https://acme.test/prices"

DAYS = st.sampled_from([NOW.date() + timedelta(days=offset) for offset in (-800, -60, -30, -1, 0, 1, 30)])
TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12
)  # quotes, backslashes and other alphabets
NAMES = st.lists(TEXT, max_size=3, unique=True).map(tuple)
TOKENS = st.integers(1, 10**12)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "display_name": TEXT,
    "family": TEXT,
    "type": st.sampled_from(("chat", "embedding", "image")),
    "status": st.sampled_from(("preview", "active", "deprecated", "retired")),
    "input_modalities": st.lists(st.sampled_from(MODALITIES), unique=True).map(tuple),
    **dict.fromkeys(CAPABILITIES, st.booleans()),
    **dict.fromkeys(("context_window", "max_input_tokens", "max_output_tokens"), TOKENS),
    "knowledge_cutoff": st.sampled_from(("2025", "2025-06", "2025-06-30")),
    **dict.fromkeys(("released_on", "deprecated_on", "retires_on", "retires_not_before"), DAYS),
    "after_retirement": st.sampled_from(("error", "redirect")),
    "replacement": TEXT,
    "aliases": NAMES,
    "tags": NAMES,
    "recommended": st.booleans(),
    "tier": st.sampled_from(("free", "affordable", "premium")),
}
STARTS = (SINCE_LAUNCH, *(NOW.replace(hour=0) + timedelta(days=offset) for offset in (-300, -20, 0, 10, 41)), EARLIER)
AMOUNTS = st.decimals(0, 999_999, places=9).map(Decimal.normalize) | st.sampled_from((Decimal(0), Decimal("2.5")))


@st.composite
def timelines(draw: st.DrawFn, sources: Sequence[str] = (PRICES,)) -> tuple[PricePoint, ...]:
    """Dated prices of a few keys, as a catalog may state them: nothing twice, no end after the next beginning."""
    points = []
    for kind in draw(st.sets(st.sampled_from(("input", "output", "cache_read", "cache_write_1h")))):
        for terms in draw(st.sets(st.sampled_from(((0, "standard", ""), (0, "batch", ""), (200_000, "standard", ""))))):
            starts = sorted(draw(st.sets(st.sampled_from(STARTS), min_size=1, max_size=3)))
            currency = draw(st.sampled_from(("USD", "USD", "EUR")))
            for start, following in zip(starts, [*starts[1:], None], strict=True):
                end = start + timedelta(days=5)
                ends = draw(st.booleans()) and (following is None or end <= following)
                points.append(
                    PricePoint(
                        kind=kind,
                        amount=draw(AMOUNTS),
                        context_above=terms[0],
                        service_tier=terms[1],
                        hours_utc=terms[2],
                        currency=currency,
                        effective_from=start,
                        effective_to=end if ends else None,
                        basis=draw(st.sampled_from((Basis.DOCUMENTED, Basis.OBSERVED))).value,
                        source=draw(st.sampled_from(sources)),
                    )
                )
    return tuple(points)


@st.composite
def catalogs(draw: st.DrawFn) -> Snapshot:
    """What the shipped catalog states."""
    records = {}
    for model_id in draw(st.sets(st.sampled_from(("a", "b", "meta/C")))):
        known = draw(st.fixed_dictionaries({}, optional=VALUES))
        key = ModelKey("acme", model_id)
        records[key] = ModelRecord(
            key=key,
            facts=ModelFacts(**known),
            prices=draw(timelines()),
            provenance=dict.fromkeys(known, "catalog"),
            verified_on=draw(st.none() | st.just(date(2026, 10, 1))),
        )
    return Snapshot(source=Source.CATALOG, records=records)


def synced(
    stored: StoredProvider, layers: Sequence[Snapshot], now: datetime, provider: str = "acme"
) -> tuple[StoredProvider, Plan]:
    """The rows after a sync without keys, and its plan."""
    made = plan(provider, stored, merge(layers, today=now.date()), consulted=Consulted(), now=now)
    return after_plan(stored, made, now=now), made


@st.composite
def databases(draw: st.DrawFn) -> tuple[Snapshot, StoredProvider]:
    """A shipped catalog, and rows that were synced with it, then edited, priced by hand, and synced again."""
    shipped = draw(catalogs())
    stored, _ = synced(StoredProvider(), [shipped], EARLIER)
    stored = replace(stored, models={key: draw(touched(model)) for key, model in stored.models.items()})
    if draw(st.booleans()):
        key = ModelKey("acme", "added-by-hand")
        facts = ModelFacts(**draw(st.fixed_dictionaries({}, optional=VALUES)))
        by_hand = StoredModel(key=key, facts=facts, is_enabled=True, prices=(manual(draw(AMOUNTS)),))
        stored = replace(stored, models={**stored.models, key: by_hand})
    stored, _ = synced(stored, [shipped], NOW)
    return shipped, stored


def manual(amount: Decimal) -> PricePoint:
    return PricePoint(
        kind="input",
        amount=amount,
        effective_from=EARLIER + timedelta(days=3),
        basis=Basis.MANUAL,
        source="ann, by mail",
    )


@st.composite
def touched(draw: st.DrawFn, model: StoredModel) -> StoredModel:
    """A row after people have been at it: values set and blanked, a price entered, one corrected."""
    for name in draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=4)):
        value = draw(st.none() | VALUES[name])
        model = replace(model, facts=model.facts.replaced({name: value}))
    if draw(st.booleans()):
        model = replace(model, prices=(*model.prices, manual(draw(AMOUNTS))))
    if model.prices and draw(st.booleans()):
        wrong = draw(st.sampled_from(model.prices))
        corrected = wrong._replace(amount=draw(AMOUNTS), revision=wrong.revision + 1)
        model = replace(model, prices=(*model.prices, corrected))
    return model


def export(shipped: Snapshot, stored: StoredProvider, row: Provider = ACME) -> tuple[ExportedCatalog, str]:
    stated = replace(ACME, pricing_url=PRICES)
    catalog = exported(row, stated, list(stored.models.values()), shipped.records, NOW)
    return catalog, catalog_text("acme", catalog, {"acme": stated})


def as_overlay(text: str) -> Snapshot:
    problems: list[Any] = []
    _, entries = understand("acme", tomllib.loads(text, parse_float=Decimal), Source.OVERLAY, problems.append)
    assert problems == []
    return Snapshot(source=Source.OVERLAY, records={each.record.key: each.record for each in entries})


def unsayable(name: str, model: StoredModel, catalog: ExportedCatalog) -> bool:
    """Facts that rules derive where no source has any, and prices' columns, which the ledger fills."""
    if name == "status":
        return any(note.startswith(f"{model.key}: its status") for note in catalog.notes)
    return name in ("display_name", "tier") and getattr(model.facts, name) is None
