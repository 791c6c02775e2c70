"""What SQLAlchemy wants to know of a server at first: from the driver where it knows, else asked for at once.

SQLAlchemy would send a statement for each thing. What is not used here is not asked for at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from sqlalchemy import Connection, Dialect, Engine, event

_QUESTION = """SELECT VERSION() AS version, DATABASE() AS name, @@autocommit AS autocommit, @@sql_mode AS sql_mode,
 @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet,
 @@character_set_client AS client, @@character_set_connection AS connection, @@character_set_results AS results"""
_STATEMENT_BYTES = 4_000_000
"""That are made of many rows: with more, a client and a server hold more in memory, and gain nothing."""
_HEADER_BYTES = 1_000
"""Of a packet, and more."""


@dataclass(slots=True)
class MySQLServer:
    """What a server of MySQL's kind said of itself when it was first asked, for all connections to it."""

    heeds_handshake: bool = True
    """The character set and the commit of every statement are as they were asked for on connecting.

    A server may be set up to ignore that, or to run a statement of its own at the start.
    """
    _said: dict[str, Any] = field(default_factory=dict)

    def greet(self, dialect: Any, connection: Connection) -> tuple[int, ...]:
        """Ask for everything; the version, as SQLAlchemy has it."""
        self._said |= connection.exec_driver_sql(_QUESTION).mappings().one()
        driver: Any = connection.connection.driver_connection
        found = {self._said["client"], self._said["connection"], self._said["results"]}
        if found != {driver.charset} or not self._said["autocommit"]:
            self.heeds_handshake = False
            driver.set_character_set(driver.charset, driver.collation)
            driver.autocommit(True)
        version: tuple[int, ...] = dialect._parse_server_version(self._said["version"])
        return version

    def database(self, _connection: Connection) -> str | None:
        """The one that unqualified names are of."""
        name: str | None = self._said["name"]
        return name

    def setting(self, _connection: Connection, name: str) -> Any:
        """A variable of the server."""
        return self._said[name]

    def fill_packets(self, cursor: Any, *_statement: object) -> None:
        """Let a statement with many rows be as long as the server takes it. For the event `do_executemany`."""
        if (limit := self._said.get("max_allowed_packet")) is not None:
            cursor.max_stmt_length = min(_STATEMENT_BYTES, limit - _HEADER_BYTES)


def ask_little_of_postgresql(dialect: Any) -> None:
    """Let SQLAlchemy take what it wants to know from psycopg, which was told when it connected."""
    dialect._get_server_version_info = _version_from_psycopg
    dialect._set_backslash_escapes = lambda connection: _note_escapes(dialect, connection)
    dialect._get_default_schema_name = dialect.get_default_isolation_level = _not_asked


def ask_little_of_mysql(engine: Engine, server: MySQLServer) -> None:
    """Let SQLAlchemy ask once for all that it wants to know."""
    dialect: Any = engine.dialect
    dialect._get_server_version_info = lambda connection: server.greet(dialect, connection)
    dialect._get_default_schema_name = server.database
    dialect._fetch_setting = server.setting
    dialect.get_default_isolation_level = _not_asked
    event.listen(engine, "do_executemany", server.fill_packets)


def _version_from_psycopg(connection: Connection) -> tuple[int, ...]:
    driver: Any = connection.connection.driver_connection
    major, minor = divmod(driver.info.server_version, 10_000)
    return (major, minor) if major >= 10 else (major, *divmod(minor, 100))


def _note_escapes(dialect: Dialect, connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    of_dialect: Any = dialect
    of_dialect._backslash_escapes = driver.info.parameter_status("standard_conforming_strings") == "off"


def _not_asked(_connection: object) -> NoReturn:
    """As a dialect says that has no such thing: no statement of ours depends on it."""
    raise NotImplementedError
