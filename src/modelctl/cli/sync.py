"""`modelctl sync`: the main job, wired together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.author import author_of
from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of, writing_alone
from modelctl.cli.listing_cache import MaxAge, listing_cache
from modelctl.cli.sync_notify import failure_notified, notify_of, webhook_of
from modelctl.cli.sync_report import print_explanation, print_report, warn_of_idle
from modelctl.core.claims import Taking, taking
from modelctl.core.durations import duration
from modelctl.core.guards import Acceptance
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.catalog.load import Catalog
    from modelctl.config import Settings
    from modelctl.core.report import SyncReport
    from modelctl.store.engine import Database
    from modelctl.sync.jobs import Job

EPILOG = """\b
Examples:
  modelctl sync --provider all
  modelctl sync --provider openai --dry-run --exit-code --max-age 1h
  modelctl sync --source catalog --migrate --format json
  modelctl sync --accept openai/gpt-4o --accept price-rise
  modelctl sync --take openai/gpt-4o:context_window --recreate openai/gpt-3.5-turbo
  modelctl sync --explain gpt-4o
  modelctl sync --provider all --notify "$SLACK_WEBHOOK"

Exit codes: 0 done or in sync, 1 failed, 3 pending (--exit-code), 4 held by a guard, 5 some providers failed,
6 another run writes.
"""


class SourceOption(StrEnum):
    """Which sources may be asked."""

    AUTO = "auto"
    API = "api"
    CATALOG = "catalog"


class ReportFormat(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


Providers = Annotated[
    list[str] | None, typer.Option("--provider", metavar="all|NAME", help="Repeatable; left out means all.")
]
SourceChoices = Annotated[
    SourceOption, typer.Option("--source", help="auto asks each API whose key is set, and always the catalogs.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")]
WithExitCode = Annotated[bool, typer.Option("--exit-code", help="With --dry-run: exit 3 when something is pending.")]
Hold = Annotated[bool, typer.Option("--hold", help="Apply what no guard held (still exits 4).")]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="KEY", help="Let a held model, or a guard by its name, pass. Repeatable."),
]
Force = Annotated[bool, typer.Option("--force", help="Let everything pass that a guard would hold.")]
Take = Annotated[
    list[str] | None,
    typer.Option(
        "--take", metavar="[MODEL:]FIELD", help="Overwrite people's values of a field, or of `all`. Repeatable."
    ),
]
Recreate = Annotated[
    list[str] | None,
    typer.Option("--recreate", metavar="MODEL|all", help="Bring back rows that somebody deleted. Repeatable."),
]
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
    """Bring the table of models up to date with the catalogs and the providers' APIs."""
    context = context_of(ctx)
    _require_dry_run(exit_code, dry_run)
    hook = webhook_of(notify, writes=not dry_run and explain is None)
    format = ReportFormat.JSON if json else format
    order = _Order(
        wanted=provider or ["all"],
        source=source,
        acceptance=Acceptance(everything=force, names=frozenset(accept or ())),
        claims=(taking(take or ()), frozenset(recreate or ())),
        hold=hold,
        dry_run=dry_run or explain is not None,
        migrate=migrate,
        max_age=duration(max_age, "--max-age") if max_age is not None else None,
    )
    with failure_notified(context, hook), database_of(context) as database:
        report = _run(context, database, order)
    if explain is not None:
        return print_explanation(context, report, explain, format)
    code = report.exit_code(pending_counts=exit_code)
    notify_of(context, hook, report, code)
    print_report(context, report, code, format)
    raise typer.Exit(code)


def _require_dry_run(exit_code: bool, dry_run: bool) -> None:
    if exit_code and not dry_run:
        raise UsageError("--exit-code goes with --dry-run", "without it a sync applies what is pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the command line asks for."""

    wanted: Sequence[str]
    source: SourceOption
    acceptance: Acceptance
    claims: tuple[Taking, frozenset[str]]
    """What the sources may take over, and which deleted rows may come back."""
    hold: bool
    dry_run: bool
    migrate: bool
    max_age: timedelta | None = None


def _run(context: Context, database: Database, order: _Order) -> SyncReport:
    from modelctl.render.progress import watching
    from modelctl.store import schema
    from modelctl.sync.run import SyncOptions, sync

    settings = context.settings
    catalogs = _catalogs(settings)
    if not order.dry_run:
        schema.ensure_current(database, migrate=order.migrate)
    has_tables = schema.is_readable(database)
    jobs = _jobs(context, database if has_tables else None, catalogs, order)
    options = SyncOptions(
        deadline_s=settings.deadline_s,
        new_models=settings.new_models,
        limits=settings.limits,
        acceptance=order.acceptance,
        taken=order.claims[0],
        recreated=order.claims[1],
        hold=order.hold,
        dry_run=order.dry_run,
    )
    used = [] if order.source is SourceOption.API else catalogs
    author, names = author_of(context, "sync"), [job.provider.name for job in jobs]
    with (
        writing_alone(context, database, author, is_needed=not order.dry_run) as fence,
        watching(context.stderr, names, quiet=context.quiet) as observe,
    ):
        report = sync(database, jobs, used, options, author, has_tables=has_tables, observe=observe, fence=fence)
    warn_of_idle(context, report, settings.limits, order.acceptance)
    return report


def _catalogs(settings: Settings) -> list[Catalog]:
    """The user's overlay, if any, before the shipped catalogs."""
    from modelctl.catalog.load import in_force

    return list(in_force(settings.catalog_directory))


def _jobs(context: Context, database: Database | None, catalogs: Sequence[Catalog], order: _Order) -> list[Job]:
    """The providers of the database, of the overlay and of the shipped catalogs, as far as they are wanted."""
    from modelctl.sync.jobs import SourceChoice, choose, job_for
    from modelctl.sync.providers import known_providers

    settings = context.settings
    known = known_providers(database, catalogs)
    names = {name: each.provider for name, each in known.items()}
    return [
        job_for(
            known[provider.name],
            source=SourceChoice(order.source),
            patterns=settings.provider(provider.name).patterns,
            environ=context.environ,
            timeout_s=settings.timeout_s,
            now=context.now,
            listings=listing_cache(order.max_age),
        )
        for provider in choose(order.wanted, names, {name: each.enabled for name, each in settings.providers.items()})
    ]
