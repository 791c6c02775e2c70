"""modelctl's tables as a file, and back: a copy of a SQLite file, or a JSON object for each row of a server's.

The first line of rows says of which version the tables are, the last one how many there were: a file that was cut off
is refused. Leases are left out: who is writing now is nothing to bring back.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Date, DateTime, Numeric, Table, delete, func, select, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from modelctl.db import migrate
from modelctl.db.dialects import insert_rows
from modelctl.db.engine import Database
from modelctl.errors import ModelctlError, StoreError, UsageError
from modelctl.files import whole_file
from modelctl.tables.base import MODULES, Tables

FORMAT = 1
BATCH_ROWS = 1_000
_SQLITE = b"SQLite format 3\0"
_ONLY_OWNER = 0o600


def back_up(database: Database, path: Path) -> None:
    """Write the tables into a new file. UsageError where there is such a file already.

    Of a SQLite file the whole is copied, with whatever else is in it; on a server the tables must be of this version.
    """
    if path.exists():
        raise UsageError(f"{path}: exists already", "name another file: a backup is never overwritten")
    try:
        if database.is_sqlite_file:
            database.read(lambda connection: _copied(connection, path))
        else:
            database.read(lambda connection: _written(connection, database.tables, path))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}", "name another file") from None


def _copied(connection: Connection, path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    driver: Any = connection.connection.driver_connection
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OWNER))
        with closing(sqlite3.connect(part)) as copy:
            driver.backup(copy)
        part.replace(path)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the copy failed: {error}", "name another file") from None
    finally:
        with suppress(OSError):
            part.unlink()


def _written(connection: Connection, tables: Tables, path: Path) -> None:
    rows = 0
    with whole_file(path, mode=_ONLY_OWNER) as file:
        file.write(json.dumps({"modelctl_backup": FORMAT, "version": migrate.HEAD}) + "\n")
        for name, table in _tables(tables):
            for row in connection.execute(select(table)).mappings():
                file.write(json.dumps({"table": name, "row": dict(row)}, default=_as_text, ensure_ascii=False) + "\n")
                rows += 1
        file.write(json.dumps({"rows": rows}) + "\n")


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in a row")


def backup_rows(database: Database, path: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of a backup by table, fit for this database. UsageError for what is no whole backup of this version."""
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
        if is_sqlite:
            return _rows_of_copy(path, database.tables)
        with path.open(encoding="utf-8") as lines:
            return _rows_of_lines(path, lines, database.tables)
    except UnicodeDecodeError:
        raise _no_backup(path) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None


def _rows_of_copy(path: Path, tables: Tables) -> dict[str, list[dict[str, Any]]]:
    copy = Database(f"sqlite:///{path.absolute()}", prefix=tables.prefix)
    try:
        found = migrate.status(copy)
        _require_version(path, found.version)

        def read(connection: Connection) -> dict[str, list[dict[str, Any]]]:
            return {
                name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for name, table in _tables(copy.tables)
            }

        return copy.read(read)
    except ModelctlError as error:
        raise UsageError(error.message, error.hint) from None
    finally:
        copy.close()


def _rows_of_lines(path: Path, lines: Iterator[str], tables: Tables) -> dict[str, list[dict[str, Any]]]:
    read = {name: _reader(table) for name, table in _tables(tables)}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in read}
    head = _object(path, next(lines, ""))
    if head.get("modelctl_backup") != FORMAT:
        raise _no_backup(path)
    _require_version(path, head.get("version"))
    for line in lines:
        item = _object(path, line)
        if "rows" in item:
            if item["rows"] != sum(map(len, rows.values())):
                break
            return rows
        try:
            rows[item["table"]].append(read[item["table"]](item["row"]))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise _no_backup(path) from None
    raise UsageError(f"{path}: is not complete: its end is missing", "take another backup; nothing was changed")


def _object(path: Path, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        raise _no_backup(path) from None
    if not isinstance(found, dict):
        raise _no_backup(path)
    return found


def _reader(table: Table) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What makes a row of its JSON object."""
    convert = {column.name: _converter(column.type) for column in table.columns}

    def read(row: dict[str, Any]) -> dict[str, Any]:
        if row.keys() != convert.keys():
            raise ValueError("other columns")
        return {name: None if value is None else convert[name](value) for name, value in row.items()}

    return read


def _converter(kind: TypeEngine[Any]) -> Callable[[Any], Any]:
    while isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, Numeric):
        return Decimal
    if isinstance(kind, DateTime):
        return datetime.fromisoformat
    if isinstance(kind, Date):
        return date.fromisoformat
    return lambda value: value


def _require_version(path: Path, version: object) -> None:
    if version != migrate.HEAD:
        made = f"of tables of version {version}" if version else "of no tables of modelctl's"
        raise UsageError(
            f"{path}: is a backup {made}, and this modelctl has version {migrate.HEAD}",
            "restore it with the modelctl that made it, then upgrade" if version else "name another file",
        )


def _no_backup(path: Path) -> UsageError:
    return UsageError(f"{path}: is not a backup of modelctl's tables", "`modelctl sync --backup FILE` makes one")


def restore(database: Database, connection: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Put these rows in place of all that the tables hold, within the transaction of `connection`."""
    present = _tables(database.tables)
    for _, table in reversed(present):
        connection.execute(delete(table))
    for name, table in present:
        for start in range(0, len(rows[name]), BATCH_ROWS):
            insert_rows(connection, table, rows[name][start : start + BATCH_ROWS])
    if connection.dialect.name == "postgresql":
        _go_on_counting(connection, database.tables)


def _go_on_counting(connection: Connection, tables: Tables) -> None:
    """PostgreSQL's sequence does not see ids that are written."""
    table = tables.models.__table__
    name = connection.dialect.identifier_preparer.format_table(table)
    last = connection.execute(select(func.max(table.c.id))).scalar()
    if last is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": name, "last": last}
        )


def row_counts(database: Database) -> dict[str, int]:
    """How many rows each table holds, by the name that it has without a prefix."""
    return database.read(lambda connection: _counts(connection, database.tables))


def _counts(connection: Connection, tables: Tables) -> dict[str, int]:
    counts = {}
    for name, table in _tables(tables):
        counts[name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return counts


def _tables(tables: Tables) -> list[tuple[str, Table]]:
    """The tables by their names without a prefix, in an order in which they can be filled."""
    of_class = dict(zip(MODULES, tables.classes(), strict=True))
    del of_class["Lease"]
    found = [each.__table__ for each in of_class.values()]
    return [(table.name.removeprefix(tables.prefix), table) for table in found]
