"""Which providers there are, and how each is reached: with which key, at which address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from platformdirs import user_cache_path

from modelctl.catalog.load import Catalog, catalogs_in_force, catalogued_providers, stated_providers
from modelctl.core.credentials import (
    FoundKey,
    KeySource,
)
from modelctl.core.edits.providers import (
    KEY_SETTINGS,
    setting_changes,
    unvouched_settings,
    with_settings,
)
from modelctl.core.facts import ModelKey
from modelctl.core.planning.guards import Decisions
from modelctl.core.planning.merge import Snapshot
from modelctl.core.planning.plan import FieldChange, GuardName, KeyDoubt, Verdict
from modelctl.core.planning.policy import Patterns, SourceChoice
from modelctl.core.provider import FROM_VARIABLE, Provider
from modelctl.core.text import require_known, to_seconds
from modelctl.db import providers as writing
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.db.write import holds_of
from modelctl.discovery.base import Access
from modelctl.discovery.cache import ListingCache
from modelctl.discovery.registry import module_of
from modelctl.errors import CredentialError, ModelctlError, SourceError, StoreError
from modelctl.files import user_directory
from modelctl.services.keys import Keys
from modelctl.settings import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProvider:
    """One provider, and what its row has to take from the catalogs."""

    provider: Provider
    """As its row says once `settings` are written into it."""
    shipped: Provider | None
    settings: tuple[FieldChange, ...] = ()
    row: Provider | None = None
    error: StoreError | None = None
    """Why its row cannot be read."""
    doubt: KeyDoubt | None = None
    """What changes where its key goes, and is nobody's command."""

    @property
    def as_before(self) -> KnownProvider:
        """Without what catalogs change of where its key goes."""
        if self.doubt is None or self.row is None:
            return self
        doubted = {each.name for each in self.doubt.moves}
        settings = tuple(each for each in self.settings if each.name not in doubted)
        return replace(self, provider=with_settings(self.row, settings), settings=settings)


def known_providers(database: Database | None, catalogs: Sequence[Catalog]) -> dict[str, KnownProvider]:
    """By name, the providers of the database, of the overlay and of the shipped catalogs.

    Setting by setting, what a person wrote into the row counts first, then the overlay, then the shipped catalog.
    `catalogs` come in that order, the shipped one last. `database`: None where there is none yet.
    """
    shipped = catalogs[-1].providers
    stated = stated_providers(catalogs)
    known = {name: KnownProvider(provider=each, shipped=shipped.get(name)) for name, each in stated.items()}
    if database is None:
        return known
    rows, unreadable = database.look(lambda connection: read.readable_providers(connection, database.tables))
    written = database.look(lambda connection: writing.last_written(connection, database.tables, rows)) if rows else {}
    for name, row in rows.items():
        said, last = stated.get(name), written.get(name, {})
        changes = setting_changes(row, said, shipped.get(name), last) if said is not None else ()
        moves = {each.name: each for each in changes if each.name in KEY_SETTINGS and row.kind}  # else none was sent
        moves |= {each.name: each for each in unvouched_settings(row, said, last)}
        known[name] = KnownProvider(
            provider=with_settings(row, changes),
            shipped=shipped.get(name),
            settings=changes,
            row=row,
            doubt=KeyDoubt(moves=tuple(moves.values())) if moves else None,
        )
    for name, error in unreadable.items():
        nothing = Provider(name=name, display_name=name, kind="")
        known[name] = KnownProvider(provider=stated.get(name, nothing), shipped=shipped.get(name), error=error)
    return _with_verdicts(database, known) if any(each.doubt is not None for each in known.values()) else known


