"""`python -m benchmarks --sizes 3000,30000 --databases sqlite`: measure, print the table, keep the figures."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from benchmarks import at_once, catalogs, first_load, memory, no_op, others, round_trips, start_up, table
from benchmarks.measuring import Figure
from tests.databases import KINDS, why_unreachable

Sized = Callable[[str, int, int, Path], Iterator[Figure]]
Single = Callable[[int, Path], Iterator[Figure]]

SIZED: dict[str, Sized] = {
    "first-load": first_load.figures,
    "no-op": no_op.figures,
    "round-trips": round_trips.figures,
    "others": others.figures,
    "memory": memory.figures,
}
"""Subjects that are measured on each database at each size."""
SINGLE: dict[str, Single] = {"start-up": start_up.figures, "catalogs": catalogs.figures, "at-once": at_once.figures}
"""Subjects that are measured once."""
SUBJECTS = (*SIZED, *SINGLE)
RESULTS = Path(__file__).parent / "results.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was chosen; 1 when something is missing that it takes."""
    options = _options(argv)
    if missing := _missing(options):
        sys.stderr.write("\n".join(missing) + "\n")
        return 1
    figures: list[Figure] = []
    sized, single = ([each for each in group if each in options.subjects] for group in (SIZED, SINGLE))
    for subject, kind, count in product(sized, options.databases, options.sizes):
        figures += _told(partial(SIZED[subject], kind, count, options.rounds))
    for subject in single:
        figures += _told(partial(SINGLE[subject], options.rounds))
    settings = {"sizes": options.sizes, "databases": options.databases, "rounds": options.rounds}
    if options.add:
        figures = table.added(table.figures_in(options.json)[1] if options.json.exists() else (), figures)
    table.write_json(options.json, figures, settings)
    sys.stdout.write(f"\n{table.tables(figures)}")
    if options.readme:
        table.paste(*table.figures_in(options.json))
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=_numbers, default=[3000], help="models, as 3000,30000,300000")
    parser.add_argument("--databases", type=partial(_words, KINDS), default=list(KINDS), help=",".join(KINDS))
    parser.add_argument("--subjects", type=partial(_words, SUBJECTS), default=list(SUBJECTS), help=",".join(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULTS, help="where all that was measured is written")
    parser.add_argument(
        "--add", action="store_true", help="keep what that file has of other subjects, databases, sizes"
    )
    parser.add_argument("--readme", action="store_true", help="put the table into benchmarks/README.md")
    return parser.parse_args(argv)


def _missing(options: argparse.Namespace) -> list[str]:
    """What was asked for and cannot be measured here, and why."""
    missing = [f"{kind}: {why}" for kind in options.databases if kind != "sqlite" and (why := why_unreachable(kind))]
    if "others" in options.subjects:
        absent = [name for name in ("dlt", "sqlite_utils") if find_spec(name) is None]
        missing += [f"others: {name} is not installed; `make bench` installs it" for name in absent]
    return missing


def _numbers(given: str) -> list[int]:
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", given):
        raise argparse.ArgumentTypeError(f"{given!r} is not like 3000,30000")
    return [int(each) for each in given.split(",")]


def _words(known: Collection[str], given: str) -> list[str]:
    if unknown := sorted(set(given.split(",")) - set(known)):
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return given.split(",")


def _told(measure: Callable[[Path], Iterator[Figure]]) -> list[Figure]:
    """The figures of one subject, each told as soon as it is there."""
    found = []
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        for figure in measure(Path(directory)):
            sys.stderr.write(table.line(figure) + "\n")
            found.append(figure)
    sys.stderr.write(f"  ({time.monotonic() - began_s:.0f} s)\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
