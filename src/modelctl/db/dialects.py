"""Inserting many rows as fast as the driver can: PostgreSQL's COPY, elsewhere one INSERT with many parameter rows.

SQLAlchemy compiles the statement and converts the values; building its parameters row by row would take longer than the
database takes over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    and_,
    bindparam,
    func,
    insert,
    null,
    select,
    type_coerce,
    update,
)
from sqlalchemy import Sequence as RowSequence
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateSequence
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from modelctl.tables.base import Converted

Row: TypeAlias = dict[str, Any]

_POSITIONAL = frozenset({"qmark", "format"})
"""Styles of parameters whose rows are tuples."""
_COPY_FROM_ROWS = 1_000
"""Fewer are sent as statements, all of them at once: COPY waits for its server once more, and then takes less."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns; sorted by key, so that two writers meet in one order."""
    if not rows:
        return
    dialect = connection.dialect
    if type(connection) is not Connection:  # a plan's SQL script: it notes statements, and no driver is behind it
        connection.execute(insert(table), rows)
        return
    columns = [column for column in table.columns if column.name in rows[0]]  # the order in which INSERT has them
    if dialect.name == "postgresql" and dialect.driver == "psycopg" and len(rows) >= _COPY_FROM_ROWS:
        _copy(connection, table, columns, rows)
    elif dialect.paramstyle in _POSITIONAL:
        statement = insert(table).compile(dialect=dialect, column_keys=list(rows[0]))
        connection.exec_driver_sql(str(statement), list(_converted(dialect, columns, rows)))
    else:
        connection.execute(insert(table), rows)


def _copy(connection: Connection, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> None:
    """COPY is no statement that SQLAlchemy knows, so its errors are given SQLAlchemy's form here."""
    dialect, raw = connection.dialect, connection.connection.driver_connection
    assert raw is not None
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.quote(column.name) for column in columns)
    statement = f"COPY {prepare.format_table(table)} ({names}) FROM STDIN"
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for values in _converted(dialect, columns, rows):
                copy.write_row(values)
    except dialect.loaded_dbapi.Error as error:
        is_lost = dialect.is_disconnect(error, raw, None)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
        ) from error


