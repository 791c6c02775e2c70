"""How long a transaction is tried anew: while its error may pass, and through an outage once, not once for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from modelctl.store.dialects import is_conflict, is_not_ready, will_pass

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

T = TypeVar("T")

MAX_TRIES = 10
"""For errors that have no longer limit of their own."""
MAX_RETRY_S = 60.0
"""For conflicts, each of which another transaction has won: also while a cluster's node is behind the others."""
NOT_READY_S = 20.0
"""For a node that has lost its cluster: what is short (another node died, this one joins again) is over by then."""
LONGEST_PAUSE_S = 2.0
"""Between two tries; the pauses grow up to this, by chance."""


@dataclass(slots=True)
class Patience:
    """That of all transactions of one database: an outage that outlasted one of them is not waited for again."""

    is_exhausted: bool = False

    def tried(self, once: Callable[[], T]) -> T:
        """The result of one transaction, tried as often as it takes; the last error is raised as it is."""
        try:
            result = once()
        except DBAPIError as error:
            if not will_pass(error):
                raise
            result = self._retrying()(_after(error, once))  # only now, for the library takes a while to load
        self.is_exhausted = False
        return result

    def _retrying(self) -> Retrying:
        from tenacity import Retrying, retry_if_exception, wait_random_exponential

        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, DBAPIError) and will_pass(error)),
            stop=self._has_had_enough,
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_PAUSE_S),
            reraise=True,
        )

    def _has_had_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        elapsed_s = state.seconds_since_start or 0.0
        if isinstance(error, DBAPIError) and is_not_ready(error):
            self.is_exhausted = self.is_exhausted or elapsed_s >= NOT_READY_S
            return self.is_exhausted
        has_limit = not (isinstance(error, DBAPIError) and is_conflict(error))
        return elapsed_s >= MAX_RETRY_S or (has_limit and state.attempt_number >= MAX_TRIES)


def _after(first: DBAPIError, once: Callable[[], T]) -> Callable[[], T]:
    """The tries of `once` of which the first has failed already."""
    failed = [first]

    def tries() -> T:
        if failed:
            raise failed.pop()
        return once()

    return tries
