"""Who may write a provider's row: what a catalog states reaches it, what a person set there is never undone. Pure.

The rule is that of a model's fields: a value that modelctl itself wrote last is modelctl's to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelctl.core.database_url import masked
from modelctl.core.encoding import encode
from modelctl.core.model import FactValue, Source
from modelctl.core.plan import FieldChange
from modelctl.core.provider import Provider
from modelctl.core.stored import Written

SETTINGS = ("display_name", "kind", "api_base_url", "auth_header_name", "auth_header_prefix", "env_vars")
"""What both a catalog's `[provider]` and a row of the provider table hold, by the name of key and column."""

PAGES = ("docs_url", "pricing_url", "models_url", "deprecations_url")
"""What only a catalog holds: where a person looks things up."""


def setting_changes(
    row: Provider, stated: Provider, shipped: Provider | None, written: Mapping[str, Written]
) -> tuple[FieldChange, ...]:
    """The settings that the row takes from the catalogs.

    `stated`: what they say together, an overlay before the shipped one. `written`: the last value that each setting
    was given through modelctl, and by whom; where nothing is remembered, a value that is the shipped one is ours.
    """
    changes = []
    for name in SETTINGS:
        old, new = _value(row, name), _value(stated, name)
        if old == new:
            continue
        last = written.get(name) or (Written(_value(shipped, name), Source.CATALOG) if shipped is not None else None)
        ours = not old if last is None else last.source != Source.PERSON and last.value == old
        if ours:
            is_shipped = shipped is not None and _value(shipped, name) == new
            source = Source.CATALOG if is_shipped else Source.OVERLAY
            changes.append(FieldChange(name=name, old=old, new=new, source=source.value))
    return tuple(changes)


def with_settings(provider: Provider, changes: tuple[FieldChange, ...]) -> Provider:
    """The provider after the changes."""
    values: dict[str, Any] = {each.name: each.new for each in changes}
    return replace(provider, **values)


def settings_of(provider: Provider) -> dict[str, FactValue]:
    """Every setting by name."""
    return {name: _value(provider, name) for name in SETTINGS}


def described(change: FieldChange) -> str:
    """A change in one line, without a password that an address may hold."""
    return f"{change.name} of the provider: {_text(change.old)} → {_text(change.new)} (from {change.source})"


def _value(provider: Provider, name: str) -> FactValue:
    value: FactValue = getattr(provider, name)
    return value


def _text(value: FactValue) -> str:
    encoded = encode(value)
    if encoded is None or encoded in ("", []):
        return "none"
    text = ", ".join(encoded) if isinstance(encoded, list) else str(encoded)
    return masked(text) if "://" in text else text
