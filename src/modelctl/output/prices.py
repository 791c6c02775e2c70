"""Price changes as a table: when, what, from what to what, by how many percent, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from modelctl.core.facts import ModelKey, decimal_text
from modelctl.core.prices.billing import Served
from modelctl.core.prices.price import SINCE_LAUNCH, PriceKey, PriceKind, PricePoint, price_label
from modelctl.core.prices.timeline import Period, PriceChange, PriceSheet, percent_between
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width, wrapped
from modelctl.output.format import one_line, percent, plain, shown, since
from modelctl.output.price_text import (
    change_object,
    document,
    history_object,
    label_of,
    per,
    price_point_text,
    redirect_text,
)

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


HEIGHT = 5
MAX_WIDTH = 72
MIN_WIDTH = 16
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_FUTURE = "░"
_MARGIN = 0.08
"""What is shown before the first change and after the last one, as a share of the time between."""
_MIN_SPAN = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class _Time:
    """The instants of the columns of a plot."""

    begin: datetime
    end: datetime
    width: int

    def at(self, column: int) -> datetime:
        """The middle of a column."""
        return self.begin + (self.end - self.begin) * ((column + 0.5) / self.width)


def plot(periods: Sequence[Period], look: Look, *, now: datetime) -> list[str]:
    """The amounts of one key over time, those to come in a lighter shade; nothing where the price never changed."""
    held = [each for each in periods if not each.is_corrected]
    if len({each.point.amount for each in held}) < 2 or len({each.point.currency for each in held}) > 1:
        return []
    top = max(each.point.amount for each in held)
    labels = [decimal_text(top), *[""] * (HEIGHT - 2), "0"]
    gutter = max(map(len, labels))
    width = min(MAX_WIDTH, (look.width or 80) - gutter - 3)
    if width < MIN_WIDTH:
        return []
    time = _time(held, now, width)
    amounts = [_amount(held, time.at(column)) for column in range(width)]
    is_future = [time.at(column) > now for column in range(width)]
    rule, axis = ("|", "-") if not look.unicode else ("│", "─")
    title = f"{price_label(held[0].point.key)}  {held[0].point.currency}"
    rows = [
        f"{labels[HEIGHT - 1 - row]:>{gutter}} {rule}"
        + "".join(
            _block(amount, top, row, look, future=future) for amount, future in zip(amounts, is_future, strict=True)
        )
        for row in reversed(range(HEIGHT))
    ]
    return [look.paint(title, "bold"), *rows, " " * gutter + f" {axis * (width + 1)}", _dates(time, gutter)]


def _time(held: Sequence[Period], now: datetime, width: int) -> _Time:
    turns = [each.point.effective_from for each in held[1:]] + [each.until for each in held if each.until is not None]
    first, last = min([*turns, now]), max([*turns, now])
    margin = max((last - first) * _MARGIN, _MIN_SPAN)
    return _Time(first - margin, last + margin, width)


def _amount(held: Sequence[Period], at: datetime) -> Decimal | None:
    return next((each.point.amount for each in held if each.covers(at)), None)


def _block(amount: Decimal | None, top: Decimal, row: int, look: Look, *, future: bool) -> str:
    """What stands in one row, from the bottom, of one column; a price above 0 is never invisible."""
    if not amount:
        return " "
    eighths = max(1, int(amount * HEIGHT * 8 / top))
    filled = min(8, max(0, eighths - row * 8))
    if not look.unicode:
        return ("+" if future else "#") if filled >= 4 or (row == 0 and filled) else " "
    return _FUTURE if future and filled else _EIGHTHS[filled]


def _dates(time: _Time, gutter: int) -> str:
    begin, end = f"{time.begin:%Y-%m-%d}", f"{time.end:%Y-%m-%d}"
    return " " * (gutter + 2) + begin + " " * max(1, time.width - len(begin) - len(end)) + end


_NO_PRICE_YET = "-"
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
        return Cell(_NO_PRICE_YET, "dim")
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


def history_text(key: ModelKey, periods: Sequence[Period], look: Look, *, now: datetime, with_plot: bool) -> str:
    """A line per point, sorted by price and time, then the sources, and a plot of what plain requests pay."""
    if not periods:
        return f"{key}  no price on record"
    lines = [look.paint(str(key), "bold"), "", *_table(periods, look)]
    sources = _sources(periods)
    lines += ["", *(line for number, url in enumerate(sources, 1) for line in wrapped(f"[{number}] {url}", look.width))]
    if with_plot:
        for key_of_price, of_key in groupby(periods, key=lambda period: period.point.key):
            is_plain = key_of_price == PriceKey(key_of_price.kind, key_of_price.unit)
            drawn = plot(list(of_key), look, now=now) if is_plain else []
            lines += ["", *drawn] if drawn else []
    return look.text(lines)


def history_json(key: ModelKey, periods: Sequence[Period], look: Look) -> str:
    """The same for programs."""
    rows = [
        history_object(period, before, percent_between(before, period.point)) for period, before in _followed(periods)
    ]
    return document({"model": str(key), "history": rows}, look)


def _followed(periods: Sequence[Period]) -> Iterator[tuple[Period, PricePoint | None]]:
    """Each period with the price that it took over from without a gap."""
    held: Period | None = None
    for period in periods:
        begins = period.point.effective_from
        is_next = held is not None and held.point.key == period.point.key and held.until in (begins, None)
        yield period, held.point if held is not None and is_next and held.point.effective_from < begins else None
        if not period.is_corrected:
            held = period


def _table(periods: Sequence[Period], look: Look) -> list[str]:
    sources = _sources(periods)
    followed = list(_followed(periods))
    columns = [
        Column(title="price", cells=[Cell(label_of(each.point)) for each in periods]),
        Column(title="from", cells=[Cell(since(each.point.effective_from)) for each in periods]),
        Column(title="until", cells=[_until(each) for each in periods]),
        Column(title="old", right=True, cells=[Cell(_old(before, each.point)) for each, before in followed]),
        Column(title="new", right=True, cells=[Cell(amount_text(each.point, None)) for each in periods]),
        Column(title="change", right=True, cells=[_change(before, each.point) for each, before in followed]),
        Column(title="basis", cells=[Cell(each.point.basis) for each in periods]),
        Column(title="source", cells=[_source(each, sources) for each in periods]),
    ]
    for title in ("basis", "old"):
        if look.width is not None and total_width(columns) > look.width:
            columns = [each for each in columns if each.title != title]
    return aligned(columns, look)


def _until(period: Period) -> Cell:
    return Cell(until_text(period), "yellow" if period.is_corrected else "")


def _old(before: PricePoint | None, point: PricePoint) -> str:
    return amount_text(before, point) if before is not None else ""


def _change(before: PricePoint | None, point: PricePoint) -> Cell:
    if before is None:
        return Cell("" if point.effective_from == SINCE_LAUNCH else "new")
    return percent_cell(before, point)


def _source(period: Period, sources: Sequence[str]) -> Cell:
    source = one_line(period.point.source)
    return Cell(f"[{sources.index(source) + 1}]" if source else "")


def _sources(periods: Sequence[Period]) -> list[str]:
    """Each source once, in the order of the table: an address is long."""
    return list(dict.fromkeys(one_line(each.point.source) for each in periods if each.point.source))
