"""How often a sync waits for its server, and what distance costs. Connecting and the schema check count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.documents import write_catalog
from benchmarks.measuring import Contestant, Figure, bounded, in_turn, timed
from benchmarks.models import PROVIDER
from benchmarks.processes import Home
from benchmarks.proxy import proxied
from tests.databases import empty_database

SUBJECT = "Round trips and distance"
AT_MOST, PER_THOUSAND = 25, 2
ROUND_TRIP_S = 0.020
DEARER_S = 0.7
SIZE = 3_000
_LEAST_ROUNDS = 5


def figures(kind: str, count: int, rounds: int, directory: Path) -> Iterator[Figure]:
    """Nothing for SQLite, which has no server. Distance is measured with 3,000 models, as its goal says."""
    if kind == "sqlite":
        return
    case = f"{kind}, {count:,}"
    home = Home(directory)
    first, moved = write_catalog(directory / "first", count), write_catalog(directory / "moved", count, edition=1)
    with empty_database(kind, directory) as url:
        work = (("first load", first, count), ("no-op", first, 0), ("1 % changed", moved, -(-count // 100)))
        home.modelctl("--database", url, "db", "upgrade")
        for what, source, changed in work:
            bound = AT_MOST + PER_THOUSAND * changed / 1000
            with proxied(url) as proxy:
                home.modelctl(*_sync(proxy.url(url), source))
            yield bounded(
                proxy.turns,
                bound,
                subject=SUBJECT,
                case=case,
                what=f"{what}: round trips",
                against="25 + 2 per 1,000 changed models",
                unit="turns",
            )
        if count == SIZE:
            yield _distance(url, home, moved, case, rounds)


def _distance(url: str, home: Home, source: Path, case: str, rounds: int) -> Figure:
    with proxied(url) as near, proxied(url, round_trip_s=ROUND_TRIP_S) as far:
        contestants = {
            name: Contestant(measure=timed(partial(home.modelctl, *_sync(at.url(url), source))))
            for name, at in (("near", near), ("far", far))
        }
        timings = in_turn(contestants, max(rounds, _LEAST_ROUNDS))
    dearer_s = min(timings["far"]) - min(timings["near"])  # the rest of the command is far longer, and so is its noise
    what = "no-op: what 20 ms to the server add"
    return bounded(dearer_s, DEARER_S, subject=SUBJECT, case=case, what=what, against="the bound", unit="s")


def _sync(url: str, source: Path) -> tuple[str, ...]:
    return (
        "--database",
        url,
        "--catalog",
        str(source),
        "sync",
        "--source",
        "catalog",
        "--provider",
        PROVIDER.name,
    )
