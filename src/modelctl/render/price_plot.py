"""A price over time as a step plot of block characters. Needs no colour; `#` stands in where blocks cannot be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from modelctl.core.encoding import decimal_text
from modelctl.core.price_changes import Period
from modelctl.render.terminal import Look
from modelctl.render.values import price_label

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
