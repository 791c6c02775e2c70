"""`modelctl plan`: what a sync would do, to look at, to keep for `apply`, or as SQL."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl import __version__
from modelctl.cli.commands import epilog
from modelctl.cli.context import (
    Context,
    JsonOption,
    context_of,
    database_of,
    format_option,
)
from modelctl.cli.options import MaxAge, Source, asking, say_left_out
from modelctl.cli.sync import Accept, Force, Recreate, Take, order_of, print_report, watched
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.text import to_seconds
from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.plan_file import PlanFile
    from modelctl.core.planning.report import SyncReport
    from modelctl.db.engine import Database
    from modelctl.services.sync import Order


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


@epilog(
    """\b
Examples:
  modelctl plan -o plan.json
  modelctl plan openai anthropic --source catalog --exit-code
  modelctl plan --format sql > plan.sql
  modelctl apply plan.json

Exit codes: 0 done or in sync, 1 failed, 3 pending (--exit-code), 4 held by a guard, 5 some providers failed.
"""
)
def plan_command(
    ctx: typer.Context,
    provider: Providers = None,
    output: Output = None,
    source: Source = SourceChoice.AUTO,
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
    ground = ground_of(context.runtime, present, order.asking)
    say_left_out(context, ground.left_out)
    report = watched(context, database, order, ground, context.author("plan"), has_tables=has_tables)
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
    from modelctl.output.sync import plan_sql
    from modelctl.services.plans import scripts

    author = context.author("apply")
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
