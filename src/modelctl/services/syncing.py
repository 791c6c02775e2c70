"""A sync as it is ordered, from the catalogs and the providers that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from modelctl.catalog.load import Catalog, in_force
from modelctl.core.claims import Taking
from modelctl.core.guards import Acceptance
from modelctl.core.report import ProviderReport, SyncReport
from modelctl.core.run import Author
from modelctl.services.asking import Asking, jobs_of, switches
from modelctl.services.world import World
from modelctl.store.engine import Database
from modelctl.sync.jobs import Job, SourceChoice, left_out
from modelctl.sync.providers import known_providers
from modelctl.sync.run import SyncOptions, sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants synced, and what may happen."""

    asking: Asking = field(default_factory=Asking)
    acceptance: Acceptance = field(default_factory=Acceptance)
    taking: Taking = field(default_factory=Taking)
    hold: bool = False
    """Apply what no guard held; without it a provider with held rows is not written at all."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What there is to work with: the catalogs in force, and the wanted providers of them and of the database."""

    catalogs: Sequence[Catalog]
    jobs: Sequence[Job]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Providers that `all` leaves out because they are switched off, and where: `row` or `settings`."""


def ground_of(world: World, present: Database | None, asking: Asking) -> Ground:
    """What a sync would work with. `present`: the database, or None where it has no tables yet."""
    catalogs = in_force(world.settings.catalog_directory)
    known = known_providers(present, catalogs)
    rows, on = {name: each.provider for name, each in known.items()}, switches(world)
    return Ground(
        catalogs=catalogs,
        jobs=jobs_of(world, present, known, asking),
        left_out=left_out(asking.wanted, rows, on),
    )


def carry_out(
    world: World,
    database: Database,
    order: Order,
    ground: Ground,
    author: Author,
    *,
    has_tables: bool = True,
    observe: Callable[[ProviderReport], None] = lambda _report: None,
) -> SyncReport:
    """The sync that was ordered. `observe` hears of each provider as soon as it is done."""
    settings = world.settings
    options = SyncOptions(
        deadline_s=settings.deadline_s,
        new_models=settings.new_models,
        limits=settings.limits,
        acceptance=order.acceptance,
        taking=order.taking,
        hold=order.hold,
        dry_run=order.dry_run,
    )
    used = [] if order.asking.source is SourceChoice.API else ground.catalogs
    return sync(database, ground.jobs, used, options, author, has_tables=has_tables, observe=observe)
