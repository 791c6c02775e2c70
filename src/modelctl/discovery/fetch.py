"""One provider's listing with retries: only for what may pass by itself, only as long as somebody waits for it."""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from modelctl.core.planning.merge import Snapshot
from modelctl.core.provider import Health
from modelctl.core.text import shorten
from modelctl.discovery.base import Access, Discovery, KeyRefused, UnusableListing, bare_url, read_listing
from modelctl.discovery.http import retry_after_s
from modelctl.errors import ModelctlError, SourceError

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying


TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 529})
"""529 is Anthropic's "overloaded"."""

TIME_OUT_NAMES = frozenset({"TimeoutException", "APITimeoutError", "TimeoutError"})
CONNECTION_NAMES = frozenset({"TransportError", "APIConnectionError", "OSError"})
HOPELESS_NAMES = frozenset({"UnsupportedProtocol", "LocalProtocolError", "InvalidURL"})
"""Transport errors that are about the address or the headers: the next try would end the same."""

BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's word for one that nobody trusted has signed."""

CHECK_ADDRESS = "check the base URL"
TRUST_IT = f"{CHECK_ADDRESS}; if a proxy opens TLS, name its certificate in SSL_CERT_FILE"
SECRET_CHARS = 8
"""What is shorter keeps nobody out."""

TRY_LATER = "nothing was changed; try again later"
IF_IT_STAYS = "nothing was changed; if it happens again, check the base URL"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try of a listing."""

    message: str
    hint: str = TRY_LATER
    is_transient: bool = False
    health: Health = Health.FAILED
    """What it says of the provider."""
    status: int | None = None
    """Of the answer; None where none came."""
    retry_after_s: float | None = None
    """How long the provider asks to wait; None when it does not say."""

    def to_error(self, access: Access) -> SourceError:
        """The error to show, without the key wherever it may have got in."""
        return SourceError(f"{access.provider}: {redact(self.message, access)}", redact(self.hint, access))


def redact(text: str, access: Access) -> str:
    """The text without key and headers. A word like `EMPTY` or `none`, for a server that checks no keys, stays."""
    for secret in access.secrets:
        text = text.replace(secret, "[key]") if len(secret) >= SECRET_CHARS else text
    return text


def failure_of(error: Exception, access: Access) -> Failure:
    """What the error means."""
    if isinstance(error, ModelctlError):
        return Failure(error.message.removeprefix(f"{access.provider}: "), error.hint)
    if (unusable := next((each for each in _chain(error) if isinstance(each, UnusableListing)), None)) is not None:
        return Failure(str(unusable), IF_IT_STAYS)  # an SDK may have taken it for a failed connection
    status = _status(error)
    if status is not None:
        return replace(_of_status(status, error, access), status=status)
    names = {parent.__name__ for each in _chain(error) for parent in type(each).__mro__}
    address = _address(error) or (bare_url(access.base_url) if access.base_url else "its API")
    if names & HOPELESS_NAMES:
        return Failure(
            f"{address} cannot be asked ({type(_root(error)).__name__})", CHECK_ADDRESS, health=Health.UNREACHABLE
        )
    if names & TIME_OUT_NAMES:
        return Failure(
            f"{address} did not answer within {access.timeout_s:g} s", is_transient=True, health=Health.TIMEOUT
        )
    if names & CONNECTION_NAMES:
        reason = shorten(" ".join(str(_root(error)).split()), 120) or type(_root(error)).__name__
        return Failure(
            f"no connection to {address} ({reason})",
            TRUST_IT if BAD_CERTIFICATE in reason else f"{CHECK_ADDRESS} and the network",
            is_transient=True,
            health=Health.UNREACHABLE,
        )
    return Failure(f"the answer of {address} cannot be read ({type(error).__name__})", IF_IT_STAYS)


def _of_status(status: int, error: Exception, access: Access) -> Failure:
    address = _address(error)
    what = f"HTTP {status}" + (f" from {address}" if address else "")
    key = f"the key in {access.key_name}" if access.key_name else "the API key"
    if status == 401 or isinstance(error, KeyRefused):
        if not access.api_key:
            return Failure(
                f"{what}: it needs an API key", f"set {access.key_name or 'one'}", health=Health.UNAUTHORIZED
            )
        return Failure(f"{what}: {key} is not accepted", "check the key", health=Health.UNAUTHORIZED)
    if status == 400:  # LiteLLM's answer to a key that it does not know, where it has no database (1.106, 2026-11)
        return Failure(f"{what}: the request is refused", f"{CHECK_ADDRESS} and the key")
    if status == 403:
        return Failure(
            f"{what}: {key} may not list models",
            "check the key's permissions, and the region it is used in",
            health=Health.FORBIDDEN,
        )
    if status == 404:
        return Failure(f"{what}: no listing there", CHECK_ADDRESS, health=Health.NO_LISTING)
    if 300 <= status < 400:
        return Failure(f"{what}: it answers with a redirect, which is not followed", CHECK_ADDRESS)
    if status == 429:
        return Failure(
            f"{what}: too many requests",
            is_transient=True,
            health=Health.RATE_LIMITED,
            retry_after_s=retry_after_s(error),
        )
    return Failure(what, is_transient=status in TRANSIENT_STATUSES, retry_after_s=retry_after_s(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, outermost first, each once: `raise inner from outer` makes a circle of them."""
    told: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in told:
        told.append(cause)
        yield cause
        cause = cause.__cause__


def _root(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]


def _status(error: Exception) -> int | None:
    """The HTTP status: `.response.status_code` (all four), `.code` (google), `.status` (replicate)."""
    candidates = (
        getattr(getattr(error, "response", None), "status_code", None),
        *(getattr(error, name, None) for name in ("status_code", "code", "status")),
    )
    return next((each for each in candidates if isinstance(each, int) and not isinstance(each, bool)), None)


