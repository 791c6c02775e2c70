"""What guards stopped and what people decided about it, in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from modelctl.core.holds import Hold, Move, Verdict
from modelctl.core.model import ModelKey
from modelctl.core.run import Author
from modelctl.errors import StalePlan
from modelctl.store.bulk import Row, insert_rows
from modelctl.store.fetching import AnyRow, fetched, unreadable
from modelctl.store.names import Tables

ENTITY = "hold"


def holds_of(
    connection: Connection, tables: Tables, provider: str | None = None, *, lock: bool = False
) -> tuple[Hold, ...]:
    """The holds of one provider, or of all, by key. StoreError where one cannot be read.

    `lock`: nobody else decides about them until the transaction ends.
    """
    statement = select(tables.holds)
    if provider is not None:
        statement = statement.where(tables.holds.c.provider == provider)
    if lock:
        statement = statement.with_for_update()
    return tuple(sorted(map(_hold, fetched(connection, statement)), key=lambda each: (each.key, each.guard)))


def keep_holds(
    connection: Connection, tables: Tables, provider: str, before: Sequence[Hold], after: Sequence[Hold]
) -> None:
    """Make the provider's holds these; nothing is written where they are so already.

    StalePlan where they are no longer as they were `before`: somebody has decided meanwhile.
    """
    if not before and not after:
        return  # as mostly: there is nothing on which anybody could have decided
    if holds_of(connection, tables, provider, lock=True) != tuple(before):
        raise StalePlan(f"{provider}: somebody has decided about what is held meanwhile", "run it again")
    if tuple(after) == tuple(before):
        return
    connection.execute(delete(tables.holds).where(tables.holds.c.provider == provider))
    insert_rows(connection, tables.holds, [_row(each) for each in after])


def decide(connection: Connection, tables: Tables, holds: Sequence[Hold], author: Author) -> None:
    """Write the verdicts on holds, and audit them."""
    table = tables.holds
    for hold in holds:
        here = (table.c.provider == hold.key.provider, table.c.model_id == hold.key.model_id)
        connection.execute(delete(table).where(*here, table.c.guard == hold.guard))
    insert_rows(connection, table, [_row(each) for each in holds])
    insert_rows(connection, tables.changes, [_audit_row(each, author) for each in holds])


def _hold(row: AnyRow) -> Hold:
    try:
        moves = tuple(Move(what, old, new) for what, old, new in json.loads(row.moves))
        verdict = Verdict(row.verdict) if row.verdict is not None else None
    except (ValueError, TypeError):
        name = f"{row.provider}/{row.model_id}"
        raise unreadable("ai_holds", name, "moves or verdict", "list of what, old and new, or a verdict") from None
    return Hold(
        key=ModelKey(row.provider, row.model_id),
        guard=row.guard,
        moves=moves,
        reason=row.reason,
        run=row.run,
        held_at=row.held_at,
        verdict=verdict,
        note=row.note,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def _row(hold: Hold) -> Row:
    return {
        "provider": hold.key.provider,
        "model_id": hold.key.model_id,
        "guard": hold.guard,
        "moves": json.dumps([list(move) for move in hold.moves], ensure_ascii=False),
        "reason": hold.reason,
        "run": hold.run,
        "held_at": hold.held_at,
        "verdict": hold.verdict.value if hold.verdict is not None else None,
        "note": hold.note,
        "decided_by": hold.decided_by,
        "decided_at": hold.decided_at,
    }


def _audit_row(hold: Hold, author: Author) -> Row:
    return {
        "run": author.run,
        "entity": ENTITY,
        "entity_key": f"{hold.name} {hold.guard}"[:256],
        "at": author.now,
        "actor": author.actor,
        "command": author.command,
        "action": author.command,
        "before_values": {move.what: move.old for move in hold.moves},
        "after_values": {move.what: move.new for move in hold.moves} | ({"note": hold.note} if hold.note else {}),
    }
