"""The prices of one model as text: a row for each service tier, prompt size and hour, a column for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelctl.core.encoding import decimal_text
from modelctl.core.model import ModelKey
from modelctl.core.price import PriceKind, PricePoint
from modelctl.core.price_changes import Period
from modelctl.core.price_sheet import PriceSheet
from modelctl.core.redirects import Served
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.price_changes import changes_table
from modelctl.render.price_words import label_of, per, price_point_text, redirect_text
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import shown, since

_NO_PRICE = "-"
_MAX_LABELS = 6
_KINDS = [str(kind) for kind in PriceKind]


class _Row(NamedTuple):
    """What the prices of one row have in common."""

    service_tier: str
    per: str
    prompt: str
    hours: str
    currency: str


def sheet_text(key: ModelKey, sheet: PriceSheet, served: Served, look: Look, *, with_past: bool) -> str:
    """Prices in force, those to come, and where they come from; those of the past if asked for."""
    currencies = {point.currency for point in sheet.in_force}
    unit = f" in {currencies.pop()}" if len(currencies) == 1 else ""
    lines = [f"{look.paint(str(key), 'bold')}  prices{unit} at {shown(sheet.at)}"]
    if redirect := redirect_text(served):
        lines.append(look.paint(redirect, "yellow"))
    lines += ["", *_in_force(sheet, look)] if sheet.in_force else ["", "no price on record at this time"]
    if sheet.upcoming:
        lines += ["", look.paint("to come", "bold"), *changes_table([(None, each) for each in sheet.upcoming], look)]
    if with_past and sheet.past:
        lines += ["", look.paint("past", "bold"), *_past(sheet.past, look)]
    if sheet.in_force:
        lines += ["", *_origins(sheet.in_force, look)]
    return look.text(lines)


def _in_force(sheet: PriceSheet, look: Look) -> list[str]:
    rows: dict[_Row, dict[str, PricePoint]] = {}
    for point in sheet.in_force:
        rows.setdefault(_row(point, sheet), {})[point.kind] = point
    columns = _pivot(rows, sheet)
    if look.width is None or total_width(columns) <= look.width:
        return aligned(columns, look)
    return _list(sheet, look)


def _pivot(rows: dict[_Row, dict[str, PricePoint]], sheet: PriceSheet) -> list[Column]:
    kinds = sorted({kind for points in rows.values() for kind in points}, key=_KINDS.index)
    shared = {
        "tier": [row.service_tier for row in rows],
        "prompt": [row.prompt for row in rows],
        "hours UTC": [row.hours for row in rows],
        "per": [row.per for row in rows],
        "currency": [row.currency for row in rows],
    }
    idle = {"prompt": {"any"}, "hours UTC": {"all day"}, "currency": {next(iter(rows)).currency}}
    said = [(title, texts) for title, texts in shared.items() if set(texts) != idle.get(title)]
    return [
        *(Column(title=title, cells=[Cell(text) for text in texts]) for title, texts in said),
        *(
            Column(title=kind, right=True, cells=[_cell(points.get(kind), sheet) for points in rows.values()])
            for kind in kinds
        ),
    ]


def _list(sheet: PriceSheet, look: Look) -> list[str]:
    """A price on each line, for terminals that are too narrow for a table."""
    points = sheet.in_force
    columns = [
        Column(title="price", cells=[Cell(label_of(point)) for point in points]),
        Column(title="amount", right=True, cells=[_cell(point, sheet) for point in points]),
        Column(title="per", cells=[Cell(per(point.unit)) for point in points]),
        Column(title="currency", cells=[Cell(point.currency) for point in points]),
    ]
    is_mixed = len({point.currency for point in points}) > 1
    return aligned(columns if is_mixed else columns[:-1], look)


def _row(point: PricePoint, sheet: PriceSheet) -> _Row:
    hours = point.hours_utc or ("other hours" if _has_hours(point, sheet) else "all day")
    return _Row(point.service_tier, per(point.unit), _prompt(point, sheet), hours, point.currency)


def _has_hours(point: PricePoint, sheet: PriceSheet) -> bool:
    same = (point.unit, point.service_tier)
    return any(each.hours_utc and (each.unit, each.service_tier) == same for each in sheet.in_force)


def _prompt(point: PricePoint, sheet: PriceSheet) -> str:
    """The prompts, in tokens, for which a price holds."""
    above = point.context_above
    next_limit = min((limit for limit in sheet.limits(point.key) if limit > above), default=None)
    parts = [f"above {above:,}" if above else "", f"up to {next_limit:,}" if next_limit else ""]
    return ", ".join(part for part in parts if part) or "any"


def _cell(point: PricePoint | None, sheet: PriceSheet) -> Cell:
    if point is None:
        return Cell(_NO_PRICE, "dim")
    return Cell(decimal_text(point.amount), "" if sheet.applies(point) else "dim")


def _past(past: Sequence[Period], look: Look) -> list[str]:
    columns = [
        Column(title="price", cells=[Cell(label_of(each.point)) for each in past]),
        Column(
            title="amount",
            right=True,
            cells=[Cell(f"{decimal_text(each.point.amount)} {each.point.currency}") for each in past],
        ),
        Column(title="from", cells=[Cell(since(each.point.effective_from)) for each in past]),
        Column(title="until", cells=[Cell(until_text(each)) for each in past]),
        Column(title="basis", cells=[Cell(each.point.basis) for each in past]),
    ]
    return aligned(columns, look)


def until_text(period: Period) -> str:
    """When a price ends, or that it never held."""
    if period.is_corrected:
        return "corrected"
    return shown(period.until) if period.until is not None else ""


def _origins(points: Iterable[PricePoint], look: Look) -> list[str]:
    """Where the prices come from: those that one line of a source states are told together."""
    labels: dict[str, list[str]] = {}
    for point in points:
        labels.setdefault(price_point_text(point), []).append(label_of(point))
    texts = [f"{origin}{_names(names) if len(labels) > 1 else ''}" for origin, names in labels.items()]
    return [line for text in texts for line in labelled("price", text, look, style="dim")]


def _names(labels: Sequence[str]) -> str:
    """What prices are for, in brackets; of many the first ones."""
    rest = len(labels) - _MAX_LABELS
    more = [f"and {rest} more"] if rest > 0 else []
    return f" ({'; '.join([*labels[:_MAX_LABELS], *more])})"
