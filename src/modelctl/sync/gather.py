"""What the sources state of each provider: listings asked all at once, laid over the catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from modelctl.catalog.load import Catalog
from modelctl.core.model import Skipped, Source
from modelctl.core.planning import Consulted
from modelctl.core.snapshot import Snapshot
from modelctl.errors import ModelctlError
from modelctl.sync.jobs import Job
from modelctl.sync.listings import Listed, ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the sources state of one provider, or the error that kept them from it."""

    job: Job
    layers: tuple[Snapshot, ...] = ()
    """What each source states, in order of authority."""
    consulted: Consulted = field(default_factory=Consulted)
    sources: tuple[str, ...] = ()
    fetched: int | None = None
    skipped: tuple[Skipped, ...] = ()
    error: ModelctlError | None = None


def gather(jobs: Sequence[Job], catalogs: Sequence[Catalog], *, deadline_s: float) -> Iterator[Gathered]:
    """What the sources state of each job's provider, as soon as they are there: at once for those that ask no API.

    `catalogs` come in order of authority: the user's overlay, if any, before the shipped ones.
    """
    answers = ask(jobs, deadline_s=deadline_s)  # at once: the catalogs' providers are brought up to date meanwhile
    for job in jobs:
        if job.error is not None:
            yield Gathered(job=job, error=job.error)
        elif job.access is None:
            yield _gathered(Listed(job=job), catalogs)
    for listed in answers:
        if listed.error is None:
            yield _gathered(listed, catalogs)
        else:
            yield Gathered(job=listed.job, error=listed.error)


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


def _gathered(listed: Listed, catalogs: Sequence[Catalog]) -> Gathered:
    """What a listing does not show means nothing if it is used again (that was counted) or a project's own view."""
    notice = "; ".join(filter(None, (listed.job.notice, listed.notice))) or None
    job, listing = replace(listed.job, notice=notice), listed.listing
    name = job.provider.name
    layers = (*([listing] if listing is not None else []), *(_only(catalog.snapshot, name) for catalog in catalogs))
    return Gathered(
        job=job,
        layers=layers,
        consulted=Consulted(
            catalogs=bool(catalogs),
            listing_is_whole=listing is not None
            and name in listing.complete_for
            and not (listed.is_reused or job.project),
        ),
        sources=tuple(layer.source.value for layer in layers if layer.records),
        fetched=len(listing.records) if listing is not None else None,
        skipped=listing.skipped if listing is not None else (),
    )


def _only(snapshot: Snapshot, provider: str) -> Snapshot:
    return replace(snapshot, records={key: each for key, each in snapshot.records.items() if key.provider == provider})
