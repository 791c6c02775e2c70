"""Fetching rows whose values are what their columns say. SQLite keeps whatever is written into a column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import Column, Connection, CursorResult, Row, Select, type_coerce
from sqlalchemy.types import NULLTYPE, TypeDecorator, TypeEngine
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from modelctl.errors import StoreError
from modelctl.tables.base import JsonObject, TableT, Texts

ROWS_AT_ONCE = 1_000
"""That are turned into columns to be looked at: of all rows it would take as much memory again."""

_KEYS = (("provider", "model_id"), ("entity_key",), ("name",), ("provider",))
"""What names a row to a reader, by the columns that its table has."""
_BAD_VALUE = (ValueError, TypeError, ArithmeticError)
"""What SQLAlchemy's types raise for a value that they cannot turn into theirs."""
_NOUNS: dict[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "a boolean",
    Decimal: "a number",
    date: "a day like 2025-01-31",
    datetime: "an instant like 2025-01-31 12:00:00",
    tuple: "a JSON list of texts",
    dict: "a JSON object",
}

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]


def instances(connection: Connection, statement: SelectOfScalar[TableT]) -> Sequence[TableT]:
    """The rows of a small table as instances. StoreError names the first value that its column cannot hold."""
    with session_on(connection) as session, _bad_values_named(connection, statement):
        found = session.exec(statement).all()
    for column in _columns_of(statement):
        _require_fit(connection, statement, column, [getattr(each, column.name) for each in found], 0)
    return found


def session_on(connection: Connection) -> Session:
    """A session in the transaction of the connection, which goes on when the session has been closed."""
    connection = getattr(connection, "reads_on", connection)  # a script's recorder is no connection itself
    if not connection.in_transaction():
        connection.begin()  # one that the session began would end with it
    return Session(connection)


def fetched(connection: Connection, statement: AnySelect) -> Sequence[AnyRow]:
    """The rows of a SELECT of one table's columns. StoreError as above."""
    result = connection.execute(statement)
    with _bad_values_named(connection, statement):
        rows = result.all()
    columns = _columns_of(statement)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        for column, values in zip(columns, zip(*rows[start : start + ROWS_AT_ONCE], strict=True), strict=False):
            _require_fit(connection, statement, column, values, start)
    return rows


def fetched_columns(connection: Connection, statement: AnySelect) -> Iterator[list[Sequence[Any]]]:
    """What `fetched` gives, a thousand rows at a time and column by column: many rows have few different values.

    A third of the time that rows take where each is converted value by value. All of it must be consumed.
    """
    columns = _columns_of(statement)
    result = connection.execute(statement.with_only_columns(*(type_coerce(each, NULLTYPE) for each in columns)))
    converters = _converters(connection, result, columns)
    start = 0
    for rows in result.partitions(ROWS_AT_ONCE):
        found: list[Sequence[Any]] = []
        for column, convert, values in zip(columns, converters, zip(*rows, strict=True), strict=True):
            try:
                converted = values if convert is None else list(map(convert, values))
            except _BAD_VALUE:
                raise _undecodable(connection, statement) or _unreadable(connection, statement, column, start) from None
            _require_fit(connection, statement, column, converted, start)
            found.append(converted)
        start += len(rows)
        yield found


def _converters(
    connection: Connection, result: CursorResult[*tuple[Any, ...]], columns: Sequence[Column[Any]]
) -> list[Callable[[Any], Any] | None]:
    """By column, what makes its values of those that the driver gives; None where they are the same."""
    dialect = connection.dialect
    codes = [each[1] for each in result.cursor.description]  # the driver's own, for which some types look
    return [
        column.type.dialect_impl(dialect).result_processor(dialect, code)
        for column, code in zip(columns, codes, strict=True)
    ]


def unreadable(table: str, key: str, column: str, noun: str) -> StoreError:
    """The error for one value, by the name of its row."""
    return StoreError(f"{key}: {column} in {table} is not {noun}", f"correct {column} of that row in the database")


@contextmanager
def _bad_values_named(connection: Connection, statement: AnySelect) -> Iterator[None]:
    """StoreError for a value that SQLAlchemy's types cannot turn into theirs."""
    try:
        yield
    except _BAD_VALUE:
        culprit = _undecodable(connection, statement)
        if culprit is None:
            raise
        raise culprit from None


def _require_fit(
    connection: Connection,
    statement: AnySelect,
    column: Column[Any],
    values: Sequence[Any],
    start: int,
) -> None:
    """StoreError for the first value that its column cannot hold; `start`: which row has the first of them."""
    if not _all_fit(column, values):
        index = next(index for index, value in enumerate(values) if not _all_fit(column, [value]))
        raise _unreadable(connection, statement, column, start + index)


def _all_fit(column: Column[Any], values: Collection[Any]) -> bool:
    """Whether all values have the column's type; a look at whole columns costs less than one at each value."""
    kind = _type_of(column)
    found = set(map(type, values))
    if not found <= {kind, type(None)}:
        return False
    if kind is tuple and tuple in found:
        return all(type(item) is str for value in values if value for item in value)
    if kind is Decimal and Decimal in found:
        return all(value.is_finite() for value in values if value is not None)
    return True


def _type_of(column: Column[Any]) -> type:
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, Texts | JsonObject):
        return tuple if isinstance(kind, Texts) else dict
    return (kind.impl_instance if isinstance(kind, TypeDecorator) else kind).python_type


def _columns_of(statement: AnySelect) -> list[Column[Any]]:
    return [column for column in statement.selected_columns if isinstance(column, Column)]


def _keys_of(statement: AnySelect) -> list[Column[Any]]:
    table = _columns_of(statement)[0].table
    names = next(names for names in _KEYS if all(name in table.c for name in names))
    return [table.c[name] for name in names]


def _unreadable(connection: Connection, statement: AnySelect, column: Column[Any], index: int) -> StoreError:
    keys = _keys_of(statement)
    selected = statement.with_only_columns(*keys, column)
    rows: list[AnyRow] = list(connection.execute(selected))
    named = next((row for row in rows if not _all_fit(column, [row[-1]])), rows[index])
    return unreadable(column.table.name, _name(named[:-1]), column.name, _NOUNS[_type_of(column)])


def _undecodable(connection: Connection, statement: AnySelect) -> StoreError | None:
    """Which value it was, found by reading column by column and then row by row; None where all can be read."""
    keys = _keys_of(statement)
    for column in _columns_of(statement):
        if _can_be_read(connection, statement.with_only_columns(column)):
            continue
        for key in connection.execute(statement.with_only_columns(*keys)).all():
            here = [each == value for each, value in zip(keys, key, strict=True)]
            if not _can_be_read(connection, statement.with_only_columns(column).where(*here)):
                noun = _NOUNS[_type_of(column)]
                return unreadable(column.table.name, _name(key), column.name, noun)
    return None


def _can_be_read(connection: Connection, statement: AnySelect) -> bool:
    try:
        connection.execute(statement).all()
    except _BAD_VALUE:
        return False
    return True


def _name(key: Sequence[Any]) -> str:
    return "/".join(str(part) for part in key)
