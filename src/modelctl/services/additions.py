"""Models created by hand (`add`) or as defaults (`populate`): in one transaction, planned, audited and recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from modelctl.catalog.lint import misspellings
from modelctl.catalog.load import Catalog
from modelctl.core.edits.additions import (
    Addition,
    KnownModels,
    SeedPlan,
    other_spelling,
    plan_additions,
    plan_seed,
    require_addable,
)
from modelctl.core.facts import ModelKey
from modelctl.core.planning.merge import merge_sources
from modelctl.core.planning.plan import Action, Plan
from modelctl.core.planning.policy import Patterns
from modelctl.core.runs import Author, Outcome, RunRecord
from modelctl.core.stored import StoredProvider
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.lease import one_at_a_time
from modelctl.errors import ModelctlError
from modelctl.services.access import known_providers

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """How models are added."""

    exact: bool = False
    """The person insists on ids that look misspelt."""
    dry_run: bool = False


def add(
    database: Database,
    rows: Sequence[Addition | ModelctlError],
    catalogs: Sequence[Catalog],
    author: Author,
    options: AddOptions,
) -> tuple[Plan, ...]:
    """Add the models, all or none; a plan per provider. UsageError, or BadRows, for what cannot be added.

    `rows`: those that could not be read as their errors.
    """
    read_rows = sorted((row for row in rows if isinstance(row, Addition)), key=lambda row: row.key)
    providers = {name: each.provider for name, each in known_providers(database, catalogs).items()}
    layers = [catalog.snapshot for catalog in catalogs]

    def work(connection: Connection) -> tuple[Plan, ...]:
        tables = database.tables
        stored = {model.key: model for model in read.models(connection, tables)}
        known = KnownModels(providers=providers, stored=stored, layers=layers)

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

    wanted: Collection[ModelKey]
    catalogs: Sequence[Catalog]
    patterns: Mapping[str, Patterns]
    """By provider, which models the table should have at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateReport:
    """What came of it."""

    plans: tuple[SeedPlan, ...]
    """One per provider, by name."""
    ids: Mapping[ModelKey, int]
    """The ids of the rows that are there now; empty where nothing was written."""


def populate(database: Database, options: PopulateOptions, author: Author) -> PopulateReport:
    """Create the wanted models that are not there, in one transaction."""
    providers = {name: each.provider for name, each in known_providers(database, options.catalogs).items()}
    tables = database.tables

    def work(connection: Connection) -> PopulateReport:
        plans = tuple(_plans(options, author, lambda name: read.models_of(connection, tables, name)))
        ids = dict[ModelKey, int]()
        for made in plans:
            name, keys = made.plan.provider, [each.key for each in made.results]
            if not made.plan.is_empty:
                writing.apply(connection, tables, made.plan, providers[name], author)
            writing.record_run(connection, tables, _record(made, author))
            found = read.models_by_key(connection, tables, keys)
            ids |= {key: model.row_id for key, model in found.items() if model.row_id is not None}
        return PopulateReport(plans=plans, ids=ids)

    return database.write(work)


def preview(database: Database | None, options: PopulateOptions, author: Author) -> PopulateReport:
    """What would be created; writes nothing. `database`: None where there are no tables yet."""
    if database is None:
        return PopulateReport(plans=tuple(_plans(options, author, lambda _name: StoredProvider())), ids={})

    def work(connection: Connection) -> PopulateReport:
        plans = _plans(options, author, lambda name: read.models_of(connection, database.tables, name))
        return PopulateReport(plans=tuple(plans), ids={})

    return database.read(work)


def _plans(options: PopulateOptions, author: Author, stored_of: Callable[[str], StoredProvider]) -> Iterator[SeedPlan]:
    for name, group in groupby(sorted(options.wanted), key=lambda key: key.provider):
        keys = list(group)
        layers = [catalog.snapshot.only(keys) for catalog in options.catalogs]
        patterns = options.patterns.get(name, Patterns())
        stated = merge_sources(layers, StoredProvider(), patterns, today=author.now.date())
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
