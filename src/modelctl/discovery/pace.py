"""How fast one provider is asked: pages, further listings and retries all wait their turn in the same line."""

from __future__ import annotations

import time
from collections.abc import Callable

REQUESTS_PER_SECOND = 10
BURST = 10
"""So many may go out at once after a pause: no listing known today has more pages."""


class Pace:
    """A token bucket: within any t seconds at most `burst` + t · `per_second` requests. Called before each of them.

    For one thread, which is all that a provider is asked from. `pause` waits; it may return early when nobody waits
    for the listing any more.
    """

    def __init__(
        self,
        pause: Callable[[float], object],
        *,
        per_second: float = REQUESTS_PER_SECOND,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause = pause
        self._interval_s = 1 / per_second
        self._ahead_s = (burst - 1) * self._interval_s
        self._clock = clock
        self._due_at = clock() - self._ahead_s

    def __call__(self) -> None:
        """Return when the next request may go out."""
        now = self._clock()
        due_at = max(self._due_at, now - self._ahead_s)
        self._due_at = due_at + self._interval_s
        if due_at > now:
            self._pause(due_at - now)


def unhurried() -> None:
    """No pace at all: for a module that is asked by itself, outside of a collection."""
