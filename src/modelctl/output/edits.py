"""What a person's edit changed, or would change, row by row."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from modelctl.core.edits.additions import SeedResult, SeedStatus
from modelctl.core.facts import ModelKey
from modelctl.core.planning.plan import Action, Change, Hold, Plan
from modelctl.core.planning.undo import Undo
from modelctl.core.prices.price import price_label
from modelctl.errors import ModelctlError
from modelctl.output.console import Cell, Column, Look, aligned, labelled
from modelctl.output.format import old_to_new, one_line, plain, price_object, shown, since


def holds_text(holds: Sequence[Hold]) -> str:
    """A paragraph a hold: its name and guard, each value old → new, and the decision."""
    return "\n".join(line for hold in holds for line in _lines(hold))


def holds_json(holds: Sequence[Hold]) -> str:
    """All that is remembered of the holds."""
    return json.dumps([_object(hold) for hold in holds], indent=2, ensure_ascii=False)


def _lines(hold: Hold) -> Iterator[str]:
    yield one_line(f"{hold.name}  {hold.guard}  {_decision(hold)}")
    for move in hold.moves:
        yield "  " + one_line(f"{move.what}: {_shown(move.old)} → {_shown(move.new)}")


def _decision(hold: Hold) -> str:
    if hold.verdict is None or hold.decided_at is None:
        return f"undecided since {hold.held_at:%Y-%m-%d %H:%M} UTC"
    note = f": {hold.note}" if hold.note else ""
    return f"{hold.verdict} by {hold.decided_by} on {hold.decided_at:%Y-%m-%d}{note}"


def _shown(value: str | None) -> str:
    return "unknown" if value is None else value


def _object(hold: Hold) -> dict[str, object]:
    return {
        "key": hold.name,
        "provider": hold.key.provider,
        "model_id": hold.key.model_id or None,
        "guard": hold.guard,
        "reason": hold.reason,
        "moves": [{"what": move.what, "old": move.old, "new": move.new} for move in hold.moves],
        "run": hold.run,
        "held_at": plain(hold.held_at),
        "verdict": hold.verdict.value if hold.verdict is not None else None,
        "note": hold.note,
        "decided_by": hold.decided_by,
        "decided_at": plain(hold.decided_at),
    }


def populate_text(results: Sequence[SeedResult], look: Look) -> str:
    """A line per model: what became of it, and why it was skipped."""
    columns = [
        Column(title="model", cells=[Cell(one_line(str(each.key)), "bold") for each in results]),
        Column(title="status", cells=[Cell(each.status, _STYLES[each.status]) for each in results]),
        Column(title="reason", cells=[Cell(one_line(each.reason)) for each in results]),
    ]
    return look.text(aligned(columns[: 3 if any(each.reason for each in results) else 2], look))


def populate_json(message: str, results: Sequence[SeedResult], ids: Mapping[ModelKey, int], look: Look) -> str:
    """The same for programs. A promise: keys are only added. A dry run knows no ids yet: they are null."""
    document = {"message": message, "summary": summary(results), "results": [_result(each, ids) for each in results]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def summary(results: Sequence[SeedResult]) -> dict[str, int]:
    """How many were created, skipped and are there in all."""
    created = sum(each.status is SeedStatus.CREATED for each in results)
    return {"created": created, "skipped": len(results) - created, "total": len(results)}


def _result(seeded: SeedResult, ids: Mapping[ModelKey, int]) -> dict[str, Any]:
    provider, model_id = seeded.key
    result = {"provider": provider, "model_id": model_id, "status": str(seeded.status)}
    if seeded.status is SeedStatus.SKIPPED:
        return {**result, "reason": seeded.reason}
    return {**result, "id": ids.get(seeded.key)}


_STYLES = {SeedStatus.CREATED: "green", SeedStatus.SKIPPED: ""}


_INDENT = 2


def change_lines(change: Change, what: str, look: Look) -> Iterator[str]:
    """The model and what is done to it, then each field of a row that stays, old → new."""
    yield from labelled(one_line(str(change.key)), what, look, style="bold")
    if change.action in (Action.REMOVE, Action.CREATE):
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


def change_object(change: Change) -> dict[str, Any]:
    """The change with its action, its fields old and new, its prices and the switch."""
    return {
        "key": str(change.key),
        "action": change.action.value,
        "fields": {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in change.fields},
        "prices": [price_object(each) for each in change.prices],
        "is_enabled": change.is_enabled,
    }


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


UNDO_VERSION = 1
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
    lines += [line for change in plan.changes for line in change_lines(change, _what_is_undone(change), look)]
    for title, group in (("moved", part.undo.moved), ("kept", part.undo.kept)):
        for each in group:
            lines += labelled(title, f"{one_line(each.key)}: {one_line(each.reason)}", look, style="yellow")
    return look.text(lines)


def _what_is_undone(change: Change) -> str:
    return _ROW.get(change.action, "taken back")


def undo_json(undone: str, run: str | None, parts: tuple[ProviderPart, ...], look: Look) -> str:
    """The whole undo; `run` is null for a dry run."""
    document = {"version": UNDO_VERSION, "undone": undone, "run": run, "providers": [_part(each) for each in parts]}
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
