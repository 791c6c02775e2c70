"""What the sources state of each provider: listings asked all at once, laid over the catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelctl.catalog.load import Catalog
from modelctl.core.filters import split
from modelctl.core.merge import merge
from modelctl.core.model import ModelKey, ModelRecord, Skipped
from modelctl.core.planning import Consulted
from modelctl.core.snapshot import Snapshot
from modelctl.discovery.collect import Request, collect_all
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import ModelctlError
from modelctl.sync.jobs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything that the sources state of one provider, or the error that kept them from it."""

    job: Job
    records: Mapping[ModelKey, ModelRecord] = field(default_factory=dict)
    consulted: Consulted = field(default_factory=Consulted)
    sources: tuple[str, ...] = ()
    fetched: int | None = None
    filtered: tuple[Skipped, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    error: ModelctlError | None = None


def gather(jobs: Sequence[Job], catalogs: Sequence[Catalog], *, deadline_s: float, now: datetime) -> Iterator[Gathered]:
    """Each job's records as soon as they are there: at once for those that ask no API.

    `catalogs` come in order of authority: the user's overlay, if any, before the shipped ones.
    """
    asked = {job.provider.name: job for job in jobs if job.access is not None and job.error is None}
    for job in jobs:
        if job.error is not None:
            yield Gathered(job=job, error=job.error)
        elif job.access is None:
            yield _merged(job, None, catalogs, now)
    requests = [
        Request(source=REGISTRY[job.provider.kind], access=job.access, deadline_s=deadline_s)
        for job in asked.values()
        if job.access is not None
    ]
    for name, outcome in collect_all(requests):
        if isinstance(outcome, Snapshot):
            yield _merged(asked[name], outcome, catalogs, now)
        else:
            yield Gathered(job=asked[name], error=outcome)


def _merged(job: Job, listing: Snapshot | None, catalogs: Sequence[Catalog], now: datetime) -> Gathered:
    name = job.provider.name
    layers = [*([listing] if listing is not None else []), *(_only(catalog.snapshot, name) for catalog in catalogs)]
    records, filtered = split(merge(layers, today=now.date()), job.patterns)
    return Gathered(
        job=job,
        records=records,
        consulted=Consulted(
            catalogs=bool(catalogs), listing_is_whole=listing is not None and name in listing.complete_for
        ),
        sources=tuple(layer.source.value for layer in layers if layer.records),
        fetched=len(listing.records) if listing is not None else None,
        filtered=filtered,
        skipped=listing.skipped if listing is not None else (),
    )


def _only(snapshot: Snapshot, provider: str) -> Snapshot:
    return replace(snapshot, records={key: each for key, each in snapshot.records.items() if key.provider == provider})