def _address(error: Exception) -> str:
    """Where the request went; empty when the error does not tell."""
    for each in _chain(error):
        for holder in (getattr(each, "response", None), each):
            try:
                return bare_url(holder.request.url)  # type: ignore[union-attr] # duck-typed: absent on most errors
            except (AttributeError, RuntimeError, ValueError):
                continue  # httpx raises RuntimeError where no request was made
    return ""


MAX_ATTEMPTS = 4
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0

ListingResult: TypeAlias = Snapshot | SourceError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListingDeadline:
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


REQUESTS_PER_SECOND = 10
BURST = 10
"""So many may go out at once after a pause: no listing known today has more pages."""


class RateLimiter:
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


def attempt(source: Discovery, access: Access, deadline: ListingDeadline) -> ListingResult:
    """The listing, or the error of the last try. Each try begins at the first page; all share one rate limit."""
    access = replace(access, throttle=RateLimiter(deadline.pause))
    tries = _retrying(access, deadline)
    began_s = time.monotonic()
    logger.info("%s: asking %s", access.provider, bare_url(access.base_url) if access.base_url else "its API")
    try:
        listing = tries(read_listing, source, access, deadline.abandoned.is_set)
        logger.info("%s: %d models in %.1f s", access.provider, len(listing.records), time.monotonic() - began_s)
        return listing
    except Exception as error:
        # Frames only: the error's own text, and that of its causes, may echo the key.
        logger.debug("%s failed:\n%s", access.provider, "".join(traceback.format_tb(error.__traceback__)))
        failure = failure_of(error, access)
    told = failure.to_error(access)
    if failure.retry_after_s is not None and not deadline.outlasts(failure.retry_after_s):
        asked = f"it asks to wait {failure.retry_after_s:.0f} s, longer than this listing may take"
        return SourceError(f"{told.message}; {asked}", TRY_LATER)
    return told


def _retrying(access: Access, deadline: ListingDeadline) -> Retrying:
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
        return state.attempt_number >= MAX_ATTEMPTS or not deadline.outlasts(state.upcoming_sleep)

    def tell(state: RetryCallState) -> None:
        logger.info("%s: try %d failed, next in %.1f s", access.provider, state.attempt_number, state.upcoming_sleep)

    return Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_s,
        stop=is_over,
        sleep=deadline.pause,
        before_sleep=tell,
        reraise=True,
    )


AT_ONCE = 32
"""More than there are providers, so that all are asked at once; a bound for whoever adds a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One provider to ask."""

    source: Discovery
    access: Access
    deadline_s: float
    """For the whole listing: all pages, all tries, all waiting."""
    sleep: Callable[[float], object] | None = None
    """How to wait between tries; None = until the time is up or nobody waits for the listing any more."""
    ask: Callable[[Discovery, Access, ListingDeadline], ListingResult] = attempt
    """How it is asked; a probe asks once and measures."""


def collect_all(requests: Iterable[Request], *, at_once: int = AT_ONCE) -> Iterator[tuple[str, ListingResult]]:
    """Each provider's name with its listing or its error, as they finish; the slowest one sets the total time.

    They are being asked as soon as this is called, before the first answer is waited for. Closing the iterator, or
    Ctrl-C while it waits, leaves at once.
    """
    asked = _Asked(requests, at_once)
    asked.begin()
    return asked.results()


class _Asked:
    """Providers that are being asked, a thread for each, and those that wait for their turn."""

    def __init__(self, requests: Iterable[Request], at_once: int) -> None:
        self._waiting = deque(requests)
        self._at_once = at_once
        self._running: dict[str, tuple[Request, ListingDeadline]] = {}
        self._done: queue.SimpleQueue[tuple[str, ListingDeadline, ListingResult | BaseException]] = queue.SimpleQueue()

    def begin(self) -> None:
        """Ask as many as may be asked at once."""
        while self._waiting and len(self._running) < self._at_once:
            request = self._waiting.popleft()
            provider = request.access.provider
            if provider in self._running:
                raise ValueError(f"{provider} is asked twice")
            deadline = ListingDeadline(time.monotonic() + request.deadline_s, sleep=request.sleep)
            self._running[provider] = request, deadline
            threading.Thread(target=self._ask, args=(request, deadline), name=f"list-{provider}", daemon=True).start()

    def _ask(self, request: Request, deadline: ListingDeadline) -> None:
        outcome: ListingResult | BaseException
        try:
            outcome = request.ask(request.source, request.access, deadline)
        except BaseException as error:  # whoever waits for it raises it
            outcome = error
        self._done.put((request.access.provider, deadline, outcome))

    def results(self) -> Iterator[tuple[str, ListingResult]]:
        """Each provider's name with what came of it, until all are done."""
        try:
            while self._waiting or self._running:
                self.begin()
                next_end = min(deadline.ends_at for _, deadline in self._running.values())
                try:
                    provider, deadline, outcome = self._done.get(timeout=max(0.0, next_end - time.monotonic()))
                except queue.Empty:
                    yield from self._overdue()
                    continue
                if deadline.abandoned.is_set():
                    continue
                del self._running[provider]
                if not isinstance(outcome, Snapshot | SourceError):
                    raise outcome
                yield provider, outcome
        finally:
            for _, deadline in self._running.values():
                deadline.abandoned.set()

    def _overdue(self) -> Iterator[tuple[str, SourceError]]:
        now = time.monotonic()
        for provider, (request, deadline) in list(self._running.items()):
            if deadline.ends_at <= now:
                deadline.abandoned.set()
                del self._running[provider]
                late = f"{provider}: no complete listing within {request.deadline_s:g} s"
                yield provider, SourceError(late, TRY_LATER)
