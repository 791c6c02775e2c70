"""A sync where nothing changed, or 1 % of the models: against the driver's blind bulk upsert of all model rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.drivers import Rows
from benchmarks.measuring import WARMED_BELOW, Contestant, Figure, bounded, compared, in_turn, timed
from benchmarks.models import catalog
from benchmarks.stores import TABLES, Store, store
from benchmarks.writes import counted_writes
from modelctl.catalog.load import Catalog

SUBJECT = "Nothing changed"
GOALS = {"sqlite": 1.1, "mariadb": 0.7, "postgresql": 0.7}
GOAL_ONE_PERCENT = 1.2


def figures(kind: str, count: int, rounds: int, directory: Path) -> Iterator[Figure]:
    """How long both take, and which rows are written."""
    case = f"{kind}, {count:,}"
    with store(kind, directory) as made:
        side = _Side(made, count)
        contestants = {
            "no-op sync": Contestant(measure=timed(side.sync), prepare=made.settle),
            "blind upsert of the model rows": Contestant(measure=timed(side.upsert), prepare=side.look),
            "driver's SELECT *": Contestant(measure=timed(side.read)),
            "sync, 1 % changed": Contestant(measure=timed(side.sync), prepare=side.move_on),
        }
        timings = in_turn(contestants, rounds, warm_up=count < WARMED_BELOW)
        no_op, blind, read, changed = contestants
        yield compared(timings, no_op, blind, subject=SUBJECT, case=case, goal=GOALS[kind])
        yield compared(timings, no_op, read, subject=SUBJECT, case=case)
        yield compared(timings, changed, no_op, subject=SUBJECT, case=case, goal=GOAL_ONE_PERCENT)
        yield compared(timings, changed, blind, subject=SUBJECT, case=case)
        yield from _writes(side, case)


class _Side:
    """One database, and what both sides write into it. The rows always are what modelctl wrote last."""

    def __init__(self, made: Store, count: int) -> None:
        self.store = made
        self.count = count
        self._editions = itertools.count(1)
        self._source: Catalog = catalog(count)
        self._models: tuple[Sequence[str], Rows] = ((), ())
        self.sync()

    def sync(self) -> None:
        """Bring the database up to date."""
        self.store.sync(self._source)

    def upsert(self) -> None:
        """Write all model rows as they were at the last look."""
        self.store.driver.upsert_models(*self._models)

    def read(self) -> None:
        """Fetch every column of what a sync rests on, and do nothing with it."""
        self.store.driver.content(["ai_models", "ai_model_state", "ai_model_prices"])

    def look(self) -> None:
        """Remember the model rows."""
        self._models = self.store.driver.content(["ai_models"])["ai_models"]

    def move_on(self) -> None:
        """Let 1 % of the models change at their source."""
        self._source = catalog(self.count, edition=next(self._editions))


def _writes(side: _Side, case: str) -> Iterator[Figure]:
    """Rows that a no-op writes: its record. The lease is taken, kept alive and given back."""
    grown = [_log_bytes(side.store, work) / 1e3 for work in (side.sync, side.upsert)]
    yield Figure(
        subject=SUBJECT,
        case=case,
        what="no-op: growth of the server's log or the file",
        against="blind upsert",
        value=grown[0],
        reference=grown[1],
        unit="kB",
    )
    written = counted_writes(side.store.kind, side.store.driver, TABLES, side.sync)
    records = written.pop(("ai_sync_runs", "INSERT"), 0)
    others = sum(count for (table, _), count in written.items() if table != "ai_leases")
    what = "no-op: rows written but its record and its lease"
    yield bounded(others, 0, subject=SUBJECT, case=case, what=what, against="none", unit="rows")
    what = "no-op: rows of its record"
    yield bounded(records, 1, subject=SUBJECT, case=case, what=what, against="one", unit="rows")


_LOG_POSITION = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn",
    "mariadb": "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_lsn_current'",
}
"""How many bytes the whole server has logged, or how long the file is."""


def _log_bytes(made: Store, work: Callable[[], object]) -> float:
    """By how much the log grows meanwhile, the least of three times: what others do on the server counts, too."""
    growths = []
    for _ in range(3):
        made.settle()  # else the first reader tidies up after the last writer, which PostgreSQL logs
        before = _log_position(made)
        work()
        growths.append(_log_position(made) - before)
    return min(growths)


def _log_position(made: Store) -> float:
    [(position,)] = made.driver.query(_LOG_POSITION[made.kind])[1]
    return float(position)
