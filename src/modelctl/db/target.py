"""An application's own table: what it looks like, its rows, and writing into it by parameters alone.

Names are quoted by SQLAlchemy, values travel as parameters: nothing that a mapping or a model says becomes SQL.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    TableClause,
    and_,
    column,
    delete,
    insert,
    inspect,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SAWarning

from modelctl.core.planning.target import RowMemory
from modelctl.db.dialects import batches
from modelctl.db.engine import Database
from modelctl.errors import StalePlan, StoreError, UsageError
from modelctl.tables.published import ROW_KEY_MAX_CHARS, beside

Raw: TypeAlias = Mapping[str, Any]
"""A row as the driver gave it, or as it is given to the driver."""

_ONE_OF = re.compile(r"""^\W*(\w+)\W*?(?:::[\w ]+)?\W+(?:in|any)\b(.*)$""", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"'((?:[^']|'')*)'")
_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(:regclass)",
    "mysql": "SELECT trigger_name FROM information_schema.triggers "
    "WHERE event_object_schema = coalesce(:schema, database()) AND event_object_table = :table",
}
_TRIGGERS["mariadb"] = _TRIGGERS["mysql"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTable:
    """A table as the database describes it."""

    name: str
    schema: str | None
    columns: Mapping[str, Mapping[str, Any]]
    """By name, what SQLAlchemy's inspector says of each."""
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By column, what a CHECK lets it be."""
    foreign_keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By column, the table and the column that it refers to."""
    triggers: tuple[str, ...] = ()
    has_row_security: bool = False
    """Whether rows may be hidden from this role without a word."""

    @property
    def clause(self) -> TableClause:
        """The table for statements, its values taken as they are."""
        return table(self.name, *(column(name) for name in self.columns), schema=self.schema)


def table_names(connection: Connection) -> list[str]:
    """The tables of the database, as a mapping would name them."""
    return sorted(inspect(connection).get_table_names())


def reflect(connection: Connection, named: str) -> TargetTable:
    """The table of that name, or of a schema and a name with a dot between. StoreError where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type that SQLAlchemy does not know is told as text
        connection = _reader(connection)
        inspector = inspect(connection)
        for schema, name in _readings(named):
            with suppress(NoSuchTableError):
                if columns := inspector.get_columns(name, schema=schema):
                    break
        else:
            raise StoreError(f"there is no table {named}", "check its name, and the database of the mapping")
        primary_key = tuple(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"])
        unique = [frozenset(each["column_names"]) for each in inspector.get_unique_constraints(name, schema=schema)]
        unique += [
            frozenset(filter(None, each["column_names"]))
            for each in inspector.get_indexes(name, schema=schema)
            if each["unique"] and not each.get("dialect_options", {}).get("postgresql_where") is not None
        ]
        words: dict[str, tuple[str, ...]] = {}
        with suppress(NotImplementedError, NoSuchTableError):
            for check in inspector.get_check_constraints(name, schema=schema):
                words |= _words_of(str(check["sqltext"]))
        foreign_keys = {
            each["constrained_columns"][0]: (each["referred_table"], each["referred_columns"][0])
            for each in inspector.get_foreign_keys(name, schema=schema)
            if len(each["constrained_columns"]) == 1 and each["referred_columns"]
        }
    return TargetTable(
        name=name,
        schema=schema,
        columns={each["name"]: dict(each) for each in columns},
        primary_key=primary_key,
        unique=(frozenset(primary_key), *unique) if primary_key else tuple(unique),
        words={each: found for each, found in words.items() if each in {one["name"] for one in columns}},
        foreign_keys=foreign_keys,
        triggers=_triggers(connection, name, schema),
        has_row_security=_has_row_security(connection, name, schema),
    )


def _reader(connection: Connection) -> Connection:
    """What answers: a script's recorder is no connection itself."""
    return getattr(connection, "reads_on", connection)


