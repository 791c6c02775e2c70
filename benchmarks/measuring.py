"""Measuring in turn (A B A B …), and what a figure is. Knows nothing of what is measured."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modelctl.cli.main import COLLECTOR_THRESHOLDS

WARMED_BELOW = 100_000
"""From so many models on, one round takes minutes, and what a warm-up would take away is nothing beside it."""

Timings = dict[str, list[float]]
"""By contestant, what each round took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Something that is measured."""

    measure: Callable[[], float]
    """Does it once: what it took, as `timed`, or what it says of itself."""
    prepare: Callable[[], object] = lambda: None
    """What must be so beforehand; it is not measured."""


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """Measures how many seconds `run` takes in this process."""

    def seconds() -> float:
        gc.set_threshold(*COLLECTOR_THRESHOLDS)  # as the command does
        gc.collect()
        gc.freeze()  # what the benchmark itself holds must not slow down the collector of who is measured
        try:
            began_s = time.perf_counter()
            run()
            return time.perf_counter() - began_s
        finally:
            gc.unfreeze()

    return seconds


def in_turn(contestants: Mapping[str, Contestant], rounds: int, *, warm_up: bool = True) -> Timings:
    """Every contestant once in each round, always in the same order. The warm-up round does not count."""
    timings: Timings = {name: [] for name in contestants}
    for number in range(-1 if warm_up else 0, rounds):
        for name, contestant in contestants.items():
            contestant.prepare()
            took = contestant.measure()
            if number >= 0:
                timings[name].append(took)
    return timings


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: a value, what it is measured against, and the goal for their ratio."""

    subject: str
    case: str
    """Database and size, as `postgresql, 30,000`."""
    what: str
    against: str = ""
    """What the reference is; empty for a figure that has none."""
    value: float
    """Median of the rounds."""
    reference: float | None = None
    unit: str = "s"
    ratio: float | None = None
    """Median of the rounds' own ratios, which a machine that is slow for a while moves less."""
    goal: float | None = None
    """The ratio must not be greater."""
    rounds: tuple[tuple[float, ...], ...] = ()
    """Every value, and every value of the reference."""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None or self.ratio is None else self.ratio <= self.goal

    def as_json(self) -> dict[str, Any]:
        """All of it, for machines."""
        return asdict(self) | {"is_met": self.is_met}


def compared(
    timings: Timings, name: str, against: str, *, subject: str, case: str, goal: float | None = None, unit: str = "s"
) -> Figure:
    """How one contestant did against another of the same rounds."""
    mine, theirs = timings[name], timings[against]
    return Figure(
        subject=subject,
        case=case,
        what=name,
        against=against,
        value=statistics.median(mine),
        reference=statistics.median(theirs),
        unit=unit,
        ratio=statistics.median(a / b for a, b in zip(mine, theirs, strict=True)),
        goal=goal,
        rounds=(tuple(mine), tuple(theirs)),
    )


def alone(values: Sequence[float], *, subject: str, case: str, what: str, unit: str = "s") -> Figure:
    """A figure without a reference, given for orientation."""
    return Figure(
        subject=subject, case=case, what=what, value=statistics.median(values), unit=unit, rounds=((*values,),)
    )


def bounded(value: float, bound: float, *, subject: str, case: str, what: str, against: str, unit: str) -> Figure:
    """A figure that must not be greater than a bound, which is its reference. Where none is allowed, 0 is the goal."""
    return Figure(
        subject=subject,
        case=case,
        what=what,
        against=against,
        value=value,
        reference=bound,
        unit=unit,
        ratio=value / bound if bound else value,
        goal=1.0 if bound else 0.0,
    )
