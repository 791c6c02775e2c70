"""Whether a database that nobody has tried keeps what modelctl relies on, found out with a table of its own.

The databases with code of their own are tested. Any other is looked at before a table of ours is made: one that takes
`GPT-4o` for `gpt-4o`, or rounds a price, would go wrong later and without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, delete, select

from modelctl.errors import ModelctlError, StoreError
from modelctl.store.bulk import Row, insert_rows
from modelctl.store.dialects import is_tried, overwrite_rows
from modelctl.store.engine import Database
from modelctl.store.types import ExactText, Instant, Price, json_value

_IDS = ("GPT-4o", "gpt-4o", "gpt-4o ", "gpt-é", "gpt-e\u0301", "🧠" * 191)
_VALUES: Row = {
    "hours_utc": "",
    "aliases": None,
    "tags": ["é", "🧠"],
    "amount": Decimal("999999.999999999"),
    "seen_at": datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC),
}
_ROWS = [{"id": number, "model_id": each, **_VALUES} for number, each in enumerate(_IDS)]
_HINT = "docs/databases.md tells what a database must be able to do"


class _RolledBack(Exception):
    """Ends a transaction that was never meant to be kept."""


def prove(database: Database) -> None:
    """StoreError naming the first thing that a database cannot do, unless it is one that is tried anyway."""
    if is_tried(database.engine.dialect.name):
        return
    table = _table(f"{database.tables.prefix}modelctl_probe", database.tables.schema)
    try:
        with suppress(ModelctlError):  # of an attempt that was killed
            database.write(lambda connection: table.drop(connection))
        database.write(lambda connection: table.create(connection))
    except ModelctlError as error:
        raise StoreError(f"{error.message}: modelctl's tables cannot be made there", _HINT) from None
    try:
        missing = _missing(database, table)
    finally:
        database.write(lambda connection: table.drop(connection))
    if missing:
        raise StoreError(f"{database.label} cannot hold modelctl's tables: {missing}", _HINT)


def _table(name: str, schema: str | None) -> Table:
    return Table(
        name,
        MetaData(),
        Column("model_id", ExactText(191), primary_key=True),
        Column("id", BigInteger(), nullable=False),
        Column("hours_utc", ExactText(64), nullable=False),
        Column("aliases", json_value()),
        Column("tags", json_value()),
        Column("amount", Price()),
        Column("seen_at", Instant()),
        schema=schema,
    )


def _missing(database: Database, table: Table) -> str:
    """What the database does otherwise than it must; empty where there is nothing."""
    try:
        database.write(lambda connection: insert_rows(connection, table, _ROWS))
        database.write(lambda connection: overwrite_rows(connection, table, _ROWS[::-1], ("model_id",)))
    except ModelctlError as error:
        return f"GPT-4o, gpt-4o, 'gpt-4o ' and an id of 191 characters are not four keys ({error.message})"
    found = _read(database, table)
    for row in _ROWS:
        if row not in found:
            return f"of {row!r} it gives back {next((each for each in found if each['id'] == row['id']), None)!r}"
    without_list = select(table.c.id).where(table.c.aliases.is_(None))
    if len(database.read(lambda connection: connection.execute(without_list).all())) != len(_ROWS):
        return "an unknown list is not NULL"
    with suppress(_RolledBack):
        database.write(lambda connection: _delete_and_fail(connection, table))
    return "" if _read(database, table) else "a transaction that fails is not taken back"


def _delete_and_fail(connection: Connection, table: Table) -> None:
    connection.execute(select(table).with_for_update()).all()
    connection.execute(delete(table))
    raise _RolledBack


def _read(database: Database, table: Table) -> Sequence[dict[str, Any]]:
    return database.read(lambda connection: [dict(row) for row in connection.execute(select(table)).mappings()])