def _converted(dialect: Dialect, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """The rows as the driver takes them: tuples in the order of the columns."""
    return zip(*(_values(dialect, column, [row[column.name] for row in rows]) for column in columns), strict=True)


def _values(dialect: Dialect, column: Column[Any], values: list[Any]) -> list[Any]:
    """The values of one column as the driver takes them. Few are different, so each is converted once."""
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return values
    if any(type(value) is dict for value in values):
        return [convert(value) for value in values]
    converted = Converted(convert)
    return [converted[value] for value in values]


T = TypeVar("T")
_Overwrite: TypeAlias = Callable[[Connection, Table, Sequence[Row], Sequence[str], Sequence[str]], None]

_BATCH_ROWS = 500
"""What every database takes as the keys or the rows of one statement."""
_BIG_BATCH_ROWS = 5_000
"""What SQLite, PostgreSQL and MySQL take: each statement is a round trip."""

_RETRYABLE_SQLSTATES = frozenset(
    {"40001", "40003", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08003", "08006"}
)
_CONFLICT_SQLSTATES = frozenset({"40001", "40P01"})
_TIDB_CONFLICTS = frozenset({8002, 8022, 8028, 9007})
_TIDB_UNAVAILABLE = frozenset(range(9001, 9006))  # https://docs.pingcap.com/tidb/stable/error-codes
_CONFLICT_MYSQL_ERRORS = frozenset({1020, 1213}) | _TIDB_CONFLICTS  # 1020: a newer MariaDB's snapshot conflict
_NOT_READY_MYSQL_ERRORS = frozenset({1047, 1180})  # a node of Galera without its cluster; 1180: since the COMMIT
_RETRYABLE_MYSQL_ERRORS = _CONFLICT_MYSQL_ERRORS | _NOT_READY_MYSQL_ERRORS | _TIDB_UNAVAILABLE | {1205, 2006, 2013}
_RETRYABLE_SQLITE_ERRORS = ("SQLITE_BUSY", "SQLITE_LOCKED")
_WITHOUT_ROW_LOCKS = frozenset({"duckdb"})
"""They know no SELECT FOR UPDATE, and need none: of two transactions that change one row, one fails and is retried."""
_NUMBERING = frozenset({"cockroachdb", "mssql"})
_DUPLICATE_SQLSTATE = "23505"
_DUPLICATE_MYSQL_ERRORS = frozenset({1022, 1062, 1586})


def batches(connection: Connection, items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Keys or rows, as many at once as a statement may have."""
    size = _BIG_BATCH_ROWS if is_tried(connection.dialect.name) else _BATCH_ROWS
    for start in range(0, len(items), size):
        yield items[start : start + size]


def is_tried(dialect_name: str) -> bool:
    """Whether there is code for the dialect, and tests with its servers; every other one gets the general way."""
    return dialect_name in _OVERWRITE


def next_row(connection: Connection, prefix: str, schema: str | None) -> FunctionElement[int] | None:
    """The default of a model's number, where the database is one whose own way SQLAlchemy does not know: a sequence."""
    dialect = connection.dialect
    if is_tried(dialect.name) or dialect.name in _NUMBERING or not dialect.supports_sequences:
        return None
    sequence = RowSequence(f"{prefix}models_id_seq", schema=schema)
    connection.execute(CreateSequence(sequence, if_not_exists=True))
    return sequence.next_value()


_BOUND_LOCK_WAITS = {
    "postgresql": "SET LOCAL lock_timeout = '{seconds}s'",
    "mysql": "SET SESSION lock_wait_timeout = {seconds}",  # for tables; 24 hours, or more, if it is not set
    "mariadb": "SET SESSION lock_wait_timeout = {seconds}",
}


def server_now(dialect: Dialect, type_: TypeEngine[datetime]) -> ColumnElement[datetime]:
    """What the clock of the server says, in UTC; NULL where the database has none that is known here."""
    match dialect.name:
        case "postgresql":
            return type_coerce(func.now(), type_)
        case "mysql" | "mariadb":
            return type_coerce(func.utc_timestamp(), type_)
        case _:
            return type_coerce(null(), type_)


def bound_lock_waits(connection: Connection, seconds: int) -> None:
    """Wait no longer than this for a table, at each statement of the transaction that alters tables."""
    if (statement := _BOUND_LOCK_WAITS.get(connection.dialect.name)) is not None:
        connection.exec_driver_sql(statement.format(seconds=seconds))


def fit_dialect(dialect: Dialect) -> None:
    """Keep SQLAlchemy from sending what the database has no word for."""
    if dialect.name in _WITHOUT_ROW_LOCKS:
        compiler: Any = dialect.statement_compiler
        unlocked = type("Unlocked", (compiler,), {"for_update_clause": lambda *_, **__: ""})
        dialect.statement_compiler = unlocked


def overwrite_rows(
    connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str], *, keep: Sequence[str] = ()
) -> None:
    """Write whole rows over those with the same `key`, or insert them. Every row must hold every column.

    Rows that are there `keep` these columns as they are.
    """
    write = _OVERWRITE.get(connection.dialect.name, _look_then_write)
    for batch in batches(connection, rows):
        write(connection, table, batch, key, keep)


def update_row(connection: Connection, table: Table, where: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    """Change the one row that `where` names; whether there was one. Does not rest on a driver that cannot count."""
    count: int = connection.execute(update(table).where(where).values(dict(values))).rowcount
    if count >= 0:
        return count == 1
    return connection.execute(select(*table.primary_key.columns).where(where)).first() is not None


def will_pass(error: DBAPIError) -> bool:
    """Whether the whole transaction, begun anew, may succeed: deadlocks, serialization failures, lost connections."""
    if error.connection_invalidated:
        return True
    original = error.orig
    sqlstate = getattr(original, "sqlstate", None)
    if sqlstate in _RETRYABLE_SQLSTATES:
        return True
    if str(getattr(original, "sqlite_errorname", "")).startswith(_RETRYABLE_SQLITE_ERRORS):
        return True
    if isinstance(code := _mysql_code(error), int):
        return code in _RETRYABLE_MYSQL_ERRORS
    return sqlstate is None and isinstance(error, OperationalError) and "conflict" in str(original).lower()


def is_conflict(error: DBAPIError) -> bool:
    """Whether another transaction won over this one, which may go on as soon as that one is through."""
    return getattr(error.orig, "sqlstate", None) in _CONFLICT_SQLSTATES or _mysql_code(error) in _CONFLICT_MYSQL_ERRORS


def is_not_ready(error: DBAPIError) -> bool:
    """Whether a node of a cluster answers that it can do nothing without the others."""
    return _mysql_code(error) in _NOT_READY_MYSQL_ERRORS


def _mysql_code(error: DBAPIError) -> object:
    """The number of an error of MySQL; of another database's, something else."""
    return error.orig.args[0] if error.orig is not None and error.orig.args else None


def is_duplicate(error: DBAPIError) -> bool:
    """Whether a row with that key is there already; no other rule of the tables was broken."""
    if isinstance(code := _mysql_code(error), int):
        return code in _DUPLICATE_MYSQL_ERRORS  # whose SQLSTATE is the same for every broken rule
    if isinstance(sqlstate := getattr(error.orig, "sqlstate", None), str):
        return sqlstate == _DUPLICATE_SQLSTATE
    text = str(error.orig).lower()
    return "unique" in text or "duplicate" in text


def _on_conflict(
    connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str], keep: Sequence[str]
) -> None:
    statement: Any = _insert_of(connection)(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in (*key, *keep)}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), rows)


def _insert_of(connection: Connection) -> Callable[[Table], Any]:
    """The insert of a database that has ON CONFLICT. Loaded when it writes: a package of dialects takes 20 ms."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


def _on_duplicate_key(
    connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str], keep: Sequence[str]
) -> None:
    from sqlalchemy.dialects import mysql

    statement = mysql.insert(table)
    changed = {name: statement.inserted[name] for name in rows[0] if name not in (*key, *keep)}
    connection.execute(statement.on_duplicate_key_update(changed), rows)


def _look_then_write(
    connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str], keep: Sequence[str] = ()
) -> None:
    """For databases without an upsert of ours: correct everywhere, two statements a row.

    Not by the count of rows that an UPDATE met: some drivers do not tell it.
    """
    where: ColumnElement[bool] = and_(*(table.c[name] == bindparam(f"key_{name}") for name in key))
    names = [name for name in rows[0] if name not in (*key, *keep)]
    changed = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    look = select(*(table.c[name] for name in key)).where(where)
    statement = update(table).where(where).values(changed)
    for row in rows:
        keys = {f"key_{name}": row[name] for name in key}
        if connection.execute(look, keys).first() is None:
            connection.execute(insert(table), row)
        else:
            connection.execute(statement, keys | {f"new_{name}": row[name] for name in names})


_OVERWRITE: Mapping[str, _Overwrite] = {
    "sqlite": _on_conflict,
    "postgresql": _on_conflict,
    "cockroachdb": _on_conflict,  # the dialect of sqlalchemy-cockroachdb
    "mysql": _on_duplicate_key,
    "mariadb": _on_duplicate_key,
}
