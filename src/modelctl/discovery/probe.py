"""Trying providers: one listing each, no retries, all at the same time; and whether the key made a difference.

A server that lists its models to anybody proves nothing about a key. So what was listed is asked for once more with a
key that nobody has: only where that one is refused, the right one is proven.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from modelctl.core.planning.merge import Snapshot
from modelctl.core.provider import Health
from modelctl.discovery.base import Access, Discovery, read_listing
from modelctl.discovery.fetch import (
    CHECK_ADDRESS,
    IF_IT_STAYS,
    TRY_LATER,
    Failure,
    ListingDeadline,
    ListingResult,
    Request,
    collect_all,
    failure_of,
    redact,
)
from modelctl.errors import SourceError

SPARE_S = 10.0
"""Beyond the time-outs of both calls: for importing SDKs, all at once on a slow machine."""
BOGUS = "modelctl-control-"
"""How the key of the control call begins, for whoever reads the server's log."""

REFUSALS = frozenset({400, 401, 403, 422})
"""Answers to a made-up key that tell it from the right one, with which the very same request was answered before."""
_REMEDIES = {TRY_LATER: "try again later", IF_IT_STAYS: CHECK_ADDRESS}
"""What a sync says of its rows means nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The outcome of testing one provider."""

    health: Health
    problem: str = ""
    """What is wrong, in one line without a secret."""
    remedy: str = ""
    latency_ms: int | None = None
    """From the first request to the first model."""
    models: int | None = None
    """How many it lists; None where it listed none."""
    skipped: int = 0
    """What it lists besides and is no model for the table."""
    key_is_proven: bool | None = None
    """Whether a made-up key is refused; None where that was not tried, as for a server without keys."""


def probe_all(targets: Sequence[tuple[Discovery, Access]]) -> Iterator[tuple[str, ProbeResult]]:
    """Each provider's name with what came of trying it, as they finish. The time-out of `access` is for one request."""
    found: dict[str, ProbeResult] = {}

    def ask(source: Discovery, access: Access, deadline: ListingDeadline) -> ListingResult:
        found[access.provider] = _probed(source, access, deadline)
        return SourceError("done")  # what came of it stands in `found`; nobody wants the listing

    requests = [
        Request(source=source, access=access, deadline_s=2 * access.timeout_s + SPARE_S, ask=ask)
        for source, access in targets
    ]
    deadlines = {each.access.provider: each.deadline_s for each in requests}
    for name, _ in collect_all(requests):
        late = ProbeResult(health=Health.TIMEOUT, problem=f"no complete answer within {deadlines[name]:g} s")
        yield name, found.get(name, late)


@dataclass(slots=True)
class _Watch:
    """When a listing's first request went out, and when its first model came in."""

    deadline: ListingDeadline
    asked_at: float | None = None
    answered_at: float | None = None

    @property
    def latency_ms(self) -> int | None:
        if self.asked_at is None or self.answered_at is None:
            return None
        return round((self.answered_at - self.asked_at) * 1000)

    def throttle(self) -> None:
        """Called before each request."""
        self.asked_at = self.asked_at or time.monotonic()

    def is_abandoned(self) -> bool:
        """Called for each model."""
        self.answered_at = self.answered_at or time.monotonic()
        return self.deadline.abandoned.is_set()


def _probed(source: Discovery, access: Access, deadline: ListingDeadline) -> ProbeResult:
    watch = _Watch(deadline)
    outcome = _tried(source, replace(access, throttle=watch.throttle), watch.is_abandoned)
    if isinstance(outcome, Failure):
        told = outcome.to_error(access)
        return ProbeResult(
            health=outcome.health,
            problem=told.message.removeprefix(f"{access.provider}: "),
            remedy=_REMEDIES.get(told.hint, told.hint),
        )
    listed = ProbeResult(
        health=Health.OK,
        latency_ms=watch.latency_ms,
        models=len(outcome.records),
        skipped=len(outcome.skipped),
    )
    return _with_proof(listed, source, access, deadline) if access.api_key else listed


def _with_proof(listed: ProbeResult, source: Discovery, access: Access, deadline: ListingDeadline) -> ProbeResult:
    """The control call: the same listing with a key that nobody has."""
    bogus = replace(access, api_key=BOGUS + secrets.token_hex(12), key_name="")
    outcome = _tried(source, bogus, deadline.abandoned.is_set)
    if isinstance(outcome, Failure) and outcome.status in REFUSALS:
        return replace(listed, key_is_proven=True)
    why = "it also lists its models for a made-up key"
    if isinstance(outcome, Failure):
        why = f"the call with a made-up key failed in another way: {redact(outcome.message, bogus)}"
    return replace(
        listed,
        health=Health.KEY_NOT_PROVEN,
        key_is_proven=False,
        problem=f"the key is not proven: {why}",
        remedy="only a billed request can prove it",
    )


def _tried(source: Discovery, access: Access, is_abandoned: Callable[[], bool]) -> Snapshot | Failure:
    """One try at the listing: what it lists, or what is wrong."""
    try:
        return read_listing(source, access, is_abandoned)
    except Exception as error:  # whatever a module or its SDK raises, as in `attempts`
        return failure_of(error, access)
