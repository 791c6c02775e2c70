"""What came of an undo, as text and for programs: taken back, moved since and never taken back are told apart."""

from __future__ import annotations

import json
from typing import Any, Protocol

from modelctl.core.plan import Action, Change, Plan
from modelctl.core.undo import Undo
from modelctl.errors import ModelctlError
from modelctl.render.json_values import plain
from modelctl.render.row_changes import change_lines, change_object
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import old_to_new, one_line

VERSION = 1
_ROW = {Action.REMOVE: "removed again", Action.CREATE: "brought back"}


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
    if plan.provider_action is not None:
        lines += labelled(f"provider {one_line(part.provider)}", _ROW[plan.provider_action], look, style="bold")
    for field in plan.provider_settings:
        text = f"{field.name}  {old_to_new(field.old, field.new)}"
        lines += labelled(f"provider {one_line(part.provider)}", text, look, style="bold")
    lines += [line for change in plan.changes for line in change_lines(change, _what(change), look)]
    for title, group in (("moved", part.undo.moved), ("kept", part.undo.kept)):
        for each in group:
            lines += labelled(title, f"{one_line(each.key)}: {one_line(each.reason)}", look, style="yellow")
    return look.text(lines)


def _what(change: Change) -> str:
    return _ROW.get(change.action, "taken back")


def undo_json(undone: str, run: str | None, parts: tuple[ProviderPart, ...], look: Look) -> str:
    """The whole undo; `run` is null for a dry run."""
    document = {"version": VERSION, "undone": undone, "run": run, "providers": [_part(each) for each in parts]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _part(part: ProviderPart) -> dict[str, Any]:
    plan: Plan = part.undo.plan
    return {
        "provider": part.provider,
        "error": None if part.error is None else str(part.error),
        "settings": {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in plan.provider_settings},
        "row": None if plan.provider_action is None else plan.provider_action.value,
        "taken_back": [change_object(each) for each in plan.changes],
        "moved": [{"key": each.key, "reason": each.reason} for each in part.undo.moved],
        "kept": [{"key": each.key, "reason": each.reason} for each in part.undo.kept],
    }
