"""What guards hold, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from modelctl.core.holds import Hold
from modelctl.render.json_values import plain
from modelctl.render.values import one_line


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
