"""The long form: `python -m tests.torture --seconds 120 --seed 7`.

Histories and migrations on all databases until the time is up, then each fault once: on a SQLite file, and on servers
of its own, which it kills, fills up and cuts off; then the faults of the web.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

from tests.databases import KINDS, empty_database, why_unreachable
from tests.torture.checks import Broken
from tests.torture.faults import play_faults
from tests.torture.histories import play
from tests.torture.migrating import play_migration
from tests.torture.servers import PROGRAMS, why_missing
from tests.torture.web import play_web

WEB = "web"


def main() -> int:
    """Play histories, print what was run and what was found; 1 when anything broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="for all databases together")
    parser.add_argument("--seed", type=int, default=0, help="of the first history; the next ones count on")
    parser.add_argument("--steps", type=int, default=25, help="of each history")
    parser.add_argument("--only", choices=("histories", "migrations", "faults"), help="left out means all")
    parser.add_argument("--fault", default="", help="with --only faults: those whose name holds this")
    parser.add_argument("--database", choices=KINDS, action="append", help="repeatable; left out means all")
    options = parser.parse_args()
    kinds = options.database or [kind for kind in KINDS if kind == "sqlite" or not why_unreachable(kind)]
    for kind in set(KINDS).difference(kinds):
        sys.stderr.write(f"not tried on {kind}\n")
    tallies: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    plays = {"histories": partial(play, moves=options.steps), "migrations": play_migration}
    chosen = [each for name, each in plays.items() if options.only in (None, name)]
    ends = time.monotonic() + (options.seconds if chosen else 0)
    seed = options.seed
    found = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # what was played until then is told, too
        while time.monotonic() < ends:
            for kind, what in product(kinds, chosen):
                found += not _holds(what, kind, seed, tallies[kind])
            seed += 1
        if options.only in (None, "faults"):
            found += _faults(options.database or list(KINDS), options.seed, options.fault, tallies)
    for kind, tally in tallies.items():
        told = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
        sys.stdout.write(f"{kind}: {told}\n")
    sys.stdout.write(f"{found} broken; seeds {options.seed} to {seed}\n")
    return 1 if found else 0


def _faults(kinds: Sequence[str], seed: int, only: str, tallies: dict[str, Counter[str]]) -> int:
    """Each fault once, on servers of its own, and those of the web; how many broke something."""

    def tell(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    found = 0
    for kind in (*kinds, WEB):
        if kind in PROGRAMS and (reason := why_missing(kind)):
            sys.stderr.write(f"faults not tried on {kind}: {reason}\n")
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
            tally = tallies.setdefault(kind, Counter())
            try:
                if kind == WEB:
                    play_web(Path(directory), tally, only=only, tell=tell)
                else:
                    play_faults(kind, Path(directory), f"{kind}-{seed}", tally, only=only, tell=tell)
            except AssertionError as error:
                tell(f"BROKEN on {kind}: {error}")
                found += 1
    return found


def _holds(what: Callable[..., None], kind: str, seed: int, tally: Counter[str]) -> bool:
    """Whether a history or migration went well; if not, what broke is printed."""
    with tempfile.TemporaryDirectory() as directory, empty_database(kind, Path(directory)) as url:
        try:
            what(url, f"{kind}-{seed}", Path(directory), tally)
        except Broken as error:
            sys.stdout.write(f"BROKEN on {kind}: {error}\n")
            sys.stdout.flush()
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
