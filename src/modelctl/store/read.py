"""Reading: rows become values here, and no database object leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
from modelctl.errors import StalePlan
from modelctl.store.dialects import batches
from modelctl.store.fetching import AnyRow, fetched, fetched_columns
from modelctl.store.names import Tables
from modelctl.store.rows import (
    MODEL_COLUMNS,
    NAMING_COLUMNS,
    PRICE_COLUMNS,
    audit_entry_from_row,
    model_from_row,
    models_from_columns,
    points_from_columns,
    provider_from_row,
    state_from_row,
)


def providers(connection: Connection, tables: Tables) -> dict[str, Provider]:
    """All providers of the database by name."""
    return {row.name: provider_from_row(row) for row in fetched(connection, select(tables.providers))}


class WrittenTexts(Mapping[tuple[str, str], str]):
    """What modelctl wrote into models, as JSON by provider and id: read when somebody first asks, all of it at once.

    That must be while the connection is in the transaction that read the models. Where nothing is to be changed nobody
    asks, and it would be more than half of what is read.
    """

    def __init__(self, connection: Connection, tables: Tables, condition: ColumnElement[bool]) -> None:
        """Of the models whose state fulfils the condition."""
        self._connection = connection
        self._statement = _columns(tables.state, ("provider", "model_id", "written")).where(condition)
        self._texts: dict[tuple[str, str], str] | None = None

    def load(self) -> Mapping[tuple[str, str], str]:
        """Read it now, where nobody has asked yet: from then on it can be asked without the connection."""
        if self._texts is None:
            self._texts = {}
            for providers, model_ids, texts in fetched_columns(self._connection, self._statement):
                keys = zip(map(intern, providers), model_ids, strict=True)
                self._texts.update(zip(keys, texts, strict=True))
        return self._texts

    def __getitem__(self, key: tuple[str, str]) -> str:
        try:
            return self.load()[key]
        except KeyError:
            raise StalePlan(f"{'/'.join(key)} was removed meanwhile", "run the command again") from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.load())

    def __len__(self) -> int:
        return len(self.load())


def models_of(connection: Connection, tables: Tables, provider: str) -> StoredProvider:
    """Everything that is stored of one provider's models."""
    return models_with(written_of(connection, tables, provider).load(), connection, tables, provider)


def written_of(connection: Connection, tables: Tables, provider: str) -> WrittenTexts:
    """What modelctl wrote into one provider's models; nothing of it is read yet."""
    return WrittenTexts(connection, tables, tables.state.c.provider == provider)


def models_with(
    written: Mapping[tuple[str, str], str], connection: Connection, tables: Tables, provider: str
) -> StoredProvider:
    """One provider's models, which find in `written` what modelctl wrote into them."""
    return _assembled(connection, tables, provider, lambda table: table.c.provider == provider, written)


def models_by_key(
    connection: Connection, tables: Tables, keys: Sequence[ModelKey], *, lock: bool = False
) -> dict[ModelKey, StoredModel]:
    """The named models that exist, all of one provider. `lock`: keep others from changing them until the commit."""
    if not keys:
        return {}
    provider, ids = keys[0].provider, [key.model_id for key in keys]

    def is_named(table: Table) -> ColumnElement[bool]:
        return and_(table.c.provider == provider, table.c.model_id.in_(ids))

    written = WrittenTexts(connection, tables, is_named(tables.state)).load()
    return dict(_assembled(connection, tables, provider, is_named, written, lock=lock).models)


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
    states = _state_rows(connection, tables, true(), WrittenTexts(connection, tables, true()).load())
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
    provider: str,
    wanted: Callable[[Table], ColumnElement[bool]],
    written: Mapping[tuple[str, str], str],
    *,
    lock: bool = False,
) -> StoredProvider:
    """The models of one provider that are `wanted`, and what is left of those that somebody deleted."""
    states = _state_rows(connection, tables, wanted(tables.state), written)
    ledger = _ledger(connection, tables, wanted(tables.prices))
    statement = _columns(tables.models, MODEL_COLUMNS).where(wanted(tables.models))
    if lock:
        statement = statement.order_by(tables.models.c.model_id).with_for_update()
    found: dict[ModelKey, StoredModel] = {}
    for columns in fetched_columns(connection, statement):
        for model in models_from_columns(provider, columns, ledger, states):
            found[model.key] = model
    removed = {
        key: RemovedModel(state=state, prices=tuple(ledger.get(key.model_id, ())))
        for key, state in states.items()
        if key not in found
    }
    return StoredProvider(models=found, removed_by_hand=removed)


def _state_rows(
    connection: Connection, tables: Tables, condition: ColumnElement[bool], written: Mapping[tuple[str, str], str]
) -> dict[ModelKey, RowState]:
    statement = _columns(tables.state, ("provider", "model_id", "pins", "absences")).where(condition)
    found: dict[ModelKey, RowState] = {}
    for columns in fetched_columns(connection, statement):
        for provider, model_id, pins, absences in zip(*columns, strict=True):
            key = ModelKey(intern(provider), model_id)
            found[key] = state_from_row(key, pins, absences, written)
    return found


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
