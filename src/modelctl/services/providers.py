"""A person's edits of providers' rows, each in one transaction with its audit, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelctl.catalog.load import stated_providers
from modelctl.core.edits.providers import (
    EDITABLE,
    SETTINGS,
    KindRules,
    ProviderOptions,
    editable_of,
    option_changes,
    provider_from_options,
    setting_owner,
)
from modelctl.core.facts import FactValue, ModelKey, Source
from modelctl.core.planning.plan import Action, Change, FieldChange, Plan
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.provider import Health, KeyState, ModelCounts, Provider, ProviderHealth, ProviderView
from modelctl.core.runs import Author
from modelctl.core.stored import Written
from modelctl.core.text import counted, require_known, to_seconds
from modelctl.core.validation import check_provider_name
from modelctl.db import migrate as schema
from modelctl.db import providers as provider_facts
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.providers import last_written, write_health, write_provider
from modelctl.discovery.base import Access
from modelctl.discovery.probe import ProbeResult, probe_all
from modelctl.discovery.registry import SDK_KINDS, WITHOUT_DEFAULT_ADDRESS, kinds, module_of
from modelctl.errors import InvalidFact, Refused, SourceError, UsageError
from modelctl.services.access import KnownProvider, choose, job_for, providers_in_force, with_keys
from modelctl.services.gather import QUIET, Observer
from modelctl.services.keys import Keys, keys_of
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection


RESERVED = ("all",)
"""What stands for every provider on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEdit:
    """What an edit made of a provider's row."""

    provider: Provider
    changes: tuple[FieldChange, ...] = ()
    remembered: int = 0
    """For an addition: models that an earlier provider of this name had, which somebody removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """What hangs on a provider's row."""

    models: tuple[ModelKey, ...] = ()
    keys: int = 0
    """Encrypted keys that the database holds of it."""


def add_provider(
    runtime: Runtime, database: Database, name: str, options: ProviderOptions, author: Author
) -> ProviderEdit:
    """Make the row of a new provider, and before it the tables of a new file.

    UsageError for a provider that is known already, or cannot be.
    """
    _require_new(name, _providers(runtime, database))
    provider = provider_from_options(name, options, _rules())
    schema.ensure_current(database)

    def work(connection: Connection) -> ProviderEdit:
        _require_new(provider.name, read.providers(connection, database.tables))
        write_provider(connection, database.tables, provider, (), author)
        remembered = provider_facts.remembered_models(connection, database.tables, provider.name)
        return ProviderEdit(provider=provider, remembered=remembered)

    return database.write(work)


def change_providers(
    runtime: Runtime, database: Database, names: Sequence[str], options: ProviderOptions, author: Author
) -> tuple[ProviderEdit, ...]:
    """Change the rows of all the providers named, or of none. One that only a catalog knows gets its row first.

    UsageError for a name that nobody knows, or a value that a provider cannot have; then no database is made either.
    """
    known = _providers(runtime, database, names)
    rules = _rules()
    for name in names:
        option_changes(known[name], options, rules)
    schema.ensure_current(database)

    def work(connection: Connection) -> tuple[ProviderEdit, ...]:
        rows = read.providers(connection, database.tables)
        return tuple(_changed(connection, name, rows.get(name)) for name in sorted(set(names)))

    def _changed(connection: Connection, name: str, row: Provider | None) -> ProviderEdit:
        provider = row or known[name]
        changes = option_changes(provider, options, rules)
        if row is None and changes:
            write_provider(connection, database.tables, provider, (), _catalogs_hand(author))
        write_provider(connection, database.tables, provider, changes, author)
        return ProviderEdit(provider=provider, changes=changes)

    return database.write(work)


def _providers(runtime: Runtime, database: Database, names: Collection[str] = ()) -> dict[str, Provider]:
    present = schema.if_readable(database)
    known, _ = providers_in_force(runtime, present, names)
    return {name: each.provider for name, each in known.items()}


def dependents(runtime: Runtime, database: Database, name: str) -> Dependents:
    """What would go with a provider's row. UsageError for a name that has none, or that catalogs have."""
    present = schema.if_readable(database)
    _, catalogs = providers_in_force(runtime, present, [name])
    if any(name in catalog.providers for catalog in catalogs):
        raise UsageError(
            f"{name} is in the catalogs, and the next sync would create it again",
            f"`modelctl provider disable {name}` leaves it out of syncs",
        )

    def work(connection: Connection) -> Dependents:
        require_known(name, read.providers(connection, database.tables), "provider")
        return _dependents(connection, database, name)

    return database.read(work)


