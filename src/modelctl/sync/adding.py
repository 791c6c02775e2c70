"""Adding models by hand: checked against all that is known, planned, and written in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from modelctl.catalog.load import Catalog
from modelctl.catalog.names import misspellings
from modelctl.core.adding import Ground, creation, otherwise_spelt, require_addable
from modelctl.core.model import ModelKey
from modelctl.core.new_rows import NewRow
from modelctl.core.plan import Plan
from modelctl.core.run import Author
from modelctl.errors import ModelctlError
from modelctl.store import apply as writing
from modelctl.store import read
from modelctl.store.engine import Database
from modelctl.store.lease import one_at_a_time
from modelctl.sync.providers import known_providers

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """How models are added."""

    exact: bool = False
    """The person insists on ids that look misspelt."""
    dry_run: bool = False


def add(
    database: Database,
    rows: Sequence[NewRow | ModelctlError],
    catalogs: Sequence[Catalog],
    author: Author,
    how: Adding,
) -> tuple[Plan, ...]:
    """Add the models, all or none; a plan per provider. UsageError, or BadRows, for what cannot be added.

    `rows`: those that could not be read as their errors.
    """
    read_rows = sorted((row for row in rows if isinstance(row, NewRow)), key=lambda row: row.key)
    providers = {name: each.provider for name, each in known_providers(database, catalogs).items()}
    layers = [catalog.snapshot for catalog in catalogs]

    def work(connection: Connection) -> tuple[Plan, ...]:
        tables = database.tables
        stored = {model.key: model for model in read.models(connection, tables)}
        ground = Ground(providers=providers, stored=stored, layers=layers)

        def misspelt(key: ModelKey) -> str:
            return "" if how.exact else _misspelt(key, ground)

        require_addable(rows, ground, misspelt=misspelt, today=author.now.date())
        plans = []
        for name, group in groupby(read_rows, key=lambda row: row.key.provider):
            made = creation(list(group), read.models_of(connection, tables, name), layers, now=author.now)
            if not how.dry_run:
                writing.apply(connection, tables, made, providers[name], author)
            plans.append(made)
        return tuple(plans)

    if how.dry_run:
        return database.read(work)
    return database.write(one_at_a_time(database, author, work))


def _misspelt(key: ModelKey, ground: Ground) -> str:
    """What speaks against the id: a known one that is nearly the same, or the vendor's own way to spell."""
    if any(key in layer.records for layer in ground.layers):
        return ""
    return otherwise_spelt(key, ground.of(key.provider)) or next(misspellings(*key), "")
