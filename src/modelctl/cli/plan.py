"""`modelctl apply`: carries out a plan exactly as it was reviewed, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl import __version__
from modelctl.cli import sync as syncing
from modelctl.cli.context import (
    Context,
    Format,
    FormatOption,
    JsonOption,
    MarkdownFormat,
    MarkdownFormatOption,
    context_of,
    database_of,
    format_option,
    readable_database,
    writing_alone,
)
from modelctl.cli.options import MaxAge, SourceChoices, SourceOption, asking, say_left_out
from modelctl.cli.sync import Accept, Force, Recreate, Take, order_of, print_report, watched
from modelctl.config.settings import author_of
from modelctl.core.text import to_seconds
from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.plan_file import PlanFile
    from modelctl.core.planning.report import SyncReport
    from modelctl.db.engine import Database
    from modelctl.services.plans import UndoReport
    from modelctl.services.sync import Order


EPILOG = """\b
Examples:
  modelctl plan -o plan.json
  modelctl apply plan.json

Exit codes: 0 done or nothing to do, 1 failed, 2 no plan, 4 held by a guard, 5 some providers failed,
6 a row that the plan rests on has moved, and nothing was written.
"""


def apply_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `modelctl plan -o FILE` wrote.")],
    migrate: syncing.Migrate = False,
    format: MarkdownFormatOption = MarkdownFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Carry out a plan, exactly as it was shown.

    Each provider is one transaction. No source is asked. Where a row that the plan rests on has moved since, nothing is
    written and the exit code is 6.
    """
    context = context_of(ctx)
    plan = _read(file)
    report = _apply(context, plan, migrate=migrate)
    code = report.exit_code(pending_counts=False)
    print_report(context, report, code, format)
    raise typer.Exit(code)


def _read(file: Path) -> PlanFile:
    from modelctl.core.planning.plan_file import read_plan

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "name a plan's file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no plan: it is not UTF-8", "make one with `modelctl plan -o FILE`") from None
    return read_plan(text, str(file))


def _apply(context: Context, plan: PlanFile, *, migrate: bool) -> SyncReport:
    import time

    from modelctl.db import migrate as schema
    from modelctl.services.plans import apply_plan

    author = author_of(context, "apply")
    began_s = time.monotonic()

    def finished_at() -> datetime:
        return author.now + timedelta(seconds=round(time.monotonic() - began_s))

    with database_of(context) as database:
        schema.ensure_current(database, migrate=migrate)
        if plan.database != database.label:
            context.warn(f"note: the plan was made for {plan.database}, and this is {database.label}")
        with writing_alone(context, database, author) as fenced:
            return apply_plan(fenced, plan, author, finished_at)


PLAN_EPILOG = """\b
Examples:
  modelctl plan -o plan.json
  modelctl plan openai anthropic --source catalog --exit-code
  modelctl plan --format sql > plan.sql
  modelctl apply plan.json

Exit codes: 0 done or in sync, 1 failed, 3 pending (--exit-code), 4 held by a guard, 5 some providers failed.
"""


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SQL = "sql"


Providers = Annotated[list[str] | None, typer.Argument(metavar="PROVIDER", help="Which providers; left out means all.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan for `modelctl apply`.")
]


