"""The same models as a catalog file and as an API's listing, for what is measured by way of the real command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.models import PROVIDER, catalog
from modelctl.core.facts import CAPABILITIES, ModelRecord

_PLAIN = ("display_name", "family", "type", "status", "knowledge_cutoff")
_LISTS = ("input_modalities", "output_modalities", "aliases", "tags")
_LIMITS = ("context_window", "max_input_tokens", "max_output_tokens")
_DAYS = ("released_on", "retires_not_before")


def write_catalog(directory: Path, count: int, *, edition: int = 0) -> Path:
    """A directory with one catalog of so many models."""
    directory.mkdir(exist_ok=True)
    head = '[provider]\ndisplay_name = "Bench"\nkind = ""\npricing_url = "https://bench.example/pricing"\n'
    tables = (_table(record) for record in catalog(count, edition=edition).snapshot.records.values())
    (directory / f"{PROVIDER.name}.toml").write_text("\n".join((head, *tables)), encoding="utf-8")
    return directory


def _table(record: ModelRecord) -> str:
    return "\n".join(("[[model]]", f'id = "{record.key.model_id}"', *_lines(record), ""))


def _lines(record: ModelRecord) -> Iterator[str]:
    facts = record.facts
    for name in (*_PLAIN, *_LIMITS, *_DAYS, *_LISTS):
        yield f"{name} = {_toml(getattr(facts, name))}"
    yield f"capabilities = {_toml([name for name in CAPABILITIES if getattr(facts, name)])}"
    yield f"lacks = {_toml([name for name in CAPABILITIES if getattr(facts, name) is False])}"
    yield f"verified_on = {record.verified_on}"
    yield "prices = ["
    for start in sorted({point.effective_from for point in record.prices}):
        amounts = [f"{point.kind} = {point.amount}" for point in record.prices if point.effective_from == start]
        yield f"  {{ from = {start.date()}, {', '.join(amounts)} }},"
    yield "]"


def _toml(value: Any) -> str:
    return str(value) if isinstance(value, date) else json.dumps(list(value) if isinstance(value, tuple) else value)


def listing(count: int) -> list[dict[str, Any]]:
    """The models as OpenRouter lists its own."""
    return [_item(record) for record in catalog(count).snapshot.records.values()]


def _item(record: ModelRecord) -> dict[str, Any]:
    facts = record.facts
    amounts = {point.kind: f"{point.amount / 1_000_000:f}" for point in record.prices}
    names = {"input": "prompt", "output": "completion", "cache_read": "input_cache_read"}
    return {
        "id": record.key.model_id,
        "name": facts.display_name,
        "created": 1_700_000_000,
        "context_length": facts.context_window,
        "architecture": {"input_modalities": facts.input_modalities, "output_modalities": facts.output_modalities},
        "pricing": {names[kind]: amount for kind, amount in amounts.items() if kind in names},
        "top_provider": {"max_completion_tokens": facts.max_output_tokens},
        "supported_parameters": ["tools", "structured_outputs", "reasoning"],
        "type": "chat",
    }
