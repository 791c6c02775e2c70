"""PyMySQL, sending nothing whose answer is known: a server may be far away. Loaded for a MySQL or MariaDB."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, NoReturn

from pymysql.connections import Connection, MySQLResult
from pymysql.constants import FIELD_TYPE
from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.converters import conversions
from sqlalchemy import Connection as SQLConnection
from sqlalchemy import Engine, event

from modelctl.tables.base import MAX_REMEMBERED

_OFTEN_THE_SAME = (
    FIELD_TYPE.DATETIME,
    FIELD_TYPE.TIMESTAMP,
    FIELD_TYPE.DATE,
    FIELD_TYPE.DECIMAL,
    FIELD_TYPE.NEWDECIMAL,
)
_CONVERSIONS = conversions | {kind: lru_cache(MAX_REMEMBERED)(conversions[kind]) for kind in _OFTEN_THE_SAME}
"""PyMySQL's own. Each instant and each amount is made of its text once: thousands of rows have the same few."""


QUESTION = """SELECT VERSION() AS version, DATABASE() AS name, @@autocommit AS autocommit, @@sql_mode AS sql_mode,
 @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet,
 @@character_set_client AS client, @@character_set_connection AS connection, @@character_set_results AS results"""
_STATEMENT_BYTES = 4_000_000
"""That are made of many rows: with more, a client and a server hold more in memory, and gain nothing."""
_HEADER_BYTES = 1_000
"""Of a packet, and more."""


def fit_parameters(parameters: dict[str, Any], *, timeout_s: float) -> None:
    """Make parameters of a connection what PyMySQL understands by them; `timeout_s` where the URL states none."""
    if isinstance(password := parameters.get("password"), str):
        parameters["password"] = password.encode()  # it would take Latin-1, and MySQL's own clients take UTF-8
    # Its connect_timeout ends when the port is open, and a server may say nothing after that.
    parameters.setdefault("read_timeout", parameters.get("connect_timeout", timeout_s))
    if {"ssl_verify_cert", "ssl_verify_identity"} & parameters.keys():  # beside these it forgets SQLAlchemy's `ssl`
        for name, value in parameters.pop("ssl", {}).items():
            parameters.setdefault(f"ssl_{name}", value)


@dataclass(slots=True)
class Server:
    """What a server of MySQL's kind said of itself when it was first asked, for all connections to it."""

    heeds_handshake: bool = True
    """The character set and the commit of every statement are as they were asked for on connecting.

    A server may be set up to ignore that, or to run a statement of its own at the start.
    """
    _said: dict[str, Any] = field(default_factory=dict)

    def greet(self, dialect: Any, connection: SQLConnection) -> tuple[int, ...]:
        """Ask for everything; the version, as SQLAlchemy has it."""
        self._said |= connection.exec_driver_sql(QUESTION).mappings().one()
        driver: Any = connection.connection.driver_connection
        found = {self._said["client"], self._said["connection"], self._said["results"]}
        if found != {driver.charset} or not self._said["autocommit"]:
            self.heeds_handshake = False
            driver.set_character_set(driver.charset, driver.collation)
            driver.autocommit(True)
        version: tuple[int, ...] = dialect._parse_server_version(self._said["version"])
        return version

    def database(self, _connection: SQLConnection) -> str | None:
        """The one that unqualified names are of."""
        name: str | None = self._said["name"]
        return name

    def setting(self, _connection: SQLConnection, name: str) -> Any:
        """A variable of the server."""
        return self._said[name]

    def fill_packets(self, cursor: Any, *_statement: object) -> None:
        """Let a statement with many rows be as long as the server takes it. For the event `do_executemany`."""
        if (limit := self._said.get("max_allowed_packet")) is not None:
            cursor.max_stmt_length = min(_STATEMENT_BYTES, limit - _HEADER_BYTES)


class QuietConnection(Connection):
    """It commits every statement, unless BEGIN was sent; COMMIT and ROLLBACK are sent only after that.

    And after a statement that did not come to its end, be it by an interruption: nobody knows then.
    """

    server_status: int  # its stubs forgot it

    def __init__(self, server: Server, **parameters: Any) -> None:
        """Connects."""
        self._server = server
        self._is_clean = True
        super().__init__(**parameters | {"autocommit": True, "conv": _CONVERSIONS})

    def _create_ssl_ctx(self, sslp: dict[str, Any] | SSLContext) -> SSLContext:
        """Where the URL says nothing of TLS, PyMySQL checks no certificate, but loads those of all authorities."""
        made: SSLContext = super()._create_ssl_ctx(sslp) if sslp else _unchecked()  # type: ignore[misc] # its stubs
        return made

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        """SET NAMES; not where the server has the character set from the handshake."""
        if collation is not None or not self._server.heeds_handshake:
            super().set_character_set(charset, collation)

    def query(self, sql: Any, unbuffered: bool = False) -> int:
        """Send a statement and take its answer."""
        if self._server.heeds_handshake and sql == f"SET NAMES {self.charset}":  # SQLAlchemy's, after every connect
            self._result = MySQLResult(self)
            return 0
        was_clean, self._is_clean = self._is_clean, False
        count = super().query(sql, unbuffered)
        self._is_clean = was_clean and sql != "BEGIN" and not self.server_status & SERVER_STATUS_IN_TRANS
        return count

    def commit(self) -> None:
        """Commit what BEGIN began."""
        if not self._is_clean:
            super().commit()
            self._is_clean = True

    def rollback(self) -> None:
        """Take back what BEGIN began."""
        if not self._is_clean:
            super().rollback()
            self._is_clean = True


@cache
def _unchecked() -> SSLContext:
    """For TLS with a server that need not say who it is."""
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, CERT_NONE
    return context


def ask_little(engine: Engine) -> Any:
    """Let SQLAlchemy ask once for all that it wants to know of a server; what connects to it, by the parameters."""
    dialect: Any = engine.dialect
    server = Server()
    dialect._get_server_version_info = partial(server.greet, dialect)
    dialect._get_default_schema_name = server.database
    dialect._fetch_setting = server.setting
    dialect.get_default_isolation_level = _not_asked
    event.listen(engine, "do_executemany", server.fill_packets)
    return partial(QuietConnection, server)


def _not_asked(_connection: object) -> NoReturn:
    """As a dialect says that has no such thing: no statement of ours depends on it."""
    raise NotImplementedError
