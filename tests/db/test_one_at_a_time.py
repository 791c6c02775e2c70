"""Edits that rest on rows which they do not write: the second one begins when the first one has ended."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from modelctl.core.runs import Author
from modelctl.db.engine import Database
from modelctl.db.lease import one_at_a_time
from tests.conftest import NOW
from tests.db.writing import sql


def author(run: str) -> Author:
    return Author(run=run, actor="somebody", command="set", now=NOW)


def test_the_second_edit_reads_what_the_first_one_wrote(database: Database) -> None:
    inside, goes_on = threading.Event(), threading.Event()
    seen: list[list[object]] = []

    def first(connection: Connection) -> None:
        inside.set()
        assert goes_on.wait(10)
        connection.exec_driver_sql("UPDATE ai_modelctl_version SET version_num = 'moved'")

    def second(connection: Connection) -> None:
        seen.append(list(connection.exec_driver_sql("SELECT version_num FROM ai_modelctl_version").scalars()))

    threads = [threading.Thread(target=database.write, args=(one_at_a_time(database, author("first"), first),))]
    threads[0].start()
    assert inside.wait(10)
    threads.append(threading.Thread(target=database.write, args=(one_at_a_time(database, author("second"), second),)))
    threads[1].start()
    threads[1].join(0.3)
    assert seen == []
    goes_on.set()
    for each in threads:
        each.join(10)
    assert seen == [["moved"]]
    assert sql(database, "SELECT * FROM ai_leases") == []


def test_an_edit_that_fails_leaves_nothing_behind(database: Database) -> None:
    def work(_connection: Connection) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        database.write(one_at_a_time(database, author("first"), work))
    assert sql(database, "SELECT * FROM ai_leases") == []
