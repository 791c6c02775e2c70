"""`modelctl history`: the audit trail, of everything or of one model."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of, readable_database
from modelctl.cli.format import JsonOption, RowsFormat, RowsFormatOption
from modelctl.cli.options import ProviderOption, providers_filter
from modelctl.core.models.resolve import Rule
from modelctl.core.runs import since_instant

if TYPE_CHECKING:
    from datetime import datetime

    from modelctl.core.facts import ModelKey
    from modelctl.services.history import Trail


@epilog(
    """\b
Examples:
  modelctl history openai/gpt-4o
  modelctl history anthropic --since 7d
  modelctl history --since 2026-11-01 --format jsonl

MODEL is as in `modelctl show`. A row that was removed is found by its provider/model_id.
"""
)
def history_command(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROVIDER|MODEL", help="Only changes of these providers, or one model."),
    ] = None,
    provider: ProviderOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE|7d|24h", help="Only changes since: a day, an instant, or how long ago.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N changes.")] = 50,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show who changed what, when and from which source.

    Before → after, newest first, with the command that did it.
    """
    from modelctl.output.history import EmptyBecause, HistoryDocument
    from modelctl.services.history import list_changes

    context = context_of(ctx)
    start = since_instant(since, now=context.now) if since is not None else None
    with readable_database(context) as database:
        wanted = providers_filter(names, provider)
        trail = list_changes(database, wanted, since=start, limit=limit + 1, today=context.now.date())
    if trail.name and (note := _note(trail.name, trail)):
        context.say(note)
    shown = trail.entries[:limit]
    empty_because: EmptyBecause = None if shown else "filtered" if trail.total else "nothing"
    context.show(HistoryDocument(empty_because=empty_because, entries=tuple(shown)), format)
    if len(trail.entries) > limit:
        context.say(f"the last {f'{limit} changes' if limit > 1 else 'change'}; --limit shows more")
    if empty_because == "filtered":
        context.say(f"none of the {trail.total} changes fits{_what(trail.key, trail.providers, start)}")
    elif empty_because == "nothing":
        context.say("nothing was changed yet")


def _note(name: str, trail: Trail) -> str:
    """What is to be said of how the model was named."""
    if trail.resolution is None:
        return f"{trail.key} is not a row of the table any more"
    return "" if trail.resolution.rule is Rule.EXACT else f"{name!r} is {trail.resolution}"


def _what(key: ModelKey | None, providers: Collection[str], since: datetime | None) -> str:
    parts = [str(key)] if key is not None else []
    parts += [f"provider {', '.join(sorted(providers))}"] if providers else []
    parts += [f"since {since:%Y-%m-%d %H:%M}Z"] if since is not None else []
    return f" ({', '.join(parts)})" if parts else ""
