"""What a row is after a change: the one definition that the store writes and the laws of planning are tested with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from modelctl.core.model import UNKNOWN
from modelctl.core.plan import Change, Plan
from modelctl.core.stored import RowState, StoredModel, StoredProvider, Written


def after(change: Change, *, now: datetime) -> StoredModel:
    """The row as the change leaves it. `updated_at` moves only where a field does: a price alone is in the ledger."""
    written = {each.name: Written(each.new, each.source) for each in change.fields}
    values = {each.name: each.new for each in change.fields}
    if change.existing is None:
        return StoredModel(
            key=change.key,
            facts=UNKNOWN.replaced(values),
            is_enabled=bool(change.is_enabled),
            prices=change.prices,
            state=RowState(written=written),
            created_at=now,
            updated_at=now,
        )
    model = change.existing
    state = model.state or RowState()
    return replace(
        model,
        facts=model.facts.replaced(values),
        prices=(*model.prices, *change.prices),
        state=replace(state, written={**state.written, **written}),
        updated_at=now if change.fields else model.updated_at,
    )


def after_plan(stored: StoredProvider, plan: Plan, *, now: datetime) -> StoredProvider:
    """All rows of a provider as the plan leaves them."""
    models = dict(stored.models)
    for change in plan.changes:
        models[change.key] = after(change, now=now)
    for key, absences in plan.absences.items():
        models[key] = replace(models[key], state=replace(models[key].state or RowState(), absences=absences))
    for key, at in plan.seen.items():
        if key in models:
            listed_at = at if key in plan.listed else models[key].last_seen_at
            models[key] = replace(models[key], last_seen_at=listed_at, last_verified_at=at)
    return replace(stored, models=models)
