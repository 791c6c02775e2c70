"""`modelctl sync`: the main job, wired together."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.asking import MaxAge, Project, SourceChoices, SourceOption, asking
from modelctl.cli.choosing import say_left_out
from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of, writing_alone
from modelctl.cli.ordering import Accept, Force, Recreate, Take, order_of, watched
from modelctl.cli.sync_notify import failure_notified, notify_of, webhook_of
from modelctl.cli.sync_report import print_explanation, print_report
from modelctl.config.author import author_of
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.report import SyncReport
    from modelctl.services.syncing import Order
    from modelctl.store.engine import Database

EPILOG = """\b
Examples:
  modelctl sync --provider all
  modelctl sync --provider openai --dry-run --exit-code --max-age 1h
  modelctl sync --source catalog --migrate --format json
  modelctl sync --accept openai/gpt-4o --accept price-rise
  modelctl sync --take openai/gpt-4o:context_window --recreate openai/gpt-3.5-turbo
  modelctl sync --explain gpt-4o
  modelctl sync --provider openai --project shop
  modelctl sync --provider all --notify "$SLACK_WEBHOOK"

Exit codes: 0 done or in sync, 1 failed, 3 pending (--exit-code), 4 held by a guard, 5 some providers failed,
6 another run writes.
"""


class ReportFormat(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


Providers = Annotated[
    list[str] | None, typer.Option("--provider", metavar="all|NAME", help="Repeatable; left out means all.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")]
WithExitCode = Annotated[bool, typer.Option("--exit-code", help="With --dry-run: exit 3 when something is pending.")]
Hold = Annotated[bool, typer.Option("--hold", help="Apply what no guard held (still exits 4).")]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="MODEL", help="Say why a model is as it is; writes nothing.")
]
Migrate = Annotated[bool, typer.Option("--migrate", help="Create or upgrade the tables on a server, too.")]
Notify = Annotated[
    str | None,
    typer.Option("--notify", metavar="URL", help="Post the summary to a webhook (Slack's, or any that takes JSON)."),
]
Format = Annotated[ReportFormat, typer.Option("--format", help="How to print the report.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def sync_command(
    ctx: typer.Context,
    provider: Providers = None,
    project: Project = None,
    source: SourceChoices = SourceOption.AUTO,
    dry_run: DryRun = False,
    exit_code: WithExitCode = False,
    hold: Hold = False,
    accept: Accept = None,
    force: Force = False,
    take: Take = None,
    recreate: Recreate = None,
    explain: Explain = None,
    migrate: Migrate = False,
    max_age: MaxAge = None,
    notify: Notify = None,
    format: Format = ReportFormat.TABLE,
    json: Json = False,
) -> None:
    """Bring the table of models up to date with its sources.

    These are the catalogs and the APIs of the providers whose key is set.
    """
    context = context_of(ctx)
    _require_dry_run(exit_code, dry_run)
    hook = webhook_of(notify, writes=not dry_run and explain is None)
    format = ReportFormat.JSON if json else format
    order = order_of(
        asking(provider, source, max_age, project),
        accept=accept,
        force=force,
        take=take,
        recreate=recreate,
        hold=hold,
        dry_run=dry_run or explain is not None,
    )
    with failure_notified(context, hook), database_of(context) as database:
        report = _run(context, database, order, migrate=migrate)
    if explain is not None:
        return print_explanation(context, report, explain, format)
    code = report.exit_code(pending_counts=exit_code)
    notify_of(context, hook, report, code)
    print_report(context, report, code, format)
    raise typer.Exit(code)


def _require_dry_run(exit_code: bool, dry_run: bool) -> None:
    if exit_code and not dry_run:
        raise UsageError("--exit-code goes with --dry-run", "without it a sync applies what is pending")


def _run(context: Context, database: Database, order: Order, *, migrate: bool) -> SyncReport:
    from modelctl.services.syncing import ground_of
    from modelctl.store import schema

    has_tables = True
    if order.dry_run:
        has_tables = schema.is_readable(database)
    else:
        schema.ensure_current(database, migrate=migrate)
    ground = ground_of(context, database if has_tables else None, order.asking)
    say_left_out(context, ground.left_out)
    author = author_of(context, "sync")
    with writing_alone(context, database, author, is_needed=not order.dry_run) as fenced:
        return watched(context, fenced, order, ground, author, has_tables=has_tables)
