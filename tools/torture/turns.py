"""All faults in turn, database by database: from one of them on, round once, none begun when the time is up."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import inf
from operator import itemgetter
from pathlib import Path

from tools.torture.faults import names_on, play_faults
from tools.torture.servers import PROGRAMS, why_missing
from tools.torture.web import FAULTS as WEB_FAULTS
from tools.torture.web import play_web

WEB = "web"
Turn = tuple[str, str]
"""A kind of database, or the web, and the name of a fault."""


def turns(kinds: Sequence[str], first: int, only: str = "") -> list[Turn]:
    """Those whose name holds `only`; `first` is where to begin, counted round and round."""
    found: list[Turn] = []
    for kind in kinds:
        if kind in PROGRAMS and (reason := why_missing(kind)):
            sys.stderr.write(f"faults not tried on {kind}: {reason}\n")
            continue
        found += [(kind, name) for name in names_on(kind) if only in name]
    found += [(WEB, name) for name in WEB_FAULTS if only in name]
    start = first % len(found) if found else 0
    return found[start:] + found[:start]


def play_turns(chosen: Sequence[Turn], seed: int, tallies: dict[str, Counter[str]], *, seconds: float = inf) -> int:
    """Fault by fault on servers of their own, none begun after so many seconds; how many broke something.

    After a fault that broke something, those that follow it on the same database are left out.
    """
    ends_s = time.monotonic() + seconds
    found = tried = 0
    for kind, group in groupby(chosen, key=itemgetter(0)):
        names = [name for _, name in group]
        if time.monotonic() > ends_s:
            break
        tally = tallies.setdefault(kind, Counter())
        try:
            tried += _play(kind, names, f"{kind}-{seed}", tally, ends_s)
        except AssertionError as error:
            _tell(f"BROKEN on {kind}: {error}")
            found += 1
            tried += len(names)
    if tried < len(chosen):
        kind, name = chosen[tried]
        _tell(f"faults: {tried} of {len(chosen)}; SEED={seed + tried} goes on with {name!r} on {kind}")
    return found


def _play(kind: str, names: Sequence[str], seed: str, tally: Counter[str], ends_s: float) -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        if kind == WEB:
            return play_web(Path(directory), tally, names=names, ends_s=ends_s, tell=_tell)
        return play_faults(kind, Path(directory), seed, tally, names=names, ends_s=ends_s, tell=_tell)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
