"""What can be asked of the models in a database: which there are, which one a name means, and all that is known of it.

What commands and programs read. Nothing is written, and each answer is of one instant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelctl.core.models.query import (
    ALL_MODELS,
    COLUMNS,
    PROTECTED,
    SHOWABLE,
    Filter,
    Page,
    Selection,
    columns_decisive,
    ordered,
    select,
)
from modelctl.core.models.resolve import NAMING_FACTS, Obstacle, Resolution, obstacles, resolve
from modelctl.core.text import did_you_mean, require_known
from modelctl.db import read
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

    from modelctl.core.models.details import ModelDetails
    from modelctl.core.models.retirements import Retirements, Window
    from modelctl.core.stored import StoredModel
    from modelctl.db.engine import Database
    from modelctl.services.keys import Keys


SHORT = 500
"""So many models at most are read a second time, by their numbers."""


@dataclass(frozen=True, slots=True)
class FoundModels:
    """What a list found."""

    selection: Selection
    shown: Sequence[StoredModel]
    """In order, as many as are wanted; of each the columns that are."""
    known: int
    """How many models the table has of the providers that are asked for, or can be used."""
    has_more: bool = False
    """The list goes on after those that are shown."""
    obstacles: Mapping[Obstacle, Sequence[StoredModel]] = field(default_factory=dict)
    """Where keys count, the models that pass the filter and cannot be called, by what is to be mended first."""


def require_providers(database: Database, names: Collection[str]) -> None:
    """UsageError for a name that no provider of the database has."""
    if names:
        known = database.read(lambda connection: read.provider_names(connection, database.tables))
        for name in sorted(names):
            require_known(name, known, "provider")


def list_models(
    database: Database,
    wanted: Filter,
    *,
    today: date,
    order: Sequence[str] = (),
    page: Page = ALL_MODELS,
    columns: Set[str] = frozenset(COLUMNS),
    keys: Keys | None = None,
    spared: Set[Obstacle] = frozenset(),
) -> FoundModels:
    """The models that pass the filter, by key or by `order` (`-COLUMN`: the other way round); without ledgers.

    `columns`: what is wanted of each. For a short list, only what decides is read of all, and the rest of a few.
    `keys`: only models that can be called with them today: enabled, not ended, of an enabled provider with a key.
    `spared`: what keeps no model from the list all the same.
    UsageError for a column that there is not, SourceError for a variable that holds what can be no key.
    """
    tables = database.tables
    to_read = _columns_to_read(wanted, order, page.limit, columns) if keys is None else frozenset(SHOWABLE)

    def find(connection: Connection) -> FoundModels:
        models = read.models(connection, tables, only=wanted.providers, columns=to_read)
        if wanted.is_protected or PROTECTED in columns:
            models = read.with_states(connection, tables, models)
        hindered: dict[Obstacle, list[StoredModel]] = {}
        if keys is not None:
            providers = read.providers(connection, tables)
            passing, models = select(models, wanted).models, []
            keyed = keys.of_providers(providers)
            for each in passing:
                found = [one for one in obstacles(each, providers, keyed, today) if one not in spared]
                (hindered.setdefault(found[0], []) if found else models).append(each)
        selection = select(models, wanted)
        in_order = ordered(selection.models, order)
        shown = page.of(in_order)
        has_more = bool(shown) and shown[-1].key != in_order[-1].key
        if shown and not columns <= to_read:
            shown = read.again(connection, tables, shown, columns)
        return FoundModels(selection, shown, known=len(models), has_more=has_more, obstacles=hindered)

    return database.read(find)


def _columns_to_read(wanted: Filter, order: Sequence[str], limit: int | None, columns: Set[str]) -> Set[str]:
    """The columns that are read of all models."""
    if PROTECTED in columns:
        return frozenset(SHOWABLE)
    decisive = columns_decisive(wanted, order)
    return decisive if limit is not None and limit <= SHORT else decisive | columns


def resolve_model(database: Database, name: str, today: date) -> Resolution:
    """Which model a name means, and by which rule. UsageError where it means none, or several."""
    return database.read(lambda connection: _resolution(connection, database, name, today))


def get_model(database: Database, name: str, today: date) -> StoredModel:
    """One model with its ledger and what modelctl remembers of it. UsageError as of `resolve_model`."""

    def work(connection: Connection) -> StoredModel:
        key = _resolution(connection, database, name, today).key
        return read.with_ledgers(connection, database.tables, [key])[key]

    return database.read(work)


def _resolution(connection: Connection, database: Database, name: str, today: date) -> Resolution:
    return resolve(name, read.models(connection, database.tables, columns=NAMING_FACTS), today)


def show_model(
    database: Database, name: str, *, changes: int, keys: Keys, now: datetime
) -> tuple[Resolution, ModelDetails]:
    """Which model a name means, and all that is known of it, with its last `changes`; raises as `resolve_model`."""
    from modelctl.core.models.details import model_details
    from modelctl.core.models.lifecycle import chain_of

    today, tables = now.date(), database.tables

    def work(connection: Connection) -> tuple[Resolution, ModelDetails]:
        known = {each.key: each for each in read.models(connection, tables)}
        resolution = resolve(name, known.values(), today)
        model = read.models_by_key(connection, tables, [resolution.key])[resolution.key]
        entries = read.changes_of(connection, tables, resolution.key, changes) if changes else ()
        chain = chain_of(model, known, after=today, today=today)
        providers = read.providers(connection, tables)
        found = obstacles(model, providers, keys.of_providers(providers), today)
        return resolution, model_details(model, known, chain, entries, obstacles=found, now=now)

    return database.read(work)


def list_retirements(database: Database, window: Window, *, today: date) -> Retirements:
    """What ends inside the window; of the ledgers only those that are shown are read.

    UsageError for a provider that there is not.
    """
    from modelctl.core.models.retirements import find_retirements, with_prices

    tables = database.tables

    def work(connection: Connection) -> Retirements:
        known = read.provider_names(connection, tables)
        for name in window.providers:
            if name not in known:
                hint = did_you_mean(name, known) or "there are none"
                raise UsageError(f"the database has no provider {name!r}", hint)
        retirements = find_retirements(read.models(connection, tables), window, today=today)
        return with_prices(retirements, read.with_ledgers(connection, tables, retirements.keys))

    return database.read(work)
