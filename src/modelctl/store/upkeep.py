"""Looking at the database itself: what may be written, what its clock says, what runs and leases it remembers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Table, and_, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.types import TypeDecorator

from modelctl.core.checkup import LeaseSeen, ProviderRuns
from modelctl.core.run import Outcome
from modelctl.store.dialects import is_tried, will_pass
from modelctl.store.engine import Database, first_line
from modelctl.store.names import Tables

CANARY = "modelctl-doctor"
"""The key of the row that is tried; it is always rolled back."""
SYNCING = ("sync", "apply")
"""Commands whose runs bring providers up to date."""

_INSERT, _UPDATE, _DELETE = "INSERT", "UPDATE", "DELETE"
_CLOCKS = {
    "postgresql": "SELECT CURRENT_TIMESTAMP",
    "cockroachdb": "SELECT CURRENT_TIMESTAMP",
    "mysql": "SELECT UTC_TIMESTAMP()",
    "mariadb": "SELECT UTC_TIMESTAMP()",
}


class Refusal(NamedTuple):
    """What the database does not let us do, in its words."""

    table: str
    right: str
    reason: str


class _RolledBack(Exception):
    """Ends a transaction that was never meant to be kept."""


def refusals(database: Database, now: datetime) -> tuple[Refusal, ...]:
    """The writes of a sync that the database refuses: each is really tried, and all of it rolled back.

    StoreError where not even a transaction that writes can be begun.
    """
    rights = [(table, right) for table, needed in _needed(database.tables) for right in needed]
    if is_tried(database.engine.dialect.name):
        return _refusals(database, rights, now)
    return tuple(each for right in rights for each in _refusals(database, [right], now))  # perhaps without savepoints


def _refusals(database: Database, rights: Sequence[tuple[Table, str]], now: datetime) -> tuple[Refusal, ...]:
    found: list[Refusal] = []

    def attempt(connection: Connection) -> None:
        found.clear()  # the transaction may be tried anew
        for table, right in rights:
            if reason := _refused(connection, _statement(table, right, now), is_last=len(rights) == 1):
                found.append(Refusal(table.name, right, reason))
        raise _RolledBack

    with suppress(_RolledBack):
        database.write(attempt)
    return tuple(found)


def clock(connection: Connection) -> datetime | None:
    """What the database's clock says; None where it has none of its own, or none that is known to be told in UTC."""
    statement = _CLOCKS.get(connection.dialect.name)
    said = connection.execute(text(statement)).scalar() if statement else None
    if not isinstance(said, datetime):
        return None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


def provider_runs(connection: Connection, tables: Tables) -> dict[str, ProviderRuns]:
    """What is remembered of each provider's syncs, by provider; reads no more than a few rows of each."""
    runs = tables.sync_runs
    syncs = runs.c.command.in_(SYNCING)
    last, whole, listed = (
        _last(connection, runs, condition)
        for condition in (
            syncs,
            and_(syncs, runs.c.outcome.in_([Outcome.APPLIED.value, Outcome.IN_SYNC.value])),
            and_(syncs, runs.c.fetched.is_not(None)),
        )
    )
    found = {}
    for name, at in last.items():
        columns = select(runs.c.outcome, runs.c.error)
        row = connection.execute(
            columns.where(syncs, runs.c.provider == name, runs.c.started_at == at).order_by(runs.c.run.desc()).limit(1)
        ).one()
        found[name] = ProviderRuns(
            last_at=at, outcome=row.outcome, error=row.error, whole_at=whole.get(name), listed_at=listed.get(name)
        )
    return found


def leases(connection: Connection, tables: Tables) -> list[LeaseSeen]:
    """All leases that are held."""
    table = tables.leases
    rows = connection.execute(select(table.c.name, table.c.run, table.c.actor, table.c.beat_at).order_by(table.c.name))
    return [LeaseSeen(name=row.name, run=row.run, actor=row.actor, beat_at=row.beat_at) for row in rows]


def _last(connection: Connection, runs: Table, condition: Any) -> dict[str, datetime]:
    statement = select(runs.c.provider, func.max(runs.c.started_at)).where(condition).group_by(runs.c.provider)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _needed(tables: Tables) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """What modelctl does to its tables. The ledger and the audit trail are only ever appended to."""
    for table in (tables.providers, tables.sync_runs):
        yield table, (_INSERT, _UPDATE)
    for table in (tables.models, tables.state, tables.holds, tables.leases):
        yield table, (_INSERT, _UPDATE, _DELETE)
    for table in (tables.prices, tables.changes):
        yield table, (_INSERT,)


def _statement(table: Table, right: str, now: datetime) -> Insert | Update | Delete:
    row = {column.name: _value(column, now) for column in table.columns if _must_be_given(column)}
    if right == _INSERT:
        return insert(table).values(row)
    column = next(iter(table.primary_key.columns))
    if column.name == "id":
        column = table.c.provider
    is_canary = column == CANARY
    return (
        delete(table).where(is_canary)
        if right == _DELETE
        else update(table).where(is_canary).values(_again(table, now))
    )


def _again(table: Table, now: datetime) -> dict[str, Any]:
    """A value that is no part of the key."""
    column = next(each for each in reversed(table.columns) if not each.primary_key and _must_be_given(each))
    return {column.name: _value(column, now)}


def _must_be_given(column: Column[Any]) -> bool:
    return not column.nullable and column.name != "id"


def _value(column: Column[Any], now: datetime) -> Any:
    type_ = column.type
    kind = (type_.impl_instance if isinstance(type_, TypeDecorator) else type_).python_type
    if kind is str:
        return CANARY[: getattr(column.type, "length", None) or None]
    values: dict[type, Any] = {bool: False, int: 0, Decimal: Decimal(0), datetime: now}
    return values[kind]


def _refused(connection: Connection, statement: Insert | Update | Delete, *, is_last: bool) -> str:
    """Why the database refuses it; empty where it does not. A row that stands in the way was allowed to be tried."""
    try:
        with nullcontext() if is_last else connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return ""
    except DBAPIError as error:
        if will_pass(error):
            raise
        return first_line(error)
    return ""
