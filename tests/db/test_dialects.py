"""Writing whole rows in the way of each database and in the general one, and which errors pass by themselves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence

import psycopg
import pymysql
import pytest
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError, OperationalError

from modelctl.db import dialects
from modelctl.db import migrate as schema
from modelctl.db.dialects import Row, overwrite_rows, will_pass
from modelctl.db.engine import Database
from modelctl.db.read import model_row, state_row
from tests.db.writing import author, creation, everything, plan_of, sql, stored_model, update, write


def _by_the_general_way(connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str]) -> None:
    dialects._look_then_write(connection, table, rows, key)


def test_the_general_way_writes_the_same_rows(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", tags=("a",)), creation("two", type="chat", vision=True)))
    before = everything(database)
    models, states = [], []
    for model_id, facts in {"one": {"tags": None, "family": "é"}, "two": {"tags": (), "vision": False}}.items():
        change = update(stored_model(database, model_id), **facts)  # type: ignore[arg-type]
        assert change.existing is not None
        row = model_row(change.existing)
        models.append(row | {name: list(each) if isinstance(each, tuple) else each for name, each in facts.items()})
        states.append(state_row(change.existing, now=author(2).now) | {"pins": ["family"], "absences": 1})
    new = {**states[0], "model_id": "new"}
    found = []
    for write_rows in (_by_the_general_way, overwrite_rows):

        def work(connection: Connection, write_rows: object = write_rows) -> None:
            assert callable(write_rows)
            write_rows(connection, database.tables.models.__table__, models, ("id",))
            write_rows(connection, database.tables.state.__table__, [*states, new], ("provider", "model_id"))

        database.write(work)
        found.append(everything(database))
        sql(database, "DELETE FROM ai_model_state WHERE model_id = 'new'")
        sql(database, "UPDATE ai_models SET family = NULL, tags = NULL")
        sql(database, "UPDATE ai_model_state SET pins = NULL, absences = 7")
    assert found[0] == found[1]
    assert found[0] != before


def test_a_database_of_another_kind_gets_the_general_way(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "_OVERWRITE", {})
    write(sqlite, plan_of(creation("one", type="chat")))
    write(sqlite, plan_of(update(stored_model(sqlite, "one"), type="embedding", tags=("a",))), author(2))
    assert stored_model(sqlite, "one").facts.type == "embedding"
    assert stored_model(sqlite, "one").facts.tags == ("a",)
    assert sql(sqlite, "SELECT COUNT(*) FROM ai_sync_runs") == [(2,)]


def test_no_rows_are_no_statement(database: Database) -> None:
    before = everything(database)
    database.write(lambda connection: overwrite_rows(connection, database.tables.state.__table__, [], ("provider",)))
    assert everything(database) == before


def _psycopg(sqlstate: str) -> Exception:
    return psycopg.errors.lookup(sqlstate)("x")


def _sqlite(name: str) -> Exception:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    return error


PASSES = {
    "PostgreSQL serialization failure": _psycopg("40001"),
    "PostgreSQL deadlock": _psycopg("40P01"),
    "PostgreSQL lock not available": _psycopg("55P03"),
    "PostgreSQL admin shutdown": _psycopg("57P01"),
    "PostgreSQL connection failure": _psycopg("08006"),
    "MySQL deadlock": pymysql.err.OperationalError(1213, "x"),
    "MySQL lock wait": pymysql.err.OperationalError(1205, "x"),
    "MySQL gone away": pymysql.err.OperationalError(2006, "x"),
    "MySQL lost connection": pymysql.err.OperationalError(2013, "x"),
    "MariaDB snapshot conflict": pymysql.err.OperationalError(1020, "x"),
    "Galera node without its cluster": pymysql.err.OperationalError(1047, "x"),
    "Galera node that lost its cluster at COMMIT": pymysql.err.OperationalError(1180, "x"),
    "TiDB write conflict": pymysql.err.OperationalError(9007, "x"),
    "TiDB store unavailable": pymysql.err.OperationalError(9005, "x"),
    "CockroachDB ambiguous commit": _psycopg("40003"),
    "SQLite busy": _sqlite("SQLITE_BUSY"),
    "SQLite busy snapshot": _sqlite("SQLITE_BUSY_SNAPSHOT"),
    "SQLite locked": _sqlite("SQLITE_LOCKED_SHAREDCACHE"),
}
STAYS = {
    "PostgreSQL unique violation": _psycopg("23505"),
    "PostgreSQL disk full": _psycopg("53100"),
    "PostgreSQL undefined table": _psycopg("42P01"),
    "PostgreSQL unreachable": psycopg.OperationalError("connection failed"),
    "MySQL duplicate": pymysql.err.IntegrityError(1062, "x"),
    "MySQL unreachable": pymysql.err.OperationalError(2003, "x"),
    "MySQL unknown database": pymysql.err.OperationalError(1049, "x"),
    "SQLite read-only": _sqlite("SQLITE_READONLY"),
    "SQLite full": _sqlite("SQLITE_FULL"),
    "SQLite no database": _sqlite("SQLITE_NOTADB"),
    "no arguments": sqlite3.OperationalError(),
}


def _wrapped(original: Exception, *, invalidated: bool = False) -> DBAPIError:
    return OperationalError("UPDATE x", {}, original, connection_invalidated=invalidated)


@pytest.mark.parametrize("original", PASSES.values(), ids=list(PASSES))
def test_these_errors_pass(original: Exception) -> None:
    assert will_pass(_wrapped(original))


@pytest.mark.parametrize("original", STAYS.values(), ids=list(STAYS))
def test_these_errors_stay(original: Exception) -> None:
    assert not will_pass(_wrapped(original))
    assert will_pass(_wrapped(original, invalidated=True))


@pytest.mark.server
def test_a_mariadb_that_keeps_snapshots_strictly_is_tried_again(mariadb: Database) -> None:
    """`innodb_snapshot_isolation`, on by default since MariaDB 11.6, refuses to lock a row that changed meanwhile."""
    schema.upgrade(mariadb)
    write(mariadb, plan_of(creation("one", type="chat")))
    tries: list[int] = []

    def elsewhere() -> None:
        sql(mariadb, "UPDATE ai_models SET family = 'theirs'")

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("SET SESSION innodb_snapshot_isolation = ON"))
        connection.execute(text("SELECT COUNT(*) FROM ai_models")).all()
        if len(tries) == 1:
            other = threading.Thread(target=elsewhere)
            other.start()
            other.join(10)
        connection.execute(text("SELECT * FROM ai_models FOR UPDATE")).all()
        connection.execute(text("UPDATE ai_models SET type = 'other'"))

    mariadb.write(work)
    assert len(tries) == 2
    facts = stored_model(mariadb, "one").facts
    assert (facts.family, facts.type) == ("theirs", "other")
