"""One writer at a time: a row that its holder keeps alive with a heartbeat, and that every write requires.

Not a lock of the database: those do not hold across the nodes of a cluster, or behind a pool of connections.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Transaction, and_, delete, func, insert, select, update

from modelctl.core.runs import LEASE_STALE, Author
from modelctl.core.text import to_seconds
from modelctl.db.dialects import server_now, update_row
from modelctl.db.engine import Database
from modelctl.errors import LockHeld, ModelctlError, StalePlan, StoreError

NAME = "write"
"""The only lease: whoever writes models, prices or runs holds it."""
EDIT = "edit"
"""The row of an edit, which is never there when its transaction has ended."""
_CLOCK = "%Y-%m-%d %H:%M:%S UTC"
T = TypeVar("T")


def one_at_a_time(database: Database, author: Author, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The same work, for a transaction that has no lease: no other one made so is committed between its reads and it.

    What it rests on may be rows that it does not write, and a row that is locked on one node of a cluster is not
    locked on another. So each writes one and the same row and takes it back: the second one waits, or is tried anew.
    """
    table = database.tables.leases.__table__

    def alone(connection: Connection) -> T:
        require_clock(connection, database, author)
        now = to_seconds(author.now)
        who = {"run": author.run, "actor": author.actor, "command": author.command}
        connection.execute(insert(table).values(name=EDIT, beat=0, acquired_at=now, beat_at=now, **who))
        result = work(connection)
        connection.execute(delete(table).where(table.c.name == EDIT))
        return result

    return alone


def require_clock(connection: Connection, database: Database, author: Author) -> None:
    """StoreError where this machine's clock cannot be right: far from the server's, or well before the newest run's.

    Dated prices come into force by it, and runs are ordered by it. A file has no clock but its runs.
    """
    if database.clock_skew_s is None:
        return
    runs = database.tables.sync_runs.__table__.c
    newest: Any = select(func.max(runs.started_at)).scalar_subquery()
    row = connection.execute(select(newest, server_now(connection.dialect, runs.started_at.type))).one()
    skew, now = timedelta(seconds=database.clock_skew_s), author.now
    wrong = ""
    if row[0] is not None and now < row[0] - skew:
        wrong = f"the newest run began at {row[0]:{_CLOCK}}"
    elif row[1] is not None and abs(now - row[1]) > skew:
        wrong = f"that of {database.label} {row[1]:{_CLOCK}}"
    if wrong:
        problem = f"this machine's clock says {now:{_CLOCK}}, and {wrong}"
        raise StoreError(problem, "set the clock right, or accept the difference with --clock-skew TIME")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTiming:
    """How fast a lease lives."""

    lease_s: float = 15.0
    """A beat that a waiting run sees stand still for so long belongs to a run that was killed."""
    stale_s: float = LEASE_STALE.total_seconds()
    """A beat that is older than this by the clock does, too; who writes after a clock was wrong, `require` decides."""
    beat_s: float = 5.0
    poll_s: float = 0.3


