"""The providers that there are, each as its row says after the catalogs' word for its settings has reached it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelctl.catalog.load import Catalog
from modelctl.core.plan import FieldChange
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import SETTINGS, setting_changes, with_settings
from modelctl.store import providers as writing
from modelctl.store import read
from modelctl.store.engine import Database


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
