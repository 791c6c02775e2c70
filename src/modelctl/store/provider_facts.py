"""What the database holds of each provider besides its settings: how it was found, its models, its stored keys."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from modelctl.core.health import ProviderHealth
from modelctl.core.model import Status
from modelctl.core.provider_view import ModelCounts
from modelctl.store.fetching import fetched
from modelctl.store.names import Tables


def health(connection: Connection, tables: Tables) -> dict[str, ProviderHealth]:
    """By provider, how it was found when it was last tried."""
    table = tables.providers
    columns = (table.c.name, table.c.health_status, table.c.health_checked_at, table.c.health_latency_ms)
    return {
        name: ProviderHealth(status=status, checked_at=checked_at, latency_ms=latency_ms)
        for name, status, checked_at, latency_ms in fetched(connection, select(*columns))
    }


def model_counts(connection: Connection, tables: Tables) -> dict[str, ModelCounts]:
    """By provider, how many models it has; one without any is not in it."""
    table = tables.models
    columns = (table.c.provider, table.c.status, table.c.is_enabled)
    statement = select(*columns, func.count()).group_by(*columns)
    found: dict[str, ModelCounts] = {}
    for provider, status, is_enabled, count in connection.execute(statement):
        found[provider] = found.get(provider, ModelCounts()) + ModelCounts(
            total=count,
            enabled=count if is_enabled else 0,
            retired=count if status == Status.RETIRED else 0,
        )
    return found


def remembered_models(connection: Connection, tables: Tables, provider: str) -> int:
    """How many models are remembered of a provider: those in the table, and those that somebody removed."""
    table = tables.state
    statement = select(func.count()).select_from(table).where(table.c.provider == provider)
    return connection.execute(statement).scalar_one()


def stored_keys(connection: Connection, tables: Tables, provider: str) -> int:
    """How many encrypted keys the database holds of a provider."""
    table = tables.credentials
    statement = select(func.count()).select_from(table).where(table.c.provider == provider)
    return connection.execute(statement).scalar_one()
