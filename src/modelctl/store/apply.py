"""Writing a plan: one transaction for one provider, in batches, and only if nothing has moved since it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Table, delete, select, update

from modelctl.core.outcome import after, state_before
from modelctl.core.plan import Action, Change, Plan
from modelctl.core.provider import Provider
from modelctl.core.run import Author, RunRecord
from modelctl.core.stored import StoredModel
from modelctl.errors import StalePlan
from modelctl.store import read
from modelctl.store.auditing import audit_row
from modelctl.store.bulk import Row, insert_rows
from modelctl.store.dialects import batches, overwrite_rows
from modelctl.store.names import Tables
from modelctl.store.providers import remove_provider, write_provider
from modelctl.store.rows import model_row, price_row, run_row, state_row


def apply(connection: Connection, tables: Tables, plan: Plan, provider: Provider, author: Author) -> None:
    """Write the plan's changes, their prices and their audit rows. StalePlan where a row has moved since."""
    if plan.provider_settings or not plan.existing:  # where it has models, its row is there
        write_provider(connection, tables, provider, plan.provider_settings, author)
    for changes in batches(connection, plan.changes):
        _write_changes(connection, tables, changes, plan, author)
    _write_absences(connection, tables, plan, author)
    _write_seen(connection, tables, plan)
    if plan.provider_action is Action.REMOVE:
        remove_provider(connection, tables, provider, author)


def _write_changes(
    connection: Connection, tables: Tables, changes: Sequence[Change], plan: Plan, author: Author
) -> None:
    """Write some of the plan's changes: the rows of all would take more memory than the plan itself."""
    _require_unmoved(connection, tables, changes)
    _remove_models(connection, tables, [each for each in changes if each.action is Action.REMOVE], author)
    changed = [(each, after(each, now=author.now)) for each in changes if each.action is not Action.REMOVE]
    _write_models(connection, tables, changed, plan)
    _write_states(connection, tables, changed, author)
    prices = [price_row(each.key, point, run=author.run, now=author.now) for each in changes for point in each.prices]
    insert_rows(connection, tables.prices, prices)
    states = {change.key: model.state for change, model in changed}
    insert_rows(connection, tables.changes, [audit_row(each, states.get(each.key), author) for each in changes])


def record_run(connection: Connection, tables: Tables, record: RunRecord) -> None:
    """Remember a run, whatever came of it. Writing it again, after a commit whose answer was lost, is harmless."""
    overwrite_rows(connection, tables.sync_runs, [run_row(record)], key=("run", "provider"))


def is_recorded(tables: Tables, run: str, provider: str) -> Callable[[Connection], bool]:
    """Whether this run has written the provider: it does so once, with its record in the same transaction."""
    table = tables.sync_runs
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
    insert_rows(connection, tables.models, created)
    updated = [
        model_row(_stamped(model, plan))
        for change, model in changed
        if change.action is not Action.CREATE and (change.fields or change.is_enabled is not None)
    ]
    overwrite_rows(connection, tables.models, updated, key=("id",))


def _remove_models(connection: Connection, tables: Tables, changes: Sequence[Change], author: Author) -> None:
    """Delete rows; what is remembered of them says that it was a decision."""
    for change in changes:
        key, table = change.key, tables.models
        connection.execute(delete(table).where(table.c.provider == key.provider, table.c.model_id == key.model_id))
    unowned = [
        state_row(replace(each.existing, state=each.state), now=author.now)
        for each in changes
        if each.existing is not None and each.existing.state is None and each.state is not None
    ]
    insert_rows(connection, tables.state, unowned)


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
    insert_rows(connection, tables.state, new)
    overwrite_rows(connection, tables.state, moved, key=("provider", "model_id"), keep=("absences",))


def _write_absences(connection: Connection, tables: Tables, plan: Plan, author: Author) -> None:
    groups: dict[int, list[str]] = {}
    for key, count in sorted(plan.absences.items()):
        groups.setdefault(count, []).append(key.model_id)
    for count, ids in groups.items():
        _update_where(connection, tables.state, plan.provider, ids, {"absences": count, "updated_at": author.now})


def _write_seen(connection: Connection, tables: Tables, plan: Plan) -> None:
    """Note when the sources last confirmed the rows: a statement per batch of rows with the same instant."""
    written = {change.key for change in plan.changes if change.fields}
    groups: dict[tuple[datetime, bool], list[str]] = {}
    for key, at in sorted(plan.seen.items()):
        if key not in written:
            groups.setdefault((at, key in plan.listed), []).append(key.model_id)
    for (at, listed), ids in groups.items():
        stamps = {"last_verified_at": at} | ({"last_seen_at": at} if listed else {})
        _update_where(connection, tables.models, plan.provider, ids, stamps)


def _update_where(
    connection: Connection, table: Table, provider: str, ids: Sequence[str], values: Mapping[str, object]
) -> None:
    """Give rows of one provider the same values: a statement per batch."""
    for batch in batches(connection, ids):
        connection.execute(
            update(table).where(table.c.provider == provider, table.c.model_id.in_(batch)).values(dict(values))
        )
