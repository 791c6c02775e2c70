"""The options that order a sync, and the sync as people watch it: the same for `sync` and `plan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context
from modelctl.cli.sync_report import warn_of_idle, warn_of_idle_taking
from modelctl.core.claims import taking
from modelctl.core.guards import Acceptance

if TYPE_CHECKING:
    from modelctl.core.report import SyncReport
    from modelctl.core.run import Author
    from modelctl.services.asking import Asking
    from modelctl.services.syncing import Ground, Order
    from modelctl.store.engine import Database

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


def order_of(
    asking: Asking,
    *,
    accept: Sequence[str] | None,
    force: bool,
    take: Sequence[str] | None,
    recreate: Sequence[str] | None,
    hold: bool,
    dry_run: bool,
) -> Order:
    """From what the command line says. UsageError for a field to take that there is not."""
    from modelctl.services.syncing import Order

    return Order(
        asking=asking,
        acceptance=Acceptance(everything=force, names=frozenset(accept or ())),
        taking=taking(take or (), recreate or ()),
        hold=hold,
        dry_run=dry_run,
    )


def watched(
    context: Context, database: Database, order: Order, ground: Ground, author: Author, *, has_tables: bool
) -> SyncReport:
    """The sync that was ordered, shown on stderr while it runs; says which names of the order meant nothing."""
    from modelctl.render.progress import watching
    from modelctl.services.syncing import carry_out

    names = [job.provider.name for job in ground.jobs]
    with watching(context.stderr, names, quiet=context.quiet) as observe:
        report = carry_out(context, database, order, ground, author, has_tables=has_tables, observe=observe)
    warn_of_idle(context, report, context.settings.limits, order.acceptance)
    warn_of_idle_taking(context, report, order.taking)
    return report
