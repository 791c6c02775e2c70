"""Which models an application may call now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from modelctl.core.provider import Provider
from modelctl.core.stored import StoredModel, has_ended


def usable(
    models: Iterable[StoredModel],
    providers: Mapping[str, Provider],
    has_key: Callable[[Provider], bool],
    today: date,
) -> list[StoredModel]:
    """Those that are enabled and answer, of providers that are enabled and have a key, or need none."""
    askable = {name for name, each in providers.items() if each.is_enabled and (not each.env_vars or has_key(each))}
    return [each for each in models if each.key.provider in askable and each.is_enabled and not has_ended(each, today)]


def by_provider(models: Iterable[StoredModel]) -> dict[str, tuple[StoredModel, ...]]:
    """The models of each provider, in their order."""
    groups: dict[str, list[StoredModel]] = {}
    for each in models:
        groups.setdefault(each.key.provider, []).append(each)
    return {name: tuple(group) for name, group in groups.items()}
