"""What a person's edit changed, or would change, row by row."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from modelctl.core.model import ModelKey
from modelctl.core.plan import Action, Change
from modelctl.render.row_changes import change_lines, change_object
from modelctl.render.terminal import Look

VERSION = 1
_STATUS = {Action.CREATE: "created", Action.REMOVE: "removed"}


def edits_text(changes: Sequence[Change], command: str, look: Look) -> str:
    """Each row that is changed with its fields; empty where none is. `command`: what was asked for."""
    return look.text(line for change in changes for line in change_lines(change, _what(change, command), look))


def edits_json(changes: Sequence[Change], unchanged: Collection[ModelKey], run: str | None, look: Look) -> str:
    """The whole edit; `run` is null where nothing was written. A promise: keys are only added."""
    results = [
        {
            "provider": each.key.provider,
            "model_id": each.key.model_id,
            "status": _STATUS.get(each.action, "changed"),
            **change_object(each),
        }
        for each in changes
    ]
    results += [
        {"provider": key.provider, "model_id": key.model_id, "status": "unchanged", "key": str(key)}
        for key in sorted(unchanged)
    ]
    document = {
        "version": VERSION,
        "run": run,
        "written": run is not None,
        "summary": {"changed": len(changes), "unchanged": len(unchanged), "total": len(results)},
        "results": results,
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _what(change: Change, command: str) -> str:
    """What is done to this row: those that stay when another one goes are set."""
    match change.action:
        case Action.CREATE:
            return "add, enabled" if change.is_enabled else "add, switched off"
        case Action.REMOVE:
            return "remove"
        case _:
            return "set" if command == "remove" else command
