"""How a transaction begins: with one statement that says all of it, and with none where one statement is all of it.

Each statement is a way to the server. Drivers that are known are told to begin nothing by themselves, so that the
BEGIN is ours; every other driver begins in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect
from sqlalchemy.engine import URL

IDLE_TIMEOUT_MS = 60_000
"""A server ends a transaction that writes and whose client stands still: others wait for its locks."""

_PURPOSE = "modelctl_purpose"
"""The execution option that holds it."""


class Purpose(Enum):
    """What a transaction is for."""

    LOOK = auto()
    """SELECTs each of which may see another state."""
    READ = auto()
    """SELECTs that see one state."""
    WRITE = auto()
    WRITE_ONE = auto()
    """One statement that writes."""
    OTHER = auto()
    """Whatever somebody does with the engine itself."""


_Opening: TypeAlias = Mapping[Purpose, str]

# For one transaction only: behind a pool of connections, settings of a session reach other people's transactions.
_BOUND_IDLENESS = "SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"
# A writer takes the lock at once: a read that turns into a write fails where another wrote in between.
_SQLITE: _Opening = {
    Purpose.LOOK: "BEGIN",
    Purpose.READ: "BEGIN",
    Purpose.WRITE: "BEGIN IMMEDIATE",
    Purpose.WRITE_ONE: "BEGIN IMMEDIATE",
    Purpose.OTHER: "BEGIN",
}
_PSYCOPG: _Opening = {
    Purpose.READ: "BEGIN ISOLATION LEVEL REPEATABLE READ",
    Purpose.WRITE: f"BEGIN; {_BOUND_IDLENESS}",
    Purpose.OTHER: "BEGIN",
}
_PYMYSQL: _Opening = {Purpose.READ: "BEGIN", Purpose.WRITE: "BEGIN", Purpose.OTHER: "BEGIN"}
_OPENINGS: Mapping[tuple[str, str], _Opening] = {
    ("postgresql", "psycopg"): _PSYCOPG,
    ("mysql", "pymysql"): _PYMYSQL,
    ("mariadb", "pymysql"): _PYMYSQL,
}
_POSTGRESQL_LEVELS = {
    Purpose.LOOK: "AUTOCOMMIT",
    Purpose.READ: "REPEATABLE READ",
    Purpose.WRITE_ONE: "AUTOCOMMIT",
}
"""For drivers that begin by themselves."""


def begin_here(dialect: Dialect) -> bool:
    """Whether it is this module that begins transactions, and the driver must not."""
    return (dialect.name, dialect.driver) in _OPENINGS


def engine_options(url: URL) -> dict[str, Any]:
    """Options of an engine under which its driver begins nothing, where it is known what to say instead."""
    is_known = (url.get_backend_name(), url.get_driver_name()) in _OPENINGS
    return {"isolation_level": "AUTOCOMMIT"} if is_known else {}


def options(dialect: Dialect, purpose: Purpose) -> dict[str, Any]:
    """Execution options of a connection whose next transaction is for this."""
    needs_level = dialect.name == "postgresql" and not begin_here(dialect)
    level = _POSTGRESQL_LEVELS.get(purpose) if needs_level else None
    return {_PURPOSE: purpose} | ({"isolation_level": level} if level is not None else {})


def begin(connection: Connection) -> None:
    """Send what the transaction begins with. For the event of that name."""
    purpose = connection.get_execution_options().get(_PURPOSE, Purpose.OTHER)
    if (statement := _opening(connection.dialect).get(purpose)) is not None:
        connection.exec_driver_sql(statement.format(idle_ms=IDLE_TIMEOUT_MS))


def _opening(dialect: Dialect) -> _Opening:
    if dialect.name == "sqlite":
        return _SQLITE
    general = {Purpose.WRITE: _BOUND_IDLENESS} if dialect.name == "postgresql" else {}
    return _OPENINGS.get((dialect.name, dialect.driver), general)