LEASE_TIMING = LeaseTiming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who writes now."""

    run: str
    actor: str
    command: str
    acquired_at: datetime
    beat_at: datetime
    beat: int

    @property
    def since(self) -> str:
        """The time of day from which it has been writing."""
        return f"{self.acquired_at:%H:%M:%S} UTC"


@contextmanager
def held(
    database: Database,
    author: Author,
    *,
    wait_s: float,
    on_wait: Callable[[Holder], None] = lambda _holder: None,
    timing: LeaseTiming = LEASE_TIMING,
) -> Iterator[WriteLease]:
    """The right to write, for this run alone; given back however the block ends.

    `on_wait` hears once of a holder that has to be waited for. LockHeld where it still writes after `wait_s`.
    """
    lease = WriteLease(database, author, timing)
    database.look(lambda connection: require_clock(connection, database, author))
    stopping = threading.Event()
    beating = threading.Thread(target=lease.keep_alive, args=(stopping,), name="modelctl-lease", daemon=True)
    try:
        lease.acquire(wait_s, on_wait)
        beating.start()
        yield lease
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # an interrupted read locks a SQLite file while its cursor lives
        raise
    finally:
        try:
            stopping.set()
            if beating.is_alive():
                beating.join(timing.beat_s)
        finally:
            lease.release()


@contextmanager
def writing_alone(
    database: Database,
    author: Author,
    *,
    wait_s: float,
    on_wait: Callable[[Holder], None] = lambda _holder: None,
) -> Iterator[Database]:
    """The database, every write of which makes sure first that no other run writes. As `held` has it."""
    with held(database, author, wait_s=wait_s, on_wait=on_wait) as lease:
        yield database.fenced(lease.require)


class WriteLease:
    """The right to write, or the wait for it. `held` makes one."""

    def __init__(self, database: Database, author: Author, timing: LeaseTiming) -> None:
        self._database = database
        self._author = author
        self._timing = timing
        self._began_s = time.time()
        self._table = database.tables.leases.__table__
        self._required_by: Transaction | None = None
        """The last transaction that `require` was called in."""

    def require(self, connection: Connection) -> None:
        """Make a write transaction depend on the lease: LockHeld, and so no write, where another run has taken it.

        It is a beat, too: while the transaction holds the row, a heartbeat could only wait for it.
        """
        self._required_by = connection.get_transaction()
        if not self._beat(connection):
            raise LockHeld(
                f"this run stopped for so long that another took the lock on {self._database.label}",
                "nothing was written since; run the command again",
            )

    def acquire(self, wait_s: float, on_wait: Callable[[Holder], None]) -> None:
        """Wait until nobody else writes. LockHeld when that takes longer than `wait_s`."""
        deadline_s = time.monotonic() + wait_s
        watched: Holder | None = None
        has_told = False
        while (holder := self._holder()) is None or holder.run != self._author.run:
            if holder is None:
                if self._insert():
                    return
                continue
            if watched is None or (watched.run, watched.beat) != (holder.run, holder.beat):
                watched, moved_s = holder, time.monotonic()
            if self._is_dead(holder, time.monotonic() - moved_s):
                self._take_over(holder)
                continue
            if (left_s := deadline_s - time.monotonic()) <= 0:
                raise _held_by(holder, self._database.label)
            if not has_told:
                on_wait(holder)
                has_told = True
            time.sleep(min(self._timing.poll_s, left_s))

    def keep_alive(self, stopping: threading.Event) -> None:
        """Beat until told to stop, or until the lease is another's. An error of the database is tried again."""
        while not stopping.wait(self._timing.beat_s):
            with suppress(ModelctlError):
                if not self._is_required() and not self._database.write_one(self._beat):
                    return

    def release(self) -> None:
        """Give the lease back, if this run has it. A database that fails is no error: the lease ends by itself."""
        try:
            self._delete()
        except KeyboardInterrupt:  # the first Ctrl-C may come here, too; the second one is obeyed
            self._delete()
            raise

    def _holder(self) -> Holder | None:
        statement = select(self._table).where(self._table.c.name == NAME)
        row = self._database.look(lambda connection: connection.execute(statement).mappings().first())
        return None if row is None else Holder(**{key: value for key, value in row.items() if key != "name"})

    def _is_dead(self, holder: Holder, still_s: float) -> bool:
        return still_s > self._timing.lease_s or self._now() - holder.beat_at > timedelta(seconds=self._timing.stale_s)

    def _is_required(self) -> bool:
        """Whether a transaction of this run holds the row just now."""
        transaction = self._required_by
        return transaction is not None and transaction.is_active

    def _insert(self) -> bool:
        """Whether the lease was free and is taken. Where it is not, or its row is there, the next look tells whose."""
        try:
            self._execute(insert(self._table).values(name=NAME, beat=0, **self._mine()))
        except StalePlan:
            return False
        return True

    def _take_over(self, dead: Holder) -> None:
        """Take the lease of a run that was killed unless it beats after all; the next look tells."""
        condition = and_(self._table.c.name == NAME, self._table.c.run == dead.run, self._table.c.beat == dead.beat)
        statement = update(self._table).where(condition).values(beat=dead.beat + 1, **self._mine())
        self._execute(statement)

    def _beat(self, connection: Connection) -> bool:
        """Whether this run still holds the lease; if so, its beat has moved on."""
        moved = {"beat": self._table.c.beat + 1, "beat_at": self._now()}
        return update_row(connection, self._table, self._is_mine, moved)

    def _delete(self) -> None:
        with suppress(ModelctlError):
            self._execute(delete(self._table).where(self._is_mine))

    def _execute(self, statement: Executable) -> None:
        """Send one statement, which is a transaction by itself."""
        self._database.write_one(lambda connection: connection.execute(statement))

    @property
    def _is_mine(self) -> ColumnElement[bool]:
        return and_(self._table.c.name == NAME, self._table.c.run == self._author.run)

    def _mine(self) -> dict[str, object]:
        author, now = self._author, self._now()
        return {
            "run": author.run,
            "actor": author.actor,
            "command": author.command,
            "acquired_at": now,
            "beat_at": now,
        }

    def _now(self) -> datetime:
        """The time of the command's own clock, moved on."""
        return to_seconds(self._author.now + timedelta(seconds=time.time() - self._began_s))


def _held_by(holder: Holder, label: str) -> LockHeld:
    return LockHeld(
        f"{holder.command} of {holder.actor} (run {holder.run}) has been writing to {label} since {holder.since}",
        "wait for it, or raise lock_wait_s; the lock of a killed run frees itself "
        f"after {LEASE_TIMING.lease_s:.0f} s of waiting, {LEASE_TIMING.stale_s:.0f} s at most",
    )
