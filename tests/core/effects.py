"""What plans and ledgers come to, worked out in memory as the database would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from modelctl.core.planning.plan import Action, Plan, model_after
from modelctl.core.prices.billing import Bill, bill
from modelctl.core.prices.price import STANDARD, PricePoint, current
from modelctl.core.prices.usage import Usage
from modelctl.core.stored import RemovedModel, RowState, StoredProvider


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
        models[change.key] = model_after(change, now=now)
    for key, absences in plan.absences.items():
        models[key] = replace(models[key], state=replace(models[key].state or RowState(), absences=absences))
    for key, at in plan.seen.items():
        if key in models:
            listed_at = at if key in plan.listed else models[key].last_seen_at
            models[key] = replace(models[key], last_seen_at=listed_at, last_verified_at=at)
    return StoredProvider(models=models, removed_by_hand=removed)


def cost(points: Iterable[PricePoint], usage: Usage, at: datetime, service_tier: str = STANDARD) -> Bill:
    """The bill of one request at `at` (aware), from a model's whole ledger."""
    return bill(current(points, at).values(), usage, at, service_tier)
