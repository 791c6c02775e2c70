"""What the sources state of each provider: listings asked all at once, laid over the catalogs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from modelctl.core.credentials import PLATFORM
from modelctl.core.facts import Skipped, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.planning.planner import Consulted
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.planning.report import ProviderReport
from modelctl.core.text import age_text
from modelctl.db.engine import Database
from modelctl.db.lease import Holder
from modelctl.discovery.base import Access
from modelctl.discovery.fetch import ListingResult, Request, collect_all
from modelctl.discovery.registry import module_of
from modelctl.errors import ModelctlError, SourceError
from modelctl.services.access import Job, choose, jobs_of
from modelctl.services.keys import keys_of
from modelctl.settings import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Who is told of a sync, or of a look at listings, while it runs: functions, each of which may do nothing."""

    begin: Callable[[Sequence[str], Mapping[str, str]], None] = lambda _providers, _left_out: None
    """Which providers it is about, and which are left out and why, as `Chosen.left_out` says."""
    wait: Callable[[Holder], None] = lambda _holder: None
    """Another run writes, and has to be waited for."""
    finish: Callable[[ProviderReport], None] = lambda _report: None
    """A provider is done."""


QUIET = Observer()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProvider:
    """What came of asking one provider."""

    job: Job
    listing: Snapshot | None = None
    listed_at: datetime | None = None
    """When the listing was taken."""
    is_reused: bool = False
    """The listing is that of an earlier command: it proves nothing about what has gone since then."""
    notice: str | None = None
    error: ModelctlError | None = None


def ask(jobs: Sequence[Job], *, deadline_s: float) -> Iterator[ListedProvider]:
    """What each job's provider lists: first the listings used again, then the others as they come in.

    All are being asked as soon as this is called. Jobs without access, or with an error, are left out.
    """
    asked: dict[str, Job] = {}
    reused: list[ListedProvider] = []
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
    reused: Sequence[ListedProvider], outcomes: Iterator[tuple[str, ListingResult]], asked: Mapping[str, Job]
) -> Iterator[ListedProvider]:
    yield from reused
    for name, outcome in outcomes:
        job = asked[name]
        if not isinstance(outcome, Snapshot):
            yield ListedProvider(job=job, error=outcome)
        elif job.access is not None:
            yield ListedProvider(
                job=job, listing=outcome, listed_at=job.access.now, notice=_keep(job, job.access, outcome)
            )


def _stored(job: Job, access: Access) -> ListedProvider | None:
    stored = job.listings.load(job.provider.kind, access) if job.listings is not None else None
    if stored is None:
        return None
    at = stored.fetched_at
    day = "" if at.date() == access.now.date() else f"{at:%Y-%m-%d} "
    notice = f"its listing of {day}{at:%H:%M} UTC, {age_text(access.now - at)} old, is used again"
    return ListedProvider(job=job, listing=stored.snapshot, listed_at=at, is_reused=True, notice=notice)


def _keep(job: Job, access: Access, listing: Snapshot) -> str | None:
    """Store a fresh listing; the warning where that failed, which must not fail what it was fetched for."""
    if job.listings is None:
        return None
    try:
        job.listings.store(job.provider.kind, access, listing)
    except OSError as error:
        return f"its listing could not be kept for --max-age: {error.strerror or type(error).__name__}"
    return None


def discover(
    runtime: Runtime,
    present: Database | None,
    providers: Collection[str],
    *,
    project: str = PLATFORM,
    max_age: timedelta | None = None,
    observer: Observer = QUIET,
) -> list[ListedProvider]:
    """What the APIs of the providers list, by name: of those that are named, or of all that can be asked.

    `present`: the database; None where it has no tables yet. SourceError where nobody can be asked.
    """
    chosen = choose(runtime, present, providers)
    observer.begin(list(chosen.known), chosen.left_out)
    source = SourceChoice.API if providers else SourceChoice.AUTO
    jobs = jobs_of(runtime, chosen, keys_of(runtime, present, project), source=source, max_age=max_age)
    found = [ListedProvider(job=job, error=job.error) for job in jobs if job.error is not None]
    if not found and all(job.access is None for job in jobs):
        variables = sorted({job.provider.env_vars[0] for job in jobs if job.provider.env_vars})
        raise SourceError("no provider has a key, so no API can be asked", f"set one of {', '.join(variables)}")
    found += ask(jobs, deadline_s=runtime.settings.deadline_s)
    return sorted(found, key=lambda each: each.job.provider.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the sources state of one provider, and the error that kept its API from it."""

    job: Job
    layers: tuple[Snapshot, ...] = ()
    """What each source states, in order of authority."""
    consulted: Consulted = field(default_factory=Consulted)
    sources: tuple[str, ...] = ()
    fetched: int | None = None
    skipped: tuple[Skipped, ...] = ()
    error: ModelctlError | None = None


def gather(jobs: Sequence[Job], *, deadline_s: float) -> Iterator[Gathered]:
    """What the sources state of each job's provider, as soon as they are there: at once for those that ask no API."""
    answers = ask(jobs, deadline_s=deadline_s)  # at once: the catalogs' providers are brought up to date meanwhile
    for job in jobs:
        if job.access is None or job.error is not None:
            yield _gathered(ListedProvider(job=job, error=job.error))
    yield from map(_gathered, answers)


def without_listing(gathered: Gathered, notice: str) -> Gathered:
    """The same as if the API had not been asked, which `notice` says."""
    layers = tuple(each for each in gathered.layers if each.source is not Source.API)
    return replace(
        gathered,
        job=replace(gathered.job, notice="; ".join(filter(None, (gathered.job.notice, notice)))),
        layers=layers,
        consulted=replace(gathered.consulted, listing_is_whole=False),
        sources=tuple(each.source.value for each in layers if each.records),
        fetched=None,
        skipped=(),
    )


def _gathered(listed: ListedProvider) -> Gathered:
    """What a listing does not show means nothing if it is used again (that was counted) or a project's own view.

    Where the API failed, what the catalogs state counts as if there were no key.
    """
    notice = "; ".join(filter(None, (listed.job.notice, listed.notice))) or None
    job, listing = replace(listed.job, notice=notice), listed.listing
    name = job.provider.name
    layers = (*([listing] if listing is not None else []), *job.stated)
    return Gathered(
        job=job,
        layers=layers,
        consulted=Consulted(
            catalogs=bool(job.stated),
            listing_is_whole=listing is not None
            and name in listing.complete_for
            and not (listed.is_reused or job.project),
        ),
        sources=tuple(layer.source.value for layer in layers if layer.records),
        fetched=len(listing.records) if listing is not None else None,
        skipped=listing.skipped if listing is not None else (),
        error=listed.error,
    )
