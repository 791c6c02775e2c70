"""Aligned columns: the one table that terminals, pipes and logs get. No borders, so that it can be cut and pasted.

Rich's own tables take two seconds for 3,000 rows and cut ids to fit; these take milliseconds and cut nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modelctl.render.terminal import Look, width_of

GAP = 2


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
