"""Which providers are asked, and how: one way for a sync, a plan and a look at what is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from platformdirs import user_cache_path

from modelctl.catalog.load import in_force
from modelctl.config.values import user_directory
from modelctl.core.credentials import PLATFORM
from modelctl.discovery.cache import ListingCache
from modelctl.services.keys import keys_of
from modelctl.services.world import World
from modelctl.store.engine import Database
from modelctl.sync.jobs import Job, SourceChoice, choose, job_for
from modelctl.sync.providers import KnownProvider, known_providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked for what."""

    wanted: Sequence[str] = ()
    """Names of providers; `all` among them, or none at all, means all."""
    source: SourceChoice = SourceChoice.AUTO
    max_age: timedelta | None = None
    """How old a listing may be that is used again."""
    project: str = PLATFORM
    """Whose keys are used first."""


def providers_there(world: World, present: Database | None) -> dict[str, KnownProvider]:
    """The providers of the catalogs in force, and of the database. `present`: None where it has no tables yet."""
    return known_providers(present, in_force(world.settings.catalog_directory))


def jobs_of(world: World, present: Database | None, known: Mapping[str, KnownProvider], asking: Asking) -> list[Job]:
    """The wanted ones of the known providers, each with its access. UsageError for a name that nobody knows.

    `present`: the database that may hold keys; None where there is none, or it has no tables yet.
    """
    settings = world.settings
    names = {name: each.provider for name, each in known.items()}
    asks = asking.source is not SourceChoice.CATALOG or asking.project
    keys = keys_of(world, present if asks else None, asking.project)
    return [
        job_for(
            known[provider.name],
            source=asking.source,
            patterns=settings.provider(provider.name).patterns,
            keys=keys,
            timeout_s=settings.timeout_s,
            now=world.now,
            listings=_listing_cache(asking.max_age),
        )
        for provider in choose(asking.wanted, names, switches(world))
    ]


def switches(world: World) -> dict[str, bool]:
    """What the settings say of providers' switches, by name."""
    return {name: each.enabled for name, each in world.settings.providers.items()}


def _listing_cache(max_age: timedelta | None) -> ListingCache | None:
    """The user's cache of listings; None for a user who has no home."""
    directory = user_directory(user_cache_path)
    return ListingCache(directory=directory / "listings", max_age=max_age) if directory is not None else None
