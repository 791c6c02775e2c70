"""`modelctl runs`: who wrote when, what came of it, and how a run is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption, RowsFormat, RowsFormatOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter

if TYPE_CHECKING:
    from modelctl.core.runs import Author
    from modelctl.db.engine import Database
    from modelctl.errors import ExitCode
    from modelctl.services.plans import UndoReport


RUNS_EPILOG = """\b
Examples:
  modelctl runs list
  modelctl runs list openai --limit 5
"""

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List the runs, and undo one.",
    epilog="`modelctl history` shows the changes of one model over all runs.",
)


@app.command("list", epilog=RUNS_EPILOG)
def list_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N runs.")] = 20,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """List the last runs: who wrote when, and how it ended."""
    from modelctl.output.history import RunsDocument
    from modelctl.services.history import list_runs

    context, wanted = context_of(ctx), providers_filter(providers, provider)
    with readable_database(context) as database:
        fitting, total = list_runs(database, wanted)
    shown = fitting[:limit]
    empty_because = None if shown else "filtered" if total else "nothing"
    context.show(RunsDocument.model_validate({"empty_because": empty_because, "runs": shown}), format)
    if len(fitting) > len(shown):
        context.say(f"the last {len(shown)} of {len(fitting)} runs; --limit shows more")
    if empty_because == "filtered":
        context.say(f"none of the {total} runs was of {', '.join(sorted(wanted))}")
    elif empty_because == "nothing":
        context.say("there was no run yet")


SHOW_EPILOG = """\b
Examples:
  modelctl runs show last
  modelctl runs show 20261121T1200 --json

RUN is the id of a run, the beginning of one, or `last`.
"""


@app.command("show", epilog=SHOW_EPILOG)
def show(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show one run: counts, errors and every change.

    Per provider, and each change as before → after.
    """
    from modelctl.output.history import RunChangesDocument
    from modelctl.services.history import show_run

    context = context_of(ctx)
    with readable_database(context) as database:
        found, entries = show_run(database, run)
    context.show(RunChangesDocument.of(found, entries), format)
    if not entries:
        context.say("the run changed nothing")


@app.command(
    "undo",
    epilog="""\b
Examples:
  modelctl runs undo last --dry-run
  modelctl runs undo 20261121T120000Z-1a2b3c
  modelctl runs undo last               # a second time: undoes the undo

RUN is the id of a run, the beginning of one, or `last`; see `modelctl runs list`.
What an undo restores is an override: no sync changes it.
Exits 5 when some rows have changed since and were left alone, 6 when all have.
""",
)
def undo_command(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would be undone; write nothing.")] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Undo a run.

    Each row that nobody has changed since becomes what it was before.
    """
    from modelctl.core.planning.undo import COMMAND
    from modelctl.output.edits import UndoDocument
    from modelctl.services.plans import undo_run
    from modelctl.services.published import target_of_run

    context = context_of(ctx)
    with readable_database(context) as database:
        author = context.author(COMMAND)
        if (target := target_of_run(database, run)) is not None:
            raise typer.Exit(_undo_publish(context, database, target, run, author, format, dry_run=dry_run))
        report = undo_run(context.runtime, database, run, author, dry_run=dry_run, on_wait=context.wait)
    written = report.run if not dry_run and report.taken_back else None
    parts = {"undone": report.undone, "run": written, "providers": report.providers}
    context.show(UndoDocument.model_validate(parts), format)
    context.say(_summary(report, written))
    raise typer.Exit(report.exit_code)


def _undo_publish(
    context: Context, database: Database, name: str, run: str, author: Author, format: Format, *, dry_run: bool
) -> ExitCode:
    """Take a publish back, as its mapping says where the tables are."""
    from modelctl.cli.publish import application_of, mapping_of
    from modelctl.errors import ExitCode
    from modelctl.output.publish import PublishDocument
    from modelctl.services.published import undo_publish

    target = mapping_of(name, None)
    with application_of(context, database, target) as application:
        report = undo_publish(
            context.runtime, database, application, target, run, author, dry_run=dry_run, on_wait=context.wait
        )
    moved = any(each.skipped for each in report.tables)
    code = ExitCode.OK if not moved else ExitCode.PARTIAL if report.is_pending else ExitCode.STALE
    context.show(PublishDocument.of(report, code), format)
    return code


def _summary(report: UndoReport, written: str | None) -> str:
    if not report.taken_back and not report.moved:
        return f"run {report.undone}: nothing to undo"
    rows = "row" if report.taken_back == 1 else "rows"
    verb = "would be undone" if report.dry_run else "undone"
    text = f"run {report.undone}: {report.taken_back} {rows} {verb}"
    if report.moved:
        text += f", {report.moved} left alone because they have changed since"
    return f"{text} (run {written})" if written else text
