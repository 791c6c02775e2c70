"""`python -m benchmarks.profile no-op --database sqlite --size 30000`: where the time of a sync goes."""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
from pathlib import Path

from benchmarks.models import catalog
from benchmarks.stores import store
from tests.databases import KINDS


def main() -> int:
    """Print the functions that take the most time, by their own time and with what they call."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("what", choices=("first-load", "no-op", "one-percent"))
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--lines", type=int, default=25)
    options = parser.parse_args()
    source, moved = catalog(options.size), catalog(options.size, edition=1)
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as directory, store(options.database, Path(directory)) as made:
        made.sync(catalog(1))  # what is prepared once in a process is not the sync's
        if options.what != "first-load":
            made.sync(source)
        wanted = moved if options.what == "one-percent" else source
        profile.enable()
        made.sync(wanted)
        profile.disable()
    for order in ("cumulative", "tottime"):
        pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats(order).print_stats(options.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
