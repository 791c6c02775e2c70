"""The drivers' own bulk writing, which modelctl is measured against: what a script without an ORM would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import make_url

Rows = Sequence[Sequence[Any]]
Content = Mapping[str, tuple[Sequence[str], Rows]]
"""By table, its columns and rows, in the driver's own types."""

_KEY = ("provider", "model_id")


@dataclass(frozen=True, slots=True)
class Driver:
    """A connection of the driver, and its ways to write."""

    connection: Any
    mark: str
    """How a parameter is written."""
    quick_insert: Callable[[Any, str, Sequence[str], Rows], object]
    conflict: str
    """What makes an insert an upsert, with `{changes}`."""
    incoming: str
    """The incoming value of a column, with `{name}`."""

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def query(self, sql: str) -> tuple[Sequence[str], Rows]:
        """Columns and rows of a SELECT."""
        cursor = self.connection.cursor()
        cursor.execute(sql)
        columns = [each[0] for each in cursor.description]
        rows = [tuple(row) for row in cursor.fetchall()]
        self.connection.commit()
        return columns, rows

    def content(self, names: Sequence[str]) -> Content:
        """Everything in these tables, but for the surrogate key of the models."""
        found = {}
        for name in names:
            columns, rows = self.query(f"SELECT * FROM {name}")
            if columns[0] == "id":
                columns, rows = columns[1:], [row[1:] for row in rows]
            found[name] = (columns, rows)
        return found

    def insert(self, content: Content) -> None:
        """The driver's own bulk insert of all these rows, in one transaction."""
        for name, (columns, rows) in content.items():
            self.quick_insert(self.connection, name, columns, rows)
        self.connection.commit()

    def upsert_models(self, columns: Sequence[str], rows: Rows) -> None:
        """Write every model row over the one that is there, changed or not: the blind bulk upsert."""
        changed = ", ".join(f"{name} = {self.incoming.format(name=name)}" for name in columns if name not in _KEY)
        statement = f"{_insert('ai_models', columns, self.mark)} {self.conflict.format(changes=changed)}"
        self.connection.cursor().executemany(statement, rows)
        self.connection.commit()


def driver_for(kind: str, url: str) -> Driver:
    """The driver of that kind of database, connected."""
    return {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}[kind](url)


def _insert(table: str, columns: Sequence[str], mark: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _executemany(mark: str) -> Callable[[Any, str, Sequence[str], Rows], object]:
    def insert(connection: Any, table: str, columns: Sequence[str], rows: Rows) -> None:
        connection.cursor().executemany(_insert(table, columns, mark), rows)

    return insert


def _copy(connection: Any, table: str, columns: Sequence[str], rows: Rows) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _sqlite(url: str) -> Driver:
    import sqlite3

    connection = sqlite3.connect(str(make_url(url).database))
    conflict = "ON CONFLICT (provider, model_id) DO UPDATE SET {changes}"
    return Driver(connection, "?", _executemany("?"), conflict, "excluded.{name}")


def _postgresql(url: str) -> Driver:
    import psycopg
    from psycopg.types.string import TextLoader

    connection = psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)  # JSON as text: nobody should pay for parsing it
    conflict = "ON CONFLICT (provider, model_id) DO UPDATE SET {changes}"
    return Driver(connection, "%s", _copy, conflict, "excluded.{name}")


def _mariadb(url: str) -> Driver:
    import pymysql

    at = make_url(url)
    connection = pymysql.connect(
        host=at.host,
        port=at.port or 3306,
        user=at.username,
        password=at.password or "",
        database=at.database,
        charset="utf8mb4",
    )
    return Driver(connection, "%s", _executemany("%s"), "ON DUPLICATE KEY UPDATE {changes}", "VALUES({name})")
