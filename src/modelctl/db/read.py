"""Reading: rows become values here, and no database object leaves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from itertools import groupby
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, true
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from modelctl.core.facts import FACT_FIELDS, ModelFacts, ModelKey, decode, encoded
from modelctl.core.prices.price import PricePoint
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider, Written
from modelctl.db.dialects import Row, batches
from modelctl.db.fetch import fetched, fetched_columns, instances, unreadable
from modelctl.errors import StalePlan, StoreError
from modelctl.tables.base import Tables

if TYPE_CHECKING:
    from modelctl.core.provider import Provider
    from modelctl.core.runs import AuditEntry, Author, RunRecord
    from modelctl.tables import AuditRecord
    from modelctl.tables import Provider as ProviderRow

PRICE_COLUMNS = PricePoint._fields  # the ledger's columns and a point's fields have the same names
NAMING_COLUMNS = ("id", "provider", "model_id")
MODEL_COLUMNS = tuple(Tables().models.model_fields)
_SHARED_TEXTS = frozenset({"kind", "unit", "service_tier", "hours_utc", "currency", "basis", "source"})
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


NO_PINS: frozenset[str] = frozenset()


class WrittenFields(Mapping[str, Written]):
    """What was last written into one model, found in the JSON of all and parsed only when somebody asks.

    Most rows are as they should be, and then nobody does. StoreError where it cannot be read.
    """

    __slots__ = ("_key", "_texts")

    def __init__(self, texts: Mapping[tuple[str, str], str], key: ModelKey) -> None:
        self._texts, self._key = texts, key

    def _fields(self) -> Mapping[str, Written]:
        text = self._texts[self._key]
        try:
            return _written_fields(text)
        except (ValueError, TypeError, ArithmeticError, KeyError, AttributeError):
            noun = "a JSON object of fields, each with its value and source"
            raise unreadable("ai_model_state", str(self._key), "written", noun) from None

    def __getitem__(self, name: str) -> Written:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())


@lru_cache(maxsize=16)
def _written_fields(text: str) -> Mapping[str, Written]:
    """Kept for a moment, while one model is looked at: those of all models would take more memory than their rows."""
    raw = json.loads(text)
    return {name: Written(decode(name, value), source) for name, (value, source) in raw.items()}


_facts_of: Callable[[Iterable[Any]], ModelFacts] = partial(tuple.__new__, ModelFacts)
_key_of: Callable[[Iterable[Any]], ModelKey] = partial(tuple.__new__, ModelKey)
"""What `_make` does, in C and without a look at the number of values: there are hundreds of thousands of rows."""


def models_from_columns(
    columns: Sequence[Sequence[Any]],
    ledger: Mapping[str, Sequence[PricePoint]],
    states: Mapping[ModelKey, RowState],
) -> Iterator[StoredModel]:
    """Stored models from the columns of `MODEL_COLUMNS`, with their ledgers by id and their states."""
    row_ids, providers, model_ids, *others = columns
    all_facts = map(_facts_of, zip(*others[: len(FACT_FIELDS)], strict=True))
    stamps = zip(*others[len(FACT_FIELDS) :], strict=True)
    keys = map(_key_of, zip(map(intern, providers), model_ids, strict=True))
    for row_id, key, facts, stamped in zip(row_ids, keys, all_facts, stamps, strict=True):
        is_enabled, last_seen_at, last_verified_at, created_at, updated_at = stamped
        yield StoredModel(
            key=key,
            facts=facts,
            is_enabled=bool(is_enabled),
            prices=tuple(ledger.get(key.model_id, ())),
            state=states.get(key),
            row_id=row_id,
            last_seen_at=last_seen_at,
            last_verified_at=last_verified_at,
            created_at=created_at,
            updated_at=updated_at,
        )


def model_row(model: StoredModel) -> Row:
    """All columns of a stored model; `id` only where the row has one."""
    row: Row = {"provider": model.key.provider, "model_id": model.key.model_id}
    if model.row_id is not None:
        row["id"] = model.row_id
    row.update(zip(FACT_FIELDS, model.facts, strict=True))
    return row | {
        "is_enabled": model.is_enabled,
        "last_seen_at": model.last_seen_at,
        "last_verified_at": model.last_verified_at,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
    }


def state_from_row(
    key: ModelKey, pins: Sequence[str] | None, absences: int, texts: Mapping[tuple[str, str], str]
) -> RowState:
    """The state of a model from the columns of its row; `texts`: what was last written, by provider and id."""
    return RowState(written=WrittenFields(texts, key), pins=frozenset(pins) if pins else NO_PINS, absences=absences)


def state_row(model: StoredModel, *, now: datetime) -> Row:
    """The state row of a model that has one."""
    state = model.state or RowState()
    values = encoded((name, value) for name, (value, _) in state.written.items())
    written = {name: [values[name], source] for name, (_, source) in state.written.items()}
    return {
        "provider": model.key.provider,
        "model_id": model.key.model_id,
        "written": _JSON.encode(written),
        "pins": tuple(sorted(state.pins)) or None,
        "absences": state.absences,
        "updated_at": now,
    }


def points_from_columns(columns: Sequence[Sequence[Any]]) -> Iterator[PricePoint]:
    """Ledger points from the columns of `PRICE_COLUMNS`; the texts that thousands of them share are in memory once."""
    shared = (
        map(intern, values) if name in _SHARED_TEXTS else values
        for name, values in zip(PRICE_COLUMNS, columns, strict=True)
    )
    return map(PricePoint._make, zip(*shared, strict=True))


def price_row(key: ModelKey, point: PricePoint, *, run: str, now: datetime) -> Row:
    """The ledger row of a point."""
    values: dict[str, str | int | Decimal | datetime | None] = {name: getattr(point, name) for name in PRICE_COLUMNS}
    return {"provider": key.provider, "model_id": key.model_id, **values, "run": run, "recorded_at": now}


def audit_entry_from_row(row: AuditRecord) -> AuditEntry:
    """An entry of the audit trail from its row."""
    from modelctl.core.runs import AuditEntry  # here, as a list of models has no use for it

    return AuditEntry(
        run=row.run,
        at=row.at,
        actor=row.actor,
        command=row.command,
        action=row.action,
        before=row.before_values or {},
        after=row.after_values or {},
    )


def entry_row(
    entity: str, key: str, action: str, before: Mapping[str, object] | None, after: Mapping[str, object], author: Author
) -> Row:
    """The row of an entry that is to be appended; `before`: None of what was not there."""
    return {
        "run": author.run,
        "entity": entity,
        "entity_key": key,
        "at": author.now,
        "actor": author.actor,
        "command": author.command,
        "action": action,
        "before_values": before,
        "after_values": after,
    }


def provider_from_row(row: ProviderRow) -> Provider:
    """A provider from its row."""
    from modelctl.core.provider import Provider  # here, as a list of models has no use for it

    return Provider(
        name=row.name,
        display_name=row.display_name,
        kind=row.kind,
        api_base_url=row.api_base_url,
        auth_header_name=row.auth_header_name,
        auth_header_prefix=row.auth_header_prefix,
        env_vars=row.env_vars or (),
        features=row.features or (),
        settings=row.settings or {},
        is_builtin=row.is_builtin,
        is_enabled=row.is_enabled,
    )


def provider_row(provider: Provider, *, now: datetime) -> Row:
    """All columns of a provider that is new to the table."""
    return {
        "name": provider.name,
        "display_name": provider.display_name,
        "kind": provider.kind,
        "api_base_url": provider.api_base_url,
        "auth_header_name": provider.auth_header_name,
        "auth_header_prefix": provider.auth_header_prefix,
        "env_vars": provider.env_vars or None,
        "features": provider.features or None,
        "settings": dict(provider.settings) or None,
        "is_builtin": provider.is_builtin,
        "is_enabled": provider.is_enabled,
        "health_status": "unknown",
        "health_checked_at": None,
        "health_latency_ms": None,
        "created_at": now,
        "updated_at": now,
    }


def run_row(record: RunRecord) -> Row:
    """All columns of a run."""
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    return values | {"outcome": record.outcome.value}


_STATE_COLUMNS = ("provider", "model_id", "pins", "absences")


def providers(connection: Connection, tables: Tables) -> dict[str, Provider]:
    """All providers of the database by name."""
    return {row.name: provider_from_row(row) for row in instances(connection, select(tables.providers))}


def provider_names(connection: Connection, tables: Tables) -> list[str]:
    """The names of all providers of the database, sorted."""
    return sorted(row.name for row in fetched(connection, select_columns(tables.providers.__table__.c.name)))


def readable_providers(connection: Connection, tables: Tables) -> tuple[dict[str, Provider], dict[str, StoreError]]:
    """The same as `providers`, and by name what is wrong with the rows of which a value cannot be read."""
    try:
        return providers(connection, tables), {}
    except StoreError:
        found: dict[str, Provider] = {}
        wrong: dict[str, StoreError] = {}
        for name in provider_names(connection, tables):
            try:
                [row] = instances(connection, select(tables.providers).where(tables.providers.name == name))
                found[name] = provider_from_row(row)
            except StoreError as error:
                wrong[name] = error
        return found, wrong


def models_of(connection: Connection, tables: Tables, provider: str) -> StoredProvider:
    """Everything that is stored of one provider's models."""
    states = _states(connection, tables, col(tables.state.provider) == provider)
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
        table = self._tables.state.__table__
        statement = _columns(table, _STATE_COLUMNS).where(self._is_of_provider(table))
        parts = fetched_columns(self._connection, statement)
        states = {key: state for columns in parts for key, state in _states_from(columns, self)}
        return _assembled(self._connection, self._tables, states, self._is_of_provider)

    def load(self) -> Mapping[tuple[str, str], str]:
        """Read it now, where nobody has asked yet: from then on it can be asked without the connection."""
        if self._texts is None:
            self._texts = {}
            table = self._tables.state.__table__
            statement = _columns(table, ("provider", "model_id", "written")).where(self._is_of_provider(table))
            for providers, model_ids, texts in fetched_columns(self._connection, statement):
                self._texts.update(zip(zip(map(intern, providers), model_ids, strict=True), texts, strict=True))
        return self._texts

    def _is_of_provider(self, table: Table) -> ColumnElement[bool]:
        return table.c.provider == self._provider

    def __getitem__(self, key: tuple[str, str]) -> str:
        try:
            return self.load()[key]
        except KeyError:
            raise StalePlan(f"{'/'.join(key)} has just been removed", "run the command again") from None

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

    states = _states(connection, tables, is_named(tables.state.__table__))
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
    condition = tables.models.__table__.c.provider.in_(sorted(only)) if only else None
    return sorted(_model_rows(connection, tables, columns, condition), key=lambda model: model.key)


