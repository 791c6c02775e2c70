"""The ends of models for a pull request or GitHub's step summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelctl.core.endings import Ending, Endings, EndKind
from modelctl.core.succession import COMPARED_PRICES
from modelctl.render.endings_words import (
    LEGEND,
    afterwards,
    alarms,
    heading,
    notes,
    price_text,
    remarks,
    succession,
    when,
)
from modelctl.render.markdown import code, escaped, table
from modelctl.render.terminal import Look
from modelctl.render.values import shown

_HEADER = ("day", "when", "model", "status", "enabled", "successor", "afterwards", *COMPARED_PRICES)


def endings_markdown(endings: Endings, look: Look) -> str:
    """A document: findings first, a table per kind of end, remarks last."""
    parts = [f"### modelctl lifecycle, {endings.today.isoformat()}"]
    parts += [f"**{escaped(each)}**" for each in alarms(endings)]
    for kind in EndKind:
        if rows := endings.of(kind):
            parts += [f"#### {escaped(heading(endings, kind))}: {len(rows):,}", *_section(rows)]
    if endings.rows:
        parts.append(escaped(LEGEND))
    parts += [escaped(each) for each in remarks(endings)]
    return look.text("\n\n".join(parts).splitlines())


def _section(rows: Sequence[Ending]) -> Iterator[str]:
    yield table(_HEADER, [_row(each) for each in rows])
    said = [f"- {code(str(each.key))}: {escaped(note)}" for each in rows for note in notes(each)]
    if said:
        yield "\n".join(said)


def _row(ending: Ending) -> list[str]:
    return [
        shown(ending.day),
        when(ending),
        code(str(ending.key)),
        escaped(shown(ending.status)),
        shown(ending.is_enabled),
        escaped(succession(ending)),
        escaped(afterwards(ending)),
        *(escaped(price_text(ending, kind)) for kind in COMPARED_PRICES),
    ]
