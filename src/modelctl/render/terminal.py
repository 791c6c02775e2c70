"""How wide and how colourful text may be, decided once per stream. Owns styles and wrapping; knows no models."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

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
