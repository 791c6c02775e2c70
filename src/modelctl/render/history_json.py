"""Runs and the audit trail for programs. A promise: keys are only added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from modelctl.core.history import HistoryEntry, Run, field_sources
from modelctl.core.run import RunRecord
from modelctl.render.json_values import plain
from modelctl.render.terminal import Look

VERSION = 1


def history_json(entries: Sequence[HistoryEntry], empty_because: str | None, look: Look) -> str:
    """All entries; `empty_because` tells an empty trail (`nothing`) from one of which nothing fits (`filtered`)."""
    document = {
        "version": VERSION,
        "empty_because": empty_because,
        "entries": [entry_object(each) for each in entries],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def history_json_lines(entries: Sequence[HistoryEntry], look: Look) -> str:
    """An entry per line."""
    return "\n".join(json.dumps(entry_object(each), ensure_ascii=not look.unicode) for each in entries)


def runs_json(runs: Sequence[Run], empty_because: str | None, look: Look) -> str:
    """The runs, each with its record per provider."""
    document = {"version": VERSION, "empty_because": empty_because, "runs": [_run(each) for each in runs]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def run_json(run: Run, entries: Sequence[HistoryEntry], look: Look) -> str:
    """One run with all that it changed."""
    document = {"version": VERSION, **_run(run), "changes": [entry_object(each) for each in entries]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def entry_object(each: HistoryEntry) -> dict[str, Any]:
    """An entry of the audit trail. `sources` says of a field who stated its new value, where that is known."""
    entry = each.entry
    return {
        "run": entry.run,
        "at": plain(entry.at),
        "actor": entry.actor,
        "command": entry.command,
        "entity": each.entity,
        "key": each.key,
        "action": entry.action,
        "before": dict(entry.before),
        "after": {name: value for name, value in entry.after.items() if name not in ("prices", "sources")},
        "sources": field_sources(entry),
        "prices": list(entry.after.get("prices", ())),
    }


def _run(run: Run) -> dict[str, Any]:
    first = run.records[0]
    return {
        "run": run.name,
        "command": first.command,
        "actor": first.actor,
        "started_at": plain(run.started_at),
        "providers": [_record(each) for each in run.records],
    }


def _record(record: RunRecord) -> dict[str, Any]:
    """A provider's part: every count, so that held, protected, filtered and skipped are never one number."""
    common = ("run", "command", "actor")
    return {each.name: _plain(getattr(record, each.name)) for each in fields(record) if each.name not in common}


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, datetime | tuple) else value
