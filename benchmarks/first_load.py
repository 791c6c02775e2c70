"""The first load: modelctl against the driver's own bulk insert of the rows that modelctl writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import WARMED_BELOW, Contestant, Figure, compared, in_turn, timed
from benchmarks.models import catalog
from benchmarks.stores import store

SUBJECT = "First load"
GOALS = {"sqlite": 2.0, "mariadb": 2.0, "postgresql": 2.5}
ROWS = ("ai_providers", "ai_models", "ai_model_prices", "ai_model_state")
ALL_ROWS = (*ROWS, "ai_changes", "ai_sync_runs")


def figures(kind: str, count: int, rounds: int, directory: Path) -> Iterator[Figure]:
    """Against models, ledger and state alone, which has the goal, and against everything that modelctl writes."""
    source = catalog(count)
    with store(kind, directory) as made:
        made.empty()
        made.sync(source)
        rows, all_rows = made.driver.content(ROWS), made.driver.content(ALL_ROWS)
        how = "COPY" if kind == "postgresql" else "executemany"
        contestants = {
            "first load": Contestant(measure=timed(lambda: made.sync(source)), prepare=made.empty),
            f"{how}: models, ledger, state": Contestant(
                measure=timed(lambda: made.driver.insert(rows)), prepare=made.empty
            ),
            f"{how}: audit rows, too": Contestant(
                measure=timed(lambda: made.driver.insert(all_rows)), prepare=made.empty
            ),
        }
        timings = in_turn(contestants, rounds, warm_up=count < WARMED_BELOW)
    mine, reference, full = contestants
    case = f"{kind}, {count:,}"
    yield compared(timings, mine, reference, subject=SUBJECT, case=case, goal=GOALS[kind])
    yield compared(timings, mine, full, subject=SUBJECT, case=case)
