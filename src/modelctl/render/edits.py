"""What a person's edit changed, or would change, row by row."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from modelctl.core.model import ModelKey
from modelctl.core.plan import Change
from modelctl.render.row_changes import change_lines, change_object
from modelctl.render.terminal import Look

VERSION = 1


def edits_text(changes: Sequence[Change], command: str, look: Look) -> str:
    """Each row that is changed with its fields; empty where none is. `command` says what is done to it."""
    return look.text(line for change in changes for line in change_lines(change, command, look))


def edits_json(changes: Sequence[Change], unchanged: Collection[ModelKey], run: str | None, look: Look) -> str:
    """The whole edit; `run` is null where nothing was written. A promise: keys are only added."""
    results = [
        {"provider": each.key.provider, "model_id": each.key.model_id, "status": "changed", **change_object(each)}
        for each in changes
    ]
    results += [
        {"provider": key.provider, "model_id": key.model_id, "status": "unchanged", "key": str(key)}
        for key in sorted(unchanged)
    ]
    document = {
        "version": VERSION,
        "run": run,
        "summary": {"changed": len(changes), "unchanged": len(unchanged), "total": len(results)},
        "results": results,
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)