def _readings(named: str) -> list[tuple[str | None, str]]:
    schema, dot, name = named.partition(".")
    return [(None, named), (schema, name)] if dot else [(None, named)]


def _words_of(condition: str) -> dict[str, tuple[str, ...]]:
    """What a CHECK like `tier IN ('a', 'b')` lets a column be."""
    found = _ONE_OF.match(condition)
    if found is None or re.search(r"\b(?:or|and|not)\b", _WORD.sub("", condition), re.IGNORECASE):
        return {}
    words = tuple(each.replace("''", "'") for each in _WORD.findall(found[2]))
    return {found[1]: words} if words else {}


def _regclass(connection: Connection, name: str, schema: str | None) -> str:
    quote = connection.dialect.identifier_preparer.quote_identifier
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


def _triggers(connection: Connection, name: str, schema: str | None) -> tuple[str, ...]:
    statement = _TRIGGERS.get(connection.dialect.name)
    if statement is None:
        return ()
    values = {"table": name, "schema": schema, "regclass": _regclass(connection, name, schema)}
    wanted = {key: value for key, value in values.items() if f":{key}" in statement}
    return tuple(sorted(connection.execute(text(statement), wanted).scalars()))


def _has_row_security(connection: Connection, name: str, schema: str | None) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    asked = text("SELECT row_security_active(CAST(:name AS text))")
    return bool(connection.execute(asked, {"name": _regclass(connection, name, schema)}).scalar())


def set_session(connection: Connection, settings: Mapping[str, str]) -> None:
    """Settings of the session, for this transaction alone."""
    if settings and connection is not _reader(connection):
        raise UsageError("SQL text does not set the session", "publish without --format sql")
    for name, value in settings.items():
        if connection.dialect.name != "postgresql":
            raise StoreError("session settings are PostgreSQL's", "leave `session` out of the mapping")
        connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})


def rows_of(
    connection: Connection,
    target: TargetTable,
    names: Iterable[str],
    where: Raw | None = None,
    *,
    lock: bool = False,
    limit: int | None = None,
) -> list[Raw]:
    """The rows with these columns and the primary key. `lock`: nobody else changes them until the commit."""
    clause = target.clause
    wanted = list(dict.fromkeys([*names, *target.primary_key]))
    statement = select(*(clause.c[name] for name in wanted)).limit(limit)
    if where:
        statement = statement.where(_is_met(clause, where))
    if lock:
        if target.primary_key:
            statement = statement.order_by(*(clause.c[name] for name in target.primary_key))
        statement = statement.with_for_update()
    return [dict(zip(wanted, row, strict=True)) for row in connection.execute(statement)]


def insert_rows(connection: Connection, target: TargetTable, rows: Sequence[Raw]) -> None:
    """Insert rows; those with the same columns together."""
    for names, group in _alike(rows):
        for batch in batches(connection, group):
            connection.execute(insert(target.clause), [{name: row[name] for name in names} for row in batch])


def update_rows(connection: Connection, target: TargetTable, changed: Sequence[tuple[Raw, Raw]]) -> None:
    """Update rows by what names them. StalePlan, and so nothing written, where one is not met."""
    clause = target.clause
    for where, values in changed:
        done: Any = connection.execute(update(clause).where(_is_met(clause, where)).values(dict(values)))
        if done is not None and done.rowcount != 1:
            raise StalePlan(
                f"an UPDATE did not find its row in {target.name}: it is gone, or a policy hides it",
                "run the command again",
            )


def delete_row(connection: Connection, target: TargetTable, where: Raw) -> bool:
    """Whether the row could be deleted: something may refer to it."""
    clause = target.clause
    try:
        with connection.begin_nested():
            return bool(connection.execute(delete(clause).where(_is_met(clause, where))).rowcount == 1)
    except DBAPIError:
        return False


def _is_met(clause: TableClause, where: Raw) -> ColumnElement[bool]:
    """The condition that every column has its value; None is met by NULL."""
    pairs = ((clause.c[name], value) for name, value in where.items())
    return and_(*(cell.is_(None) if value is None else cell == value for cell, value in pairs))


