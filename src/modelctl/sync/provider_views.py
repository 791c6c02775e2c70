"""The providers as they are shown: settings and who stated them, keys (never their values), models and health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelctl.catalog.load import Catalog
from modelctl.core.health import ProviderHealth
from modelctl.core.model import FactValue, Source
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import EDITABLE, SETTINGS, editable_of, owner_of
from modelctl.core.provider_view import KeyState, ModelCounts, ProviderView
from modelctl.core.stored import Written
from modelctl.errors import SourceError
from modelctl.store import provider_facts, read
from modelctl.store.engine import Database
from modelctl.store.providers import last_written
from modelctl.sync.keys import Keys
from modelctl.sync.providers import known_providers

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What the database says of providers."""

    rows: Mapping[str, Provider] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)
    counts: Mapping[str, ModelCounts] = field(default_factory=dict)
    health: Mapping[str, ProviderHealth] = field(default_factory=dict)


def provider_views(
    database: Database | None, catalogs: Sequence[Catalog], keys: Keys, on: Mapping[str, bool]
) -> dict[str, ProviderView]:
    """All providers by name. `database`: None where there is none yet. `on`: what the settings switch on or off."""
    contents = _contents(database)
    stated = {name: provider for catalog in reversed(catalogs) for name, provider in catalog.providers.items()}
    views = {}
    for name, known in sorted(known_providers(database, catalogs).items()):
        provider, said = known.provider, stated.get(name)
        owners = {
            each: owner
            for each in EDITABLE
            if (owner := owner_of(each, provider, said, known.shipped, contents.written.get(name, {})))
        }
        key, key_name = _key(provider, keys)
        views[name] = ProviderView(
            provider=provider,
            is_stored=name in contents.rows,
            in_catalogs=said is not None,
            owners=owners,
            offered=_offered(provider, said, owners),
            switched_off_by="row" if not provider.is_enabled else "" if on.get(name, True) else "settings",
            key=key,
            key_name=key_name,
            stored_keys=sum(place[0] == name for place in keys.stored),
            models=contents.counts.get(name, ModelCounts()),
            health=contents.health.get(name, ProviderHealth()),
        )
    return views


def _contents(database: Database | None) -> _Contents:
    if database is None:
        return _Contents()
    tables = database.tables

    def work(connection: Connection) -> _Contents:
        rows = read.providers(connection, tables)
        return _Contents(
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
    stored = keys.stored_for(provider.name)
    if stored is not None:
        return KeyState.PRESENT, f"the credential of {stored}"
    if not provider.env_vars:
        return KeyState.NOT_WANTED, ""
    try:
        found = keys.find(provider)
    except SourceError:
        return KeyState.UNUSABLE, next(each for each in provider.env_vars if keys.environ.get(each, "").strip())
    return (KeyState.PRESENT, found.name) if found is not None else (KeyState.MISSING, "")