def _with_verdicts(database: Database, known: Mapping[str, KnownProvider]) -> dict[str, KnownProvider]:
    """With what people decided about the changes of where keys go."""
    holds = database.look(lambda connection: holds_of(connection, database.tables))
    judged = dict(known)
    for name, each in known.items():
        if each.doubt is not None:
            key, decisions = ModelKey(name, ""), Decisions(hold for hold in holds if hold.key.provider == name)
            verdict = decisions.on(key, GuardName.KEY_TARGET, each.doubt.shown)
            judged[name] = replace(each, doubt=replace(each.doubt, verdict=verdict))
    return judged


ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One provider to bring up to date."""

    provider: Provider
    """As its row says once `settings` are written into it."""
    settings: tuple[FieldChange, ...] = ()
    stated: tuple[Snapshot, ...] = ()
    """What each catalog that counts states of it, in order of authority."""
    access: Access | None = None
    """None: the API is not asked, and `notice` or `error` says why."""
    patterns: Patterns
    listings: ListingCache | None = None
    """Where its listings are kept; None where there is no such place."""
    key_doubt: KeyDoubt | None = None
    """A change of where its key goes, while there is a key; what a person has not accepted of it is not followed."""
    project: str = ""
    """Whose key asks: a project may see less than there is, so its listing proves nothing by what it lacks."""
    notice: str | None = None
    not_asked: str | None = None
    """Why the API is not asked, where it could be."""
    error: ModelctlError | None = None


def job_for(
    runtime: Runtime,
    known: KnownProvider,
    keys: Keys,
    source: SourceChoice,
    *,
    timeout_s: float | None = None,
    listings: ListingCache | None = None,
    is_named: bool = False,
    stated: Sequence[Snapshot] = (),
) -> Job:
    """How one provider is brought up to date. `timeout_s`: of a request, in place of the settings'.

    An API that lists to anybody is asked without a key only where somebody names the provider and wants its API alone:
    a sync without keys needs no network.
    """
    doubt = _doubt_of_key(known, keys)
    known = known if doubt is None or doubt.verdict is Verdict.ACCEPTED else known.as_before
    provider, settings = known.provider, runtime.settings
    job = Job(
        provider=provider,
        key_doubt=doubt,
        settings=known.settings,
        stated=tuple(stated) if known.error is None else (),
        error=known.error,
        patterns=settings.provider(provider.name).patterns,
        listings=listings,
        project=keys.project,
    )
    if source is SourceChoice.CATALOG or known.error is not None:
        return job
    if doubt is not None and doubt.is_in_row and doubt.verdict is not Verdict.ACCEPTED:
        return job if source is SourceChoice.AUTO else replace(job, error=_withheld(provider, doubt))
    try:
        found = keys.find(provider) if provider.kind else None
        without_key = is_named and source is SourceChoice.API
        access = _access(runtime, known, keys, found, timeout_s=timeout_s, without_key=without_key)
    except (CredentialError, SourceError) as error:
        return replace(job, error=error)
    if isinstance(access, Access):
        runtime.confidential.update(_from_variables(provider, access))
        return replace(job, access=access, notice=_project_notice(keys.project, found))
    if source is SourceChoice.API:
        return replace(job, error=SourceError(f"{provider.name}: its API was not asked: {access}"))
    return replace(job, notice=access, not_asked=access if provider.kind else None)


def _from_variables(provider: Provider, access: Access) -> list[str]:
    """The values of headers that come from variables, and so may be secrets."""
    return [access.headers[name] for name, value in provider.headers.items() if value.startswith(FROM_VARIABLE)]


def _withheld(provider: Provider, doubt: KeyDoubt) -> SourceError:
    hint = f"`modelctl sync {provider.name}` remembers it for `modelctl review`"
    return SourceError(f"{provider.name}: {doubt.reason}", hint)


def _doubt_of_key(known: KnownProvider, keys: Keys) -> KeyDoubt | None:
    """The doubt, where there is a key that could go astray: that of before, or the one that would be sent instead."""
    if known.doubt is None:
        return None
    for provider in (known.as_before.provider, known.provider):
        try:
            if keys.is_there(provider):
                return known.doubt
        except SourceError:  # what the variable holds is no key, but may be a secret
            return known.doubt
    return None


def _project_notice(project: str, found: FoundKey | None) -> str | None:
    """What a person should know of a listing that was asked for a project."""
    if not project:
        return None
    if found is not None and found.source is KeySource.PROJECT:
        asked = f"asked with the key of project {project}"
    else:
        key = f"the key in {found.name}" if found is not None else "no key"
        asked = f"project {project} has no key of its own: asked with {key}"
    return f"{asked}; a model that it does not list does not count as absent"


def headers_of(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """The headers of the row with the values of the variables that they name. SourceError where one is not set."""
    headers = {}
    for name, value in provider.headers.items():
        if value.startswith(FROM_VARIABLE):
            variable = value.removeprefix(FROM_VARIABLE)
            value = environ.get(variable, "").strip()
            if not value:
                raise SourceError(f"{provider.name}: {variable} is not set, but its header {name} needs it", "set it")
            if not value.isascii() or not value.isprintable():
                raise SourceError(f"{provider.name}: the value of {variable} cannot stand in a header", "set it again")
        headers[name] = value
    return headers


def _access(
    runtime: Runtime,
    known: KnownProvider,
    keys: Keys,
    found: FoundKey | None,
    *,
    timeout_s: float | None,
    without_key: bool,
) -> Access | str:
    """How the API is reached, or why it cannot be asked: with the key that was found, at the address of the row."""
    provider, environ = known.provider, runtime.environ
    if not provider.kind:
        return "it has no listing of models"
    try:
        module = module_of(provider.kind)
    except SourceError as error:
        raise SourceError(f"{provider.name}: {error.message}", error.hint) from None
    if provider.env_vars and found is None and not (module.PUBLIC and without_key):
        anybody = "; to ask it without a key, name it with --source api" if module.PUBLIC else ""
        emptied = keys.emptied(provider)
        why = f"no key: {emptied} is empty" if emptied is not None else "no key"
        return f"{why}; set {' or '.join(provider.env_vars)} to ask its API as well{anybody}"
    return Access(
        provider=provider.name,
        api_key=found.key if found is not None else "",
        key_name=found.name if found is not None else "",
        base_url=_base_url(provider, known.shipped, module.BASE_URL_ENV, environ),
        timeout_s=timeout_s or runtime.settings.timeout_s,
        now=to_seconds(runtime.now),  # prices that a listing states begin at it, and a price begins at a whole second
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


def providers_in_force(
    runtime: Runtime, present: Database | None, wanted: Collection[str] = ()
) -> tuple[dict[str, KnownProvider], tuple[Catalog, ...]]:
    """The providers of the database and of the catalogs, and these catalogs; with `wanted`, those of no others.

    `present`: the database; None where there is none, or it has no tables yet. UsageError for a name that nobody knows.
    """
    directory = runtime.settings.catalog_directory
    catalogs = catalogs_in_force(directory, only=None if ALL in wanted or not wanted else wanted)
    known = known_providers(present, catalogs)
    names = sorted({*known, *catalogued_providers(directory)})
    for name in wanted:
        if name != ALL:
            require_known(name, names, "provider")
    return known, catalogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The providers that are wanted, and why others are not among them."""

    known: Mapping[str, KnownProvider]
    """By name."""
    left_out: Mapping[str, str]
    """Providers that `all` leaves out, and why: switched off in their `row` or the `settings`, or without a `key`."""
    catalogs: tuple[Catalog, ...]
    """What is stated of them, in order of authority."""
    named: frozenset[str]
    """Those that are wanted by their names."""


