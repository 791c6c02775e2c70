"""Columns of a table for a shell that completes a word: at once, or nothing.

A SQLite file is read with the standard library, since loading SQLAlchemy takes longer than a person waits for a key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

TIMEOUT_S = 2
"""For another's lock on a file, and for a server to accept a connection."""


def quick_rows(url: str, table: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """All rows of the table, in these columns. Names are not quoted. Empty where anything is wrong; makes nothing."""
    query = f"SELECT {', '.join(columns)} FROM {table}"
    scheme, _, rest = url.partition("://")
    if scheme.lower().partition("+")[0] == "sqlite":
        return _rows_of_file(Path(rest[1:].partition("?")[0]), query)
    return _rows_of_server(url, query)


def _rows_of_file(path: Path, query: str) -> list[tuple[str, ...]]:
    address = f"{path.absolute().as_uri()}?mode=ro"  # a file that is missing is not made
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def _rows_of_server(url: str, query: str) -> list[tuple[str, ...]]:
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        knows_timeout = make_url(url).get_driver_name() in ("psycopg", "pymysql")
        arguments = {"connect_timeout": TIMEOUT_S} if knows_timeout else {}
        with create_engine(url, poolclass=NullPool, connect_args=arguments).connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    except (SQLAlchemyError, ImportError, ValueError):
        return []
