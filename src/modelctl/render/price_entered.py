"""What a person's prices did to the ledger, for people and for programs, and what has to be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from modelctl.core.encoding import exact_number
from modelctl.core.model import PRICE_FIELDS, ModelKey
from modelctl.core.price import PriceKey, PricePoint, current
from modelctl.core.price_entry import entry_text
from modelctl.render.json_values import price_object
from modelctl.render.price_json import document
from modelctl.render.price_words import money, price_text
from modelctl.render.terminal import Look
from modelctl.render.values import one_line, percent, price_label, since


class Entry(Protocol):
    """One price that was entered or corrected."""

    @property
    def line(self) -> int:
        """Its line in the file; 0 on the command line."""

    @property
    def key(self) -> ModelKey:
        """The model."""

    @property
    def point(self) -> PricePoint:
        """What the ledger has now."""

    @property
    def old(self) -> PricePoint | None:
        """What it had for that start."""

    @property
    def set_aside(self) -> Sequence[PricePoint]:
        """What was announced and does not come."""


def entries_text(entries: Sequence[Entry], look: Look) -> str:
    """A line per price: `openai/gpt-4o  input: 2.5 USD → 2 USD per 1M tokens (-20 %), from 2026-12-01`."""
    return look.text(
        f"{one_line(str(each.key))}  {price_label(each.point.key)}: {_change(each)}, from"
        f" {since(each.point.effective_from)}"
        for each in entries
    )


def entries_json(entries: Sequence[Entry], look: Look, *, run: str, unchanged: int) -> str:
    """The same for programs, with the run that the audit trail has it under."""
    return document({"run": run, "entered": [_object(each) for each in entries], "unchanged": unchanged}, look)


def remarks(entries: Sequence[Entry], *, now: datetime) -> Iterator[str]:
    """What a person should know of the prices just entered."""
    for each in entries:
        name = f"{one_line(str(each.key))} {price_label(each.point.key)}"
        for announced in each.set_aside:
            yield f"warning: {name}: {one_line(entry_text(announced))} does not come: yours goes on until you change it"
        if each.point.effective_from < now:
            yield f"warning: {name}: begins before now: bills since {since(each.point.effective_from)} change"


def remarks_on_row(key: ModelKey, ledger: Sequence[PricePoint], *, now: datetime) -> Iterator[str]:
    """What the row of a model cannot show of its prices now."""
    in_force = current(ledger, now)
    plain = {kind: in_force[PriceKey(kind)] for kind in PRICE_FIELDS.values() if PriceKey(kind) in in_force}
    currencies = {point.currency for point in plain.values()}
    if len(currencies) > 1:
        kinds = ", ".join(f"{kind} in {point.currency}" for kind, point in plain.items())
        yield f"warning: {key}: prices in several currencies ({kinds}): its row shows those of the first one only"
    at_hours = sorted({point.hours_utc for point in in_force.values() if point.hours_utc})
    if at_hours:
        yield f"note: {key}: at {'; '.join(at_hours)} UTC prices of their own hold as before"


def _change(entry: Entry) -> str:
    old, new = entry.old, entry.point
    if old is None:
        return price_text(new)
    same = old.currency == new.currency
    moved = percent(old.amount, new.amount) if same and old.amount != new.amount else ""
    return f"{money(old.amount, old.currency)} → {price_text(new)}" + (f" ({moved})" if moved else "")


def _object(entry: Entry) -> dict[str, Any]:
    old = entry.old
    return {
        **({"line": entry.line} if entry.line else {}),
        "model": str(entry.key),
        **price_object(entry.point),
        "revision": entry.point.revision,
        "old": {"amount": exact_number(old.amount), "currency": old.currency} if old is not None else None,
        "set_aside": [price_object(point) for point in entry.set_aside],
    }
