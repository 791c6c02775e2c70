"""`modelctl sync`: the main job, wired together."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of
from modelctl.cli.sync_report import print_explanation, print_report, warn_of_idle
from modelctl.core.guards import Acceptance
from modelctl.core.run import Author
from modelctl.core.units import to_seconds
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
  modelctl sync --provider openai --dry-run --exit-code
  modelctl sync --source catalog --migrate --format json
  modelctl sync --accept openai/gpt-4o --accept price-rise
  modelctl sync --explain gpt-4o

Exit codes: 0 done or in sync, 1 failed, 3 pending (--exit-code), 4 held by a guard, 5 some providers failed.
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
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="MODEL", help="Say why a model is as it is; writes nothing.")
]
Migrate = Annotated[bool, typer.Option("--migrate", help="Create or upgrade the tables on a server, too.")]
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
    explain: Explain = None,
    migrate: Migrate = False,
    format: Format = ReportFormat.TABLE,
    json: Json = False,
) -> None:
    """Bring the table of models up to date with the catalogs and the providers' APIs."""
    context = context_of(ctx)
    if exit_code and not dry_run:
        raise UsageError("--exit-code goes with --dry-run", "without it a sync applies what is pending")
    format = ReportFormat.JSON if json else format
    order = _Order(
        wanted=provider or ["all"],
        source=source,
        acceptance=Acceptance(everything=force, names=frozenset(accept or ())),
        hold=hold,
        dry_run=dry_run or explain is not None,
        migrate=migrate,
    )
    with database_of(context) as database:
        report = _run(context, database, order)
    warn_of_idle(context, report, context.settings.limits, order.acceptance)
    if explain is not None:
        print_explanation(context, report, explain, format)
        return
    code = report.exit_code(pending_counts=exit_code)
    print_report(context, report, code, format)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the command line asks for."""

    wanted: Sequence[str]
    source: SourceOption
    acceptance: Acceptance
    hold: bool
    dry_run: bool
    migrate: bool


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
        hold=order.hold,
        dry_run=order.dry_run,
    )
    used = [] if order.source is SourceOption.API else catalogs
    with watching(context.stderr, [job.provider.name for job in jobs], quiet=context.quiet) as observe:
        return sync(database, jobs, used, options, _author(context), has_tables=has_tables, observe=observe)


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
        )
        for provider in choose(order.wanted, names, {name: each.enabled for name, each in settings.providers.items()})
    ]


def _author(context: Context) -> Author:
    now = to_seconds(context.now)
    actor = context.environ.get("GITHUB_ACTOR") or _user()
    return Author(run=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", actor=actor[:255], command="sync", now=now)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
