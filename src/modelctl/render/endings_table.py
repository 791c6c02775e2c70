"""The ends of models for people: a table where it fits, else a few lines for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelctl.core.endings import Ending, Endings, EndKind
from modelctl.core.succession import COMPARED_PRICES
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.endings_words import (
    LEGEND,
    afterwards,
    heading,
    notes,
    price_text,
    succession,
    when,
)
from modelctl.render.terminal import Look, labelled, width_of, wrapped
from modelctl.render.values import one_line, shown

_INDENT = 4
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps a price step, and a number and its percent sign, in one line."""


def endings_table(endings: Endings, look: Look) -> str:
    """All rows as text that fits the look; empty where there are none."""
    sections = [(kind, rows) for kind in EndKind if (rows := endings.of(kind))]
    if not sections:
        return ""
    columns = {kind: _columns(rows) for kind, rows in sections}
    fits = look.width is None or all(total_width(each) <= look.width for each in columns.values())
    lines: list[str] = []
    for kind, rows in sections:
        lines += [look.paint(line, "bold") for line in wrapped(f"{heading(endings, kind)}: {len(rows):,}", look.width)]
        lines += [*aligned(columns[kind], look), *_notes(rows, look)] if fits else _blocks(rows, look)
        lines.append("")
    return look.text([*lines, *(look.paint(line, "dim") for line in wrapped(LEGEND, look.width))])


def _columns(rows: Sequence[Ending]) -> list[Column]:
    return [
        Column(title="day", cells=[Cell(shown(each.day), _style(each)) for each in rows]),
        Column(title="left", cells=[Cell(when(each).removeprefix("in ")) for each in rows]),
        Column(title="model", cells=[Cell(_name(each)) for each in rows]),
        Column(title="status", cells=[Cell(shown(each.status)) for each in rows]),
        Column(title="enabled", cells=[Cell(shown(each.is_enabled)) for each in rows]),
        Column(title="successor", cells=[Cell(succession(each)) for each in rows]),
        Column(title="afterwards", cells=[Cell(afterwards(each)) for each in rows]),
        *(Column(title=kind, cells=[Cell(price_text(each, kind)) for each in rows]) for kind in COMPARED_PRICES),
    ]


def _notes(rows: Sequence[Ending], look: Look) -> Iterator[str]:
    """What the table has no column for, in the order of its rows."""
    for each in rows:
        for note in notes(each):
            yield from labelled(_name(each), note, look, indent=2)


def _blocks(rows: Sequence[Ending], look: Look) -> Iterator[str]:
    for each in rows:
        title, state = f"{shown(each.day)}  {_name(each)}", _state(each)
        fits = look.width is None or width_of(f"{title}  {state}") <= look.width
        yield look.paint(title, _style(each)) + (f"  {state}" if fits else "")
        for sentence in (*([] if fits else [state]), _future(each), *notes(each)):
            for line in wrapped(
                sentence.replace(" %", f"{_NO_BREAK}%"), None if look.width is None else look.width - _INDENT
            ):
                yield " " * _INDENT + line.replace(_NO_BREAK, " ")


def _state(ending: Ending) -> str:
    return f"{when(ending)}; {shown(ending.status)}, {'enabled' if ending.is_enabled else 'not enabled'}"


def _future(ending: Ending) -> str:
    prices = ", ".join(f"{kind} {price_text(ending, kind)}".replace(" ", _NO_BREAK) for kind in COMPARED_PRICES)
    return f"successor {succession(ending)}; afterwards {afterwards(ending)}; {prices}"


def _name(ending: Ending) -> str:
    return one_line(str(ending.key))


def _style(ending: Ending) -> str:
    """Red for what makes a check fail or is out of order, yellow for what needs somebody, dim for what is not used."""
    if ending.finding is not None or (ending.kind is EndKind.ENDED and ending.is_enabled):
        return "red"
    if not ending.is_enabled:
        return "dim"
    return "yellow" if ending.kind is EndKind.ANNOUNCED else ""
