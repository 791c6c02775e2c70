"""Trying the providers' APIs, and remembering in their rows how they were found. Reads keys, never shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from modelctl.core.filters import Patterns
from modelctl.core.health import Health, ProviderHealth
from modelctl.discovery.probe import Probed, probe_all
from modelctl.discovery.registry import module_of
from modelctl.discovery.source import Access
from modelctl.store import read
from modelctl.store.engine import Database
from modelctl.store.providers import write_health
from modelctl.sync.jobs import SourceChoice, job_for
from modelctl.sync.keys import Keys
from modelctl.sync.providers import KnownProvider

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One provider, and what came of trying it."""

    provider: str
    probed: Probed


def tried(known: Sequence[KnownProvider], keys: Keys, *, timeout_s: float, now: datetime) -> list[Tested]:
    """What comes of trying each provider, by name; all are asked at the same time. Writes nothing."""
    found = {}
    targets = []
    for each in known:
        ready = _ready(each, keys, timeout_s=timeout_s, now=now)
        if isinstance(ready, Probed):
            found[each.provider.name] = ready
        else:
            targets.append((module_of(each.provider.kind), ready))
    found |= dict(probe_all(targets))
    return [Tested(provider=name, probed=probed) for name, probed in sorted(found.items())]


def remember(database: Database, tested: Sequence[Tested], now: datetime) -> set[str]:
    """Write how the providers were found into their rows; which of them have one."""

    def work(connection: Connection) -> set[str]:
        rows = read.providers(connection, database.tables).keys()
        for each in tested:
            if each.provider in rows:
                probed = each.probed
                health = ProviderHealth(status=probed.health.value, checked_at=now, latency_ms=probed.latency_ms)
                write_health(connection, database.tables, each.provider, health)
        return {each.provider for each in tested} & rows

    return database.write(work)


def _ready(known: KnownProvider, keys: Keys, *, timeout_s: float, now: datetime) -> Access | Probed:
    """How the API is reached, or why it is not asked."""
    provider = known.provider
    if not provider.kind:
        return Probed(health=Health.NO_LISTING, problem="it has no listing of models", remedy="its catalog states them")
    job = job_for(known, source=SourceChoice.AUTO, patterns=Patterns(), keys=keys, timeout_s=timeout_s, now=now)
    if job.access is not None:
        return job.access
    if job.error is None:
        return Probed(health=Health.NO_KEY, problem="no key", remedy=f"set {' or '.join(provider.env_vars)}")
    problem = job.error.message.removeprefix(f"{provider.name}: ")
    return Probed(health=Health.FAILED, problem=problem, remedy=job.error.hint)