def models_with_ledgers(connection: Connection, tables: Tables) -> list[StoredModel]:
    """The models of all providers with all their prices, sorted by key; without what modelctl remembers of them."""
    statement = _columns(tables.prices.__table__, ("provider", "model_id", *PRICE_COLUMNS))
    ledger: defaultdict[ModelKey, list[PricePoint]] = defaultdict(list)
    for names, model_ids, *columns in fetched_columns(connection, statement):
        for key, point in zip(map(ModelKey, names, model_ids), points_from_columns(columns), strict=True):
            ledger[key].append(point)
    return [replace(model, prices=tuple(ledger.get(model.key, ()))) for model in models(connection, tables)]


def again(
    connection: Connection, tables: Tables, models: Sequence[StoredModel], columns: Collection[str]
) -> list[StoredModel]:
    """The same few models in the same order, now with these columns; without those that are gone by now."""
    condition = tables.models.__table__.c.id.in_([model.row_id for model in models])
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
        .where(changes.entity == "model", changes.entity_key == str(key))
        .order_by(col(changes.at).desc(), col(changes.run).desc())
        .limit(limit)
    )
    return tuple(map(audit_entry_from_row, instances(connection, statement)))


def last_fetched(connection: Connection, tables: Tables, provider: str) -> int | None:
    """How many models the provider's last believed listing had, whatever came of it; None where there was none."""
    runs = tables.sync_runs.__table__.c
    statement = select_columns(runs.fetched).where(runs.provider == provider, runs.fetched.is_not(None))
    newest = statement.order_by(runs.started_at.desc()).limit(1)
    return next((row.fetched for row in fetched(connection, newest)), None)


