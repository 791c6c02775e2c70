"""Providers as a table, and one of them on a page. A key's variable is named; its value is nowhere at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelctl.core.health import Health
from modelctl.core.model import FactValue, Source
from modelctl.core.provider_settings import PAGES, SETTINGS, addressed, editable_of
from modelctl.core.provider_view import KeyState, ProviderView
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line, shown

_INDENT = 2
_KEY_WORDS: Mapping[KeyState, str] = {
    KeyState.MISSING: "none",
    KeyState.NOT_WANTED: "not wanted",
    KeyState.NO_LISTING: "no API",
}
_OFF = {"row": "disabled", "settings": "off in modelctl.toml", "": "enabled"}


def health_style(status: str) -> str:
    """The colour of a word of `Health`."""
    if status in (Health.OK, Health.UNKNOWN):
        return "green" if status == Health.OK else "dim"
    return "yellow" if status in (Health.NO_KEY, Health.KEY_NOT_PROVEN) else "red"


def provider_table(views: Sequence[ProviderView], look: Look) -> str:
    """A line per provider; a paragraph each where the terminal is too narrow for that."""
    columns = [
        Column(title=title, cells=cells, right=title == "models enabled")
        for title, cells in {
            "provider": [Cell(one_line(each.provider.name), "bold") for each in views],
            "kind": [Cell(one_line(each.provider.kind) or "none") for each in views],
            "switch": [Cell(_OFF[each.switched_off_by], "yellow" if each.switched_off_by else "") for each in views],
            "key": [Cell(_key_text(each)) for each in views],
            "models enabled": [Cell(f"{each.models.enabled:,} of {each.models.total:,}") for each in views],
            "health": [Cell(_health_text(each), health_style(each.health.status)) for each in views],
        }.items()
    ]
    if look.width is None or total_width(columns) <= look.width:
        return look.text(aligned(columns, look))
    first, *others = columns
    lines = []
    for index, name in enumerate(first.cells):
        lines.append(look.paint(name.text, name.style))
        text = ", ".join(f"{column.title} {column.cells[index].text}" for column in others)
        lines += labelled("", text, look, indent=0)
    return look.text(lines)


def provider_page(view: ProviderView, look: Look) -> str:
    """Everything about one provider: each setting with who stated it, its key, models and health."""
    provider = view.provider
    title = f"{look.paint(one_line(provider.name), 'bold')}  {one_line(provider.display_name)}"
    lines = [f"{title}, {_OFF[view.switched_off_by]}"]
    for name, value in editable_of(provider).items():
        if name in (*SETTINGS[1:], "headers") and value not in (None, ()):
            lines += labelled(name, _setting_text(view, name, value), look, indent=_INDENT)
    lines += labelled("key", _key_text(view), look, indent=_INDENT)
    if view.stored_keys:
        lines += labelled("stored keys", f"{view.stored_keys} in the database, encrypted", look, indent=_INDENT)
    counts = view.models
    text = f"{counts.total:,} ({counts.enabled:,} enabled, {counts.retired:,} retired)"
    lines += labelled("models", text if counts.total else "none in the database yet", look, indent=_INDENT)
    lines += labelled("health", _health_text(view), look, indent=_INDENT, style=health_style(view.health.status))
    for name in PAGES:
        if page := getattr(provider, name):
            lines += labelled(name, one_line(page), look, indent=_INDENT)
    if not view.is_stored:
        lines += labelled("row", "none yet: the first sync makes it", look, indent=_INDENT)
    return look.text(lines)


def _setting_text(view: ProviderView, name: str, value: FactValue) -> str:
    text = shown(addressed(name, value)) or "empty: the bare key"
    owner = view.owners.get(name, "")
    note = owner
    if owner == Source.PERSON and name in view.offered:
        note = f"{owner}; the catalogs state {shown(addressed(name, view.offered[name]), unknown='nothing')}"
    return f"{text}  ({note})" if note else text


def _key_text(view: ProviderView) -> str:
    if view.key in _KEY_WORDS:
        text = _KEY_WORDS[view.key]
        wanted = " or ".join(map(one_line, view.provider.env_vars))
        return f"{text}; set {wanted}" if view.key is KeyState.MISSING else text
    place = one_line(view.key_name)
    return f"in {place}" if view.key is KeyState.PRESENT else f"unusable, in {place}"


def _health_text(view: ProviderView) -> str:
    health = view.health
    if health.checked_at is None:
        return "not tested"
    latency = f", {health.latency_ms:,} ms" if health.latency_ms is not None else ""
    return f"{one_line(health.status)}{latency}, {shown(health.checked_at)}"
