"""Whether a database that nobody has tried keeps what modelctl relies on, found out with a table of its own.

The databases with code of their own are tested. Any other is looked at before a table of ours is made: one that takes
`GPT-4o` for `gpt-4o`, or rounds a price, would go wrong later and without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, and_, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.types import TypeDecorator

from modelctl.core.runs import LeaseState, Outcome, ProviderRuns
from modelctl.db.dialects import Row, insert_rows, is_tried, overwrite_rows, will_pass
from modelctl.db.engine import Database, first_line
from modelctl.errors import ModelctlError, StoreError
from modelctl.tables.base import ExactText, Instant, Price, Tables, Texts

_IDS = ("GPT-4o", "gpt-4o", "gpt-4o ", "gpt-é", "gpt-e\u0301", "🧠" * 191)
_VALUES: Row = {
    "hours_utc": "",
    "aliases": None,
    "tags": ("é", "🧠"),
    "amount": Decimal("999999.999999999"),
    "seen_at": datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC),
}
_ROWS = [{"id": number, "model_id": each, **_VALUES} for number, each in enumerate(_IDS)]
_HINT = "docs/databases.md says what a database must be able to do"


class _RolledBack(Exception):
    """Ends a transaction that was never meant to be kept."""


def require_capable(database: Database) -> None:
    """StoreError naming the first thing that a database cannot do, unless it is one that is tried anyway."""
    if is_tried(database.engine.dialect.name):
        return
    table = _table(f"{database.tables.prefix}modelctl_probe", database.tables.schema)
    try:
        with suppress(ModelctlError):  # of an attempt that was killed
            database.write(lambda connection: table.drop(connection))
        database.write(lambda connection: table.create(connection))
    except ModelctlError as error:
        raise StoreError(f"{error.message}: modelctl's tables cannot be made there", _HINT) from None
    try:
        missing = _missing(database, table)
    finally:
        database.write(lambda connection: table.drop(connection))
    if missing:
        raise StoreError(f"{database.label} cannot hold modelctl's tables: {missing}", _HINT)


def _table(name: str, schema: str | None) -> Table:
    return Table(
        name,
        MetaData(),
        Column("model_id", ExactText(191), primary_key=True),
        Column("id", BigInteger(), nullable=False),
        Column("hours_utc", ExactText(64), nullable=False),
        Column("aliases", Texts()),
        Column("tags", Texts()),
        Column("amount", Price()),
        Column("seen_at", Instant()),
        schema=schema,
    )


def _missing(database: Database, table: Table) -> str:
    """What the database does otherwise than it must; empty where there is nothing."""
    try:
        database.write(lambda connection: insert_rows(connection, table, _ROWS))
        database.write(lambda connection: overwrite_rows(connection, table, _ROWS[::-1], ("model_id",)))
    except ModelctlError as error:
        return f"GPT-4o, gpt-4o, 'gpt-4o ' and an id of 191 characters are not four keys ({error.message})"
    found = _read(database, table)
    for row in _ROWS:
        if row not in found:
            return f"of {row!r} it returns {next((each for each in found if each['id'] == row['id']), None)!r}"
    without_list = select(table.c.id).where(table.c.aliases.is_(None))
    if len(database.read(lambda connection: connection.execute(without_list).all())) != len(_ROWS):
        return "an unknown list is not NULL"
    with suppress(_RolledBack):
        database.write(lambda connection: _delete_and_fail(connection, table))
    return "" if _read(database, table) else "a transaction that fails is not rolled back"


def _delete_and_fail(connection: Connection, table: Table) -> None:
    connection.execute(select(table).with_for_update()).all()
    connection.execute(delete(table))
    raise _RolledBack


def _read(database: Database, table: Table) -> Sequence[dict[str, Any]]:
    return database.read(lambda connection: [dict(row) for row in connection.execute(select(table)).mappings()])


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


class _Undone(Exception):
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
        raise _Undone

    with suppress(_Undone):
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
    runs = tables.sync_runs.__table__
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


def leases(connection: Connection, tables: Tables) -> list[LeaseState]:
    """All leases that are held."""
    table = tables.leases.__table__
    rows = connection.execute(select(table.c.name, table.c.run, table.c.actor, table.c.beat_at).order_by(table.c.name))
    return [LeaseState(name=row.name, run=row.run, actor=row.actor, beat_at=row.beat_at) for row in rows]


def _last(connection: Connection, runs: Table, condition: Any) -> dict[str, datetime]:
    statement = select(runs.c.provider, func.max(runs.c.started_at)).where(condition).group_by(runs.c.provider)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _needed(tables: Tables) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """What modelctl does to its tables. The ledger and the audit trail are only ever appended to."""
    for updated in (tables.providers, tables.sync_runs):
        yield updated.__table__, (_INSERT, _UPDATE)
    for deleted in (tables.models, tables.state, tables.holds, tables.leases):
        yield deleted.__table__, (_INSERT, _UPDATE, _DELETE)
    for appended in (tables.prices, tables.changes):
        yield appended.__table__, (_INSERT,)


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
    return not column.nullable and column.name != "id" and column.server_default is None


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
