"""What is remembered of a run: who asked, what came of it, per provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LEASE_STALE = timedelta(seconds=60)
"""A writing run that has shown no life for so long was killed."""


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
    PLANNED = "planned"  # shown only
    REFUSED = "refused"  # a guard held it; nothing was written
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
