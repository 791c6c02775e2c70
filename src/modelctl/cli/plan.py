"""`modelctl plan`: what a sync would do, as a file that `modelctl apply` carries out later, or as SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl import __version__
from modelctl.cli import sync as syncing
from modelctl.cli.author import author_of
from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of
from modelctl.cli.sync_report import print_report, warn_of_idle
from modelctl.core.guards import Acceptance
from modelctl.core.units import to_seconds
from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.catalog.load import Catalog
    from modelctl.core.plan_file import PlanFile
    from modelctl.core.report import SyncReport
    from modelctl.store.engine import Database
    from modelctl.sync.providers import KnownProvider

EPILOG = """\b
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


def plan_command(
    ctx: typer.Context,
    provider: Annotated[
        list[str] | None, typer.Argument(metavar="[PROVIDER]...", help="Which providers; left out means all.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan for `modelctl apply`.")
    ] = None,
    source: syncing.SourceChoices = syncing.SourceOption.AUTO,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when something is pending.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Plan what no guard held (still exits 4).")] = False,
    accept: syncing.Accept = None,
    force: syncing.Force = False,
    format: Annotated[
        PlanFormat, typer.Option("--format", help="How to print it; json is what -o writes, sql the statements.")
    ] = PlanFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show what a sync would do, and keep it: as a file that `apply` carries out, or as SQL to run by hand.

    A provider that a guard holds is in the plan, and is not written by it without --hold or --accept.
    """
    context = context_of(ctx)
    format = PlanFormat.JSON if json else format
    acceptance = Acceptance(everything=force, names=frozenset(accept or ()))
    order = _Order(wanted=provider or ["all"], source=source, acceptance=acceptance, hold=hold)
    with database_of(context) as database:
        report, file, sql = _plan(context, database, order, with_sql=format is PlanFormat.SQL)
    warn_of_idle(context, report, context.settings.limits, acceptance)
    text = _document_text(file)
    if output is not None:
        _write(output, text)
        context.say(f"wrote {output}; carry it out with `modelctl apply {output}`")
    code = report.exit_code(pending_counts=exit_code)
    if format in (PlanFormat.JSON, PlanFormat.SQL):
        context.answer((sql if format is PlanFormat.SQL else text).rstrip("\n"))
    else:
        print_report(context, report, code, format)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the command line asks for."""

    wanted: Sequence[str]
    source: syncing.SourceOption
    acceptance: Acceptance
    hold: bool


def _plan(context: Context, database: Database, order: _Order, *, with_sql: bool) -> tuple[SyncReport, PlanFile, str]:
    """What was found, as a report and as a file, and the statements if they are wanted."""
    from modelctl.catalog.load import in_force
    from modelctl.core.plan_file import PlanFile
    from modelctl.store import schema
    from modelctl.sync.applying import planned_providers
    from modelctl.sync.providers import known_providers

    has_tables = schema.is_readable(database)
    if with_sql and not has_tables:
        raise StoreError(f"{database.label} has no modelctl tables yet", "run `modelctl db upgrade` first")
    present = database if has_tables else None
    catalogs = in_force(context.settings.catalog_directory)
    known = known_providers(present, catalogs)
    report = _dry_run(context, database, order, catalogs, known, has_tables=has_tables)
    stated = {name: each.provider for name, each in known.items()}
    file = PlanFile(
        modelctl=__version__,
        created_at=to_seconds(context.now),
        database=database.label,
        providers=planned_providers(present, report, stated, hold=order.hold),
    )
    return report, file, _sql(context, database, file) if with_sql else ""


def _dry_run(
    context: Context,
    database: Database,
    order: _Order,
    catalogs: Sequence[Catalog],
    known: Mapping[str, KnownProvider],
    *,
    has_tables: bool,
) -> SyncReport:
    from modelctl.render.progress import watching
    from modelctl.sync.jobs import SourceChoice, choose, job_for
    from modelctl.sync.run import SyncOptions, sync

    settings = context.settings
    rows, on = ({name: each.provider for name, each in known.items()}, settings.providers)
    jobs = [
        job_for(
            known[provider.name],
            source=SourceChoice(order.source),
            patterns=settings.provider(provider.name).patterns,
            environ=context.environ,
            timeout_s=settings.timeout_s,
            now=context.now,
        )
        for provider in choose(order.wanted, rows, {name: each.enabled for name, each in on.items()})
    ]
    options = SyncOptions(
        deadline_s=settings.deadline_s,
        new_models=settings.new_models,
        limits=settings.limits,
        acceptance=order.acceptance,
        hold=order.hold,
        dry_run=True,
    )
    used = [] if order.source is syncing.SourceOption.API else catalogs
    with watching(context.stderr, [job.provider.name for job in jobs], quiet=context.quiet) as observe:
        author = author_of(context, "plan")
        return sync(database, jobs, used, options, author, has_tables=has_tables, observe=observe)


def _sql(context: Context, database: Database, file: PlanFile) -> str:
    from modelctl.render.plan_sql import plan_sql
    from modelctl.sync.applying import scripts

    author = author_of(context, "apply")
    return plan_sql(file, scripts(database, file, author), database.engine.dialect.name)


def _document_text(file: PlanFile) -> str:
    import json

    from modelctl.core.plan_file import plan_document

    return json.dumps(plan_document(file), indent=1, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    """The whole file or none: whoever applies it must not find half a plan. UsageError where it cannot be written."""
    import os
    import tempfile

    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink()
            raise
    except OSError as error:
        hint = "choose another file with -o"
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint) from None
