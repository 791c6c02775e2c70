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
from modelctl.core.provider import HEADER_PREFIX, Provider
from modelctl.core.stored import Written

SETTINGS = ("display_name", "kind", "api_base_url", "auth_header_name", "auth_header_prefix", "env_vars")
"""What both a catalog's `[provider]` and a row of the provider table hold, by the name of key and column."""

EDITABLE = (*SETTINGS, "headers", "is_enabled")
"""What a person can change in a row: besides the settings, what no catalog states."""

BY_CATALOGS = ("sync", "apply", "populate")
"""Commands that write what catalogs state. Whatever else wrote a row was a person."""

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


def owner_of(
    name: str, provider: Provider, stated: Provider | None, shipped: Provider | None, written: Mapping[str, Written]
) -> str:
    """Who stated the present value of a setting: a source, or `person`; empty where it has no value."""
    value = editable_of(provider)[name]
    if value == editable_of(_BARE)[name]:
        return ""
    last = written.get(name)
    if last is not None and last.value == value:
        by_person = last.source == Source.PERSON
    else:
        by_person = stated is None or name not in SETTINGS or _value(stated, name) != value
    if by_person:
        return Source.PERSON.value
    is_shipped = shipped is not None and _value(shipped, name) == value
    return (Source.CATALOG if is_shipped else Source.OVERLAY).value


def with_settings(provider: Provider, changes: tuple[FieldChange, ...]) -> Provider:
    """The provider after the changes."""
    values: dict[str, Any] = {each.name: each.new for each in changes}
    if "headers" in values:
        others = {name: value for name, value in provider.settings.items() if not name.startswith(HEADER_PREFIX)}
        pairs = (each.partition("=") for each in values.pop("headers") or ())
        values["settings"] = others | {f"{HEADER_PREFIX}{name}": value for name, _, value in pairs}
    return replace(provider, **values)


def settings_of(provider: Provider) -> dict[str, FactValue]:
    """Every setting by name."""
    return {name: _value(provider, name) for name in SETTINGS}


def editable_of(provider: Provider) -> dict[str, FactValue]:
    """Every setting that a person can change, by name. Headers read `NAME=VALUE`."""
    headers = tuple(f"{name}={value}" for name, value in provider.headers.items())
    return {**settings_of(provider), "headers": headers, "is_enabled": provider.is_enabled}


def from_audit(name: str, value: Any) -> FactValue:
    """The value of a setting that the audit trail keeps as JSON."""
    if name in ("env_vars", "headers"):
        return tuple(str(each) for each in value) if isinstance(value, list) else ()
    if name == "is_enabled":
        return bool(value)
    return value if isinstance(value, str) else None


def addressed(name: str, value: FactValue) -> FactValue:
    """The value as it may be shown: an address without the password that a row may hold."""
    return masked(value) if name == "api_base_url" and isinstance(value, str) else value


def described(change: FieldChange) -> str:
    """A change in one line, without a password that an address may hold."""
    return f"{change.name} of the provider: {_text(change.old)} → {_text(change.new)} (from {change.source})"


_BARE = Provider(name="", display_name="", kind="")
"""A provider of which nothing is known."""


def _value(provider: Provider, name: str) -> FactValue:
    value: FactValue = getattr(provider, name)
    return value


def _text(value: FactValue) -> str:
    encoded = encode(value)
    if encoded is None or encoded in ("", []):
        return "none"
    text = ", ".join(encoded) if isinstance(encoded, list) else str(encoded)
    return masked(text) if "://" in text else text
