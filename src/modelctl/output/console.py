"""The one writer: in which format a report is printed, and how a terminal, a pipe or a log shows it.

A table on a terminal is Rich's. A long one, and one for a pipe or a log, is aligned columns: Rich takes two seconds for
3,000 rows, these take milliseconds. What fits beside each other is decided here for both.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    from decimal import Decimal

    from modelctl.core.planning.report import ProviderReport
    from modelctl.core.prices.timeline import Period


DEFAULT_WIDTH = 80
MIN_TEXT_WIDTH = 24
"""Text that would get less room beside its label begins on a line of its own."""

GLUE = "\N{NO-BREAK SPACE}"
"""A blank at which no line breaks; it is printed as a plain one."""

_ASCII = str.maketrans({"→": "->", "…": "...", "·": "*", "≤": "<=", "─": "-"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one stream can show."""

    width: int | None = None
    """Columns of the terminal; None where it is none: lines are then as long as they are, for grep and diff."""
    colour: bool = False
    unicode: bool = True

    @property
    def has_boxes(self) -> bool:
        """Whether tables are drawn by Rich."""
        return self.colour and self.width is not None

    def paint(self, text: str, style: str) -> str:
        """The text in a style of Rich's, as `bold` or `yellow`, or as it is where there is no colour."""
        if not (self.colour and style and text):
            return text
        from rich.color import ColorSystem  # with its palettes, only for a terminal
        from rich.style import Style

        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    def text(self, lines: Iterable[str]) -> str:
        """The lines as this stream can encode them, without blanks at their ends."""
        whole = "\n".join(line.rstrip() for line in lines).replace(GLUE, " ")
        return whole if self.unicode else whole.translate(_ASCII)


PLAIN = Look()
"""A pipe, a file or a log."""


def look_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Look:
    """What the stream can show. COLUMNS counts on a terminal only; the log of a CI job is none.

    NO_COLOR and a dumb terminal mean no colour; FORCE_COLOR means colour everywhere, unless NO_COLOR forbids it.
    """
    is_terminal = stream.isatty() and not _is_set(environ, "CI")
    dumb = environ.get("TERM", "") == "dumb" or (os.name == "nt" and "WT_SESSION" not in environ)
    colour = (is_terminal and not dumb) or _is_set(environ, "FORCE_COLOR")
    return Look(
        width=_width(stream, environ) if is_terminal else None,
        colour=colour and not environ.get("NO_COLOR"),
        unicode=_can_encode(stream),
    )


