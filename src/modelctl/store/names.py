"""Where the tables live: a prefix and a schema, so that modelctl never meets an application's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from sqlalchemy import MetaData, Table
from sqlalchemy.sql.schema import RETAIN_SCHEMA
from sqlmodel import SQLModel

from modelctl.store import tables

DEFAULT_PREFIX = "ai_"


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables under one prefix and schema, for Core statements."""

    prefix: str = DEFAULT_PREFIX
    schema: str | None = None

    @cached_property
    def providers(self) -> Table:
        """Who sells models."""
        return self._named(tables.AiProvider)

    @cached_property
    def models(self) -> Table:
        """The models themselves."""
        return self._named(tables.AiModel)

    @cached_property
    def prices(self) -> Table:
        """The ledger."""
        return self._named(tables.AiModelPrice)

    @cached_property
    def state(self) -> Table:
        """What modelctl last wrote."""
        return self._named(tables.AiModelState)

    @cached_property
    def sync_runs(self) -> Table:
        """One row per run and provider."""
        return self._named(tables.AiSyncRun)

    @cached_property
    def changes(self) -> Table:
        """The audit trail."""
        return self._named(tables.AiChange)

    @cached_property
    def holds(self) -> Table:
        """What guards stopped, and what people decided about it."""
        return self._named(tables.AiHold)

    @cached_property
    def leases(self) -> Table:
        """Who is writing now."""
        return self._named(tables.AiLease)

    @cached_property
    def credentials(self) -> Table:
        """API keys, encrypted."""
        return self._named(tables.AiProviderCredential)

    @property
    def version_table(self) -> str:
        """modelctl's own version table; never the application's `alembic_version`."""
        return f"{self.prefix}modelctl_version"

    def all_names(self) -> tuple[str, ...]:
        """Names of all tables of ours but the version table."""
        return tuple(self.prefix + name.removeprefix(DEFAULT_PREFIX) for name in SQLModel.metadata.tables)

    def _named(self, model: type[SQLModel]) -> Table:
        return _named_copy(model.__table__, self.prefix, self.schema)  # type: ignore[attr-defined]  # SQLModel sets it


@lru_cache
def _named_copy(table: Table, prefix: str, schema: str | None) -> Table:
    if prefix == DEFAULT_PREFIX and schema is None:
        return table
    name = prefix + table.name.removeprefix(DEFAULT_PREFIX)
    copy = table.to_metadata(MetaData(), schema=schema or RETAIN_SCHEMA, name=name)
    for constraint in list(copy.foreign_key_constraints):
        copy.constraints.discard(constraint)  # it names the unprefixed table; statements need none
    return copy
