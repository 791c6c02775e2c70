"""Where the tables live: a prefix and a schema, so that modelctl never meets an application's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from sqlalchemy import MetaData, Table

from modelctl.store import columns

DEFAULT_PREFIX = "ai_"


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables under one prefix and schema, for Core statements."""

    prefix: str = DEFAULT_PREFIX
    schema: str | None = None

    @cached_property
    def providers(self) -> Table:
        """Who sells models."""
        return self._named("providers")

    @cached_property
    def models(self) -> Table:
        """The models themselves."""
        return self._named("models")

    @cached_property
    def prices(self) -> Table:
        """The ledger."""
        return self._named("model_prices")

    @cached_property
    def state(self) -> Table:
        """What modelctl last wrote."""
        return self._named("model_state")

    @cached_property
    def sync_runs(self) -> Table:
        """One row per run and provider."""
        return self._named("sync_runs")

    @cached_property
    def changes(self) -> Table:
        """The audit trail."""
        return self._named("changes")

    @cached_property
    def holds(self) -> Table:
        """What guards stopped, and what people decided about it."""
        return self._named("holds")

    @cached_property
    def leases(self) -> Table:
        """Who is writing now."""
        return self._named("leases")

    @cached_property
    def credentials(self) -> Table:
        """API keys, encrypted."""
        return self._named("provider_credentials")

    @property
    def version_table(self) -> str:
        """modelctl's own version table; never the application's `alembic_version`."""
        return f"{self.prefix}modelctl_version"

    def all_names(self) -> tuple[str, ...]:
        """Names of all tables of ours but the version table."""
        return tuple(self.prefix + name for name in columns.NAMES)

    def _named(self, name: str) -> Table:
        return _named(name, self.prefix, self.schema)


@lru_cache
def _named(name: str, prefix: str, schema: str | None) -> Table:
    """Made when it is first used, and once: SQLAlchemy knows statements again by their tables."""
    return columns.table(name, MetaData(), prefix=prefix, schema=schema)
