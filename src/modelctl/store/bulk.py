"""Inserting many rows as fast as the driver can: PostgreSQL's COPY, elsewhere one INSERT with many parameter rows.

SQLAlchemy compiles the statement and converts the values; building its parameters row by row would take longer than the
database takes over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, Dialect, Table, insert
from sqlalchemy.exc import DBAPIError

from modelctl.store.types import Converted

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
    return [converted[tuple(value) if type(value) is list else value] for value in values]
