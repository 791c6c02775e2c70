"""`modelctl runs`: which runs there were, and what came of one, provider by provider."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.database import readable_database
from modelctl.core.names import require_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from modelctl.core.history import HistoryEntry, Run
    from modelctl.store.names import Tables

EPILOG = """\b
Examples:
  modelctl runs
  modelctl runs --provider openai --limit 5
  modelctl runs show last

`undo` takes a run back; `history` shows the changes of one model over all runs.
"""
SHOW_EPILOG = """\b
Examples:
  modelctl runs show last
  modelctl runs show 20261121T1200 --json

RUN is the id of a run, the beginning of one, or `last`.
"""

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True, epilog=EPILOG)


class RunsFormat(StrEnum):
    """How runs are printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[RunsFormat, typer.Option("--format", help="How to print it.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


@app.callback()
def runs_command(
    ctx: typer.Context,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only runs of that provider. Repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N runs.")] = 20,
    format: Format = RunsFormat.TABLE,
    json: Json = False,
) -> None:
    """Show the last runs: who wrote when, and what came of it."""
    from modelctl.render.history_json import runs_json
    from modelctl.render.runs import runs_table
    from modelctl.render.terminal import look_of
    from modelctl.store import history, read

    if ctx.invoked_subcommand is not None:
        return
    context = context_of(ctx)
    with readable_database(context) as database:
        tables = database.tables
        known, runs = database.read(lambda here: (read.providers(here, tables), history.runs(here, tables)))
    wanted = {require_known(name, known, "provider") for name in provider or ()}
    fitting = [run for run in runs if not wanted or any(record.provider in wanted for record in run.records)]
    shown, look = fitting[:limit], look_of(context.stdout, context.environ)
    empty_because = None if shown else "filtered" if runs else "nothing"
    if json or format is RunsFormat.JSON:
        context.answer(runs_json(shown, empty_because, look))
    elif shown:
        context.answer(runs_table(shown, look))
    if len(fitting) > len(shown):
        context.say(f"the last {len(shown)} of {len(fitting)} runs; --limit shows more")
    if empty_because == "filtered":
        context.say(f"none of the {len(runs)} runs was of {', '.join(sorted(wanted))}")
    elif empty_because == "nothing":
        context.say("there was no run yet")


@app.command("show", epilog=SHOW_EPILOG)
def show(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.")],
    format: Format = RunsFormat.TABLE,
    json: Json = False,
) -> None:
    """Show one run: counts, errors and every change.

    Per provider, and each change as before → after.
    """
    from modelctl.render.history_json import run_json
    from modelctl.render.runs import run_page
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    with readable_database(context) as database:
        found, entries = database.read(lambda connection: _run_and_changes(connection, database.tables, run))
    look = look_of(context.stdout, context.environ)
    as_json = json or format is RunsFormat.JSON
    context.answer(run_json(found, entries, look) if as_json else run_page(found, entries, look))
    if not entries:
        context.say("the run changed nothing")


def _run_and_changes(connection: Connection, tables: Tables, name: str) -> tuple[Run, Sequence[HistoryEntry]]:
    from modelctl.core.history import named_run
    from modelctl.store import history

    run = named_run(name, history.runs(connection, tables))
    return run, history.entries(connection, tables, run=run.name)
