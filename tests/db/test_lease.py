"""One writer at a time, on every kind of database: waiting, giving up, taking over from the dead, and the fence."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

from modelctl.core.runs import Author
from modelctl.db.connect import SQLITE_BUSY_TIMEOUT_S
from modelctl.db.engine import Database
from modelctl.db.lease import Holder, LeaseTiming, held
from modelctl.errors import ExitCode, LockHeld
from tests.conftest import NOW

QUICK = LeaseTiming(lease_s=0.4, beat_s=0.05, poll_s=0.02)
DEAD = LeaseTiming(lease_s=60, beat_s=60, poll_s=0.02)
"""Nobody beats here within a test: the holder is as good as killed."""


def author(run: str, now: datetime = NOW) -> Author:
    return Author(run=run, actor=f"{run}'s owner", command="sync", now=now)


def lease_rows(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        return list(connection.execute(select(database.tables.leases.__table__)).mappings())


def run_in_lease(database: Database) -> str:
    [row] = lease_rows(database)
    return str(row["run"])


def leave_behind(database: Database, run: str, now: datetime = NOW) -> None:
    """The lease of a run that was killed with -9."""
    table = database.tables.leases.__table__
    row = {"name": "write", "actor": "ops", "command": "sync", "acquired_at": now, "beat_at": now, "beat": 7}
    database.write(lambda connection: connection.execute(table.insert().values(run=run, **row)))


def test_the_holder_has_the_row_and_gives_it_back(database: Database) -> None:
    with held(database, author("first"), wait_s=0) as lease:
        [row] = lease_rows(database)
        assert (row["run"], row["actor"], row["command"]) == ("first", "first's owner", "sync")
        assert row["acquired_at"] - NOW < timedelta(seconds=10)
        database.write(lease.require)
    assert lease_rows(database) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("boom")])
def test_an_error_and_an_interruption_leave_no_lease_and_stay_what_they_are(sqlite: Database, error: Any) -> None:
    with pytest.raises((KeyboardInterrupt, RuntimeError)), held(sqlite, author("first"), wait_s=0):
        raise error
    assert lease_rows(sqlite) == []


def test_who_does_not_wait_is_told_who_writes_and_since_when(database: Database) -> None:
    with held(database, author("first"), wait_s=0):
        began_s = time.monotonic()
        with pytest.raises(LockHeld) as caught, held(database, author("second"), wait_s=0):
            pytest.fail("two hold the lease")
        assert time.monotonic() - began_s < 2
        assert run_in_lease(database) == "first"
    assert caught.value.exit_code is ExitCode.STALE
    assert "sync of first's owner (run first) has been writing to " in caught.value.message
    assert caught.value.message.endswith(" UTC")
    assert "since 12:00:0" in caught.value.message
    assert "lock_wait_s" in caught.value.hint


def test_the_wait_is_bounded(sqlite: Database) -> None:
    with held(sqlite, author("first"), wait_s=0, timing=QUICK):
        began_s = time.monotonic()
        with pytest.raises(LockHeld), held(sqlite, author("second"), wait_s=0.6, timing=QUICK):
            pytest.fail("two hold the lease")
        assert 0.6 <= time.monotonic() - began_s < 3


def test_who_waits_says_so_once_and_comes_next(database: Database) -> None:
    told: list[Holder] = []
    holding, order = threading.Event(), []

    def first() -> None:
        with held(database, author("first"), wait_s=0, timing=QUICK):
            holding.set()
            time.sleep(1)  # longer than a lease that nobody keeps alive
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert holding.wait(10)
    with held(database, author("second"), wait_s=20, on_wait=told.append, timing=QUICK):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert [each.run for each in told] == ["first"]
    assert lease_rows(database) == []


def test_many_at_once_come_one_after_the_other(database: Database) -> None:
    inside, most, done = [], [], []

    def one(run: str) -> None:
        with held(database, author(run), wait_s=30, timing=LeaseTiming(poll_s=0.01)) as lease:
            inside.append(run)
            most.append(len(inside))
            database.write(lease.require)
            inside.remove(run)
        done.append(run)

    threads = [threading.Thread(target=one, args=(f"r{number}",)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(done) == 4
    assert max(most) == 1


def test_a_beat_that_stands_still_is_taken_over(database: Database) -> None:
    leave_behind(database, "killed")
    began_s = time.monotonic()
    with held(database, author("second"), wait_s=20, timing=QUICK) as lease:
        assert QUICK.lease_s <= time.monotonic() - began_s < 5
        assert run_in_lease(database) == "second"
        database.write(lease.require)
    assert lease_rows(database) == []


def test_a_beat_of_a_minute_ago_is_taken_over_without_a_wait(database: Database) -> None:
    leave_behind(database, "killed", NOW - timedelta(seconds=61))
    with held(database, author("second"), wait_s=0):
        assert run_in_lease(database) == "second"


def test_a_younger_beat_is_respected(sqlite: Database) -> None:
    leave_behind(sqlite, "alive", NOW - timedelta(seconds=50))
    with pytest.raises(LockHeld), held(sqlite, author("second"), wait_s=0):
        pytest.fail("it may still be alive")


def stolen(database: Database) -> None:
    table = database.tables.leases.__table__
    database.write(lambda connection: connection.execute(update(table).values(run="thief")))


def test_a_stolen_lease_writes_nothing_and_is_left_to_the_thief(database: Database) -> None:
    database.write(lambda connection: connection.execute(text("CREATE TABLE things (n INTEGER)")))
    with pytest.raises(LockHeld, match="took the lock"), held(database, author("first"), wait_s=0) as lease:
        stolen(database)

        def work(connection: Any) -> None:
            connection.execute(text("INSERT INTO things VALUES (1)"))
            lease.require(connection)

        database.write(work)
    assert run_in_lease(database) == "thief"
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM things")).scalar() == 0


def test_a_required_write_is_a_beat_for_the_heartbeat_has_to_wait_for_it(database: Database) -> None:
    with held(database, author("first"), wait_s=0, timing=DEAD) as lease:
        [before] = lease_rows(database)
        database.write(lease.require)
        [after] = lease_rows(database)
    assert after["beat"] == before["beat"] + 1


def test_an_interruption_of_the_release_itself_leaves_no_lease(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one = sqlite.write_one
    interrupts = iter([KeyboardInterrupt])

    def interrupted(statement: Any) -> Any:
        for each in interrupts:
            raise each
        return write_one(statement)

    with pytest.raises(KeyboardInterrupt), held(sqlite, author("first"), wait_s=0):
        monkeypatch.setattr(sqlite, "write_one", interrupted)
    assert lease_rows(sqlite) == []


def test_an_interrupted_read_does_not_keep_the_lease_from_being_given_back(sqlite: Database) -> None:
    def interrupt(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            event.remove(sqlite.engine, "after_cursor_execute", interrupt)
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), held(sqlite, author("first"), wait_s=0):
        event.listen(sqlite.engine, "after_cursor_execute", interrupt)
        with sqlite.engine.connect() as connection:
            connection.execute(select(sqlite.tables.leases.__table__)).all()
    assert time.monotonic() - began < SQLITE_BUSY_TIMEOUT_S, "the file was locked by the read that was interrupted"
    assert lease_rows(sqlite) == []
