"""The one writer: in which format a report is printed, and how a terminal, a pipe or a log shows it.

Tables are aligned columns without borders, so that they can be cut and pasted. Rich's own take two seconds for 3,000
rows and cut ids to fit; these take milliseconds and cut nothing.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    from modelctl.core.planning.report import ProviderReport


@contextmanager
def watching(stream: TextIO, providers: Sequence[str], *, quiet: bool) -> Iterator[Callable[[ProviderReport], None]]:
    """A function to tell of each provider that is done, while a live display shows those that are not."""
    if quiet or not stream.isatty():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(file=stream),
        transient=True,
    ) as progress:
        tasks = {name: progress.add_task(name, total=1) for name in providers}

        def done(report: ProviderReport) -> None:
            outcome = report.outcome.value.replace("_", " ")
            progress.update(tasks[report.provider], completed=1, description=f"{report.provider}: {outcome}")

        yield done


DEFAULT_WIDTH = 80
MIN_TEXT_WIDTH = 24
"""Text that would get less room beside its label begins on a line of its own."""

GLUE = "\N{NO-BREAK SPACE}"
"""A blank at which no line breaks; it is printed as a plain one."""

_ASCII = str.maketrans({"→": "->", "…": "...", "·": "*", "≤": "<="})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one stream can show."""

    width: int | None = None
    """Columns of the terminal; None where it is none: lines are then as long as they are, for grep and diff."""
    colour: bool = False
    unicode: bool = True

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
    """What the stream can show. COLUMNS counts on a terminal only; NO_COLOR and a dumb terminal mean no colour."""
    unicode = _can_encode(stream)
    if not stream.isatty():
        return Look(unicode=unicode)
    dumb = environ.get("TERM", "") == "dumb" or (os.name == "nt" and "WT_SESSION" not in environ)
    return Look(width=_width(stream, environ), colour=not dumb and not environ.get("NO_COLOR"), unicode=unicode)


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


def json_text(value: Any, look: Look = PLAIN, *, indent: int | None = 2) -> str:
    """JSON of plain values, in ASCII where the stream can show no more. Without an indent it is one line."""
    return json.dumps(value, indent=indent, ensure_ascii=not look.unicode)


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
    """Numbers are flush right."""

    @property
    def width(self) -> int:
        """Columns of the terminal that the longest cell takes."""
        return max(map(width_of, (self.title, *(cell.text for cell in self.cells))))


def columns_of(
    rows: Sequence[Row], cells: Mapping[str, Callable[[Row], Cell | str]], *, right: Collection[str] = ()
) -> list[Column]:
    """A column per title, with what its function says of each row; those in `right` are flush right."""
    return [
        Column(
            title=title,
            cells=[each if isinstance(each, Cell) else Cell(each) for each in map(cell, rows)],
            right=title in right,
        )
        for title, cell in cells.items()
    ]


def total_width(columns: Sequence[Column]) -> int:
    """How wide the table is."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def aligned(columns: Sequence[Column], look: Look) -> list[str]:
    """The header and a line per row."""
    widths = [column.width for column in columns]
    header = [Cell(column.title, "bold") for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    return [_line(row, columns, widths, look) for row in (header, *rows)]


def _line(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], look: Look) -> str:
    parts = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        blanks = " " * (width - width_of(cell.text))
        painted = look.paint(cell.text, cell.style)
        parts.append(blanks + painted if column.right else painted + blanks)
    return (" " * GAP).join(parts).rstrip()
