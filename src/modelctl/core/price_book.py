"""A ledger prepared for many questions: what was in force when. Says what `price.current` says, only sooner."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

from modelctl.core.price import PricePoint, current


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
