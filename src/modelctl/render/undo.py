"""What came of an undo, as text and for programs: taken back, moved since and never taken back are told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from modelctl.core.plan import Action, Change, Plan
from modelctl.core.undo import Undo
from modelctl.errors import ModelctlError
from modelctl.render.json_values import plain, price_object
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import old_to_new, one_line, price_label, shown, since

VERSION = 1
_INDENT = 2


class ProviderPart(Protocol):
    """One provider's part of an undo."""

    @property
    def provider(self) -> str:
        """Its name."""

    @property
    def undo(self) -> Undo:
        """What is taken back and what is not."""

    @property
    def error(self) -> ModelctlError | None:
        """Why nothing was."""


def undo_text(part: ProviderPart, look: Look) -> str:
    """One provider: each row that goes back with its fields, then what is left alone and why."""
    plan = part.undo.plan
    if part.error is not None:
        return look.text(labelled(part.provider, one_line(f"failed: {part.error}"), look, style="red"))
    lines = []
    for field in plan.provider_settings:
        text = f"{field.name}  {old_to_new(field.old, field.new)}"
        lines += labelled(f"provider {one_line(part.provider)}", text, look, style="bold")
    lines += [line for change in plan.changes for line in _change(change, look)]
    for title, group in (("moved", part.undo.moved), ("kept", part.undo.kept)):
        for each in group:
            lines += labelled(title, f"{one_line(each.key)}: {one_line(each.reason)}", look, style="yellow")
    return look.text(lines)


def undo_json(undone: str, run: str | None, parts: tuple[ProviderPart, ...], look: Look) -> str:
    """The whole undo; `run` is null for a dry run."""
    document = {"version": VERSION, "undone": undone, "run": run, "providers": [_part(each) for each in parts]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _change(change: Change, look: Look) -> Iterator[str]:
    what = {Action.REMOVE: "removed again", Action.CREATE: "brought back"}.get(change.action, "taken back")
    yield from labelled(one_line(str(change.key)), what, look, style="bold")
    if change.action is not Action.UPDATE:
        return
    for field in change.fields:
        yield from labelled(field.name, old_to_new(field.old, field.new), look, indent=_INDENT)
    model = change.existing
    if change.is_enabled is not None and model is not None:
        yield from labelled("is_enabled", old_to_new(model.is_enabled, change.is_enabled), look, indent=_INDENT)
    if change.state is not None and model is not None and model.state is not None:
        old, new = tuple(sorted(model.state.pins)), tuple(sorted(change.state.pins))
        if old != new:
            yield from labelled("pins", old_to_new(old, new), look, indent=_INDENT)
    for point in change.prices:
        text = f"{shown(point.amount)} {point.currency} from {since(point.effective_from)}"
        yield from labelled(f"price {price_label(point.key)}", text, look, indent=_INDENT)


def _part(part: ProviderPart) -> dict[str, Any]:
    plan: Plan = part.undo.plan
    return {
        "provider": part.provider,
        "error": None if part.error is None else str(part.error),
        "settings": {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in plan.provider_settings},
        "taken_back": [_change_object(each) for each in plan.changes],
        "moved": [{"key": each.key, "reason": each.reason} for each in part.undo.moved],
        "kept": [{"key": each.key, "reason": each.reason} for each in part.undo.kept],
    }


def _change_object(change: Change) -> dict[str, Any]:
    return {
        "key": str(change.key),
        "action": change.action.value,
        "fields": {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in change.fields},
        "prices": [price_object(each) for each in change.prices],
        "is_enabled": change.is_enabled,
    }
