"""Price changes as a table: when, what, from what to what, by how many percent, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from modelctl.core.encoding import decimal_text
from modelctl.core.model import ModelKey
from modelctl.core.price import PricePoint
from modelctl.core.price_changes import PriceChange
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.json_values import plain
from modelctl.render.price_json import change_object, document
from modelctl.render.terminal import Look
from modelctl.render.values import one_line, percent, price_label, shown

_NO_PRICE = "no price"
_OPTIONAL = ("source", "basis")
"""Columns that are left out where the terminal is too narrow, the first one first."""


def changes_table(
    changed: Sequence[tuple[ModelKey | None, PriceChange] | tuple[ModelKey, PriceChange]], look: Look
) -> list[str]:
    """A line per change; the model where one is given."""
    changes = [change for _, change in changed]
    columns = [
        Column(title="from", cells=[Cell(shown(change.at)) for change in changes]),
        Column(title="model", cells=[Cell(str(key or "")) for key, _ in changed]),
        Column(title="price", cells=[Cell(price_label(change.key)) for change in changes]),
        Column(title="old", right=True, cells=[Cell(amount_text(change.old, change.new)) for change in changes]),
        Column(title="new", right=True, cells=[Cell(amount_text(change.new, None)) for change in changes]),
        Column(title="change", right=True, cells=[percent_cell(change.old, change.new) for change in changes]),
        Column(title="basis", cells=[Cell(change.point.basis) for change in changes]),
        Column(title="source", cells=[Cell(one_line(change.point.source)) for change in changes]),
    ]
    kept = [each for each in columns if each.title != "model" or any(key for key, _ in changed)]
    for title in _OPTIONAL:
        if look.width is not None and total_width(kept) > look.width:
            kept = [each for each in kept if each.title != title]
    return aligned(kept, look)


def amount_text(point: PricePoint | None, beside: PricePoint | None) -> str:
    """An amount with its currency, which is not repeated before an amount of the same."""
    if point is None:
        return _NO_PRICE
    is_same = beside is not None and beside.currency == point.currency
    return decimal_text(point.amount) + ("" if is_same else f" {point.currency}")


def percent_cell(old: PricePoint | None, new: PricePoint | None) -> Cell:
    """By how much a price changes; what becomes dearer is red."""
    if old is None:
        return Cell("new")
    if new is None:
        return Cell("ends", "yellow")
    if old.currency != new.currency:
        return Cell("")
    return Cell(percent(old.amount, new.amount), "red" if new.amount > old.amount else "green")


def changes_text(changed: Sequence[tuple[ModelKey, PriceChange]], look: Look) -> str:
    """The changes of many models."""
    return look.text(changes_table(changed, look))


def changes_json(
    changed: Iterable[tuple[ModelKey, PriceChange]], look: Look, *, since: datetime, until: datetime | None
) -> str:
    """The same for programs."""
    rows = [{"model": str(key), **change_object(change)} for key, change in changed]
    return document({"since": plain(since), "until": plain(until), "changes": rows}, look)
