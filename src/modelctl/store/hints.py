"""What to do next about a database's error, by what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

CREDENTIALS = "check the user name and the password of the URL; what is special in them must be percent-encoded"
GRANTS = "docs/databases.md lists what each command needs"

_BY_CODE: Mapping[object, str] = {
    **dict.fromkeys(("42501", 1044, 1142, 1143, 1227), f"grant what is missing; {GRANTS}"),
    **dict.fromkeys(
        ("57014", 1969, 3024),
        "the server allows a statement less time than it took: raise its limit for this user, or try when it is idle",
    ),
    **dict.fromkeys(("55P03", 1205), "another transaction holds the rows: find it, then run the command again"),
    **dict.fromkeys(
        (1047, 1180), "this node has lost its cluster: wait until it has joined again, or use another node"
    ),
    1045: CREDENTIALS,
    1049: "create that database, or correct its name in the URL, or correct the setting `schema`",
    "3F000": "create the schema, or correct the setting `schema`",
}
"""By SQLSTATE of PostgreSQL, or by number of MySQL and MariaDB."""

_BY_WORD = {
    ("password authentication failed", "no password supplied", 'fatal:  role "'): CREDENTIALS,
    ('fatal:  database "',): "create that database, or correct its name in the URL",
    (".sqlite_master", "unknown database"): "a SQLite file has no such schema: correct the setting `schema`",
    ("readonly", "read-only", "read only"): "the database cannot be written: check its permissions, "
    "or name the server or the role that may write",
    ("unable to open",): "check that {database} can be created and written",
    ("ssl", "certificate"): "check the TLS options of the URL: sslmode and sslrootcert, or ssl_ca and ssl_verify_cert",
    ("database is locked", "table is locked", "lock is held"): "another program writes to the file: wait for it, "
    "then run the command again",
    ("is full", "no space"): "free some space, then run the command again",
    ("timed out", "timeout expired"): "check the address; `connect_timeout` in the URL is how many seconds to wait",
}


def hint(url: URL, error: DBAPIError) -> str:
    """The next step for a person."""
    if isinstance(error, IntegrityError):
        return "check what else writes these tables, or has changed their constraints"
    original = error.orig
    number = original.args[0] if original is not None and original.args else None
    code = number if isinstance(number, int) else getattr(original, "sqlstate", None)
    if code in _BY_CODE:
        return _BY_CODE[code]
    text = str(original).lower()
    if (error.connection_invalidated or _was_closed(text)) and "timed out" not in text:
        return "the connection was lost: run the command again"
    for words, advice in _BY_WORD.items():
        if any(word in text for word in words):
            return advice.format(database=url.database)
    return "check the address and the permissions"


def _was_closed(text: str) -> bool:
    """PostgreSQL's first statements, with which SQLAlchemy makes itself known: nothing but the words tells it there."""
    return "closed the connection" in text and not text.startswith("connection failed")
