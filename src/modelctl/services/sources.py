"""Which providers are asked, and how: one way for a sync, a plan and a look at what is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platformdirs import user_cache_path

from modelctl.catalog.load import Catalog, catalogs_in_force
from modelctl.core.credentials import PLATFORM, FoundKey, KeySource
from modelctl.core.edits.providers import SETTINGS, setting_changes, with_settings
from modelctl.core.planning.plan import FieldChange
from modelctl.core.planning.policy import Patterns, SourceChoice
from modelctl.core.provider import FROM_VARIABLE, Provider
from modelctl.core.text import require_known, to_seconds
from modelctl.db import providers as writing
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.discovery.base import Access
from modelctl.discovery.cache import ListingCache
from modelctl.discovery.registry import module_of
from modelctl.errors import CredentialError, ModelctlError, SourceError
from modelctl.files import user_directory
from modelctl.services.credentials import Keys, keys_of
from modelctl.settings import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProvider:
    """One provider, and what its row has to take from the catalogs."""

    provider: Provider
    shipped: Provider | None
    settings: tuple[FieldChange, ...] = ()


def known_providers(database: Database | None, catalogs: Sequence[Catalog]) -> dict[str, KnownProvider]:
    """By name, the providers of the database, of the overlay and of the shipped catalogs.

    Setting by setting, what a person wrote into the row counts first, then the overlay, then the shipped catalog.
    `catalogs` come in that order, the shipped one last. `database`: None where there is none yet.
    """
    shipped = catalogs[-1].providers
    stated = {name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()}
    known = {name: KnownProvider(provider=each, shipped=shipped.get(name)) for name, each in stated.items()}
    if database is None:
        return known
    rows = database.look(lambda connection: read.providers(connection, database.tables))
    moved = {name: row for name, row in rows.items() if name in stated and _differ(row, stated[name])}
    written = (
        database.look(lambda connection: writing.last_written(connection, database.tables, moved)) if moved else {}
    )
    for name, row in rows.items():
        changes = setting_changes(row, stated[name], shipped.get(name), written.get(name, {})) if name in moved else ()
        known[name] = KnownProvider(provider=with_settings(row, changes), shipped=shipped.get(name), settings=changes)
    return known


def _differ(row: Provider, stated: Provider) -> bool:
    """Whether the audit must be asked at all: mostly, the rows are as the catalogs state."""
    return any(getattr(row, name) != getattr(stated, name) for name in SETTINGS)


ALL = "all"


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


def wanted_providers(
    wanted: Sequence[str], known: Mapping[str, Provider], on: Mapping[str, bool]
) -> tuple[Provider, ...]:
    """The providers to sync, by name. UsageError for a name that nobody knows, in `wanted` or in the settings.

    `all` leaves out those that are switched off, in their row or by `on` (the settings); naming one overrides that.
    """
    for name in (*wanted, *on):
        if name != ALL:
            require_known(name, sorted(known), "provider")
    named = {name for name in wanted if name != ALL}
    if ALL in wanted or not wanted:
        named |= {name for name, provider in known.items() if provider.is_enabled and on.get(name, True)}
    return tuple(known[name] for name in sorted(named))


def left_out(wanted: Sequence[str], known: Mapping[str, Provider], on: Mapping[str, bool]) -> dict[str, str]:
    """The providers that `wanted_providers` leaves out of `all`: switched off in their `row`, or in the `settings`."""
    if wanted and ALL not in wanted:
        return {}
    off = {name: "row" if not provider.is_enabled else "settings" for name, provider in sorted(known.items())}
    return {
        name: where for name, where in off.items() if name not in wanted and (where == "row" or not on.get(name, True))
    }


def job_for(
    known: KnownProvider,
    *,
    source: SourceChoice,
    patterns: Patterns,
    keys: Keys,
    timeout_s: float,
    now: datetime,
    listings: ListingCache | None = None,
    is_named: bool = False,
) -> Job:
    """How one provider is brought up to date. Takes the key from `keys`, the base URL from the provider's row.

    An API that lists to anybody is asked without a key only where somebody names the provider and wants its API alone:
    a sync without keys needs no network.
    """
    provider, project = known.provider, keys.project
    job = Job(provider=provider, settings=known.settings, patterns=patterns, listings=listings, project=project)
    if source is SourceChoice.CATALOG:
        return job
    try:
        found = keys.find(provider) if provider.kind else None
        access = _access(
            provider,
            known.shipped,
            found,
            without_key=is_named and source is SourceChoice.API,
            environ=keys.environ,
            timeout_s=timeout_s,
            now=now,
        )
    except (CredentialError, SourceError) as error:
        return replace(job, error=error)
    if isinstance(access, Access):
        for name, value in provider.headers.items():
            if value.startswith(FROM_VARIABLE):
                keys.learned(access.headers[name])
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


def headers_of(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """The headers of the row with the values of the variables that they name. SourceError where one is not set."""
    headers = {}
    for name, value in provider.headers.items():
        if value.startswith(FROM_VARIABLE):
            variable = value.removeprefix(FROM_VARIABLE)
            value = environ.get(variable, "").strip()
            if not value:
                raise SourceError(f"{provider.name}: {variable} is not set, which its header {name} wants", "set it")
            if not value.isascii() or not value.isprintable():
                raise SourceError(f"{provider.name}: the value of {variable} cannot stand in a header", "set it again")
        headers[name] = value
    return headers


def _access(
    provider: Provider,
    shipped: Provider | None,
    found: FoundKey | None,
    *,
    without_key: bool,
    environ: Mapping[str, str],
    timeout_s: float,
    now: datetime,
) -> Access | str:
    """How the API is reached, or why it cannot be asked."""
    if not provider.kind:
        return "it has no listing of models"
    try:
        module = module_of(provider.kind)
    except SourceError as error:
        raise SourceError(f"{provider.name}: {error.message}", error.hint) from None
    if provider.env_vars and found is None and not (module.PUBLIC and without_key):
        anybody = "; it lists to anybody: name it with --source api" if module.PUBLIC else ""
        return f"no key; set {' or '.join(provider.env_vars)} to ask its API as well{anybody}"
    return Access(
        provider=provider.name,
        api_key=found.key if found is not None else "",
        key_name=found.name if found is not None else "",
        base_url=_base_url(provider, shipped, module.BASE_URL_ENV, environ),
        timeout_s=timeout_s,
        now=to_seconds(now),  # prices that a listing states begin at it, and a price begins at a whole second
        auth_header_name=provider.auth_header_name,
        auth_header_prefix=provider.auth_header_prefix,
        headers=headers_of(provider, environ),
    )


def _base_url(provider: Provider, shipped: Provider | None, variable: str, environ: Mapping[str, str]) -> str | None:
    """The address in the provider's row if a person put it there, else the SDK's variable, else the SDK's default.

    A row that still has the shipped address must not keep the SDK's own variable from working; and what a vendor
    documents as its address is not always what its SDK wants (with or without the version).
    """
    is_shipped = shipped is not None and provider.api_base_url == shipped.api_base_url
    if is_shipped and variable:
        return environ.get(variable) or None
    return provider.api_base_url


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


def providers_there(runtime: Runtime, present: Database | None) -> dict[str, KnownProvider]:
    """The providers of the catalogs in force, and of the database. `present`: None where it has no tables yet."""
    return known_providers(present, catalogs_in_force(runtime.settings.catalog_directory))


def jobs_of(
    runtime: Runtime, present: Database | None, known: Mapping[str, KnownProvider], asking: Asking
) -> list[Job]:
    """The wanted ones of the known providers, each with its access. UsageError for a name that nobody knows.

    `present`: the database that may hold keys; None where there is none, or it has no tables yet.
    """
    settings = runtime.settings
    names = {name: each.provider for name, each in known.items()}
    asks = asking.source is not SourceChoice.CATALOG or asking.project
    keys = keys_of(runtime, present if asks else None, asking.project)
    return [
        job_for(
            known[provider.name],
            source=asking.source,
            patterns=settings.provider(provider.name).patterns,
            keys=keys,
            timeout_s=settings.timeout_s,
            now=runtime.now,
            listings=_listing_cache(asking.max_age),
            is_named=provider.name in asking.wanted,
        )
        for provider in wanted_providers(asking.wanted, names, switches(runtime))
    ]


def switches(runtime: Runtime) -> dict[str, bool]:
    """What the settings say of providers' switches, by name."""
    return {name: each.enabled for name, each in runtime.settings.providers.items()}


def _listing_cache(max_age: timedelta | None) -> ListingCache | None:
    """The user's cache of listings; None for a user who has no home."""
    directory = user_directory(user_cache_path)
    return ListingCache(directory=directory / "listings", max_age=max_age) if directory is not None else None
