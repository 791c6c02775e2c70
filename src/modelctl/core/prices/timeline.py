"""A ledger in time: what was charged, what is and what will be, and what changes when.

What holds at one instant is what `price.current` says; this only says it sooner, or for all instants together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter

from modelctl.core.prices.price import (
    SINCE_LAUNCH,
    STANDARD,
    PriceKey,
    PriceKind,
    PricePoint,
    by_key,
    current,
    is_within,
    percent_between,
)

_KINDS = tuple(str(kind) for kind in PriceKind)


class PriceBook:
    """The price points of one model."""

    def __init__(self, points: Iterable[PricePoint]) -> None:
        """Between two of the instants at which a point begins or ends, nothing changes: each span is found once."""
        self._points = tuple(points)
        begins = {point.effective_from for point in self._points}
        ends = {point.effective_to for point in self._points if point.effective_to is not None}
        self._turns = sorted(begins | ends)
        self._found: dict[int, tuple[PricePoint, ...]] = {0: ()}

    def in_force(self, at: datetime) -> tuple[PricePoint, ...]:
        """The points in force at an instant (aware)."""
        span = bisect_right(self._turns, at)
        if span not in self._found:
            self._found[span] = tuple(current(self._points, self._turns[span - 1]).values())
        return self._found[span]


@dataclass(frozen=True, slots=True)
class Period:
    """How long one point holds."""

    point: PricePoint
    until: datetime | None
    """Exclusive: its stated end, or the beginning of the next point of its key."""
    is_corrected: bool = False
    """A later revision with the same beginning took its place: it never holds."""

    def covers(self, at: datetime) -> bool:
        """Whether this is the price at an instant."""
        return not self.is_corrected and self.point.effective_from <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One price that becomes another at an instant."""

    key: PriceKey
    at: datetime
    old: PricePoint | None
    """None: there was no price on record."""
    new: PricePoint | None
    """None: the price ends, and what follows is not on record."""

    @property
    def percent(self) -> Decimal | None:
        """The change in percent, to a tenth; None where there are not two prices of one currency, or the old is 0."""
        return percent_between(self.old, self.new)

    @property
    def point(self) -> PricePoint:
        """The point that makes the change: the one that begins, or else the one that ends."""
        point = self.new or self.old
        assert point is not None, "a change is from something or to something"
        return point


def rank(key: PriceKey) -> tuple[bool, str, int, bool, str, int, PriceKey]:
    """Sorts prices as people read them: the standard tier first, short prompts first, then by kind."""
    kind = _KINDS.index(key.kind) if key.kind in _KINDS else len(_KINDS)
    tiered = key.service_tier != STANDARD
    return tiered, key.service_tier, key.context_above, bool(key.hours_utc), key.hours_utc, kind, key


def periods(points: Iterable[PricePoint]) -> tuple[Period, ...]:
    """Every point of a ledger with its end, sorted by key and beginning."""
    grouped = by_key(points)
    return tuple(period for key in sorted(grouped, key=rank) for period in _periods(grouped[key]))


def price_changes(points: Iterable[PricePoint]) -> tuple[PriceChange, ...]:
    """All changes of a ledger whose day is known, by time. A price restated with the same amount is none."""
    of_key = {
        key: [period for period in _periods(of_one) if not period.is_corrected]
        for key, of_one in by_key(points).items()
    }
    found = [change for held in of_key.values() for change in _changes(held, of_key)]
    return tuple(sorted(found, key=lambda change: (change.at, rank(change.key))))


def _periods(points: Sequence[PricePoint]) -> Iterator[Period]:
    """`points`: those of one key."""
    for point, following in pairwise([*sorted(points, key=attrgetter("effective_from", "revision")), None]):
        assert point is not None, "only the last one is"
        if following is not None and following.effective_from == point.effective_from:
            yield Period(point, None, is_corrected=True)
            continue
        ends = [point.effective_to, following.effective_from if following is not None else None]
        yield Period(point, min((each for each in ends if each is not None), default=None))


def _changes(held: Sequence[Period], of_key: dict[PriceKey, list[Period]]) -> Iterator[PriceChange]:
    """`held`: the periods of one key. A price for some hours only comes out of, and falls back to, that of the day."""
    key = held[0].point.key
    all_day = of_key.get(key._replace(hours_utc=""), []) if key.hours_utc else []
    for index, period in enumerate(held):
        begins, ends = period.point.effective_from, period.until
        before = held[index - 1].point if index and held[index - 1].until == begins else _before(all_day, begins)
        if begins != SINCE_LAUNCH and (before is None or before.money != period.point.money):
            yield PriceChange(key, begins, before, period.point)
        is_followed = index + 1 < len(held) and held[index + 1].point.effective_from == ends
        if ends is not None and not is_followed:
            after = next((each.point for each in all_day if each.covers(ends)), None)
            if after is None or after.money != period.point.money:
                yield PriceChange(key, ends, period.point, after)


def _before(held: Iterable[Period], at: datetime) -> PricePoint | None:
    """The price just before an instant."""
    return next((p.point for p in held if p.point.effective_from < at and (p.until is None or at <= p.until)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTimeline:
    """All prices of one model, seen from one instant."""

    at: datetime
    in_force: tuple[PricePoint, ...]
    """Also those that hold at other hours of that day."""
    announced: tuple[PricePoint, ...]
    """Not begun yet, each start by its last revision."""
    upcoming: tuple[PriceChange, ...]
    """What becomes of the prices by itself."""
    past: tuple[Period, ...]
    """Ended, followed by another, or corrected before they began."""

    def applies(self, point: PricePoint) -> bool:
        """Whether a request at this very instant would pay it, given the right prompt and service tier."""
        if point.hours_utc:
            return is_within(point.hours_utc, self.at)
        same = point.key._replace(hours_utc="")
        rivals = (each for each in self.in_force if each.hours_utc and each.key._replace(hours_utc="") == same)
        return not any(is_within(each.hours_utc, self.at) for each in rivals)

    def limits(self, key: PriceKey) -> tuple[int, ...]:
        """Prompt sizes at which the prices of this unit and tier change; those of the standard tier count for all."""
        tiers = (STANDARD, key.service_tier)
        found = {p.context_above for p in self.in_force if p.unit == key.unit and p.service_tier in tiers}
        return tuple(sorted(found - {0}))


def timeline(points: Iterable[PricePoint], at: datetime) -> PriceTimeline:
    """A ledger cut at `at`; each part is sorted by `rank` and beginning, the changes by time."""
    ledger = tuple(points)
    held = periods(ledger)
    return PriceTimeline(
        at=at,
        in_force=tuple(sorted(current(ledger, at).values(), key=lambda point: rank(point.key))),
        announced=tuple(each.point for each in held if not each.is_corrected and each.point.effective_from > at),
        upcoming=tuple(change for change in price_changes(ledger) if change.at > at),
        past=tuple(each for each in held if each.is_corrected or (each.until is not None and each.until <= at)),
    )
