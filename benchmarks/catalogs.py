"""All shipped catalogs, loaded and validated as a command does it, against `tomllib.loads` of the same text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measuring import Contestant, Figure, bounded, compared, in_turn
from benchmarks.processes import Home

SUBJECT = "Shipped catalogs"
AT_MOST_S = 0.1
_LOAD = """import gc, time
import pydantic
from modelctl.cli.main import COLLECTOR_THRESHOLDS
pydantic.TypeAdapter  # which Typer loads for every command
gc.set_threshold(*COLLECTOR_THRESHOLDS)
began_s = time.perf_counter()
from modelctl.catalog.load import catalogs_in_force
[catalog] = catalogs_in_force(None)
took_s = time.perf_counter() - began_s
assert len(catalog.snapshot.records) > 300
print(took_s)
"""
_TOMLLIB = """import time, tomllib
from modelctl.catalog.load import shipped_directory
texts = [path.read_text(encoding="utf-8") for path in shipped_directory().glob("*.toml")]
began_s = time.perf_counter()
for text in texts:
    tomllib.loads(text)
print(time.perf_counter() - began_s)
"""


def figures(rounds: int, directory: Path) -> Iterator[Figure]:
    """In a new process each time, as in a command that Typer has begun; in a home without a cache, and with one."""
    fresh = (directory / f"home-{number}" for number in range(rounds + 1))

    def cold() -> float:
        home = Home(next(fresh))
        home.directory.mkdir()
        return _seconds(home, _LOAD)

    kept = Home(directory)
    _seconds(kept, _LOAD)
    contestants = {
        "loaded for the first time": Contestant(measure=cold),
        "loaded again by the next command": Contestant(measure=lambda: _seconds(kept, _LOAD)),
        "`tomllib.loads` of the same text": Contestant(measure=lambda: _seconds(kept, _TOMLLIB)),
    }
    timings = in_turn(contestants, rounds)
    *loads, tomllib = contestants
    for what in loads:
        yield compared(timings, what, tomllib, subject=SUBJECT, case="")
        yield bounded(median(timings[what]), AT_MOST_S, subject=SUBJECT, case="", what=what, against="100 ms", unit="s")


def _seconds(home: Home, code: str) -> float:
    return float(home.python("-c", code).stdout)
