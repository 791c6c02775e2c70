"""Runs and the audit trail as values: who wrote what, when and from what, and what came of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from modelctl.core.prices.price import PricePoint
from modelctl.core.text import instant, shorten, written_duration
from modelctl.errors import UsageError

MODEL = "model"
"""The entity of an entry about a row of the model table."""
PROVIDER = "provider"
"""The entity of an entry about a provider's own row."""
CREDENTIAL = "credential"
"""The entity of an entry about a stored API key: `provider`, or `provider/project`."""

PUBLISH = "publish"
"""The entity of an entry about a row of an application's own table: `target:table:key`."""

LAST = "last"
"""What may be written in place of the id of the newest run."""
MAX_NAMED = 5

LEASE_STALE = timedelta(seconds=60)
"""A writing run that has shown no life for so long was killed."""

YEAR_DIGITS = 4
_NOT_FIELDS = frozenset({"prices", "sources"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes, in which run, and when (UTC, whole seconds)."""

    run: str
    actor: str
    command: str
    now: datetime


class Outcome(StrEnum):
    """How a run ended for one provider."""

    APPLIED = "applied"
    IN_SYNC = "in_sync"
    PARTIAL = "partial"  # its API failed; what its catalogs state is applied
    PLANNED = "planned"  # shown only
    REFUSED = "refused"  # a guard held the provider; nothing was written
    HELD = "held"  # the rest was applied, what a guard held was not
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One provider's part of a run, as `ai_sync_runs` keeps it."""

    run: str
    provider: str
    command: str
    actor: str
    sources: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    fetched: int | None = None
    """Models that the provider's API listed; None when it was not asked, or the listing failed."""
    kept: int = 0
    filtered: int = 0
    skipped: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deprecated: int = 0
    retired: int = 0
    reactivated: int = 0
    held: int = 0
    protected: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: a record per provider, sorted by name."""

    records: tuple[RunRecord, ...]

    @property
    def name(self) -> str:
        """The id of the run."""
        return self.records[0].run

    @property
    def started_at(self) -> datetime:
        """When its first provider was begun."""
        return min(record.started_at for record in self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of `ai_changes`. Values are as `facts.encode` makes them."""

    run: str
    at: datetime
    actor: str
    command: str
    action: str
    before: Mapping[str, Any] = field(default_factory=dict)
    """Empty for a creation."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """Besides fields, `prices` has the points that were appended to the ledger, `sources` who stated which fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An entry of the audit trail with the row that it is about."""

    entity: str
    key: str
    """`provider/model_id`, the provider's name, or whose stored key it is."""
    entry: AuditEntry

    @property
    def provider(self) -> str:
        """The provider whose row, or whose model's row, was changed; `publish:NAME` for a row of a target."""
        if self.entity == PUBLISH:
            return f"{PUBLISH}:{self.key.partition(':')[0]}"
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPoint:
    """A point of the ledger, and the run that appended it."""

    point: PricePoint
    run: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRuns:
    """What is remembered of one provider's syncs."""

    last_at: datetime
    outcome: str
    error: str | None = None
    whole_at: datetime | None = None
    """When one last applied everything, or found nothing to apply."""
    listed_at: datetime | None = None
    """When its API last gave a listing that was believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """Who holds a lease, and when it last showed a sign of life."""

    name: str
    run: str
    actor: str
    beat_at: datetime


def field_names(entry: AuditEntry) -> list[str]:
    """The fields that the entry moves, by name."""
    return sorted({*entry.before, *entry.after} - _NOT_FIELDS)


def field_sources(entry: AuditEntry) -> dict[str, str]:
    """Who stated each new value, as far as the audit knows: entries of older versions do not."""
    stated = entry.after.get("sources")
    if not isinstance(stated, Mapping):
        return {}
    return {str(name): str(source) for source, names in stated.items() for name in names}


def since_instant(text: str, *, now: datetime) -> datetime:
    """The instant of `7d`, `24h`, `2w` or `7` (days) ago, or of a written date. UsageError for anything else.

    Four digits are a year that somebody began to write, and no days.
    """
    ago = written_duration(text, alone="" if len(text) == YEAR_DIGITS else "d")
    if ago is not None:
        return now - ago
    try:
        return instant(text, "--since")
    except UsageError as error:
        raise UsageError(error.message, "write 2026-12-01, or how long ago, as 24h, 7d or 2w") from None


def named_run(name: str, runs: Sequence[Run]) -> Run:
    """The run of that id, of an id that begins so, or the `last` one; `runs` come newest first.

    UsageError where several begin so, or none.
    """
    if name == LAST and runs:
        return runs[0]
    found = [run for run in runs if run.name == name] or [run for run in runs if name and run.name.startswith(name)]
    if len(found) > 1:
        more = ", …" if len(found) > MAX_NAMED else ""
        raise UsageError(
            f"{shorten(name)!r} is ambiguous: {len(found)} runs begin so",
            f"say which one: {', '.join(run.name for run in found[:MAX_NAMED])}{more}",
        )
    if not found:
        raise UsageError(f"there is no run {shorten(name)!r}", "see `modelctl runs list`")
    return found[0]
