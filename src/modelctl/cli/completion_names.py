"""The names of providers and models that a shell completes: none, and no word, where the settings are wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from modelctl.config import Settings


def providers(context: Context) -> set[str]:
    """The providers that the catalogs in force or the database know."""
    from modelctl.catalog.directory import provider_names, shipped_directory

    try:
        settings, shipped = context.settings, shipped_directory()
    except ModelctlError:
        return set()
    names = provider_names(shipped)
    if settings.catalog_directory is not None:
        names |= provider_names(settings.catalog_directory)
    return names | {name for (name,) in _rows(settings, "providers", "name")}


def models(context: Context, beginning: str) -> set[str]:
    """The models of the database as provider/model_id; for a beginning also the bare ids that only one provider has."""
    try:
        rows = _rows(context.settings, "models", "provider", "model_id")
    except ModelctlError:
        return set()
    names = {f"{provider}/{model_id}" for provider, model_id in rows}
    if not beginning:
        return names
    sellers = Counter(model_id for _, model_id in rows)
    return names | {model_id for model_id, count in sellers.items() if count == 1}


def _rows(settings: Settings, table: str, *columns: str) -> list[tuple[str, ...]]:
    from modelctl.store.quick_read import quick_rows

    if settings.database_url is None:
        return []
    return quick_rows(settings.database_url, f"{settings.table_prefix}{table}", columns, settings.schema)