def remove_provider(database: Database, name: str, author: Author, *, cascade: bool) -> Dependents:
    """Delete a provider's row, with `cascade` its models too; what went. Refused where models hang on it."""

    def work(connection: Connection) -> Dependents:
        tables = database.tables
        row = read.providers(connection, tables)[name]
        stored = read.models_of(connection, tables, name)
        found = _dependents(connection, database, name)
        if stored.models and not cascade:
            raise Refused(f"{counted(len(stored.models), 'model')} of {name} would be removed, too", "add --cascade")
        gone = tuple(
            Change(action=Action.REMOVE, key=key, existing=each) for key, each in sorted(stored.models.items())
        )
        plan = Plan(provider=name, changes=gone, provider_action=Action.REMOVE)
        writing.apply(connection, tables, plan, row, author)
        return found

    return database.write(work)


def _dependents(connection: Connection, database: Database, name: str) -> Dependents:
    models = tuple(each.key for each in read.models(connection, database.tables, only=[name]))
    return Dependents(models=models, keys=provider_facts.count_stored_keys(connection, database.tables, name))


def _require_new(name: str, known: Mapping[str, Provider]) -> None:
    try:
        check_provider_name(name)
    except InvalidFact as error:
        raise UsageError(error.message, error.hint) from None
    if name in RESERVED:
        raise UsageError(f"{name!r} stands for every provider", "choose another name")
    if name in known:
        raise UsageError(f"there is a provider {name} already", f"`modelctl provider set {name}` changes it")


def _catalogs_hand(author: Author) -> Author:
    """The author of a row as its catalog states it: a run of its own, whose id sorts just before the person's."""
    return replace(author, run=author.run[:-1], command="populate")


