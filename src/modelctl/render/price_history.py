"""Every dated price of a model as a table, with a plot of those that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from modelctl.core.model import ModelKey
from modelctl.core.price import SINCE_LAUNCH, PriceKey, PricePoint
from modelctl.core.price_changes import Period, percent_between
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.price_changes import amount_text, percent_cell
from modelctl.render.price_json import document, history_object
from modelctl.render.price_plot import plot
from modelctl.render.price_sheet import until_text
from modelctl.render.price_words import label_of
from modelctl.render.terminal import Look, wrapped
from modelctl.render.values import one_line, since


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
