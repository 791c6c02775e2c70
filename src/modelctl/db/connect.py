"""Making an engine: the driver, its time-outs, and one line for a URL or an option that cannot be used."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import partial
from typing import Any, NoReturn, TypeAlias, cast

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from modelctl.core.credentials import has_unquoted_password, masked, redacted
from modelctl.db.dialects import fit_dialect, is_tried
from modelctl.errors import UsageError
from modelctl.tables.base import json_from_text

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

# For one transaction only: behind a pool of connections, settings of a session reach other people's
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


CONNECT_TIMEOUT_S = 10
"""For a server to answer, where the URL has no `connect_timeout`."""
SQLITE_BUSY_TIMEOUT_S = 10

_DRIVER_PACKAGES = {"psycopg": "'modelctl[postgres]'", "pymysql": "'modelctl[mysql]'", "MySQLdb": "mysqlclient"}
"""What installs a driver whose module has another name than its package, or that an extra installs."""
_BOUNDED_DRIVERS = ("psycopg", "pymysql")
"""Drivers that take a `connect_timeout`."""
_LOST, _UNREACHABLE = 2013, 2003
"""MySQL's numbers for a connection that broke off, and for a server that cannot be reached."""
_SQLITE_OPTIONS = frozenset(
    {"uri", "timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
)
_BAD_OPTIONS = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What drivers raise for options that they do not know or cannot use, before they talk to a server."""
_IS_BAD_OPTION = re.compile(r"invalid connection option|invalid \w+ value|bad value for")
"""What libpq says of them."""


def parsed(url: str) -> URL:
    """The URL, whose dialect is installed. UsageError where it cannot be read."""
    if has_unquoted_password(url):
        raise UsageError(
            "the database URL cannot be read: its password holds an unquoted '/' or '@'",
            "percent-encode the password: '/' is %2F, '@' is %40",
        )
    try:
        found = make_url(url)
        found.get_dialect()
    except NoSuchModuleError:  # an ArgumentError, too
        name = url.partition(":")[0]
        raise UsageError(
            f"no SQLAlchemy dialect is installed for {name!r}", "install its package, or check the spelling of the URL"
        ) from None
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise UsageError(
            "the database URL cannot be read", "write it like sqlite:///models.db or postgresql://user@host/name"
        ) from None
    return found


def engine_of(url: URL, as_given: str, *, connect_timeout_s: int = CONNECT_TIMEOUT_S) -> Engine:
    """An engine that has not connected yet. UsageError where its driver is not installed."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and not str(url.database).startswith("file:") and (wrong := set(url.query) - _SQLITE_OPTIONS):
        raise _bad_options(as_given, f"there is no option {min(wrong)!r}")  # the driver would not say a word
    try:
        engine = create_engine(url, connect_args=_connect_arguments(url, connect_timeout_s), **_options(url))
    except ModuleNotFoundError as error:
        driver = str(error.name)
        fix = f"pip install {_DRIVER_PACKAGES.get(driver, driver)}"
        raise UsageError(f"the database driver {driver} is not installed", fix) from None
    except (ArgumentError, *_BAD_OPTIONS) as error:
        if is_sqlite and url.host:
            raise UsageError(
                f"{masked(as_given)}: write three slashes before a SQLite file, or four where its path is absolute",
                "write it like sqlite:///models.db or sqlite:////var/lib/models.db",
            ) from None
        raise _bad_options(as_given, _said(error)) from None
    fit_dialect(engine.dialect)
    event.listen(engine, "do_connect", partial(_connect, as_given, _driver_of(engine)))
    event.listen(engine, "begin", begin)
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _driver_of(engine: Engine) -> Callable[..., Any]:
    """What connects. Where it is us who begin, SQLAlchemy is kept from asking the server what the driver knows."""
    if not begin_here(engine.dialect):  # another dialect has a driver of its own
        return engine.dialect.connect
    if engine.dialect.driver == "pymysql":
        from modelctl.db.mysql import ask_little

        connect: Callable[..., Any] = ask_little(engine)
        return connect
    _ask_little_of_postgresql(engine.dialect)
    return engine.dialect.connect


def _ask_little_of_postgresql(dialect: Any) -> None:
    """Let SQLAlchemy take what it wants to know from psycopg, which was told when it connected."""

    def version(connection: Connection) -> tuple[int, ...]:
        driver: Any = connection.connection.driver_connection
        major, minor = divmod(driver.info.server_version, 10_000)
        return (major, minor) if major >= 10 else (major, *divmod(minor, 100))

    def note_escapes(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        dialect._backslash_escapes = driver.info.parameter_status("standard_conforming_strings") == "off"

    def not_asked(_connection: object) -> NoReturn:
        raise NotImplementedError  # as a dialect says that has no such thing: no statement of ours depends on it

    dialect._get_server_version_info, dialect._set_backslash_escapes = version, note_escapes
    dialect._get_default_schema_name = dialect.get_default_isolation_level = not_asked


def _options(url: URL) -> dict[str, Any]:
    """How rows are read, and who begins. A dialect that nobody has tried may not know the options."""
    if not is_tried(url.get_backend_name()):
        return {}
    options: dict[str, Any] = {"json_deserializer": json_from_text, **engine_options(url)}
    if url.get_driver_name() == "psycopg":  # it would ask the server for a type that no table of ours has
        options["use_native_hstore"] = False
    return options


def _connect_arguments(url: URL, connect_timeout_s: int) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {} if "timeout" in url.query else {"timeout": SQLITE_BUSY_TIMEOUT_S}
    if url.get_driver_name() not in _BOUNDED_DRIVERS or "connect_timeout" in url.query:
        return {}
    return {"connect_timeout": connect_timeout_s}


def _connect(
    as_given: str,
    connect: Callable[..., Any],
    dialect: Dialect,
    _record: object,
    arguments: list[Any],
    parameters: dict[str, Any],
) -> DBAPIConnection:
    """Connect as SQLAlchemy does. UsageError for options that the driver does not know or cannot use."""
    waits_for_ever = dialect.driver == "pymysql" and "read_timeout" not in parameters
    if dialect.driver == "pymysql":
        from modelctl.db.mysql import fit_parameters

        fit_parameters(parameters, timeout_s=CONNECT_TIMEOUT_S)
    try:
        connection = connect(*arguments, **parameters)
    except _BAD_OPTIONS as error:
        raise _bad_options(as_given, _said(error)) from None
    except Exception as error:
        if _IS_BAD_OPTION.search(str(error)):
            raise _bad_options(as_given, str(error).splitlines()[0]) from None
        if error.args[:1] == (_LOST,):  # what was never there was not lost: to wait as long again is no use
            raise type(error)(_UNREACHABLE, *error.args[1:]) from None
        raise
    if waits_for_ever:
        connection._read_timeout = None  # from here on a statement may take its time
    return cast(DBAPIConnection, connection)


def _said(error: Exception) -> str:
    """The driver's words, but not where it stumbled over a value of a kind that it did not expect."""
    return "" if isinstance(error, (AttributeError, LookupError)) else (str(error).splitlines() or [""])[0]


def _bad_options(as_given: str, said: str) -> UsageError:
    because = f": {redacted(said, as_given)}" if said else ""
    return UsageError(
        f"{masked(as_given)}: the driver cannot use the options of the URL{because}",
        "check what follows the '?'; docs/databases.md lists the usual ones",
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Let SQLAlchemy begin transactions (the driver would begin none at a SELECT), and keep foreign keys."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite does not look at foreign keys meanwhile; it can be told so outside of a transaction only."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # it broke off, and is closed
            driver.execute("PRAGMA foreign_keys = ON")
