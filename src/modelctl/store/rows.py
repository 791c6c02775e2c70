"""Rows to values and values to rows. No other module knows both shapes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from modelctl.core.audit import AuditEntry
from modelctl.core.encoding import decode, encoded
from modelctl.core.model import FACT_FIELDS, ModelFacts, ModelKey
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.stored import RowState, StoredModel, Written
from modelctl.store.bulk import Row as RowValues
from modelctl.store.fetching import unreadable

if TYPE_CHECKING:
    from modelctl.core.run import RunRecord

LIST_FIELDS = ("input_modalities", "output_modalities", "aliases", "tags")
PRICE_COLUMNS = PricePoint._fields  # the ledger's columns and a point's fields have the same names
NAMING_COLUMNS = ("id", "provider", "model_id")
MODEL_COLUMNS = (
    *NAMING_COLUMNS,
    *FACT_FIELDS,
    "is_enabled",
    "last_seen_at",
    "last_verified_at",
    "created_at",
    "updated_at",
)
_SHARED_TEXTS = frozenset({"kind", "unit", "service_tier", "hours_utc", "currency", "basis", "source"})
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LIST_POSITIONS = tuple(FACT_FIELDS.index(name) for name in LIST_FIELDS)


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
            noun = "JSON object of fields, each with its value and source"
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


def models_from_columns(
    columns: Sequence[Sequence[Any]],
    ledger: Mapping[str, Sequence[PricePoint]],
    states: Mapping[ModelKey, RowState],
) -> Iterator[StoredModel]:
    """Stored models from the columns of `MODEL_COLUMNS`, with their ledgers by id and their states."""
    row_ids, providers, model_ids, *others = columns
    fact_columns: list[Iterable[Any]] = list(others[: len(FACT_FIELDS)])
    for position in _LIST_POSITIONS:
        fact_columns[position] = [each if each is None else tuple(each) for each in fact_columns[position]]
    all_facts = map(ModelFacts._make, zip(*fact_columns, strict=True))
    stamps = zip(*others[len(FACT_FIELDS) :], strict=True)
    rows = zip(row_ids, map(intern, providers), model_ids, all_facts, stamps, strict=True)
    for row_id, provider, model_id, facts, stamped in rows:
        key = ModelKey(provider, model_id)
        is_enabled, last_seen_at, last_verified_at, created_at, updated_at = stamped
        yield StoredModel(
            key=key,
            facts=facts,
            is_enabled=bool(is_enabled),
            prices=tuple(ledger.get(model_id, ())),
            state=states.get(key),
            row_id=row_id,
            last_seen_at=last_seen_at,
            last_verified_at=last_verified_at,
            created_at=created_at,
            updated_at=updated_at,
        )


def model_row(model: StoredModel) -> RowValues:
    """All columns of a stored model; `id` only where the row has one."""
    row: RowValues = {"provider": model.key.provider, "model_id": model.key.model_id}
    if model.row_id is not None:
        row["id"] = model.row_id
    row.update(zip(FACT_FIELDS, model.facts, strict=True))
    for name in LIST_FIELDS:
        if row[name] is not None:
            row[name] = list(row[name])
    return row | {
        "is_enabled": model.is_enabled,
        "last_seen_at": model.last_seen_at,
        "last_verified_at": model.last_verified_at,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
    }


def state_from_row(
    key: ModelKey, pins: list[str] | None, absences: int, texts: Mapping[tuple[str, str], str]
) -> RowState:
    """The state of a model from the columns of its row; `texts`: what was last written, by provider and id."""
    return RowState(written=WrittenFields(texts, key), pins=frozenset(pins) if pins else NO_PINS, absences=absences)


def state_row(model: StoredModel, *, now: datetime) -> RowValues:
    """The state row of a model that has one."""
    state = model.state or RowState()
    values = encoded((name, value) for name, (value, _) in state.written.items())
    written = {name: [values[name], source] for name, (_, source) in state.written.items()}
    return {
        "provider": model.key.provider,
        "model_id": model.key.model_id,
        "written": _JSON.encode(written),
        "pins": sorted(state.pins) or None,
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


def price_row(key: ModelKey, point: PricePoint, *, run: str, now: datetime) -> RowValues:
    """The ledger row of a point."""
    values: dict[str, str | int | Decimal | datetime | None] = {name: getattr(point, name) for name in PRICE_COLUMNS}
    return {"provider": key.provider, "model_id": key.model_id, **values, "run": run, "recorded_at": now}


def audit_entry_from_row(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    """An entry of the audit trail from a whole row of its table."""
    return AuditEntry(
        run=row.run,
        at=row.at,
        actor=row.actor,
        command=row.command,
        action=row.action,
        before=row.before_values or {},
        after=row.after_values or {},
    )


def provider_from_row(row: Row[*tuple[Any, ...]]) -> Provider:
    """A provider from a whole row of its table."""
    return Provider(
        name=row.name,
        display_name=row.display_name,
        kind=row.kind,
        api_base_url=row.api_base_url,
        auth_header_name=row.auth_header_name,
        auth_header_prefix=row.auth_header_prefix,
        env_vars=tuple(row.env_vars or ()),
        features=tuple(row.features or ()),
        settings=row.settings or {},
        is_builtin=row.is_builtin,
        is_enabled=row.is_enabled,
    )


def provider_row(provider: Provider, *, now: datetime) -> RowValues:
    """All columns of a provider that is new to the table."""
    return {
        "name": provider.name,
        "display_name": provider.display_name,
        "kind": provider.kind,
        "api_base_url": provider.api_base_url,
        "auth_header_name": provider.auth_header_name,
        "auth_header_prefix": provider.auth_header_prefix,
        "env_vars": list(provider.env_vars) or None,
        "features": list(provider.features) or None,
        "settings": dict(provider.settings) or None,
        "is_builtin": provider.is_builtin,
        "is_enabled": provider.is_enabled,
        "health_status": "unknown",
        "health_checked_at": None,
        "health_latency_ms": None,
        "created_at": now,
        "updated_at": now,
    }


def run_row(record: RunRecord) -> RowValues:
    """All columns of a run."""
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    return values | {"outcome": record.outcome.value, "sources": list(record.sources)}
