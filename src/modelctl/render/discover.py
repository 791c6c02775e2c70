"""What providers list, in our fields: a block for each as text, one document, or a line per model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from modelctl.core.counts import counted
from modelctl.core.encoding import FACT_TYPES
from modelctl.core.ledger import projection
from modelctl.core.model import FactValue, ModelRecord, Skipped
from modelctl.core.snapshot import Snapshot
from modelctl.errors import ModelctlError
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.json_values import plain, price_object
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line, shown, some

MAX_NAMES = 8
"""Ids listed for one reason; the rest is counted, and in the JSON."""
UNKNOWN_CELL = "-"

_COLUMNS: Mapping[str, str] = {
    "type": "type",
    "status": "status",
    "input_price_per_mtok": "input/mtok",
    "output_price_per_mtok": "output/mtok",
    "context_window": "context",
    "max_output_tokens": "max output",
    "retires_on": "retires on",
    "released_on": "released on",
}
"""Facts in the table and their titles; a narrow terminal lacks the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What one provider's API says, or why nobody knows."""

    provider: str
    listing: Snapshot | None = None
    listed_at: datetime | None = None
    is_reused: bool = False
    notice: str | None = None
    error: ModelctlError | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the listing shows every model that the key can call."""
        return self.listing is not None and self.provider in self.listing.complete_for


def table(found: Sequence[Discovered], look: Look) -> str:
    """A block per provider: what it is, its models, what was skipped and why."""
    return look.text("\n\n".join("\n".join(_block(each, look)) for each in found).splitlines())


def json_document(found: Sequence[Discovered], look: Look) -> str:
    """Everything, with every fact that is known and every price; what is not there is unknown."""
    document = {"version": 1, "providers": [_provider_object(each) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def json_lines(found: Sequence[Discovered], look: Look) -> str:
    """An object per model."""
    return "\n".join(
        json.dumps(_model_object(record), ensure_ascii=not look.unicode) for each in found for record in _records(each)
    )


def _records(found: Discovered) -> list[ModelRecord]:
    records = found.listing.records if found.listing is not None else {}
    return [records[key] for key in sorted(records)]


def _block(found: Discovered, look: Look) -> Iterator[str]:
    name = look.paint(found.provider, "bold")
    if found.listing is None or found.listed_at is None:
        yield from labelled(
            found.provider,
            f"failed: {one_line(str(found.error).removeprefix(f'{found.provider}: '))}",
            look,
            style="red",
        )
        return
    records = _records(found)
    whole = "whole listing" if found.is_whole else "not a whole listing: absence means nothing"
    yield f"{name}  {counted(len(records), 'model')}  ({whole} of {shown(found.listed_at)})"
    if found.notice:
        yield from labelled("note", found.notice, look, style="yellow", indent=2)
    for reason, ids in _by_reason(found.listing.skipped).items():
        yield from labelled("skipped", f"{len(ids):,}: {one_line(reason)} ({some(ids, MAX_NAMES)})", look, indent=2)
    yield from aligned(_fitting(_columns(records, found.listed_at), look), look)


def _by_reason(skipped: Sequence[Skipped]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for each in skipped:
        grouped.setdefault(each.reason, []).append(each.item_id)
    return grouped


def _columns(records: Sequence[ModelRecord], listed_at: datetime) -> list[Column]:
    """The id, and the facts that the API states of any model."""
    facts = [_facts(record, listed_at) for record in records]
    columns = [Column(title="model", cells=[Cell(one_line(str(record.key))) for record in records])]
    for name, title in _COLUMNS.items():
        if any(name in each for each in facts):
            cells = [_cell(each.get(name)) for each in facts]
            columns.append(Column(title=title, cells=cells, right=FACT_TYPES[name] in (int, Decimal)))
    return columns


def _facts(record: ModelRecord, listed_at: datetime) -> dict[str, FactValue]:
    return {**dict(record.facts.known()), **projection(record.prices, at=listed_at)}


def _cell(value: FactValue) -> Cell:
    return Cell(UNKNOWN_CELL, "dim") if value is None else Cell(shown(value))


def _fitting(columns: list[Column], look: Look) -> list[Column]:
    while look.width is not None and len(columns) > 1 and total_width(columns) > look.width:
        columns = columns[:-1]
    return columns


def _provider_object(found: Discovered) -> dict[str, Any]:
    skipped = found.listing.skipped if found.listing is not None else ()
    error = found.error
    return {
        "provider": found.provider,
        "whole": found.is_whole,
        "listed_at": plain(found.listed_at) if found.listed_at is not None else None,
        "reused": found.is_reused,
        "notice": found.notice,
        "error": {"message": error.message, "hint": error.hint} if error is not None else None,
        "models": [_model_object(record) for record in _records(found)],
        "skipped": [{"id": each.item_id, "reason": each.reason} for each in skipped],
    }


def _model_object(record: ModelRecord) -> dict[str, Any]:
    rules = {name: who for name, who in record.provenance.items() if who.startswith("rule:")}
    return {
        "provider": record.key.provider,
        "model_id": record.key.model_id,
        "facts": {name: plain(value) for name, value in record.facts.known()},
        "stated_none": sorted(record.stated_none),
        "by_rule": rules,
        "prices": [price_object(point) for point in record.prices],
    }


FORMATS = {"table": table, "json": json_document, "jsonl": json_lines}
"""Format name -> what renders what was found."""
