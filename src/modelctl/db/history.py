"""Reading what was done: runs, the audit trail, and which run appended which price."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from modelctl.core.edits.additions import COMMAND as ADD
from modelctl.core.facts import ModelKey, Source
from modelctl.core.planning.guards import LIMIT_FIELDS, Past
from modelctl.core.planning.plan import Action, Plan
from modelctl.core.planning.probes import WINDOW
from modelctl.core.prices.price import PricePoint
from modelctl.core.runs import CREDENTIAL, MODEL, PROVIDER, HistoryEntry, Outcome, RecordedPoint, Run, RunRecord
from modelctl.db.fetch import AnyRow, fetched, instances
from modelctl.db.read import PRICE_COLUMNS, audit_entry_from_row
from modelctl.tables.base import Tables

if TYPE_CHECKING:
    from modelctl.tables import SyncRun

_COUNTED = {
    "create": "created",
    "update": "updated",
    "deprecate": "deprecated",
    "retire": "retired",
    "reactivate": "reactivated",
}


def runs(connection: Connection, tables: Tables) -> list[Run]:
    """Every run, newest first; one that wrote no record of itself is told from what it changed."""
    records = [_run_record(row) for row in instances(connection, select(tables.sync_runs))]
    records += _unrecorded(connection, tables, {record.run for record in records})
    records.sort(key=lambda record: (record.run, record.provider))
    found = [Run(records=tuple(group)) for _, group in groupby(records, key=lambda record: record.run)]
    return sorted(found, key=lambda run: (run.started_at, run.name), reverse=True)


def entries(
    connection: Connection,
    tables: Tables,
    *,
    run: str | None = None,
    key: ModelKey | None = None,
    providers: Collection[str] = (),
    since: datetime | None = None,
    limit: int | None = None,
) -> list[HistoryEntry]:
    """The entries of the audit trail that fit, newest first."""
    changes = tables.changes
    statement = select(changes).order_by(
        col(changes.at).desc(), col(changes.run).desc(), col(changes.entity).desc(), col(changes.entity_key)
    )
    if run is not None:
        statement = statement.where(changes.run == run)
    if key is not None:
        statement = statement.where(changes.entity == MODEL, changes.entity_key == str(key))
    if providers:
        statement = statement.where(or_(*(_is_about(tables, name) for name in sorted(providers))))
    if since is not None:
        statement = statement.where(changes.at >= since)
    if limit is not None:
        statement = statement.limit(limit)
    rows = instances(connection, statement)
    return [HistoryEntry(entity=row.entity, key=row.entity_key, entry=audit_entry_from_row(row)) for row in rows]


def count_entries(connection: Connection, tables: Tables) -> int:
    """How long the audit trail is."""
    return connection.execute(select(func.count()).select_from(tables.changes.__table__)).scalar_one()


ENABLE = "enable"
"""The command, as the audit trail names it."""


def added_by_hand(connection: Connection, tables: Tables) -> set[ModelKey]:
    """The models that people have added, whether they are still there or not."""
    changes = tables.changes.__table__.c
    return _changed_models(connection, tables, changes.command == ADD, changes.action == Action.CREATE.value)


def enabled_by_hand(connection: Connection, tables: Tables) -> set[ModelKey]:
    """The models that people have switched on, whatever became of them."""
    return _changed_models(connection, tables, tables.changes.__table__.c.command == ENABLE)


def _changed_models(connection: Connection, tables: Tables, *conditions: ColumnElement[bool]) -> set[ModelKey]:
    changes = tables.changes.__table__.c
    statement = select_columns(changes.entity_key).where(changes.entity == MODEL, *conditions)
    return {ModelKey(*row.entity_key.split("/", 1)) for row in fetched(connection, statement)}


def recorded_points(
    connection: Connection, tables: Tables, provider: str, *, since: datetime | None = None
) -> dict[ModelKey, list[RecordedPoint]]:
    """The ledger of one provider, each point with the run that appended it; `since`: what was appended after that."""
    table = tables.prices.__table__
    columns = [table.c[name] for name in ("run", "recorded_at", "model_id", *PRICE_COLUMNS)]
    statement = select_columns(*columns).where(table.c.provider == provider)
    if since is not None:
        statement = statement.where(table.c.recorded_at > since)
    found: dict[ModelKey, list[RecordedPoint]] = {}
    for run, recorded_at, model_id, *values in fetched(connection, statement):
        recorded = RecordedPoint(point=PricePoint._make(values), run=run, recorded_at=recorded_at)
        found.setdefault(ModelKey(provider, model_id), []).append(recorded)
    return found


def past_of(connection: Connection, tables: Tables, plan: Plan, *, now: datetime) -> Past:
    """What guards must know of the days before (`WINDOW`) to judge a plan: nothing is read that it does not need."""
    since = now - WINDOW
    existing = [each for each in plan.changes if each.existing is not None]
    limited = {each.key for each in existing if any(moved.name in LIMIT_FIELDS for moved in each.fields)}
    prices: dict[ModelKey, list[RecordedPoint]] = {}
    if any(each.prices for each in existing):
        prices = recorded_points(connection, tables, plan.provider, since=since)
    ending = (Action.DEPRECATE, Action.RETIRE)
    if not limited and not any(each.action in ending for each in existing):
        return Past(prices=prices)
    changes = tables.changes.__table__.c
    statement = (
        select_columns(changes.run, changes.entity_key, changes.action, changes.before_values, changes.after_values)
        .where(
            changes.entity == MODEL,
            changes.entity_key.startswith(f"{plan.provider}/", autoescape=True),
            changes.action.in_([Action.UPDATE.value, Action.REACTIVATE.value, *(each.value for each in ending)]),
            changes.at > since,
        )
        .order_by(changes.at, changes.run)
    )
    limits: dict[tuple[ModelKey, str], list[tuple[int | None, int | None]]] = {}
    ended: dict[str, set[ModelKey]] = {}
    for run, name, action, before, after in fetched(connection, statement):
        before, after = before or {}, after or {}
        key = ModelKey(*name.split("/", 1))
        if key in limited:
            for field in LIMIT_FIELDS:
                if field in after:
                    limits.setdefault((key, field), []).append((before.get(field), after[field]))
        by_person = "status" in (after.get("sources") or {}).get(Source.PERSON.value, ())
        foretold = action == Action.RETIRE.value and "retires_on" not in after
        if action in (Action.DEPRECATE.value, Action.RETIRE.value) and not by_person and not foretold:
            ended.setdefault(run, set()).add(key)
    return Past(prices=prices, limits=limits, ended=tuple(frozenset(keys) for keys in ended.values()))


def _is_about(tables: Tables, provider: str) -> ColumnElement[bool]:
    entity, key = col(tables.changes.entity), col(tables.changes.entity_key)
    of_provider, below_provider = key == provider, key.startswith(f"{provider}/", autoescape=True)
    return or_(
        and_(entity == PROVIDER, of_provider),
        and_(entity == MODEL, below_provider),
        and_(entity == CREDENTIAL, or_(of_provider, below_provider)),
    )


def _run_record(row: SyncRun) -> RunRecord:
    values = {name: getattr(row, name) for name in type(row).model_fields}
    return RunRecord(**{**values, "sources": row.sources or (), "outcome": Outcome(row.outcome)})


def _unrecorded(connection: Connection, tables: Tables, recorded: Collection[str]) -> list[RunRecord]:
    """A record per run and provider that only the audit trail knows."""
    changes, runs = tables.changes.__table__.c, tables.sync_runs.__table__.c
    columns = [changes[name] for name in ("run", "entity", "entity_key", "at", "actor", "command", "action")]
    statement = select_columns(*columns).where(changes.run.not_in(select_columns(runs.run)))
    rows = sorted(fetched(connection, statement), key=_run_and_provider)
    groups = ((name, list(group)) for name, group in groupby(rows, key=_run_and_provider))
    return [_told_by(run, provider, group) for (run, provider), group in groups if run not in recorded]


def _run_and_provider(row: AnyRow) -> tuple[str, str]:
    return row.run, row.entity_key.partition("/")[0]


def _told_by(run: str, provider: str, rows: Sequence[AnyRow]) -> RunRecord:
    counts: dict[str, Any] = dict.fromkeys(_COUNTED.values(), 0)
    for row in rows:
        if row.entity == MODEL and row.action in _COUNTED:
            counts[_COUNTED[row.action]] += 1
    return RunRecord(
        run=run,
        provider=provider,
        command=rows[0].command,
        actor=rows[0].actor,
        sources=(),
        started_at=min(row.at for row in rows),
        finished_at=max(row.at for row in rows),
        outcome=Outcome.APPLIED,
        **counts,
    )
