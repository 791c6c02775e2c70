"""Writing a plan: one transaction for one provider, in batches, and only if nothing has moved since it was made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, Table, delete, select, update
from sqlmodel import select as select_rows

from modelctl.core.facts import ModelKey, encode, encoded
from modelctl.core.planning.plan import Action, Change, Hold, Move, Plan, Verdict, model_after, state_before
from modelctl.core.prices.price import Basis, PriceKey, PricePoint, current
from modelctl.core.provider import Provider
from modelctl.core.runs import MODEL, Author, RunRecord
from modelctl.core.stored import RowState, StoredModel
from modelctl.db import read
from modelctl.db.dialects import Row, batches, insert_rows, overwrite_rows
from modelctl.db.fetch import instances, unreadable
from modelctl.db.read import entry_row, model_row, price_row, run_row, state_row
from modelctl.errors import StalePlan
from modelctl.tables.base import Tables

if TYPE_CHECKING:
    from modelctl.tables import Hold as HoldRow

_Pins: TypeAlias = tuple[frozenset[str], frozenset[str]]


def audit_row(change: Change, state: RowState | None, author: Author) -> Row:
    """What the audit trail keeps of a change; `state` is what is remembered of the row after it."""
    pins = _pins_moved(change, state)
    new = _values_after(change, pins)
    prices = [_audited_price(change, point) for point in change.prices]
    before = None if change.existing is None else _values_before(change, change.existing, pins)
    after = {**new, **({"prices": prices} if prices else {}), **_sources(change)}
    return entry_row(MODEL, str(change.key), change.action.value, before, after, author)


def _audited_price(change: Change, point: PricePoint) -> dict[str, object]:
    """A point that is appended, and the price that it takes over from."""
    audited: dict[str, object] = {
        "kind": point.kind,
        "unit": point.unit,
        "amount": encode(point.amount),
        "currency": point.currency,
        "effective_from": encode(point.effective_from),
    }
    of_key = [each for each in change.existing.prices if each.key == point.key] if change.existing is not None else ()
    if of_key and (before := current(of_key, point.effective_from).get(point.key)) is not None:
        audited |= {"old_amount": encode(before.amount), "old_currency": before.currency}
    usual = PriceKey(point.kind, point.unit)  # nothing more is said of it
    audited |= {name: value for name, value in point.key._asdict().items() if value != getattr(usual, name)}
    if point.basis == Basis.MANUAL:
        audited |= {"service_tier": point.service_tier, "context_above": point.context_above, "source": point.source}
    return audited


def _sources(change: Change) -> dict[str, dict[str, list[str]]]:
    """Who stated the new values: source -> fields. Nothing for a change of prices alone, which name theirs."""
    sources: dict[str, list[str]] = {}
    for each in change.fields:
        sources.setdefault(str(each.source), []).append(each.name)
    return {"sources": sources} if sources else {}


def _values_before(change: Change, existing: StoredModel, pins: _Pins | None) -> dict[str, object]:
    """What the audit keeps of the old values; of a row that goes, all that is known."""
    before: dict[str, object] = {**encoded((each.name, each.old) for each in change.fields)}
    if change.action is Action.REMOVE:
        before |= encoded(existing.facts.known())
    if change.is_enabled is not None or change.action is Action.REMOVE:
        before["is_enabled"] = existing.is_enabled
    if pins is not None:
        before["pins"] = sorted(pins[0])
    return before


def _values_after(change: Change, pins: _Pins | None) -> dict[str, object]:
    new: dict[str, object] = {**encoded((each.name, each.new) for each in change.fields)}
    if change.is_enabled is not None:
        new["is_enabled"] = change.is_enabled
    if pins is not None:
        new["pins"] = sorted(pins[1])
    return new


def _pins_moved(change: Change, state: RowState | None) -> _Pins | None:
    """The pins before and after, where they differ."""
    if change.action is Action.REMOVE:
        return None
    before = state_before(change)
    pins = before.pins if before is not None else frozenset(), state.pins if state is not None else frozenset()
    return pins if pins[0] != pins[1] else None


def holds_of(
    connection: Connection, tables: Tables, provider: str | None = None, *, lock: bool = False
) -> tuple[Hold, ...]:
    """The holds of one provider, or of all, by key. StoreError where one cannot be read.

    `lock`: nobody else decides about them until the transaction ends.
    """
    statement = select_rows(tables.holds)
    if provider is not None:
        statement = statement.where(tables.holds.provider == provider)
    if lock:
        statement = statement.with_for_update()
    return tuple(sorted(map(_hold, instances(connection, statement)), key=lambda each: (each.key, each.guard)))


def keep_holds(
    connection: Connection, tables: Tables, provider: str, before: Sequence[Hold], after: Sequence[Hold]
) -> None:
    """Make the provider's holds these; nothing is written where they are so already.

    StalePlan where they are no longer as they were `before`: somebody has decided meanwhile.
    """
    if not before and not after:
        return  # as mostly: there is nothing on which anybody could have decided
    if holds_of(connection, tables, provider, lock=True) != tuple(before):
        raise StalePlan(f"{provider}: somebody has just accepted or declined what is held", "run it again")
    if tuple(after) == tuple(before):
        return
    table = tables.holds.__table__
    connection.execute(delete(table).where(table.c.provider == provider))
    insert_rows(connection, table, [_row(each) for each in after])


def decide(connection: Connection, tables: Tables, holds: Sequence[Hold], author: Author) -> None:
    """Write the verdicts on holds, and audit them."""
    table = tables.holds.__table__
    for hold in holds:
        here = (table.c.provider == hold.key.provider, table.c.model_id == hold.key.model_id)
        connection.execute(delete(table).where(*here, table.c.guard == hold.guard))
    insert_rows(connection, table, [_row(each) for each in holds])
    insert_rows(connection, tables.changes.__table__, [_audit_row(each, author) for each in holds])


def _hold(row: HoldRow) -> Hold:
    try:
        moves = tuple(Move(what, old, new) for what, old, new in json.loads(row.moves))
        verdict = Verdict(row.verdict) if row.verdict is not None else None
    except (ValueError, TypeError):
        name = f"{row.provider}/{row.model_id}"
        raise unreadable("ai_holds", name, "moves or verdict", "a list of what, old and new, or a verdict") from None
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
    before = {move.what: move.old for move in hold.moves}
    after = {move.what: move.new for move in hold.moves} | ({"note": hold.note} if hold.note else {})
    return entry_row("hold", f"{hold.name} {hold.guard}"[:256], author.command, before, after, author)


def apply(connection: Connection, tables: Tables, plan: Plan, provider: Provider, author: Author) -> None:
    """Write the plan's changes, their prices and their audit rows. StalePlan where a row has moved since."""
    if plan.provider_settings or not plan.existing:  # where it has models, its row is there
        from modelctl.db.providers import write_provider

        write_provider(connection, tables, provider, plan.provider_settings, author)
    for changes in batches(connection, plan.changes):
        _write_changes(connection, tables, changes, plan, author)
    _write_absences(connection, tables, plan, author)
    _write_seen(connection, tables, plan)
    if plan.provider_action is Action.REMOVE:
        from modelctl.db.providers import remove_provider

        remove_provider(connection, tables, provider, author)


