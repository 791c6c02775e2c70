"""Transactions on every database: what is begun is committed or taken back, and what is one statement needs no more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, event, func, insert, make_url, select, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.dialects.postgresql import psycopg2

from modelctl.db import mysql
from modelctl.db.connect import Purpose, options
from modelctl.db.engine import Database
from modelctl.db.mysql import QuietConnection
from modelctl.errors import StoreError
from tests.databases import SERVERS
from tests.db.writing import sql, statements_of


class Akin(MySQLDialect_pymysql):
    """Somebody's dialect for a database that speaks as MySQL does."""

    name = "akin"
    supports_statement_cache = True


class Interrupted(Exception):
    """Stands for whatever comes in between."""


@pytest.fixture
def things(bare: Database) -> Database:
    """A database with a table of one row."""
    sql(bare, "CREATE TABLE things (n INTEGER PRIMARY KEY)")
    sql(bare, "INSERT INTO things VALUES (0)")
    return bare


def add(n: int) -> Callable[[Connection], object]:
    """The work of adding one row."""
    return lambda connection: connection.execute(text("INSERT INTO things VALUES (:n)"), {"n": n})


def count(database: Database) -> int:
    """How many rows a connection of another engine sees: what is committed."""
    other = Database(database.url.render_as_string(hide_password=False))
    try:
        found: int = other.look(lambda connection: connection.execute(text("SELECT COUNT(*) FROM things")).scalar_one())
    finally:
        other.close()
    return found


def test_what_is_written_is_committed_and_what_fails_is_not(things: Database) -> None:
    things.write(add(1))
    things.write_one(add(2))
    assert count(things) == 3

    def fail(connection: Connection) -> None:
        add(3)(connection)
        raise Interrupted

    for write in (things.write, things.write_one) if things.is_sqlite_file else (things.write,):
        with pytest.raises(Interrupted):
            write(fail)
        assert count(things) == 3
    things.write(add(3))
    assert count(things) == 4


@pytest.mark.parametrize("exception", [KeyboardInterrupt, Interrupted])
@pytest.mark.parametrize("way", ["read", "look", "write", "write_one"])
@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute"])
def test_after_an_interruption_at_any_statement_all_ways_work(
    things: Database, way: str, moment: str, exception: type[BaseException]
) -> None:
    """At a BEGIN, too: what an interruption leaves behind is in nobody's transaction."""
    ways = {
        "read": lambda connection: connection.execute(text("SELECT n FROM things")).all(),
        "look": lambda connection: connection.execute(text("SELECT n FROM things")).all(),
        "write": add(1),
        "write_one": add(1),
    }
    with statements_of(things) as sent:
        getattr(things, way)(ways[way])
    sql(things, "DELETE FROM things")
    for position in range(len(sent)):
        seen: list[str] = []

        def interrupt(*about: Any, seen: list[str] = seen, position: int = position) -> None:
            seen.append(about[2])
            if len(seen) == position + 1:
                raise exception

        event.listen(things.engine, moment, interrupt)
        with suppress(exception):
            getattr(things, way)(ways[way])
        event.remove(things.engine, moment, interrupt)
        sql(things, "DELETE FROM things")
        things.write_one(add(5))
        assert count(things) == 1, (sent[position], "was not committed")
        assert things.look(lambda connection: connection.execute(text("SELECT n FROM things")).scalar_one()) == 5
        assert things.read(lambda connection: connection.execute(text("SELECT n FROM things")).scalar_one()) == 5
        things.write(add(6))
        assert count(things) == 2
        sql(things, "DELETE FROM things")


def test_a_connection_that_was_left_in_a_transaction_is_reset_before_it_is_used_again(things: Database) -> None:
    """As an interruption between two lines of SQLAlchemy leaves it."""
    borrowed = things.engine.raw_connection()
    cursor = borrowed.cursor()
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO things VALUES (7)")
    cursor.close()
    borrowed.close()
    things.write_one(add(8))
    assert count(things) == 2
    assert sql(things, "SELECT n FROM things ORDER BY n") == [(0,), (8,)]


def test_a_read_sees_one_state_and_a_look_the_newest(server: Database) -> None:
    sql(server, "CREATE TABLE things (n INTEGER PRIMARY KEY)")
    other = Database(server.url.render_as_string(hide_password=False))
    counting = text("SELECT COUNT(*) FROM things")
    seen: list[int] = []

    def look_twice(connection: Connection) -> None:
        seen.append(connection.execute(counting).scalar_one())
        other.write_one(add(len(seen)))
        seen.append(connection.execute(counting).scalar_one())

    server.read(look_twice)
    assert seen == [0, 0]
    server.look(look_twice)
    assert seen == [0, 0, 1, 2]
    other.close()


