"""What the command line asks of a sync, and the sync that does it: one way for `sync` and `plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.asking import Asking, SourceOption
from modelctl.cli.context import Context
from modelctl.cli.sync_report import warn_of_idle, warn_of_idle_taking
from modelctl.core.claims import Taking
from modelctl.core.guards import Acceptance

if TYPE_CHECKING:
    from modelctl.catalog.load import Catalog
    from modelctl.core.report import SyncReport
    from modelctl.core.run import Author
    from modelctl.store.engine import Database
    from modelctl.sync.jobs import Job

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for."""

    asking: Asking
    acceptance: Acceptance
    taking: Taking
    hold: bool
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to work with: the catalogs in force, and the wanted providers of them and of the database."""

    catalogs: Sequence[Catalog]
    jobs: Sequence[Job]


def found(context: Context, present: Database | None, asking: Asking) -> Found:
    """What a sync would work with. `present`: the database, or None where it has no tables yet."""
    from modelctl.catalog.load import in_force
    from modelctl.cli.asking import jobs_of
    from modelctl.sync.providers import known_providers

    catalogs = in_force(context.settings.catalog_directory)
    return Found(catalogs=catalogs, jobs=jobs_of(context, present, known_providers(present, catalogs), asking))


def carry_out(
    context: Context,
    database: Database,
    order: Order,
    found: Found,
    author: Author,
    *,
    has_tables: bool = True,
) -> SyncReport:
    """The sync that was ordered, watched on stderr; says which names of the order meant nothing."""
    from modelctl.render.progress import watching
    from modelctl.sync.run import SyncOptions, sync

    settings = context.settings
    options = SyncOptions(
        deadline_s=settings.deadline_s,
        new_models=settings.new_models,
        limits=settings.limits,
        acceptance=order.acceptance,
        taking=order.taking,
        hold=order.hold,
        dry_run=order.dry_run,
    )
    used = [] if order.asking.source is SourceOption.API else found.catalogs
    names = [job.provider.name for job in found.jobs]
    with watching(context.stderr, names, quiet=context.quiet) as observe:
        report = sync(database, found.jobs, used, options, author, has_tables=has_tables, observe=observe)
    warn_of_idle(context, report, settings.limits, order.acceptance)
    warn_of_idle_taking(context, report, order.taking)
    return report