def _is_set(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").lower() not in ("", "0", "false")


@contextmanager
def watching(stream: TextIO, look: Look, providers: Sequence[str]) -> Iterator[Callable[[ProviderReport], None]]:
    """A function to tell of each provider that is done, while a bar shows how many are, and for whom one waits.

    The bar is gone at the end, and is not drawn at all where the stream is no terminal.
    """
    if look.width is None:
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    console = Console(file=stream, width=look.width, no_color=not look.colour)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        waiting = dict.fromkeys(providers)
        models = 0
        task = progress.add_task(_waited_for(waiting, models, look.width), total=len(waiting))

        def done(report: ProviderReport) -> None:
            nonlocal models
            waiting.pop(report.provider, None)
            models += len(report.records)
            progress.update(task, advance=1, description=_waited_for(waiting, models, look.width))

        yield done


_WIDTH_OF_BAR = 46
"""Columns of the terminal that all but the text takes."""


def _waited_for(providers: Collection[str], models: int, width: int | None) -> str:
    counted = f"providers, {models:,} models"
    rest = f"{counted}; next: {', '.join(providers)}" if providers else counted
    return _cut(rest, max((width or DEFAULT_WIDTH) - _WIDTH_OF_BAR, 10))


class Report(Protocol):
    """What can be printed: a method for each format that it has, giving text or parts of it."""

    def to_json(self, look: Look) -> str | Iterable[str]:
        """Its document."""

    def to_table(self, look: Look) -> str | Iterable[str]:
        """What people read."""


def render(report: Report, format: str, look: Look) -> Iterable[str]:
    """The report in one of its formats, which is its method `to_table`, `to_json` …: parts, none where it is empty."""
    shown: str | Iterable[str] = getattr(report, f"to_{format}")(look)
    return [shown] if isinstance(shown, str) and shown else shown


def json_text(value: Any, look: Look = PLAIN) -> str:
    """JSON of plain values: indented on a terminal, else one line; in ASCII where the stream can show no more."""
    return json.dumps(value, indent=None if look.width is None else 2, ensure_ascii=not look.unicode)


def json_line(value: Any, look: Look = PLAIN) -> str:
    """The same in one line everywhere: a line of JSONL."""
    return json.dumps(value, ensure_ascii=not look.unicode)


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes. The widths of all characters are loaded when there are others."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def labelled(label: str, text: str, look: Look, *, style: str = "", indent: int = 0) -> list[str]:
    """The text after its label, wrapped between words with a hanging indent; ids are never broken."""
    margin = " " * indent
    painted = margin + look.paint(label, style)
    if look.width is None:
        return [f"{painted}  {text}" if text else painted]
    hanging = indent + width_of(label) + 2
    if look.width - hanging >= MIN_TEXT_WIDTH or hanging + width_of(text) <= look.width:
        lines = wrapped(text, look.width - hanging)
        return [f"{painted}  {lines[0]}", *(" " * hanging + line for line in lines[1:])] if lines else [painted]
    return [painted, *(f"{margin}  {line}" for line in wrapped(text, look.width - indent - 2))]


def wrapped(text: str, width: int | None) -> list[str]:
    """The text in lines of at most so many columns where its words allow it."""
    if width is None:
        return [text]
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False)


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def _can_encode(stream: TextIO) -> bool:
    try:
        "→…·≤".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


GAP = 2
MOST_BOXED_ROWS = 300
"""Rich takes 0.1 s for as many."""
LEAST_WIDTH = 12
"""To which a text may be shortened; dates and words of state fit in it."""
LEAST_ID_WIDTH = 30
"""The same for an id, which may also have two fifths of the terminal."""
Row = TypeVar("Row")


class Cell(NamedTuple):
    """What stands in one row of one column."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column with its title and a cell per row."""

    title: str
    cells: Sequence[Cell]
    right: bool = False
    """Numbers are flush right, and are never shortened."""
    rank: int = 0
    """In a narrow terminal columns of a high rank are left out first, those of one rank together; the lowest never."""
    least: int = LEAST_WIDTH
    """To how many columns of the terminal a narrow one shortens the text."""
    is_id: bool = False
    """Ids and addresses get more room than other texts."""
    total: Cell | None = None
    """What stands below all rows; a table has a last row where any column has one."""

    @property
    def width(self) -> int:
        """Columns of the terminal that the longest cell takes."""
        total = [self.total.text] if self.total is not None else []
        return max(map(width_of, (self.title, *total, *(cell.text for cell in self.cells))))


def columns_of(
    rows: Sequence[Row],
    cells: Mapping[str, Callable[[Row], Cell | str]],
    *,
    right: Collection[str] = (),
    drop: Sequence[str] = (),
    ids: Collection[str] = (),
    least: Mapping[str, int] = MappingProxyType({}),
    totals: Mapping[str, str] = MappingProxyType({}),
) -> list[Column]:
    """A column per title, with what its function says of each row; those in `right` are flush right.

    Where a terminal is too narrow, those in `drop` are left out, the first one first. `totals` makes a last row.
    """
    return [
        Column(
            title=title,
            cells=[each if isinstance(each, Cell) else Cell(each) for each in map(cell, rows)],
            right=title in right,
            rank=len(drop) - drop.index(title) if title in drop else 0,
            least=least.get(title, LEAST_WIDTH),
            is_id=title in ids,
            total=Cell(totals[title], "bold") if title in totals else None,
        )
        for title, cell in cells.items()
    ]