def choose(runtime: Runtime, present: Database | None, wanted: Collection[str] = ()) -> Chosen:
    """The wanted providers; `all` among the names, or none at all, means all that are switched on.

    UsageError for a name that nobody knows, among the wanted or in the settings.
    """
    known, catalogs = providers_in_force(runtime, present, wanted)
    switches = {name: each.enabled for name, each in runtime.settings.providers.items()}
    names = sorted({*known, *catalogued_providers(runtime.settings.catalog_directory)})
    for name in switches:
        require_known(name, names, "provider")
    off = {name: "settings" for name in known if not switches.get(name, True)}
    off |= {name: "row" for name, each in known.items() if not each.provider.is_enabled}
    everybody = ALL in wanted or not wanted
    left_out = {name: off[name] for name in sorted(off) if everybody and name not in wanted}
    chosen = known.keys() - left_out.keys() if everybody else set(wanted)
    return Chosen(
        known={name: known[name] for name in sorted(chosen)},
        left_out=left_out,
        catalogs=catalogs,
        named=frozenset(wanted),
    )


def with_keys(chosen: Chosen, keys: Keys) -> Chosen:
    """Without those that want a key, have none, and are not named. One whose key can be none has one: it will fail."""

    def is_configured(name: str) -> bool:
        provider = chosen.known[name].provider
        try:
            return name in chosen.named or (bool(provider.kind) and (not provider.env_vars or keys.is_there(provider)))
        except SourceError:
            return True

    without = {name: "key" for name in chosen.known if not is_configured(name)}
    known = {name: each for name, each in chosen.known.items() if name not in without}
    return replace(chosen, known=known, left_out={**chosen.left_out, **without})


def jobs_of(
    runtime: Runtime,
    chosen: Chosen,
    keys: Keys,
    *,
    source: SourceChoice = SourceChoice.AUTO,
    max_age: timedelta | None = None,
) -> list[Job]:
    """How each of the chosen providers is brought up to date."""
    stated = () if source is SourceChoice.API else chosen.catalogs
    return [
        job_for(
            runtime,
            each,
            keys,
            source,
            listings=_listing_cache(max_age),
            is_named=name in chosen.named,
            stated=[catalog.snapshot.of(name) for catalog in stated],
        )
        for name, each in chosen.known.items()
    ]


def _listing_cache(max_age: timedelta | None) -> ListingCache | None:
    """The user's cache of listings; None for a user who has no home."""
    directory = user_directory(user_cache_path)
    return ListingCache(directory=directory / "listings", max_age=max_age) if directory is not None else None
