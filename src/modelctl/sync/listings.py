"""What the providers' APIs list: asked all at once, or the last whole listing again where that is young enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from modelctl.core.durations import age_text
from modelctl.core.snapshot import Snapshot
from modelctl.discovery.attempts import Outcome
from modelctl.discovery.collect import Request, collect_all
from modelctl.discovery.registry import module_of
from modelctl.discovery.source import Access
from modelctl.errors import ModelctlError
from modelctl.sync.jobs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What came of asking one provider."""

    job: Job
    listing: Snapshot | None = None
    listed_at: datetime | None = None
    """When the listing was taken."""
    is_reused: bool = False
    """The listing is that of an earlier command: it proves nothing about what has gone since then."""
    notice: str | None = None
    error: ModelctlError | None = None


def ask(jobs: Sequence[Job], *, deadline_s: float) -> Iterator[Listed]:
    """What each job's provider lists: first the listings used again, then the others as they come in.

    All are being asked as soon as this is called. Jobs without access, or with an error, are left out.
    """
    asked: dict[str, Job] = {}
    reused: list[Listed] = []
    requests: list[Request] = []
    for job in jobs:
        if job.access is None or job.error is not None:
            continue
        stored = _stored(job, job.access)
        if stored is not None:
            reused.append(stored)
        else:
            asked[job.provider.name] = job
            requests.append(Request(source=module_of(job.provider.kind), access=job.access, deadline_s=deadline_s))
    return _answers(reused, collect_all(requests), asked)


def _answers(
    reused: Sequence[Listed], outcomes: Iterator[tuple[str, Outcome]], asked: Mapping[str, Job]
) -> Iterator[Listed]:
    yield from reused
    for name, outcome in outcomes:
        job = asked[name]
        if not isinstance(outcome, Snapshot):
            yield Listed(job=job, error=outcome)
        elif job.access is not None:
            yield Listed(job=job, listing=outcome, listed_at=job.access.now, notice=_keep(job, job.access, outcome))


def _stored(job: Job, access: Access) -> Listed | None:
    stored = job.listings.load(job.provider.kind, access) if job.listings is not None else None
    if stored is None:
        return None
    at = stored.fetched_at
    day = "" if at.date() == access.now.date() else f"{at:%Y-%m-%d} "
    notice = f"its listing of {day}{at:%H:%M} UTC, {age_text(access.now - at)} old, is used again"
    return Listed(job=job, listing=stored.snapshot, listed_at=at, is_reused=True, notice=notice)


def _keep(job: Job, access: Access, listing: Snapshot) -> str | None:
    """Store a fresh listing; the warning where that failed, which must not fail what it was fetched for."""
    if job.listings is None:
        return None
    try:
        job.listings.store(job.provider.kind, access, listing)
    except OSError as error:
        return f"its listing could not be stored for --max-age: {error.strerror or type(error).__name__}"
    return None