def _alike(rows: Sequence[Raw]) -> list[tuple[tuple[str, ...], list[Raw]]]:
    groups: dict[tuple[str, ...], list[Raw]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.items())


def has_side_tables(connection: Connection) -> bool:
    """Whether something was ever published into this database."""
    return bool(inspect(_reader(connection)).has_table(beside()[0].name))


def make_side_tables(database: Database) -> None:
    """Make the tables that remember what was written, where they are not there yet."""
    if not database.look(has_side_tables):
        rows, contracts = beside()
        database.alter(lambda connection: rows.metadata.create_all(connection, [rows, contracts], checkfirst=True))


def memories_of(connection: Connection, target: str, table_name: str, tenant: str) -> dict[str, RowMemory]:
    """By the whole key of a row, what is remembered of it."""
    rows = beside()[0]
    statement = select(rows.c.key_values, rows.c.written, rows.c.created, rows.c.absent).where(
        rows.c.target == target, rows.c.table_name == table_name, rows.c.tenant == tenant
    )
    return {
        key: RowMemory(written=json.loads(written), created=bool(created), absent=bool(absent))
        for key, written, created, absent in connection.execute(statement)
    }


def remember(
    connection: Connection,
    place: tuple[str, str, str],
    memories: Mapping[str, RowMemory | None],
    had: Iterable[str],
    *,
    run: str,
    now: datetime,
) -> None:
    """Keep what was written. `place`: target, table and tenant; `had`: the keys that are remembered already.

    None of a row: forget it.
    """
    rows = beside()[0]
    target, table_name, tenant = place
    known = set(had)
    new = []
    for key, memory in memories.items():
        digest = _digest(key)
        named = and_(
            rows.c.target == target,
            rows.c.table_name == table_name,
            rows.c.tenant == tenant,
            rows.c.row_key == digest,
        )
        if memory is None:
            connection.execute(delete(rows).where(named))
            continue
        values = {
            "written": json.dumps(dict(memory.written), ensure_ascii=False),
            "created": memory.created,
            "absent": memory.absent,
            "run": run,
            "updated_at": now,
        }
        if key in known:
            connection.execute(update(rows).where(named).values(values))
        else:
            at = {"target": target, "table_name": table_name, "tenant": tenant, "row_key": digest, "key_values": key}
            new.append(at | values)
    for batch in batches(connection, new):
        connection.execute(insert(rows), batch)


def _digest(key: str) -> str:
    return key if len(key) <= ROW_KEY_MAX_CHARS else hashlib.sha256(key.encode()).hexdigest()


def contract_of(connection: Connection, target: str, table_name: str) -> dict[str, str] | None:
    """The columns as they were at the last publish; None where there was none."""
    contracts = beside()[1]
    statement = select(contracts.c.columns).where(contracts.c.target == target, contracts.c.table_name == table_name)
    found = connection.execute(statement).scalar()
    return None if found is None else dict(json.loads(found))


def keep_contract(
    connection: Connection, target: str, table_name: str, columns: Mapping[str, str], *, run: str, now: datetime
) -> None:
    """Remember the columns as they are now."""
    contracts = beside()[1]
    connection.execute(delete(contracts).where(contracts.c.target == target, contracts.c.table_name == table_name))
    values = {"target": target, "table_name": table_name, "columns": json.dumps(dict(columns)), "run": run, "at": now}
    connection.execute(insert(contracts).values(values))


def targets_of(connection: Connection) -> list[tuple[str, str, str, int, datetime]]:
    """What was published into this database: target, table, tenant, rows, and when last."""
    from sqlalchemy import func

    rows = beside()[0]
    parts = (rows.c.target, rows.c.table_name, rows.c.tenant)
    statement = select(*parts, func.count(), func.max(rows.c.updated_at)).group_by(*parts).order_by(*parts)
    return [tuple(each) for each in connection.execute(statement)]