def total_width(columns: Sequence[Column]) -> int:
    """How wide the table is."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fitted(columns: Sequence[Column], width: int | None) -> list[Column]:
    """The columns as they fit: those of the highest ranks are left out, texts shortened; numbers always stay whole.

    None: all as they are.
    """
    if width is None or total_width(columns) <= width:
        return list(columns)
    widths = [column.width for column in columns]
    floors = [min(each.width, _floor(each, width)) for each in columns]
    kept: list[int] = []
    for rank in sorted({each.rank for each in columns}):
        tried = [index for index, each in enumerate(columns) if index in kept or each.rank == rank]
        if not kept or _over(floors, tried, width) <= 0:
            kept = tried
    given = {each: floors[each] for each in kept}
    if (over := _over(floors, kept, width)) > 0:
        _squeeze(given, [each for each in kept if not columns[each].right], over)
    else:
        room = -over
        for each in kept:  # what is left goes to the first columns that are shortened
            given[each] += (more := min(room, widths[each] - given[each]))
            room -= more
    return [shortened(columns[each], given[each]) for each in kept]


def _floor(column: Column, width: int) -> int:
    if column.right:
        return column.width
    return max(LEAST_ID_WIDTH, width * 2 // 5) if column.is_id else column.least


def _over(widths: Sequence[int], kept: Sequence[int], width: int) -> int:
    return sum(widths[each] for each in kept) + GAP * (len(kept) - 1) - width


_NARROWEST = 4


def _squeeze(given: dict[int, int], texts: Sequence[int], over: int) -> None:
    """Take so much from the widest texts, as long as there is anything left of them."""
    while over > 0 and texts and given[widest := max(texts, key=given.__getitem__)] > _NARROWEST:
        given[widest] -= 1
        over -= 1


def shortened(column: Column, width: int) -> Column:
    """The column with its texts cut to the width: of an id, a path or an address the middle is left out."""
    if column.width <= width:
        return column
    cells = [each._replace(text=_cut(each.text, width)) for each in column.cells]
    total = column.total and column.total._replace(text=_cut(column.total.text, width))
    return replace(column, title=_cut(column.title, width), cells=cells, total=total)


def _cut(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    if not text.isascii():  # wide characters: as many as fit
        while width_of(text) > width - 1:
            text = text[:-1]
        return f"{text}…"
    tail = (width - 1) // 2 if "/" in text and " " not in text else 0
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def table(columns: Sequence[Column], look: Look, *, indent: int = 0) -> list[str]:
    """The header, a line per row and the totals, as much of it as fits: drawn by Rich where people look at it."""
    columns = fitted(columns, None if look.width is None else look.width - indent)
    is_boxed = look.has_boxes and len(columns[0].cells) <= MOST_BOXED_ROWS
    lines = _boxed(columns) if is_boxed else aligned(columns, look)
    return [" " * indent + line for line in lines] if indent else lines


def _boxed(columns: Sequence[Column]) -> list[str]:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    has_total = any(column.total is not None for column in columns)
    drawn = Table(
        box=SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_footer=has_total,
        header_style="bold",
        border_style="dim",
    )
    for column in columns:
        total = column.total or Cell("")
        drawn.add_column(
            Text(column.title),
            Text(total.text, total.style),
            justify="right" if column.right else "left",
            no_wrap=True,
            width=column.width,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        drawn.add_row(*(Text(cell.text, cell.style) for cell in row))
    console = Console(
        width=total_width(columns),
        color_system="standard",
        force_terminal=True,
        no_color=False,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(drawn)
    return capture.get().splitlines()


def aligned(columns: Sequence[Column], look: Look) -> list[str]:
    """The header, a line per row and the totals, without borders, whatever the width of a terminal."""
    widths = [column.width for column in columns]
    header = [Cell(column.title, "bold") for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    totals = [column.total or Cell("") for column in columns]
    last = [totals] if any(column.total is not None for column in columns) else []
    return [_line(row, columns, widths, look) for row in (header, *rows, *last)]


def _line(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], look: Look) -> str:
    parts = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        blanks = " " * (width - width_of(cell.text))
        painted = look.paint(cell.text, cell.style)
        parts.append(blanks + painted if column.right else painted + blanks)
    return (" " * GAP).join(parts).rstrip()


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
    from modelctl.core.facts import decimal_text  # no other report needs them
    from modelctl.core.prices.price import price_label

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
