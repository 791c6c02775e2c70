"""Faults one after another: how many began, how long each took, and which of them broke something."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from math import inf

from tools.torture.checks import Broken


class NotTriedError(Exception):
    """A fault cannot be played on this machine, and why."""


def play_each(
    faults: Mapping[str, Callable[[], object]],
    on: str,
    tally: Counter[str],
    *,
    ends_s: float = inf,
    tell: Callable[[str], object] = print,
    trail: Callable[[], str] = lambda: "",
) -> int:
    """Play these while it is not too late, and tell of each; how many began.

    `ends_s`: by the monotonic clock. Broken tells which it was, and ends with the `trail` that led there.
    """
    count = 0
    for name, play in faults.items():
        if time.monotonic() > ends_s:
            break
        count += 1
        began_s = time.monotonic()
        try:
            play()
        except NotTriedError as error:
            tell(f"{on}: {name} NOT TRIED: {error}")
            continue
        except AssertionError as error:
            raise Broken(f"{name}: {error}{trail()}") from error
        tally["faults"] += 1
        tell(f"{on}: {name}, {time.monotonic() - began_s:.0f} s")
    return count
