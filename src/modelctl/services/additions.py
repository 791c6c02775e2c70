"""Models created by hand (`add`) or as defaults (`populate`): in one transaction, planned, audited and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.catalog.lint import misspellings
from modelctl.catalog.load import Catalog, catalogs_in_force, catalogued_providers
from modelctl.core.edits.additions import (
    DEFAULT_SET,
    Addition,
    KnownModels,
    SeedPlan,
    models_by_set,
    other_spelling,
    plan_additions,
    plan_seed,
    require_addable,
)
from modelctl.core.facts import ModelKey
from modelctl.core.planning.merge import merge_sources
from modelctl.core.planning.plan import Action, Plan
from modelctl.core.planning.policy import Patterns
from modelctl.core.provider import Provider
from modelctl.core.runs import Author, Outcome, RunRecord
from modelctl.core.stored import StoredProvider
from modelctl.core.text import require_known
from modelctl.db import migrate as schema
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.lease import Holder, one_at_a_time, writing_alone
from modelctl.errors import ModelctlError
from modelctl.services.access import known_providers
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """How models are added."""

    exact: bool = False
    """The person insists on ids that look misspelt."""
    dry_run: bool = False


def add(
    runtime: Runtime,
    database: Database,
    rows: Sequence[Addition | ModelctlError],
    author: Author,
    options: AddOptions,
) -> tuple[Plan, ...]:
    """Add the models, all or none; a plan per provider. UsageError, or BadRows, for what cannot be added.

    `rows`: those that could not be read as their errors. Only the catalogs of their providers are read.
    """
    if not options.dry_run:
        schema.ensure_current(database)
    read_rows = sorted((row for row in rows if isinstance(row, Addition)), key=lambda row: row.key)
    overlay = runtime.settings.catalog_directory
    catalogs = catalogs_in_force(overlay, only={row.key.provider for row in read_rows})
    providers = {name: each.provider for name, each in known_providers(database, catalogs).items()}
    names = providers.keys() | catalogued_providers(overlay)
    layers = [catalog.snapshot for catalog in catalogs]

    def work(connection: Connection) -> tuple[Plan, ...]:
        tables = database.tables
        stored = {model.key: model for model in read.models(connection, tables)}
        known = KnownModels(providers=names, stored=stored, layers=layers)

        def misspelt(key: ModelKey) -> str:
            return "" if options.exact else _misspelt(key, known)

        require_addable(rows, known, misspelt=misspelt, today=author.now.date())
        plans = []
        for name, group in groupby(read_rows, key=lambda row: row.key.provider):
            made = plan_additions(list(group), read.models_of(connection, tables, name), layers, now=author.now)
            if not options.dry_run:
                writing.apply(connection, tables, made, providers[name], author)
            plans.append(made)
        return tuple(plans)

    if options.dry_run:
        return database.read(work)
    return database.write(one_at_a_time(database, author, work))


def _misspelt(key: ModelKey, known: KnownModels) -> str:
    """What speaks against the id: a known one that is nearly the same, or the vendor's own way to spell."""
    if any(key in layer.records for layer in known.layers):
        return ""
    return other_spelling(key, known.of(key.provider)) or next(misspellings(*key), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateOptions:
    """What is to be there."""

    sets: tuple[str, ...] = ()
    """The models of these sets of the catalogs; of none named, those of the default set."""
    providers: tuple[str, ...] = ()
    """Of these providers, or of all."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateReport:
    """What came of it."""

    plans: tuple[SeedPlan, ...]
    """One per provider, by name."""
    ids: Mapping[ModelKey, int]
    """The ids of the rows that are there now; empty where nothing was written."""


def populate(
    runtime: Runtime,
    database: Database,
    options: PopulateOptions,
    author: Author,
    *,
    on_wait: Callable[[Holder], None] = lambda _holder: None,
) -> PopulateReport:
    """Create the default models that are not there, in one transaction, and before them the tables if need be.

    UsageError for a set or a provider that no catalog has, LockHeld where another run writes for longer than the
    settings wait.
    """
    overlay = runtime.settings.catalog_directory
    known = sorted(catalogued_providers(overlay))
    for name in options.providers:
        require_known(name, known, "provider")
    catalogs = catalogs_in_force(overlay, only=options.providers or None)
    wanted = _wanted(options, catalogs, overlay)
    patterns = {name: each.patterns for name, each in runtime.settings.providers.items()}

    def plans(stored_of: Callable[[str], StoredProvider]) -> tuple[SeedPlan, ...]:
        return tuple(_seed_plans(wanted, catalogs, patterns, stored_of, author))

    def look(connection: Connection) -> PopulateReport:
        return PopulateReport(plans=plans(lambda name: read.models_of(connection, database.tables, name)), ids={})

    def write(connection: Connection) -> PopulateReport:
        made = plans(lambda name: read.models_of(connection, database.tables, name))
        return PopulateReport(plans=made, ids=_write(connection, database, made, providers, author))

    if options.dry_run and not schema.is_readable(database):
        return PopulateReport(plans=plans(lambda _name: StoredProvider()), ids={})
    if options.dry_run:
        return database.read(look)
    schema.ensure_created(database)
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        providers = {name: each.provider for name, each in known_providers(fenced, catalogs).items()}
        return fenced.write(write)


def _wanted(options: PopulateOptions, catalogs: Sequence[Catalog], overlay: Path | None) -> list[ModelKey]:
    """The models of the sets. One that these catalogs do not have may be a set of others: then it is empty here."""
    names = options.sets or (DEFAULT_SET,)
    members = models_by_set([catalog.sets for catalog in catalogs])
    if any(name not in members for name in names):
        known = sorted(models_by_set([catalog.sets for catalog in catalogs_in_force(overlay)]))
        for name in names:
            require_known(name, known, "set")
    return sorted({key for name in names for key in members.get(name, ())})


def _write(
    connection: Connection,
    database: Database,
    plans: Sequence[SeedPlan],
    providers: Mapping[str, Provider],
    author: Author,
) -> dict[ModelKey, int]:
    """Write the plans and their runs; the ids of the rows that are there now."""
    tables = database.tables
    ids = dict[ModelKey, int]()
    for made in plans:
        name, keys = made.plan.provider, [each.key for each in made.results]
        if not made.plan.is_empty:
            writing.apply(connection, tables, made.plan, providers[name], author)
        writing.record_run(connection, tables, _record(made, author))
        found = read.models_by_key(connection, tables, keys)
        ids |= {key: model.row_id for key, model in found.items() if model.row_id is not None}
    return ids


def _seed_plans(
    wanted: Sequence[ModelKey],
    catalogs: Sequence[Catalog],
    patterns: Mapping[str, Patterns],
    stored_of: Callable[[str], StoredProvider],
    author: Author,
) -> Iterator[SeedPlan]:
    for name, group in groupby(sorted(wanted), key=lambda key: key.provider):
        keys = list(group)
        layers = [catalog.snapshot.only(keys) for catalog in catalogs]
        stated = merge_sources(layers, StoredProvider(), patterns.get(name, Patterns()), today=author.now.date())
        yield plan_seed(name, keys, stored_of(name), stated.records, stated.filtered, now=author.now)


def _record(made: SeedPlan, author: Author) -> RunRecord:
    created = made.plan.count(Action.CREATE)
    return RunRecord(
        run=author.run,
        provider=made.plan.provider,
        command=author.command,
        actor=author.actor,
        sources=("catalog",),
        started_at=author.now,
        finished_at=author.now,
        outcome=Outcome.APPLIED if created else Outcome.IN_SYNC,
        kept=len(made.results),
        created=created,
        unchanged=made.plan.unchanged,
    )