def _rules() -> KindRules:
    return KindRules(known=kinds(), need_address=WITHOUT_DEFAULT_ADDRESS, place_key=SDK_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTest:
    """One provider, and what came of trying it."""

    provider: str
    probed: ProbeResult


def try_providers(
    runtime: Runtime,
    present: Database | None,
    wanted: Collection[str],
    *,
    timeout_s: float,
    configured_only: bool = False,
    observer: Observer = QUIET,
) -> tuple[list[ProviderTest], set[str]]:
    """What comes of trying the wanted providers, by name, all at the same time; and those that keep it in their rows.

    One that is asked and has no row gets it, as its catalog states it. `present`: the database; None where it has no
    tables yet. `configured_only`: of those that nobody names, only the ones that have a key or need none.
    UsageError for a name that nobody knows.
    """
    chosen, keys = choose(runtime, present, wanted), keys_of(runtime, present)
    chosen = with_keys(chosen, keys) if configured_only else chosen
    observer.begin(list(chosen.known), chosen.left_out)
    found = {}
    targets = []
    for name, each in chosen.known.items():
        ready = _ready(runtime, each, keys, timeout_s=timeout_s)
        if isinstance(ready, ProbeResult):
            found[name] = ready
        else:
            targets.append((module_of(each.provider.kind), ready))
    found |= dict(probe_all(targets))
    tested = [ProviderTest(provider=name, probed=probed) for name, probed in sorted(found.items())]
    if present is None:
        return tested, set()
    asked = {access.provider: chosen.known[access.provider].provider for _, access in targets}
    return tested, _remember(present, tested, asked, runtime.author("provider test"))


def _remember(
    database: Database, tested: Sequence[ProviderTest], asked: Mapping[str, Provider], author: Author
) -> set[str]:
    """Write how the providers were found into their rows; which of them have one, those that were asked included."""
    now = to_seconds(author.now)

    def work(connection: Connection) -> set[str]:
        rows = set(read.provider_names(connection, database.tables))
        for name in sorted(asked.keys() - rows):
            write_provider(connection, database.tables, asked[name], (), _catalogs_hand(author))
        rows |= asked.keys()
        for each in tested:
            if each.provider in rows:
                probed = each.probed
                health = ProviderHealth(status=probed.health.value, checked_at=now, latency_ms=probed.latency_ms)
                write_health(connection, database.tables, each.provider, health)
        return {each.provider for each in tested} & rows

    return database.write(work)


def _ready(runtime: Runtime, known: KnownProvider, keys: Keys, *, timeout_s: float) -> Access | ProbeResult:
    """How the API is reached, or why it is not asked."""
    provider = known.provider
    if not provider.kind:
        return ProbeResult(
            health=Health.NO_LISTING, problem="it has no listing of models", remedy="its catalog states them"
        )
    job = job_for(runtime, known, keys, SourceChoice.AUTO, timeout_s=timeout_s)
    if job.access is not None:
        return job.access
    if job.key_doubt is not None and job.key_doubt.is_in_row and job.error is None:
        remedy = f"`modelctl sync {provider.name}` remembers it for `modelctl review`"
        return ProbeResult(health=Health.FAILED, problem=job.key_doubt.reason, remedy=remedy)
    if job.error is None:
        return ProbeResult(health=Health.NO_KEY, problem="no key", remedy=f"set {' or '.join(provider.env_vars)}")
    problem = job.error.message.removeprefix(f"{provider.name}: ")
    return ProbeResult(health=Health.FAILED, problem=problem, remedy=job.error.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredProviders:
    """What the database says of providers."""

    rows: Mapping[str, Provider] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    counts: Mapping[str, ModelCounts] = field(default_factory=dict)
    health: Mapping[str, ProviderHealth] = field(default_factory=dict)


def provider_views(runtime: Runtime, present: Database | None, wanted: Collection[str] = ()) -> dict[str, ProviderView]:
    """The wanted providers, or all, by name. `present`: the database; None where it has no tables yet."""
    known_by_name, catalogs = providers_in_force(runtime, present, wanted)
    keys, contents = keys_of(runtime, present), _contents(present)
    stated = stated_providers(catalogs)
    views = {}
    for name in sorted(wanted or known_by_name):
        known, said = known_by_name[name], stated.get(name)
        provider = known.provider
        owners = {
            each: owner
            for each in EDITABLE
            if (owner := setting_owner(each, provider, said, known.shipped, contents.written.get(name, {})))
        }
        key, key_name = _key(provider, keys)
        switch = "" if runtime.settings.provider(name).enabled else "settings"
        views[name] = ProviderView(
            provider=provider,
            is_stored=name in contents.rows,
            in_catalogs=said is not None,
            owners=owners,
            offered=_offered(provider, said, owners),
            switched_off_by=switch if provider.is_enabled else "row",
            key=key,
            key_name=key_name,
            stored_keys=sum(place[0] == name for place in keys.stored),
            models=contents.counts.get(name, ModelCounts()),
            health=contents.health.get(name, ProviderHealth()),
        )
    return views


def _contents(database: Database | None) -> _StoredProviders:
    if database is None:
        return _StoredProviders()
    tables = database.tables

    def work(connection: Connection) -> _StoredProviders:
        rows = read.providers(connection, tables)
        return _StoredProviders(
            rows=rows,
            written=last_written(connection, tables, rows) if rows else {},
            counts=provider_facts.model_counts(connection, tables),
            health=provider_facts.health(connection, tables),
        )

    return database.read(work)


def _offered(provider: Provider, stated: Provider | None, owners: Mapping[str, str]) -> dict[str, FactValue]:
    if stated is None:
        return {}
    present, theirs = editable_of(provider), editable_of(stated)
    mine = [name for name in SETTINGS if owners.get(name) == Source.PERSON]
    return {name: theirs[name] for name in mine if theirs[name] != present[name]}


def _key(provider: Provider, keys: Keys) -> tuple[KeyState, str]:
    """Whether there is a key, and where: a stored one is not opened for that."""
    if not provider.kind:
        return KeyState.NO_LISTING, ""
    stored = keys.stored_for(provider)
    if stored is not None:
        return KeyState.PRESENT, f"the stored key of {stored}"
    if not provider.env_vars:
        return KeyState.NOT_WANTED, ""
    try:
        found = keys.find(provider)
    except SourceError:
        return KeyState.UNUSABLE, next(each for each in provider.env_vars if keys.variable(each)[0].strip())
    return (KeyState.PRESENT, found.name) if found is not None else (KeyState.MISSING, "")
