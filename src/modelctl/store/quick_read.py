"""Columns of a table for a shell that completes a word: at once, or nothing.

A SQLite file is read with the standard library, since loading SQLAlchemy takes longer than a person waits for a key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from modelctl.errors import ModelctlError

TIMEOUT_S = 2
"""For another's lock on a file, and for a server to accept a connection."""


def quick_rows(url: str, table: str, columns: Sequence[str], schema: str | None = None) -> list[tuple[str, ...]]:
    """All rows of the table, in these columns. Empty where anything is wrong; makes nothing."""
    scheme, _, rest = url.partition("://")
    if scheme.lower().partition("+")[0] == "sqlite":
        place = ".".join(f'"{name}"' for name in (schema, table) if name)
        return _rows_of_file(Path(rest[1:].partition("?")[0]), f"SELECT {', '.join(columns)} FROM {place}")
    return _rows_of_server(url, table, columns, schema)


def _rows_of_file(path: Path, query: str) -> list[tuple[str, ...]]:
    address = f"{path.absolute().as_uri()}?mode=ro"  # a file that is missing is not made
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []


def _rows_of_server(url: str, table: str, columns: Sequence[str], schema: str | None) -> list[tuple[str, ...]]:
    from sqlalchemy import Select, column, select
    from sqlalchemy import table as named
    from sqlalchemy.exc import SQLAlchemyError

    from modelctl.store.connecting import engine_of, parsed
    from modelctl.store.transactions import Purpose, options

    rows: Select[*tuple[Any, ...]] = select(*map(column, columns)).select_from(named(table, schema=schema))
    try:
        engine = engine_of(parsed(url), url, connect_timeout_s=TIMEOUT_S)
        try:
            with engine.connect() as connection:
                connection.execution_options(**options(engine.dialect, Purpose.LOOK))
                return [tuple(row) for row in connection.execute(rows)]
        finally:
            engine.dispose()
    except (SQLAlchemyError, ModelctlError):
        return []