def test_one_statement_is_all_that_is_sent_where_it_is_a_transaction_by_itself(server: Database) -> None:
    sql(server, "CREATE TABLE things (n INTEGER PRIMARY KEY)")
    with statements_of(server) as sent:
        server.write_one(add(1))
        server.look(lambda connection: connection.execute(text("SELECT n FROM things")).all())
    assert [each.split()[0] for each in sent] == ["INSERT", "SELECT"]


@pytest.mark.parametrize("command", ["SET NAMES latin1", "SET autocommit = 0"])
def test_a_server_with_a_start_of_its_own_gets_our_character_set_and_commits(mariadb: Database, command: str) -> None:
    """As `init_connect`, or `skip_character_set_client_handshake`: on the first connection, and on the next."""
    url = make_url(mariadb.url).update_query_dict({"init_command": command})
    database = Database(url.render_as_string(hide_password=False))
    table = "CREATE TABLE things (n INTEGER PRIMARY KEY, t VARCHAR(9)) DEFAULT CHARSET utf8mb4"
    database.write(lambda connection: connection.execute(text(table)))
    asked = text("SELECT @@character_set_client, @@character_set_results, @@autocommit, @@character_set_connection")
    with database.engine.connect() as first, database.engine.connect() as second:
        for each in (first, second):
            assert each.execute(asked).one() == ("utf8mb4", "utf8mb4", 1, "utf8mb4")
    database.write_one(lambda connection: connection.execute(text("INSERT INTO things VALUES (1, '🧠')")))
    assert sql(mariadb, "SELECT t FROM things") == [("🧠",)]
    database.close()


@pytest.mark.parametrize(("takes", "statements"), [("@@max_allowed_packet", 2), ("2097152", 3), ("1048576", 6)])
def test_a_statement_with_many_rows_is_as_long_as_the_server_takes(
    mariadb: Database, monkeypatch: pytest.MonkeyPatch, takes: str, statements: int
) -> None:
    """Of 6 MB of rows, in statements of 4 MB at most."""
    monkeypatch.setattr(mysql, "QUESTION", mysql.QUESTION.replace("@@max_allowed_packet", takes))
    table = Table(
        "things", MetaData(), Column("n", Integer, primary_key=True, autoincrement=False), Column("t", String(200))
    )
    lengths: list[int] = []
    query = QuietConnection.query

    def measured(connection: QuietConnection, sql: Any, unbuffered: bool = False) -> int:
        lengths.append(len(sql))
        return query(connection, sql, unbuffered)

    monkeypatch.setattr(QuietConnection, "query", measured)
    mariadb.write(table.create)
    mariadb.write(
        lambda connection: connection.execute(insert(table), [{"n": n, "t": "x" * 190} for n in range(30_000)])
    )
    sent = [each for each in lengths if each > 10_000]
    assert len(sent) == statements
    assert max(sent) < 4_000_000 if takes.startswith("@") else max(sent) < int(takes)
    assert (
        mariadb.look(lambda connection: connection.execute(select(func.count()).select_from(table)).scalar()) == 30_000
    )


def test_a_driver_that_begins_by_itself_is_told_the_level() -> None:
    dialect = psycopg2.dialect()
    assert options(dialect, Purpose.READ)["isolation_level"] == "REPEATABLE READ"
    assert options(dialect, Purpose.LOOK)["isolation_level"] == "AUTOCOMMIT"
    assert "isolation_level" not in options(dialect, Purpose.WRITE)


def test_another_dialect_with_a_known_driver_begins_by_itself(mariadb: Database) -> None:
    """What is not begun by us must not be committed statement by statement."""
    registry.register("akin.pymysql", __name__, "Akin")
    sql(mariadb, "CREATE TABLE things (n INTEGER PRIMARY KEY)")
    akin = Database(mariadb.url.set(drivername="akin+pymysql").render_as_string(hide_password=False))

    def fail(connection: Connection) -> None:
        add(1)(connection)
        raise Interrupted

    with pytest.raises(Interrupted):
        akin.write(fail)
    akin.write(add(2))
    akin.write_one(add(3))
    assert sql(mariadb, "SELECT n FROM things ORDER BY n") == [(2,), (3,)]
    akin.close()


@pytest.mark.parametrize(
    "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS], indirect=True
)
def test_a_server_that_ends_in_the_middle_of_a_write_has_written_nothing(things: Database) -> None:
    def lose(connection: Connection) -> None:
        add(1)(connection)
        driver: Any = connection.connection.driver_connection
        driver.close()
        add(2)(connection)

    with suppress(StoreError):
        things.write(lose)
    assert count(things) == 1
