"""The long form: `python -m tools.torture --seconds 120 --seed 7`.

Histories and migrations on all databases until the time is up, then faults for as long, in turn from the one that the
seed names: on a SQLite file, on servers of its own, which it kills, fills up and cuts off, and of the web. Each is
played to its end; `--only faults --fault NAME` plays those of that name whatever time it takes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import product
from math import inf
from pathlib import Path

from tests.databases import KINDS, empty_database, why_unreachable
from tools.signals import INTERRUPTED, ending_children, is_stopping, stop_when_asked
from tools.torture.checks import Broken
from tools.torture.histories import play
from tools.torture.migrating import play_migration
from tools.torture.turns import play_turns, turns


def main() -> int:
    """Play histories, print what was run and what was found; 1 when anything broke."""
    parser = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=120, help="for all databases together; as long again for faults"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first history and fault; the next ones count on")
    parser.add_argument("--steps", type=int, default=25, help="of each history")
    parser.add_argument("--only", choices=("histories", "migrations", "faults"), help="left out means all")
    parser.add_argument("--fault", default="", help="with --only faults: those whose name holds this")
    parser.add_argument("--database", choices=KINDS, action="append", help="repeatable; left out means all")
    options = parser.parse_args()
    kinds = options.database or [kind for kind in KINDS if kind == "sqlite" or not why_unreachable(kind)]
    for kind in set(KINDS).difference(kinds):
        sys.stderr.write(f"not tried on {kind}\n")
    tallies: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    plays: dict[str, Callable[..., None]] = {
        "histories": partial(play, moves=options.steps),
        "migrations": play_migration,
    }
    playing = [each for name, each in plays.items() if options.only in (None, name)]
    ends = time.monotonic() + (options.seconds if playing else 0)
    seed = options.seed
    found = 0
    stop_when_asked()
    with suppress(KeyboardInterrupt):  # what was played until then is told, too
        while time.monotonic() < ends:
            for kind, what in product(kinds, playing):
                found += not _holds(what, kind, seed, tallies[kind])
            seed += 1
        if options.only in (None, "faults"):
            chosen = turns(options.database or list(KINDS), options.seed, options.fault)
            found += play_turns(chosen, options.seed, tallies, seconds=inf if options.fault else options.seconds)
    for kind, tally in tallies.items():
        told = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
        sys.stdout.write(f"{kind}: {told}\n")
    sys.stdout.write(f"{found} broken; seeds {options.seed} to {seed}\n")
    return INTERRUPTED if is_stopping() else int(found > 0)


def _holds(what: Callable[..., None], kind: str, seed: int, tally: Counter[str]) -> bool:
    """Whether a history or migration went well; if not, what broke is printed."""
    with (
        tempfile.TemporaryDirectory() as directory,
        empty_database(kind, Path(directory)) as url,
        ending_children(),
    ):
        try:
            what(url, f"{kind}-{seed}", Path(directory), tally)
        except Broken as error:
            sys.stdout.write(f"BROKEN on {kind}: {error}\n")
            sys.stdout.flush()
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
