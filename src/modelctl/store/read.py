"""Reading: rows become values here, and no database object leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from sys import intern
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, true

from modelctl.core.audit import AuditEntry
from modelctl.core.model import ModelKey
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider
from modelctl.errors import StalePlan
from modelctl.store.dialects import batches
from modelctl.store.fetching import fetched, fetched_columns
from modelctl.store.names import Tables
from modelctl.store.rows import (
    MODEL_COLUMNS,
    NAMING_COLUMNS,
    PRICE_COLUMNS,
    audit_entry_from_row,
    models_from_columns,
    points_from_columns,
    provider_from_row,
    state_from_row,
)

_STATE_COLUMNS = ("provider", "model_id", "pins", "absences")


def providers(connection: Connection, tables: Tables) -> dict[str, Provider]:
    """All providers of the database by name."""
    return {row.name: provider_from_row(row) for row in fetched(connection, select(tables.providers))}


def models_of(connection: Connection, tables: Tables, provider: str) -> StoredProvider:
    """Everything that is stored of one provider's models."""
    states = _states(connection, tables, tables.state.c.provider == provider)
    return _assembled(connection, tables, states, lambda table: table.c.provider == provider)


class WrittenOnDemand(Mapping[tuple[str, str], str]):
    """What modelctl wrote into a provider's models, as JSON by provider and id: read when first asked for, all of it.

    That must be while the connection is in the transaction that read the models. Where nothing is to be changed nobody
    asks, and it would be more than half of what is read.
    """

    def __init__(self, connection: Connection, tables: Tables, provider: str) -> None:
        self._connection, self._tables, self._provider = connection, tables, provider
        self._texts: dict[tuple[str, str], str] | None = None

    def models(self) -> StoredProvider:
        """What `models_of` gives; the models ask here for what modelctl wrote into them."""
        statement = _columns(self._tables.state, _STATE_COLUMNS).where(self._is_of_provider(self._tables.state))
        parts = fetched_columns(self._connection, statement)
        states = {key: state for columns in parts for key, state in _states_from(columns, self)}
        return _assembled(self._connection, self._tables, states, self._is_of_provider)

    def load(self) -> Mapping[tuple[str, str], str]:
        """Read it now, where nobody has asked yet: from then on it can be asked without the connection."""
        if self._texts is None:
            self._texts = {}
            state = self._tables.state
            statement = _columns(state, ("provider", "model_id", "written")).where(self._is_of_provider(state))
            for providers, model_ids, texts in fetched_columns(self._connection, statement):
                self._texts.update(zip(zip(map(intern, providers), model_ids, strict=True), texts, strict=True))
        return self._texts

    def _is_of_provider(self, table: Table) -> ColumnElement[bool]:
        return table.c.provider == self._provider

    def __getitem__(self, key: tuple[str, str]) -> str:
        try:
            return self.load()[key]
        except KeyError:
            raise StalePlan(f"{'/'.join(key)} was removed meanwhile", "run the command again") from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.load())

    def __len__(self) -> int:
        return len(self.load())


def models_by_key(
    connection: Connection, tables: Tables, keys: Sequence[ModelKey], *, lock: bool = False
) -> dict[ModelKey, StoredModel]:
    """The named models that exist, all of one provider. `lock`: keep others from changing them until the commit."""
    if not keys:
        return {}
    provider, ids = keys[0].provider, [key.model_id for key in keys]

    def is_named(table: Table) -> ColumnElement[bool]:
        return and_(table.c.provider == provider, table.c.model_id.in_(ids))

    states = _states(connection, tables, is_named(tables.state))
    return dict(_assembled(connection, tables, states, is_named, lock=lock).models)


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
    states = _states(connection, tables, true())
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


def _assembled(
    connection: Connection,
    tables: Tables,
    states: Mapping[ModelKey, RowState],
    wanted: Callable[[Table], ColumnElement[bool]],
    *,
    lock: bool = False,
) -> StoredProvider:
    """The models of one provider that are `wanted`, and what is left of those that somebody deleted."""
    ledger = _ledger(connection, tables, wanted(tables.prices))
    statement = _columns(tables.models, MODEL_COLUMNS).where(wanted(tables.models))
    if lock:
        statement = statement.order_by(tables.models.c.model_id).with_for_update()
    found: dict[ModelKey, StoredModel] = {}
    for columns in fetched_columns(connection, statement):
        for model in models_from_columns(columns, ledger, states):
            found[model.key] = model
    removed = {
        key: RemovedModel(state=state, prices=tuple(ledger.get(key.model_id, ())))
        for key, state in states.items()
        if key not in found
    }
    return StoredProvider(models=found, removed_by_hand=removed)


def _states(connection: Connection, tables: Tables, condition: ColumnElement[bool]) -> dict[ModelKey, RowState]:
    """What modelctl remembers of models, what it wrote into them included."""
    found: dict[ModelKey, RowState] = {}
    texts: dict[tuple[str, str], str] = {}
    statement = _columns(tables.state, (*_STATE_COLUMNS, "written")).where(condition)
    for *columns, written in fetched_columns(connection, statement):
        states = dict(_states_from(columns, texts))
        texts.update(zip(states, written, strict=True))
        found |= states
    return found


def _states_from(
    columns: Sequence[Sequence[Any]], written: Mapping[tuple[str, str], str]
) -> Iterator[tuple[ModelKey, RowState]]:
    for provider, model_id, pins, absences in zip(*columns, strict=True):
        key = ModelKey(intern(provider), model_id)
        yield key, state_from_row(key, pins, absences, written)


def _ledger(
    connection: Connection, tables: Tables, condition: ColumnElement[bool]
) -> Mapping[str, Sequence[PricePoint]]:
    """The points of one provider's models by id."""
    statement = _columns(tables.prices, ("model_id", *PRICE_COLUMNS)).where(condition)
    ledger: defaultdict[str, list[PricePoint]] = defaultdict(list)
    for model_ids, *columns in fetched_columns(connection, statement):
        for model_id, point in zip(model_ids, points_from_columns(columns), strict=True):
            ledger[model_id].append(point)
    return ledger


def _model_rows(
    connection: Connection, tables: Tables, columns: Collection[str], condition: ColumnElement[bool] | None
) -> Iterator[StoredModel]:
    """Models without ledger and state; of what is not among the columns, each has None."""
    names = [name for name in MODEL_COLUMNS if name in columns or name in NAMING_COLUMNS]
    statement = _columns(tables.models, names)
    for found in fetched_columns(connection, statement if condition is None else statement.where(condition)):
        by_name, unread = dict(zip(names, found, strict=True)), (None,) * len(found[0])
        yield from models_from_columns([by_name.get(name, unread) for name in MODEL_COLUMNS], {}, {})


def _columns(table: Table, names: Collection[str]) -> Select[*tuple[Any, ...]]:
    return select(*(table.c[name] for name in names))
