"""Which default models a database gets, and why it does not get the others. Pure; planned as a sync plans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from modelctl.core.model import ModelKey, ModelRecord, Skipped, Status
from modelctl.core.names import require_known
from modelctl.core.plan import Plan
from modelctl.core.planning import Consulted, plan
from modelctl.core.stored import StoredProvider

DEFAULT_SET = "default"


class Seed(StrEnum):
    """What becomes of a default model."""

    CREATED = "created"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """One default model and what became of it."""

    key: ModelKey
    status: Seed
    reason: str = ""
    """Why it was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """The default models of one provider."""

    plan: Plan
    results: tuple[Seeded, ...]


def chosen(
    layers: Sequence[Mapping[ModelKey, tuple[str, ...]]], names: Collection[str], providers: Collection[str]
) -> list[ModelKey]:
    """The models of these sets, `default` where none is named, of these providers or of all, sorted.

    `layers`: the sets in which models are, by catalog in order of authority. UsageError for a set that there is not.
    """
    sets: dict[ModelKey, tuple[str, ...]] = {}
    for layer in reversed(layers):
        sets.update(layer)
    known = sorted({name for each in sets.values() for name in each})
    wanted = {require_known(name, known, "set") for name in names or (DEFAULT_SET,)}
    return sorted(
        key for key, each in sets.items() if wanted.intersection(each) and (not providers or key.provider in providers)
    )


def seeding(
    provider: str,
    wanted: Collection[ModelKey],
    stored: StoredProvider,
    desired: Mapping[ModelKey, ModelRecord],
    filtered: Collection[Skipped],
    *,
    now: datetime,
) -> Seeding:
    """The plan that creates the wanted models of one provider; rows that are there, or were, are left alone."""
    left_out = {ModelKey(provider, each.item_id): each.reason for each in filtered}
    reasons = {key: _reason(key, stored, desired.get(key), left_out) for key in sorted(wanted)}
    new = {key: desired[key] for key, reason in reasons.items() if not reason}
    made = plan(provider, StoredProvider(), new, consulted=Consulted(), now=now)
    return Seeding(
        plan=replace(made, existing=len(stored.models), unchanged=len(wanted) - len(new)),
        results=tuple(
            Seeded(key=key, status=Seed.SKIPPED if reason else Seed.CREATED, reason=reason)
            for key, reason in reasons.items()
        ),
    )


def _reason(key: ModelKey, stored: StoredProvider, record: ModelRecord | None, left_out: Mapping[ModelKey, str]) -> str:
    """Why a model is skipped; empty where it is created."""
    if key in stored.models:
        return "exists"
    if key in stored.removed_by_hand:
        return "removed by hand"
    if record is None:
        return left_out.get(key, "no catalog states it")
    return "retired" if record.facts.status == Status.RETIRED else ""