def _write_changes(
    connection: Connection, tables: Tables, changes: Sequence[Change], plan: Plan, author: Author
) -> None:
    """Write some of the plan's changes: the rows of all would take more memory than the plan itself."""
    _require_unmoved(connection, tables, changes)
    _remove_models(connection, tables, [each for each in changes if each.action is Action.REMOVE], author)
    changed = [(each, model_after(each, now=author.now)) for each in changes if each.action is not Action.REMOVE]
    _write_models(connection, tables, changed, plan)
    _write_states(connection, tables, changed, author)
    prices = [price_row(each.key, point, run=author.run, now=author.now) for each in changes for point in each.prices]
    insert_rows(connection, tables.prices.__table__, prices)
    states = {change.key: model.state for change, model in changed}
    audited = [audit_row(each, states.get(each.key), author) for each in changes]
    insert_rows(connection, tables.changes.__table__, audited)


def record_run(connection: Connection, tables: Tables, record: RunRecord) -> None:
    """Remember a run, whatever came of it. Writing it again, after a commit whose answer was lost, is harmless."""
    overwrite_rows(connection, tables.sync_runs.__table__, [run_row(record)], key=("run", "provider"))


def is_recorded(tables: Tables, run: str, provider: str) -> Callable[[Connection], bool]:
    """Whether this run has written the provider: it does so once, with its record in the same transaction."""
    table = tables.sync_runs.__table__
    statement = select(table.c.run).where(table.c.run == run, table.c.provider == provider)
    return lambda connection: connection.execute(statement).first() is not None


