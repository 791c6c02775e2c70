"""Providers for programs. A promise: keys are only added. No object holds a key's value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from modelctl.core.provider_settings import PAGES, SETTINGS, addressed, editable_of
from modelctl.core.provider_view import ProviderView
from modelctl.render.json_values import plain
from modelctl.render.terminal import Look


def providers_json(views: Sequence[ProviderView], look: Look) -> str:
    """An array of objects, one per provider."""
    return json.dumps([provider_object(each) for each in views], indent=2, ensure_ascii=not look.unicode)


def provider_json(view: ProviderView, look: Look) -> str:
    """One provider, with who stated each setting and what the catalogs would."""
    document = {
        **provider_object(view),
        "owners": dict(view.owners),
        "offered": {name: plain(addressed(name, value)) for name, value in view.offered.items()},
        **{name: getattr(view.provider, name) for name in PAGES},
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def provider_object(view: ProviderView) -> dict[str, Any]:
    """The settings by the names of their columns, then what is known of key, models and health."""
    values = editable_of(view.provider)
    return {
        "name": view.provider.name,
        **{name: plain(addressed(name, values[name])) for name in SETTINGS},
        "headers": view.provider.headers,
        "is_enabled": view.provider.is_enabled,
        "is_builtin": view.provider.is_builtin,
        "switched_off_by": view.switched_off_by or None,
        "is_stored": view.is_stored,
        "in_catalogs": view.in_catalogs,
        "key": view.key.value,
        "key_name": view.key_name or None,
        "stored_keys": view.stored_keys,
        "models": {"total": view.models.total, "enabled": view.models.enabled, "retired": view.models.retired},
        "health_status": view.health.status,
        "health_checked_at": plain(view.health.checked_at) if view.health.checked_at else None,
        "health_latency_ms": view.health.latency_ms,
    }
