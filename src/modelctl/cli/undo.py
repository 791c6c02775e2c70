"""`modelctl undo RUN`: take a run back, row by row where nothing has moved since, as a run of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import readable_database, writing_alone

if TYPE_CHECKING:
    from modelctl.sync.undoing import UndoReport

EPILOG = """\b
Examples:
  modelctl undo last --dry-run
  modelctl undo 20261121T120000Z-1a2b3c
  modelctl undo last               # a second time: takes the undo back

RUN is the id of a run, the beginning of one, or `last`; see `modelctl runs`.
What an undo brings back counts as a person's decision: the next sync leaves it alone.
Exits 5 when some rows have moved since and were left alone, 6 when all have.
"""


class UndoFormat(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"


def undo_command(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go back and write nothing.")] = False,
    format: Annotated[UndoFormat, typer.Option("--format", help="How to print it.")] = UndoFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Take a run back.

    Each row that nobody has changed since becomes what it was before.
    """
    from modelctl.render.terminal import look_of
    from modelctl.render.undo import undo_json, undo_text

    context = context_of(ctx)
    report = _take_back(context, run, dry_run=dry_run)
    look = look_of(context.stdout, context.environ)
    written = report.run if not dry_run and report.taken_back else None
    if json or format is UndoFormat.JSON:
        context.answer(undo_json(report.undone, written, report.providers, look))
    else:
        for each in report.providers:
            if text := undo_text(each, look):
                context.answer(text)
    context.say(_summary(report, written))
    raise typer.Exit(report.exit_code)


def _take_back(context: Context, name: str, *, dry_run: bool) -> UndoReport:
    from modelctl.config.author import author_of
    from modelctl.core.history import named_run
    from modelctl.core.undo import COMMAND
    from modelctl.store import history, schema
    from modelctl.sync.undoing import take_back

    with readable_database(context) as database:
        if not dry_run:
            schema.ensure_current(database, migrate=False)
        runs = database.read(lambda connection: history.runs(connection, database.tables))
        found = named_run(name, runs)
        author = author_of(context, COMMAND)
        with writing_alone(context, database, author, is_needed=not dry_run) as fenced:
            return take_back(fenced, found, author, dry_run=dry_run)


def _summary(report: UndoReport, written: str | None) -> str:
    if not report.taken_back and not report.moved:
        return f"run {report.undone}: nothing to undo"
    rows = "row" if report.taken_back == 1 else "rows"
    verb = "would go back" if report.dry_run else "taken back"
    text = f"run {report.undone}: {report.taken_back} {rows} {verb}"
    if report.moved:
        text += f", {report.moved} left alone because they have moved since"
    return f"{text} (run {written})" if written else text