def _require_unmoved(connection: Connection, tables: Tables, changes: Sequence[Change]) -> None:
    """Lock the rows that the changes rest on and compare them with what the plan saw.

    A row that is to be created needs no look: that there is one by now, its key says when it is inserted.
    """
    existing = [change for change in changes if change.existing is not None]
    current = read.models_by_key(connection, tables, [change.key for change in existing], lock=True)
    for change in existing:
        if _identity(current.get(change.key)) != _identity(change.existing):
            raise StalePlan(f"{change.key} has changed since the plan was made", "run the command again")


def _identity(model: StoredModel | None) -> object:
    if model is None:
        return None
    state = model.state
    return (
        model.row_id,
        model.facts,
        model.is_enabled,
        frozenset(model.prices),
        None if state is None else (dict(state.written), state.pins),
    )


def _write_models(
    connection: Connection, tables: Tables, changed: Sequence[tuple[Change, StoredModel]], plan: Plan
) -> None:
    created = [model_row(_stamped(model, plan)) for change, model in changed if change.action is Action.CREATE]
    insert_rows(connection, tables.models.__table__, created)
    updated = [
        model_row(_stamped(model, plan))
        for change, model in changed
        if change.action is not Action.CREATE and (change.fields or change.is_enabled is not None)
    ]
    overwrite_rows(connection, tables.models.__table__, updated, key=("id",))


def _remove_models(connection: Connection, tables: Tables, changes: Sequence[Change], author: Author) -> None:
    """Delete rows; what is remembered of them says that it was a decision."""
    for change in changes:
        key, table = change.key, tables.models.__table__
        connection.execute(delete(table).where(table.c.provider == key.provider, table.c.model_id == key.model_id))
    unowned = [
        state_row(replace(each.existing, state=each.state), now=author.now)
        for each in changes
        if each.existing is not None and each.existing.state is None and each.state is not None
    ]
    insert_rows(connection, tables.state.__table__, unowned)


def _stamped(model: StoredModel, plan: Plan) -> StoredModel:
    at = plan.seen.get(model.key)
    if at is None:
        return model
    return replace(model, last_verified_at=at, last_seen_at=at if model.key in plan.listed else model.last_seen_at)


def _write_states(
    connection: Connection, tables: Tables, changed: Sequence[tuple[Change, StoredModel]], author: Author
) -> None:
    new: list[Row] = []
    moved: list[Row] = []
    for change, model in changed:
        before = state_before(change)
        if model.state is not None and model.state != before:
            (new if before is None else moved).append(state_row(model, now=author.now))
    insert_rows(connection, tables.state.__table__, new)
    overwrite_rows(connection, tables.state.__table__, moved, key=("provider", "model_id"), keep=("absences",))


def _write_absences(connection: Connection, tables: Tables, plan: Plan, author: Author) -> None:
    groups: dict[int, list[str]] = {}
    for key, count in sorted(plan.absences.items()):
        groups.setdefault(count, []).append(key.model_id)
    for count, ids in groups.items():
        moved = {"absences": count, "updated_at": author.now}
        _update_where(connection, tables.state.__table__, plan.provider, ids, moved)


def _write_seen(connection: Connection, tables: Tables, plan: Plan) -> None:
    """Note when the sources last confirmed the rows: a statement per batch of rows with the same instant."""
    written = {change.key for change in plan.changes if change.fields}
    groups: dict[tuple[datetime, bool], list[str]] = {}
    for key, at in sorted(plan.seen.items()):
        if key not in written:
            groups.setdefault((at, key in plan.listed), []).append(key.model_id)
    for (at, listed), ids in groups.items():
        stamps = {"last_verified_at": at} | ({"last_seen_at": at} if listed else {})
        _update_where(connection, tables.models.__table__, plan.provider, ids, stamps)


def _update_where(
    connection: Connection, table: Table, provider: str, ids: Sequence[str], values: Mapping[str, object]
) -> None:
    """Give rows of one provider the same values: a statement per batch."""
    for batch in batches(connection, ids):
        connection.execute(
            update(table).where(table.c.provider == provider, table.c.model_id.in_(batch)).values(dict(values))
        )
