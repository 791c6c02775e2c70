"""Reading: rows become values here, and no database object leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter, itemgetter
from sys import intern
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, true

from modelctl.core.audit import AuditEntry
from modelctl.core.model import ModelKey
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider
from modelctl.store.dialects import batches
from modelctl.store.fetching import AnyRow, fetched
from modelctl.store.names import Tables
from modelctl.store.rows import (
    MODEL_COLUMNS,
    NAMING_COLUMNS,
    PRICE_COLUMNS,
    audit_entry_from_row,
    model_from_row,
    price_from_columns,
    provider_from_row,
    state_from_row,
)


def providers(connection: Connection, tables: Tables) -> dict[str, Provider]:
    """All providers of the database by name."""
    return {row.name: provider_from_row(row) for row in fetched(connection, select(tables.providers))}


def models_of(connection: Connection, tables: Tables, provider: str) -> StoredProvider:
    """Everything that is stored of one provider's models."""
    states = _state_rows(connection, tables, tables.state.c.provider == provider)
    ledger = _price_rows(connection, tables, tables.prices.c.provider == provider)
    statement = _columns(tables.models, MODEL_COLUMNS).where(tables.models.c.provider == provider)
    return _assemble(fetched(connection, statement), states, ledger)


def models_by_key(
    connection: Connection, tables: Tables, keys: Sequence[ModelKey], *, lock: bool = False
) -> dict[ModelKey, StoredModel]:
    """The named models that exist, all of one provider. `lock`: keep others from changing them until the commit."""
    if not keys:
        return {}
    provider, ids = keys[0].provider, [key.model_id for key in keys]
    statement = _columns(tables.models, MODEL_COLUMNS).where(_is_one_of(tables.models, provider, ids))
    if lock:
        statement = statement.order_by(tables.models.c.model_id).with_for_update()
    return dict(
        _assemble(
            fetched(connection, statement),
            _state_rows(connection, tables, _is_one_of(tables.state, provider, ids)),
            _price_rows(connection, tables, _is_one_of(tables.prices, provider, ids)),
        ).models
    )


def with_ledgers(
    connection: Connection, tables: Tables, keys: Iterable[ModelKey], *, lock: bool = False
) -> dict[ModelKey, StoredModel]:
    """The named models that exist, of whatever providers, with their ledgers and states.

    `lock`: as `models_by_key`; in the order of the keys, so that two writers never wait for each other.
    """
    found: dict[ModelKey, StoredModel] = {}
    for _, of_provider in groupby(sorted(keys), key=attrgetter("provider")):
        for batch in batches(connection, list(of_provider)):
            found |= models_by_key(connection, tables, batch, lock=lock)
    return found


def models(
    connection: Connection, tables: Tables, *, only: Collection[str] = (), columns: Collection[str] = MODEL_COLUMNS
) -> list[StoredModel]:
    """The models of all providers, or of some, sorted by key; without their ledgers, which a list does not show.

    Of each its number, its key and these `columns`; the others look as if they were unknown.
    """
    condition = tables.models.c.provider.in_(sorted(only)) if only else None
    return sorted(_model_rows(connection, tables, columns, condition), key=lambda model: model.key)


def again(
    connection: Connection, tables: Tables, models: Sequence[StoredModel], columns: Collection[str]
) -> list[StoredModel]:
    """The same few models in the same order, now with these columns; without those that are gone by now."""
    condition = tables.models.c.id.in_([model.row_id for model in models])
    found = {model.key: model for model in _model_rows(connection, tables, columns, condition)}
    return [found[model.key] for model in models if model.key in found]


def with_states(connection: Connection, tables: Tables, models: Sequence[StoredModel]) -> list[StoredModel]:
    """The models with what modelctl remembers of them."""
    states = _state_rows(connection, tables, true())
    return [replace(model, state=states.get(model.key)) for model in models]


def changes_of(connection: Connection, tables: Tables, key: ModelKey, limit: int) -> tuple[AuditEntry, ...]:
    """The last changes of a model in the audit trail, newest first."""
    changes = tables.changes
    statement = (
        select(changes)
        .where(changes.c.entity == "model", changes.c.entity_key == str(key))
        .order_by(changes.c.at.desc(), changes.c.run.desc())
        .limit(limit)
    )
    return tuple(audit_entry_from_row(row) for row in fetched(connection, statement))


def last_fetched(connection: Connection, tables: Tables, provider: str) -> int | None:
    """How many models the provider's last believed listing had, whatever came of it; None where there was none."""
    runs = tables.sync_runs
    statement = (
        select(runs.c.fetched)
        .where(
            runs.c.provider == provider,
            runs.c.fetched.is_not(None),
        )
        .order_by(runs.c.started_at.desc())
        .limit(1)
    )
    return next((row.fetched for row in fetched(connection, statement)), None)


def _assemble(
    model_rows: Iterable[AnyRow],
    states: dict[ModelKey, RowState],
    ledger: Mapping[tuple[str, str], list[PricePoint]],
) -> StoredProvider:
    found = {}
    for row in model_rows:
        key = ModelKey(intern(row[1]), row[2])
        found[key] = model_from_row(key, row, tuple(ledger.get(key, ())), states.get(key))
    removed = {
        key: RemovedModel(state=state, prices=tuple(ledger.get(key, ())))
        for key, state in states.items()
        if key not in found
    }
    return StoredProvider(models=found, removed_by_hand=removed)


def _state_rows(connection: Connection, tables: Tables, condition: ColumnElement[bool]) -> dict[ModelKey, RowState]:
    columns = ("provider", "model_id", "written", "pins", "absences")
    rows = fetched(connection, _columns(tables.state, columns).where(condition))
    return {(key := ModelKey(intern(row[0]), row[1])): state_from_row(key, *row[2:]) for row in rows}


def _price_rows(
    connection: Connection, tables: Tables, condition: ColumnElement[bool]
) -> dict[tuple[str, str], list[PricePoint]]:
    """The points by provider and id: a plain tuple finds what a ModelKey does, and there are many rows."""
    statement = _columns(tables.prices, ("provider", "model_id", *PRICE_COLUMNS)).where(condition)
    ledger: defaultdict[tuple[str, str], list[PricePoint]] = defaultdict(list)
    for row in fetched(connection, statement):
        ledger[row[:2]].append(price_from_columns(*row[2:]))
    return ledger


def _model_rows(
    connection: Connection, tables: Tables, columns: Collection[str], condition: ColumnElement[bool] | None
) -> Iterator[StoredModel]:
    names = [name for name in MODEL_COLUMNS if name in columns or name in NAMING_COLUMNS]
    statement = _columns(tables.models, names)
    rows = fetched(connection, statement if condition is None else statement.where(condition))
    for row in rows if len(names) == len(MODEL_COLUMNS) else _widened(rows, names):
        yield model_from_row(ModelKey._make(row[1:3]), row, (), None)


def _widened(rows: Iterable[AnyRow], names: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Rows of the named columns as rows of all `MODEL_COLUMNS`, with None for what was not read."""
    places = itemgetter(*(names.index(name) if name in names else len(names) for name in MODEL_COLUMNS))
    return (places((*row, None)) for row in rows)


def _columns(table: Table, names: Collection[str]) -> Select[*tuple[Any, ...]]:
    return select(*(table.c[name] for name in names))


def _is_one_of(table: Table, provider: str, ids: Sequence[str]) -> ColumnElement[bool]:
    return and_(table.c.provider == provider, table.c.model_id.in_(ids))
