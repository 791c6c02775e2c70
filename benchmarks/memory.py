"""Peak memory of the whole command, and how long it takes from end to end, asking an HTTP server for its listing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.documents import listing
from benchmarks.measuring import Contestant, Figure, alone, bounded, in_turn, timed
from benchmarks.processes import Home
from tests.databases import empty_database
from tests.loopback.server import ProviderServer

SUBJECT = "The whole command: memory and time"
BASE_BYTES, PER_ROW_BYTES = 150e6, 4096
NAME = "bench"


def figures(kind: str, count: int, rounds: int, directory: Path) -> Iterator[Figure]:
    """A first load and a no-op, each in a process of its own, from a listing over HTTP."""
    case = f"{kind}, {count:,}"
    with empty_database(kind, directory) as url, ProviderServer() as server:
        server.models[NAME], server.keys[NAME] = listing(count), None
        home = Home(directory, {"DATABASE_URL": url})
        home.modelctl("db", "upgrade")
        home.modelctl("provider", "add", NAME, "--base-url", server.base_url(NAME))
        sync = ("sync", "--provider", NAME)
        for what in ("first load", "no-op"):
            peak = home.peak_bytes(*sync)
            yield bounded(
                peak / 1e6,
                (BASE_BYTES + PER_ROW_BYTES * count) / 1e6,
                subject=SUBJECT,
                case=case,
                what=f"{what}: peak memory",
                against="150 MB + 4 KB per row",
                unit="MB",
            )
        timings = in_turn({"no-op": Contestant(measure=timed(lambda: home.modelctl(*sync)))}, rounds, warm_up=False)
        yield alone(timings["no-op"], subject=SUBJECT, case=case, what="no-op `modelctl sync`, end to end")