def _assembled(
    connection: Connection,
    tables: Tables,
    states: Mapping[ModelKey, RowState],
    wanted: Callable[[Table], ColumnElement[bool]],
    *,
    lock: bool = False,
) -> StoredProvider:
    """The models of one provider that are `wanted`, and what is left of those that somebody deleted."""
    ledger = _ledger(connection, tables, wanted(tables.prices.__table__))
    table = tables.models.__table__
    statement = _columns(table, MODEL_COLUMNS).where(wanted(table))
    if lock:
        statement = statement.order_by(table.c.model_id).with_for_update()
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
    statement = _columns(tables.state.__table__, (*_STATE_COLUMNS, "written")).where(condition)
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
    statement = _columns(tables.prices.__table__, ("model_id", *PRICE_COLUMNS)).where(condition)
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
    statement = _columns(tables.models.__table__, names)
    for found in fetched_columns(connection, statement if condition is None else statement.where(condition)):
        by_name, unread = dict(zip(names, found, strict=True)), (None,) * len(found[0])
        yield from models_from_columns([by_name.get(name, unread) for name in MODEL_COLUMNS], {}, {})


def _columns(table: Table, names: Collection[str]) -> Select[*tuple[Any, ...]]:
    return select_columns(*(table.c[name] for name in names))
