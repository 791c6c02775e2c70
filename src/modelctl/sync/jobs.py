"""Which providers a sync is about, and how each one's API is reached, if it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from modelctl.core.credentials import FoundKey, KeySource
from modelctl.core.filters import Patterns
from modelctl.core.plan import FieldChange
from modelctl.core.provider import Provider
from modelctl.discovery.cache import ListingCache
from modelctl.discovery.registry import REGISTRY
from modelctl.discovery.source import Access
from modelctl.errors import CredentialError, ModelctlError, SourceError, UsageError
from modelctl.sync.keys import Keys
from modelctl.sync.providers import KnownProvider

ALL = "all"


class SourceChoice(StrEnum):
    """Which sources a sync may ask."""

    AUTO = "auto"  # the API where there is a key, and always the catalogs
    API = "api"  # only the API; a provider without a key is an error
    CATALOG = "catalog"  # only the catalogs: no key, no network


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One provider to bring up to date."""

    provider: Provider
    """As its row says once `settings` are written into it."""
    settings: tuple[FieldChange, ...] = ()
    access: Access | None = None
    """None: the API is not asked, and `notice` or `error` says why."""
    patterns: Patterns
    listings: ListingCache | None = None
    """Where its listings are kept; None where there is no such place."""
    project: str = ""
    """Whose key asks: a project may see less than there is, so its listing proves nothing by what it lacks."""
    notice: str | None = None
    error: ModelctlError | None = None


def choose(wanted: Sequence[str], known: Mapping[str, Provider], on: Mapping[str, bool]) -> tuple[Provider, ...]:
    """The providers to sync, by name. UsageError for a name that nobody knows, in `wanted` or in the settings.

    `all` leaves out those that are switched off, in their row or by `on` (the settings); naming one overrides that.
    """
    for name in (*wanted, *on):
        if name != ALL and name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
            raise UsageError(f"there is no provider {name!r}", hint)
    named = {name for name in wanted if name != ALL}
    if ALL in wanted or not wanted:
        named |= {name for name, provider in known.items() if provider.is_enabled and on.get(name, True)}
    return tuple(known[name] for name in sorted(named))


def job_for(
    known: KnownProvider,
    *,
    source: SourceChoice,
    patterns: Patterns,
    keys: Keys,
    timeout_s: float,
    now: datetime,
    listings: ListingCache | None = None,
) -> Job:
    """How one provider is brought up to date. Takes the key from `keys`, the base URL from the provider's row."""
    provider, project = known.provider, keys.project
    job = Job(provider=provider, settings=known.settings, patterns=patterns, listings=listings, project=project)
    if source is SourceChoice.CATALOG:
        return job
    try:
        found = keys.find(provider) if provider.kind else None
        access = _access(provider, known.shipped, found, environ=keys.environ, timeout_s=timeout_s, now=now)
    except (CredentialError, SourceError) as error:
        return replace(job, error=error)
    if isinstance(access, Access):
        return replace(job, access=access, notice=_project_notice(project, found))
    if source is SourceChoice.API:
        return replace(job, error=SourceError(f"{provider.name}: its API was not asked: {access}"))
    return replace(job, notice=access)


def _project_notice(project: str, found: FoundKey | None) -> str | None:
    """What a person should know of a listing that was asked for a project."""
    if not project:
        return None
    if found is not None and found.source is KeySource.PROJECT:
        asked = f"asked with the key of project {project}"
    else:
        key = f"the key in {found.name}" if found is not None else "no key"
        asked = f"project {project} has no key of its own: asked with {key}"
    return f"{asked}; what is not listed there is not counted as gone"


def _access(
    provider: Provider,
    shipped: Provider | None,
    found: FoundKey | None,
    *,
    environ: Mapping[str, str],
    timeout_s: float,
    now: datetime,
) -> Access | str:
    """How the API is reached, or why it cannot be asked."""
    if not provider.kind:
        return "it has no listing of models"
    if provider.kind not in REGISTRY:
        raise SourceError(
            f"{provider.name}: there is no discovery module of kind {provider.kind!r}",
            f"the kinds are {', '.join(sorted(REGISTRY))}",
        )
    if provider.env_vars and found is None:
        return f"no key; set {' or '.join(provider.env_vars)} to ask its API as well"
    return Access(
        provider=provider.name,
        api_key=found.key if found is not None else "",
        key_name=found.name if found is not None else "",
        base_url=_base_url(provider, shipped, environ),
        timeout_s=timeout_s,
        now=now,
        auth_header_name=provider.auth_header_name,
        auth_header_prefix=provider.auth_header_prefix,
    )


def _base_url(provider: Provider, shipped: Provider | None, environ: Mapping[str, str]) -> str | None:
    """The address in the provider's row if a person put it there, else the SDK's variable, else the SDK's default.

    A row that still has the shipped address must not keep the SDK's own variable from working; and what a vendor
    documents as its address is not always what its SDK wants (with or without the version).
    """
    is_shipped = shipped is not None and provider.api_base_url == shipped.api_base_url
    variable = REGISTRY[provider.kind].BASE_URL_ENV
    if is_shipped and variable:
        return environ.get(variable) or None
    return provider.api_base_url
