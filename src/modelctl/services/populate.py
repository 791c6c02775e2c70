"""Seeding a database with default models from the catalogs: planned, applied and recorded as a sync is, all or none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from modelctl.catalog.load import Catalog
from modelctl.core.edits.additions import Seeding, seeding
from modelctl.core.facts import ModelKey
from modelctl.core.planning.merge import desired
from modelctl.core.planning.plan import Action
from modelctl.core.planning.policy import Patterns
from modelctl.core.runs import Author, Outcome, RunRecord
from modelctl.core.stored import StoredProvider
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.services.sources import known_providers

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Populating:
    """What is to be there."""

    wanted: Collection[ModelKey]
    catalogs: Sequence[Catalog]
    patterns: Mapping[str, Patterns]
    """By provider, which models the table should have at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Populated:
    """What came of it."""

    seedings: tuple[Seeding, ...]
    """One per provider, by name."""
    ids: Mapping[ModelKey, int]
    """The ids of the rows that are there now; empty where nothing was written."""


def populate(database: Database, order: Populating, author: Author) -> Populated:
    """Create the wanted models that are not there, in one transaction."""
    providers = {name: each.provider for name, each in known_providers(database, order.catalogs).items()}
    tables = database.tables

    def work(connection: Connection) -> Populated:
        seedings = tuple(_seedings(order, author, lambda name: read.models_of(connection, tables, name)))
        ids = dict[ModelKey, int]()
        for made in seedings:
            name, keys = made.plan.provider, [each.key for each in made.results]
            if not made.plan.is_empty:
                writing.apply(connection, tables, made.plan, providers[name], author)
            writing.record_run(connection, tables, _record(made, author))
            found = read.models_by_key(connection, tables, keys)
            ids |= {key: model.row_id for key, model in found.items() if model.row_id is not None}
        return Populated(seedings=seedings, ids=ids)

    return database.write(work)


def preview(database: Database | None, order: Populating, author: Author) -> Populated:
    """What would be created; writes nothing. `database`: None where there are no tables yet."""
    if database is None:
        return Populated(seedings=tuple(_seedings(order, author, lambda _name: StoredProvider())), ids={})

    def work(connection: Connection) -> Populated:
        seedings = _seedings(order, author, lambda name: read.models_of(connection, database.tables, name))
        return Populated(seedings=tuple(seedings), ids={})

    return database.read(work)


def _seedings(order: Populating, author: Author, stored_of: Callable[[str], StoredProvider]) -> Iterator[Seeding]:
    for name, group in groupby(sorted(order.wanted), key=lambda key: key.provider):
        keys = list(group)
        layers = [catalog.snapshot.only(keys) for catalog in order.catalogs]
        patterns = order.patterns.get(name, Patterns())
        stated = desired(layers, StoredProvider(), patterns, today=author.now.date())
        yield seeding(name, keys, stored_of(name), stated.records, stated.filtered, now=author.now)


def _record(made: Seeding, author: Author) -> RunRecord:
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
