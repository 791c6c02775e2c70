"""What a row is after a change: the one definition that the store writes and the laws of planning are tested with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from modelctl.core.ledger import MONEY_FIELDS
from modelctl.core.model import SET_ON_CREATION, UNKNOWN, Source
from modelctl.core.plan import Action, Change, Plan
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider, Written


def after(change: Change, *, now: datetime) -> StoredModel:
    """The row as the change leaves it. `updated_at` moves only where a column does: a price alone is in the ledger."""
    values = {each.name: each.new for each in change.fields}
    model = change.existing
    if model is None:
        prices = change.removed.prices if change.removed is not None else ()
        return StoredModel(
            key=change.key,
            facts=UNKNOWN.replaced(values),
            is_enabled=bool(change.is_enabled),
            prices=(*prices, *change.prices),
            state=state_after(change),
            created_at=now,
            updated_at=now,
        )
    is_enabled = model.is_enabled if change.is_enabled is None else change.is_enabled
    return replace(
        model,
        facts=model.facts.replaced(values),
        is_enabled=is_enabled,
        prices=(*model.prices, *change.prices),
        state=state_after(change),
        updated_at=now if change.fields or is_enabled != model.is_enabled else model.updated_at,
    )


def state_before(change: Change) -> RowState | None:
    """What was remembered of the row, or of the one of that name that somebody deleted."""
    if change.existing is not None:
        return change.existing.state
    return change.removed.state if change.removed is not None else None


def state_after(change: Change) -> RowState | None:
    """What is remembered of the row: what a source wrote is ours from then on, what a person set is pinned.

    A price column shows what the ledger says, a person's price included, and is never pinned by it.
    A row that modelctl does not own stays so, unless the change says what to remember.
    """
    if change.state is not None:
        return change.state
    before = change.existing.state if change.existing is not None else RowState()
    if before is None:
        return None
    by_people = {each.name for each in change.fields if each.source == Source.PERSON} - set(MONEY_FIELDS)
    written = {each.name: Written(each.new, each.source) for each in change.fields if each.name not in by_people}
    pins = (before.pins - written.keys()) | (by_people - SET_ON_CREATION)  # no sync changes those: nothing to claim
    return replace(before, written={**before.written, **written}, pins=pins)


def after_plan(stored: StoredProvider, plan: Plan, *, now: datetime) -> StoredProvider:
    """All rows of a provider as the plan leaves them."""
    models, removed = dict(stored.models), dict(stored.removed_by_hand)
    for change in plan.changes:
        if change.action is Action.REMOVE:
            gone = models.pop(change.key)
            if (state := change.state or gone.state) is not None:
                removed[change.key] = RemovedModel(state=state, prices=gone.prices)
            continue
        removed.pop(change.key, None)
        models[change.key] = after(change, now=now)
    for key, absences in plan.absences.items():
        models[key] = replace(models[key], state=replace(models[key].state or RowState(), absences=absences))
    for key, at in plan.seen.items():
        if key in models:
            listed_at = at if key in plan.listed else models[key].last_seen_at
            models[key] = replace(models[key], last_seen_at=listed_at, last_verified_at=at)
    return StoredProvider(models=models, removed_by_hand=removed)
