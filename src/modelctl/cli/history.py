"""`modelctl history`: the audit trail, of everything or of one model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import (
    JsonOption,
    LinesFormat,
    LinesFormatOption,
    context_of,
    readable_database,
)
from modelctl.core.facts import ModelKey
from modelctl.core.models.resolve import NAMING_FACTS, Rule, resolve
from modelctl.core.runs import HistoryEntry, since_instant
from modelctl.core.text import require_known
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from modelctl.core.runs import HistoryEntry
    from modelctl.tables.base import Tables


@epilog(
    """\b
Examples:
  modelctl history openai/gpt-4o
  modelctl history --since 7d --provider anthropic
  modelctl history --since 2026-11-01 --format jsonl

MODEL is written as for `show`; a row that is gone is found by its provider/model_id.
"""
)
def history_command(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only changes of this model.")] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only changes of that provider. Repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE|7d|24h", help="Only changes from then on: a day, an instant, or ago.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N changes.")] = 50,
    format: LinesFormatOption = LinesFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show who changed what, when and from which source.

    Before → after, newest first, with the command that did it.
    """
    from modelctl.output.history import EmptyBecause, HistoryDocument

    context = context_of(ctx)
    start = since_instant(since, now=context.now) if since is not None else None
    wanted = tuple(dict.fromkeys(provider or ()))
    with readable_database(context) as database:
        trail = database.read(lambda connection: _trail(connection, database.tables, model, wanted, start, limit + 1))
    if trail.note:
        context.say(trail.note)
    shown = trail.entries[:limit]
    empty_because: EmptyBecause = None if shown else "filtered" if trail.total else "nothing"
    context.show(HistoryDocument(empty_because=empty_because, entries=tuple(shown)), format)
    if len(trail.entries) > limit:
        context.say(f"the last {f'{limit} changes' if limit > 1 else 'change'}; --limit shows more")
    if empty_because == "filtered":
        context.say(f"none of the {trail.total} changes fits{_what(trail.key, wanted, start)}")
    elif empty_because == "nothing":
        context.say("nothing was changed yet")


@dataclass(frozen=True, slots=True)
class _Trail:
    """What was found of the trail."""

    key: ModelKey | None
    """The model that is meant."""
    note: str
    """What is to be said of how it was named."""
    entries: Sequence[HistoryEntry]
    total: int
    """At least: all entries are counted only where none fits."""


def _trail(
    connection: Connection,
    tables: Tables,
    name: str | None,
    providers: Collection[str],
    since: datetime | None,
    limit: int,
) -> _Trail:
    from modelctl.db import history, read

    known = read.providers(connection, tables)
    for each in providers:
        require_known(each, known, "provider")
    key, note = _key(connection, tables, name) if name is not None else (None, "")
    found = history.entries(connection, tables, key=key, providers=providers, since=since, limit=limit)
    return _Trail(key, note, found, len(found) or history.count_entries(connection, tables))


def _key(connection: Connection, tables: Tables, name: str) -> tuple[ModelKey, str]:
    """The model that is meant, and how it was named; also one of the trail, by its exact id, whose row is gone."""
    from modelctl.db import history, read

    try:
        resolution = resolve(name, read.models(connection, tables, columns=NAMING_FACTS))
    except ModelctlError:
        provider, slash, model_id = name.partition("/")
        gone = ModelKey(provider, model_id)
        if not slash or not history.entries(connection, tables, key=gone, limit=1):
            raise
        return gone, f"{gone} is no row of the table any more"
    return resolution.key, "" if resolution.rule is Rule.EXACT else f"{name!r} is {resolution}"


def _what(key: ModelKey | None, providers: Collection[str], since: datetime | None) -> str:
    parts = [str(key)] if key is not None else []
    parts += [f"provider {', '.join(sorted(providers))}"] if providers else []
    parts += [f"since {since:%Y-%m-%d %H:%M}Z"] if since is not None else []
    return f" ({', '.join(parts)})" if parts else ""
