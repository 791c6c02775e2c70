"""The tables as SQLModel classes: the one definition of every column, for modelctl and for programs alike.

`from modelctl.tables import Model, Provider, ModelPrice` and the rest. They have a registry of their own, so that a
program's `SQLModel.metadata.create_all` makes none of them: `modelctl db upgrade` does. Each is loaded when it is first
named, for a command that lists models has no use for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from modelctl.core.facts import TABLE_PREFIX

if TYPE_CHECKING:
    from modelctl.tables.base import Base
    from modelctl.tables.history import Change, Hold, Lease, ModelPrice, SyncRun
    from modelctl.tables.models import Model, ModelState
    from modelctl.tables.providers import Provider, ProviderCredential

    Named = TypeVar("Named", bound=Base)

__all__ = [
    "Change",
    "Hold",
    "Lease",
    "Model",
    "ModelPrice",
    "ModelState",
    "Provider",
    "ProviderCredential",
    "SyncRun",
    "Tables",
]

_MODULES = {
    "Provider": "providers",
    "Model": "models",
    "ModelPrice": "history",
    "ModelState": "models",
    "ProviderCredential": "providers",
    "SyncRun": "history",
    "Hold": "history",
    "Lease": "history",
    "Change": "history",
}


def __getattr__(name: str) -> object:
    """A class and those of all other tables, so that their foreign keys find each other (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'modelctl.tables' has no attribute {name!r}")
    return _classes()[name]


def _classes() -> dict[str, type[Base]]:
    from importlib import import_module

    return {name: getattr(import_module(f"modelctl.tables.{module}"), name) for name, module in _MODULES.items()}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The classes of the tables under one prefix and in one schema; by default those of this module themselves."""

    prefix: str = TABLE_PREFIX
    schema: str | None = None

    @cached_property
    def providers(self) -> type[Provider]:
        """Who sells models."""
        from modelctl.tables.providers import Provider

        return self._named(Provider)

    @cached_property
    def models(self) -> type[Model]:
        """The models themselves."""
        from modelctl.tables.models import Model

        return self._named(Model)

    @cached_property
    def prices(self) -> type[ModelPrice]:
        """The ledger."""
        from modelctl.tables.history import ModelPrice

        return self._named(ModelPrice)

    @cached_property
    def state(self) -> type[ModelState]:
        """What modelctl last wrote."""
        from modelctl.tables.models import ModelState

        return self._named(ModelState)

    @cached_property
    def credentials(self) -> type[ProviderCredential]:
        """API keys, encrypted."""
        from modelctl.tables.providers import ProviderCredential

        return self._named(ProviderCredential)

    @cached_property
    def sync_runs(self) -> type[SyncRun]:
        """One row per run and provider."""
        from modelctl.tables.history import SyncRun

        return self._named(SyncRun)

    @cached_property
    def holds(self) -> type[Hold]:
        """What guards stopped, and what people decided about it."""
        from modelctl.tables.history import Hold

        return self._named(Hold)

    @cached_property
    def leases(self) -> type[Lease]:
        """Who is writing now."""
        from modelctl.tables.history import Lease

        return self._named(Lease)

    @cached_property
    def changes(self) -> type[Change]:
        """The audit trail."""
        from modelctl.tables.history import Change

        return self._named(Change)

    @property
    def version_table(self) -> str:
        """modelctl's own version table; never the application's `alembic_version`."""
        return f"{self.prefix}modelctl_version"

    def names(self) -> frozenset[str]:
        """Names of all tables of ours but the version table."""
        return frozenset(self.prefix + each.__table__.name.removeprefix(TABLE_PREFIX) for each in _classes().values())

    def _named(self, table: type[Named]) -> type[Named]:
        from modelctl.tables.base import named

        return named(table, self.prefix, self.schema)
