"""One provider's listing with retries: only for what may pass by itself, only as long as somebody waits for it."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from modelctl.core.snapshot import Snapshot
from modelctl.discovery.failure import TRY_LATER, Failure, failure_of
from modelctl.discovery.listing import read_listing
from modelctl.discovery.pace import Pace
from modelctl.discovery.pages import bare_url
from modelctl.discovery.source import Access, Discovery
from modelctl.errors import SourceError

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

MAX_ATTEMPTS = 4
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0

Outcome: TypeAlias = Snapshot | SourceError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a listing is waited for."""

    ends_at: float
    """In `time.monotonic()`."""
    abandoned: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits any more."""
    sleep: Callable[[float], object] | None = None
    """How to wait between tries; None = until the time is up or the listing is abandoned."""

    def pause(self, seconds: float) -> None:
        """Wait between two tries."""
        (self.sleep or self.abandoned.wait)(seconds)

    def outlasts(self, seconds: float) -> bool:
        """Whether a wait of so many seconds leaves time for another try."""
        return not self.abandoned.is_set() and time.monotonic() + seconds < self.ends_at


def attempt(source: Discovery, access: Access, patience: Patience) -> Outcome:
    """The listing, or the error of the last try. Each try begins at the first page; all keep one pace."""
    access = replace(access, pace=Pace(patience.pause))
    tries = _retrying(access, patience)
    began_s = time.monotonic()
    logger.info("%s: asking %s", access.provider, bare_url(access.base_url) if access.base_url else "its API")
    try:
        listing = tries(read_listing, source, access, patience.abandoned.is_set)
        logger.info("%s: %d models in %.1f s", access.provider, len(listing.records), time.monotonic() - began_s)
        return listing
    except Exception as error:
        # Frames only: the error's own text, and that of its causes, may echo the key.
        logger.debug("%s failed:\n%s", access.provider, "".join(traceback.format_tb(error.__traceback__)))
        failure = failure_of(error, access)
    told = failure.to_error(access)
    if failure.retry_after_s is not None and not patience.outlasts(failure.retry_after_s):
        asked = f"it asks to wait {failure.retry_after_s:.0f} s, longer than this listing may take"
        return SourceError(f"{told.message}; {asked}", TRY_LATER)
    return told


def _retrying(access: Access, patience: Patience) -> Retrying:
    from tenacity import Retrying, retry_if_exception, wait_random_exponential

    backoff = wait_random_exponential(multiplier=FIRST_WAIT_S, max=MAX_WAIT_S)

    def failure(error: BaseException | None) -> Failure | None:
        return failure_of(error, access) if isinstance(error, Exception) else None

    def is_transient(error: BaseException) -> bool:
        failed = failure(error)
        return failed is not None and failed.is_transient

    def wait_s(state: RetryCallState) -> float:
        failed = failure(state.outcome.exception()) if state.outcome else None
        return max(failed.retry_after_s or 0.0 if failed else 0.0, backoff(state))

    def is_over(state: RetryCallState) -> bool:
        return state.attempt_number >= MAX_ATTEMPTS or not patience.outlasts(state.upcoming_sleep)

    def tell(state: RetryCallState) -> None:
        logger.info("%s: try %d failed, next in %.1f s", access.provider, state.attempt_number, state.upcoming_sleep)

    return Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_s,
        stop=is_over,
        sleep=patience.pause,
        before_sleep=tell,
        reraise=True,
    )
