"""What a plan rests on, as a digest: equal as long as nothing has moved that the plan looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from modelctl.core.credentials import masked
from modelctl.core.edits.providers import SETTINGS, settings_of
from modelctl.core.facts import ModelKey, encode
from modelctl.core.planning.plan import Action, Change, Held, Hold, Plan
from modelctl.core.planning.report import ProviderReport
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.runs import Outcome
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider
from modelctl.errors import UsageError

_POINT_FIELDS = PricePoint._fields


def model_digest(row: StoredModel | RemovedModel | None) -> str | None:
    """The digest of a row, or of what is left of one; None where there is neither. The row's number does not count."""
    if row is None:
        return None
    stated: dict[str, Any] = {"prices": sorted(_point(each) for each in row.prices), "state": _state(row.state)}
    if isinstance(row, StoredModel):
        stated["facts"] = {name: encode(value) for name, value in row.facts.known()}
        stated["is_enabled"] = row.is_enabled
    return _digest(stated)


def provider_digest(row: Provider | None) -> str | None:
    """The digest of a provider's row; a password that its address holds does not count."""
    if row is None:
        return None
    settings: dict[str, Any] = {name: encode(getattr(row, name)) for name in SETTINGS}
    if row.api_base_url:
        settings["api_base_url"] = masked(row.api_base_url)
    return _digest({**settings, "is_enabled": row.is_enabled})


def decisions_digest(holds: Iterable[Hold]) -> str | None:
    """The digest of what people decided about holds; None where nobody has decided anything."""
    decided = [
        [str(each.key), each.guard, [list(move) for move in each.moves], each.verdict]
        for each in holds
        if each.verdict is not None
    ]
    return _digest({"decided": sorted(decided, key=str)}) if decided else None


def _state(state: RowState | None) -> dict[str, Any] | None:
    """Without the count of absences, which has its own place in a plan."""
    if state is None:
        return None
    written = {name: [encode(value), source] for name, (value, source) in state.written.items()}
    return {"written": written, "pins": sorted(state.pins)}


def _point(point: PricePoint) -> list[str]:
    return [str(encode(getattr(point, name))) for name in _POINT_FIELDS]


def _digest(stated: Mapping[str, Any]) -> str:
    text = json.dumps(stated, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProvider:
    """What is to become of one provider, and what that rests on."""

    report: ProviderReport
    """Its outcome is the one that applying will have."""
    row: Provider | None = None
    """The row that a provider gets which has none yet."""
    rests_on: str | None = None
    """Digest of the provider's row."""
    digests: Mapping[ModelKey, str | None] = field(default_factory=dict)
    """Digest of each row that a change rests on; None for a creation from nothing."""
    absences_before: Mapping[ModelKey, int] = field(default_factory=dict)
    """Counts of absences from which the plan's counts were reached."""
    decisions: str | None = None
    """Digest of what people had decided about what guards hold."""

    @property
    def is_written(self) -> bool:
        """Whether applying writes more than the record of the run."""
        return self.report.outcome in (Outcome.APPLIED, Outcome.HELD, Outcome.IN_SYNC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """All that one `plan` found."""

    modelctl: str
    """The version that made it."""
    created_at: datetime
    database: str
    """As it may be shown."""
    providers: tuple[PlannedProvider, ...]


def planned(
    report: ProviderReport, outcome: Outcome, *, stated: Provider, row: Provider | None, stored: StoredProvider
) -> PlannedProvider:
    """What a file says of one provider. `row` and `stored` are what the database holds, `stated` what it should.

    UsageError where it would have to hold a password: an address with one cannot be written from a file.
    """
    plan = report.plan
    addresses = [each.new for each in plan.provider_settings if each.name == "api_base_url"]
    for address in [stated.api_base_url] if row is None else addresses:
        if isinstance(address, str) and masked(address) != address:
            raise UsageError(f"{stated.name}: its address holds a password, and no plan does", "use `modelctl sync`")
    return PlannedProvider(
        report=replace(report, outcome=outcome),
        row=stated if row is None else None,
        rests_on=provider_digest(row),
        digests={each.key: model_digest(each.existing or each.removed) for each in plan.changes},
        absences_before={key: _absences(stored, key) for key in plan.absences},
        decisions=decisions_digest(report.holds_before),
    )


def _absences(stored: StoredProvider, key: ModelKey) -> int:
    model = stored.models.get(key)
    return model.state.absences if model is not None and model.state is not None else 0


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
