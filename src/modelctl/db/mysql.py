"""A connection of PyMySQL that sends nothing whose answer is known. Loaded where there is one to be made."""

from __future__ import annotations

from functools import cache, lru_cache
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

from pymysql.connections import Connection, MySQLResult
from pymysql.constants import FIELD_TYPE
from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.converters import conversions

from modelctl.db.handshake import MySQLServer
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


class QuietConnection(Connection):
    """It commits every statement, unless BEGIN was sent; COMMIT and ROLLBACK are sent only after that.

    And after a statement that did not come to its end, be it by an interruption: nobody knows then.
    """

    server_status: int  # its stubs forgot it

    def __init__(self, server: MySQLServer, **parameters: Any) -> None:
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
