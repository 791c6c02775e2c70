"""Which providers a command asks, and how: one way for `sync`, `plan` and `discover`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context
from modelctl.cli.keys import keys_of
from modelctl.core.credentials import PLATFORM, project_of
from modelctl.core.durations import duration
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.discovery.cache import ListingCache
    from modelctl.store.engine import Database
    from modelctl.sync.jobs import Job
    from modelctl.sync.providers import KnownProvider


class SourceOption(StrEnum):
    """Which sources may be asked."""

    AUTO = "auto"
    API = "api"
    CATALOG = "catalog"


SourceChoices = Annotated[
    SourceOption, typer.Option("--source", help="auto asks each API whose key is set, and always the catalogs.")
]
MaxAge = Annotated[
    str | None,
    typer.Option("--max-age", metavar="AGE", help="Use a provider's last whole listing again if no older, as 30m, 1h."),
]
Project = Annotated[
    str | None, typer.Option("--project", metavar="P", help="Use this project's keys; left out means the platform's.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked for what."""

    wanted: Sequence[str]
    """Names of providers; `all` among them, or none at all, means all."""
    source: SourceOption
    max_age: timedelta | None = None
    """How old a listing may be that is used again."""
    project: str = PLATFORM
    """Whose keys are used first."""


def asking(
    wanted: Sequence[str] | None, source: SourceOption, max_age: str | None, project: str | None = None
) -> Asking:
    """From what the command line says. UsageError for what is no age or project, or can have no effect."""
    age = duration(max_age, "--max-age") if max_age is not None else None
    if age is not None and source is SourceOption.CATALOG:
        raise UsageError("--max-age is about listings, and --source catalog asks for none", "leave one of them out")
    if project is not None and source is SourceOption.CATALOG:
        raise UsageError("--project is about keys, and --source catalog uses none", "leave one of them out")
    return Asking(wanted=wanted or (), source=source, max_age=age, project=project_of(project))


def jobs_of(
    context: Context, present: Database | None, known: Mapping[str, KnownProvider], asking: Asking
) -> list[Job]:
    """The wanted ones of the known providers, each with its access. UsageError for a name that nobody knows.

    `present`: the database that may hold keys; None where there is none, or it has no tables yet.
    """
    from modelctl.sync.jobs import SourceChoice, choose, job_for

    settings = context.settings
    names = {name: each.provider for name, each in known.items()}
    keys = keys_of(context, present, asking.project)
    return [
        job_for(
            known[provider.name],
            source=SourceChoice(asking.source),
            patterns=settings.provider(provider.name).patterns,
            keys=keys,
            timeout_s=settings.timeout_s,
            now=context.now,
            listings=_listing_cache(asking.max_age),
        )
        for provider in choose(asking.wanted, names, {name: each.enabled for name, each in settings.providers.items()})
    ]


def _listing_cache(max_age: timedelta | None) -> ListingCache | None:
    """The user's cache of listings; None for a user who has no home."""
    from platformdirs import user_cache_path

    from modelctl.config.values import user_directory
    from modelctl.discovery.cache import ListingCache

    directory = user_directory(user_cache_path)
    return ListingCache(directory=directory / "listings", max_age=max_age) if directory is not None else None
