"""A plan as SQL text. What a write would execute is recorded instead, so the text is by construction what it does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Insert, Select
from sqlalchemy.types import TypeEngine

from modelctl.errors import UsageError

BEGIN = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "BEGIN",
    "mysql": "START TRANSACTION",
    "mariadb": "START TRANSACTION",
}
"""What begins a transaction, by the databases for which there is a script."""


def script_of(connection: Connection, work: Callable[[Connection], None]) -> tuple[str, ...]:
    """The statements by which `work` would change the database, as one transaction. Reads, and writes nothing.

    UsageError for a database whose SQL nobody has tried.
    """
    name = connection.dialect.name
    if name not in BEGIN:
        raise UsageError(f"there is no SQL script for {name}", f"there are scripts for {', '.join(sorted(BEGIN))}")
    recorder = _Recorder(connection)
    work(cast(Connection, recorder))
    return (BEGIN[name], *recorder.statements, "COMMIT")


class _Recorder:
    """As much of a connection as a write needs: SELECTs are answered, everything else is noted."""

    def __init__(self, connection: Connection) -> None:
        self.reads_on = connection
        self._literal_dialect = _with_literals(connection.dialect)
        self.dialect = connection.dialect
        self.statements: list[str] = []

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any] | None:
        """The rows of a SELECT; of another statement the text, one for each set of parameters."""
        if isinstance(statement, Select):
            return self.reads_on.execute(statement)
        rows = [parameters] if isinstance(parameters, Mapping) else parameters or ()
        for row in rows or (None,):
            self.statements.append(self._text(statement, row))
        return None

    def _text(self, statement: Any, row: Mapping[str, Any] | None) -> str:
        if row is not None:
            statement = statement.values(dict(row))
        if isinstance(statement, Insert):
            statement = statement.inline()  # or it would ask for the new row's number
        return str(statement.compile(dialect=self._literal_dialect, compile_kwargs={"literal_binds": True}))


def _with_literals(dialect: Dialect) -> Dialect:
    """The same dialect, its version known, but with values where parameters would be, and `%` written once."""
    literal: Any = copy.copy(dialect)
    literal.paramstyle, literal.positional = "named", False
    literal.identifier_preparer = literal.preparer(literal)
    base: Any = dialect.statement_compiler

    class Literal(base):  # type: ignore[misc]  # its base is known at run time only
        def render_literal_value(self, value: Any, type_: TypeEngine[Any]) -> str:
            return literal_text(value, type_, dialect)

    literal.statement_compiler = Literal
    return cast(Dialect, literal)


def literal_text(value: object, type_: TypeEngine[Any], dialect: Dialect) -> str:
    """A value of a column as SQL text that the database reads as the very value that a parameter would give it."""
    to_driver = type_.dialect_impl(dialect).bind_processor(dialect) if value is not None else None
    return _literal(to_driver(value) if to_driver is not None else value, dialect.name)


def _literal(value: object, name: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower() if name == "postgresql" else str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return _quoted(value, name)
    if isinstance(value, datetime):
        if name in ("mysql", "mariadb") and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)  # its columns know no time zones, and hold UTC
        return _quoted(value.isoformat(sep=" "), name)
    if isinstance(value, date):
        return _quoted(value.isoformat(), name)
    wrapped = getattr(value, "obj", value)  # psycopg wraps what becomes JSON
    return _quoted(json.dumps(wrapped), name)


def _quoted(text: str, name: str) -> str:
    """A string literal that means the same whatever the session's settings make of a backslash."""
    quoted = "'" + text.replace("'", "''") + "'"
    if "\\" not in text:
        return quoted
    if name == "postgresql":
        return "E" + quoted.replace("\\", "\\\\")
    if name in ("mysql", "mariadb"):
        return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)"
    return quoted
