"""Laying a plan that was read from a file onto the rows as they are now, or naming those that have moved. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from modelctl.core.digests import decisions_digest, model_digest, provider_digest
from modelctl.core.holds import Hold
from modelctl.core.model import ModelKey
from modelctl.core.plan import Action, Change, Held, Plan
from modelctl.core.plan_file import PlannedProvider
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import settings_of
from modelctl.core.stored import StoredModel, StoredProvider


def moved(
    planned: PlannedProvider, row: Provider | None, stored: StoredProvider, holds: Sequence[Hold]
) -> Iterator[str]:
    """The rows that are not as they were when the plan was made. A provider that is not written rests on none."""
    if not planned.is_written:
        return
    plan = planned.report.plan
    if provider_digest(row) != planned.rests_on:
        yield f"provider {plan.provider}"
    if decisions_digest(holds) != planned.decisions:
        yield f"{plan.provider} (what was decided about its held values)"
    for change in plan.changes:
        present = stored.models.get(change.key) or stored.removed_by_hand.get(change.key)
        was_there = change.key in stored.models
        if model_digest(present) != planned.digests.get(change.key) or was_there is (change.action is Action.CREATE):
            yield str(change.key)
    for key in plan.absences:
        model = stored.models.get(key)
        state = model.state if model is not None else None
        if state is None or state.absences != planned.absences_before[key]:
            yield f"{key} (its count of absences)"


def bound(planned: PlannedProvider, row: Provider | None, stored: StoredProvider) -> Plan:
    """The plan with the rows that it rests on; nothing of them must have moved."""
    plan = planned.report.plan
    present = settings_of(row) if row is not None else {}
    return replace(
        plan,
        changes=tuple(_bound(each, stored) for each in plan.changes),
        held=_bound_held(plan.held, stored),
        accepted=_bound_held(plan.accepted, stored),
        declined=_bound_held(plan.declined, stored),
        provider_settings=tuple(
            each._replace(old=present.get(each.name, each.old)) for each in plan.provider_settings
        ),  # the file masks passwords
        seen={key: at for key, at in plan.seen.items() if _is_news(plan, key, stored.models.get(key))},
    )


def _bound_held(held: Sequence[Held], stored: StoredProvider) -> tuple[Held, ...]:
    return tuple(replace(each, change=_bound(each.change, stored)) for each in held)


def _bound(change: Change, stored: StoredProvider) -> Change:
    existing = stored.models.get(change.key)
    removed = stored.removed_by_hand.get(change.key) if existing is None else None
    return replace(change, existing=existing, removed=removed)


def _is_news(plan: Plan, key: ModelKey, model: StoredModel | None) -> bool:
    """Whether a sighting tells more than the row: a sync may have come in between, which changed nothing else."""
    if model is None:
        return True  # a creation; of a row that is gone there is nothing to update
    at = plan.seen[key]
    newer = model.last_verified_at is None or model.last_verified_at < at
    return newer or (key in plan.listed and (model.last_seen_at is None or model.last_seen_at < at))