def plan_command(
    ctx: typer.Context,
    provider: Providers = None,
    output: Output = None,
    source: SourceChoices = SourceOption.AUTO,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when something is pending.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Plan what no guard held (still exits 4).")] = False,
    accept: Accept = None,
    force: Force = False,
    take: Take = None,
    recreate: Recreate = None,
    max_age: MaxAge = None,
    format: Annotated[
        PlanFormat, format_option("How to print it; json is what -o writes, sql the statements.")
    ] = PlanFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what a sync would do, and keep it for `apply`.

    Or print it as SQL to run by hand. A provider that a guard holds is in the plan, and is not written by it without
    --hold or --accept.
    """
    context = context_of(ctx)
    who = asking(provider, source, max_age)
    order = order_of(who, accept=accept, force=force, take=take, recreate=recreate, hold=hold, dry_run=True)
    with database_of(context) as database:
        report, file, sql = _plan(context, database, order, with_sql=format is PlanFormat.SQL)
    text = _document_text(file)
    if output is not None:
        _keep(context, output, text)
    code = report.exit_code(pending_counts=exit_code)
    if format in (PlanFormat.JSON, PlanFormat.SQL):
        context.answer((sql if format is PlanFormat.SQL else text).rstrip("\n"))
    else:
        print_report(context, report, code, format)
    raise typer.Exit(code)


def _plan(context: Context, database: Database, order: Order, *, with_sql: bool) -> tuple[SyncReport, PlanFile, str]:
    """What was found, as a report and as a file, and the statements if they are wanted."""
    from modelctl.core.planning.plan_file import PlanFile
    from modelctl.db import migrate as schema
    from modelctl.services.plans import planned_providers
    from modelctl.services.sync import ground_of

    has_tables = schema.is_readable(database)
    if with_sql and not has_tables:
        raise StoreError(f"{database.label} has no modelctl tables yet", "run `modelctl db upgrade` first")
    present = database if has_tables else None
    ground = ground_of(context, present, order.asking)
    say_left_out(context, ground.left_out)
    report = watched(context, database, order, ground, author_of(context, "plan"), has_tables=has_tables)
    file = PlanFile(
        modelctl=__version__,
        created_at=to_seconds(context.now),
        database=database.label,
        providers=planned_providers(
            present, report, {job.provider.name: job.provider for job in ground.jobs}, hold=order.hold
        ),
    )
    return report, file, _sql(context, database, file) if with_sql else ""


def _sql(context: Context, database: Database, file: PlanFile) -> str:
    from modelctl.output.sync_formats import plan_sql
    from modelctl.services.plans import scripts

    author = author_of(context, "apply")
    return plan_sql(file, scripts(database, file, author), database.engine.dialect.name)


def _document_text(file: PlanFile) -> str:
    import json

    from modelctl.core.planning.plan_file import plan_document

    return json.dumps(plan_document(file), indent=1, ensure_ascii=False) + "\n"


def _keep(context: Context, path: Path, text: str) -> None:
    """The whole file or none: whoever applies it must not find half a plan. UsageError where it cannot be written."""
    from modelctl.files import write_whole

    try:
        write_whole(path, text)
    except OSError as error:
        hint = "choose another file with -o"
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint) from None
    context.say(f"wrote {path}; carry it out with `modelctl apply {path}`")


UNDO_EPILOG = """\b
Examples:
  modelctl undo last --dry-run
  modelctl undo 20261121T120000Z-1a2b3c
  modelctl undo last               # a second time: takes the undo back

RUN is the id of a run, the beginning of one, or `last`; see `modelctl runs`.
What an undo brings back counts as a person's decision: the next sync leaves it alone.
Exits 5 when some rows have moved since and were left alone, 6 when all have.
"""


def undo_command(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, its beginning, or `last`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go back and write nothing.")] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Take a run back.

    Each row that nobody has changed since becomes what it was before.
    """
    from modelctl.output.console import look_of
    from modelctl.output.edits import undo_json, undo_text

    context = context_of(ctx)
    report = _take_back(context, run, dry_run=dry_run)
    look = look_of(context.stdout, context.environ)
    written = report.run if not dry_run and report.taken_back else None
    if format is Format.JSON:
        context.answer(undo_json(report.undone, written, report.providers, look))
    else:
        for each in report.providers:
            if text := undo_text(each, look):
                context.answer(text)
    context.say(_summary(report, written))
    raise typer.Exit(report.exit_code)


def _take_back(context: Context, name: str, *, dry_run: bool) -> UndoReport:
    from modelctl.config.settings import author_of
    from modelctl.core.planning.undo import COMMAND
    from modelctl.core.runs import named_run
    from modelctl.db import history
    from modelctl.db import migrate as schema
    from modelctl.services.plans import take_back

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
