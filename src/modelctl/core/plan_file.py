"""A plan as a document that people read and review, and that is applied later, or not at all if its rows have moved.

Amounts are exact texts, instants ISO 8601. It holds no secret: of a provider that has a row only the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from modelctl.core.database_url import masked
from modelctl.core.digests import decisions_digest, model_digest, provider_digest
from modelctl.core.encoding import encode
from modelctl.core.model import ModelKey, Skipped
from modelctl.core.plan import Change, FieldChange, Held, Plan, Protected
from modelctl.core.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import SETTINGS
from modelctl.core.report import ProviderReport
from modelctl.core.run import Outcome
from modelctl.core.stored import RowState, StoredProvider
from modelctl.errors import UsageError

VERSION = 1
"""Counts up when the document changes; a modelctl reads the versions that it knows, and no other."""

PROVIDER_FIELDS = (*SETTINGS, "features", "settings", "is_builtin", "is_enabled")
"""What the row of a provider starts with, besides its name."""
POINT_FIELDS = PricePoint._fields
KEY_LISTS = ("needs_review", "not_created", "removed_by_hand", "unowned")
HELD_LISTS = ("held", "accepted", "declined")
COUNTS = ("unchanged", "existing", "alive")


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


def plan_document(file: PlanFile) -> dict[str, Any]:
    """The document, of JSON values only."""
    return {
        "version": VERSION,
        "modelctl": file.modelctl,
        "created_at": encode(file.created_at),
        "database": file.database,
        "providers": [_provider(each) for each in file.providers],
    }


def _provider(planned: PlannedProvider) -> dict[str, Any]:
    report, plan, error = planned.report, planned.report.plan, planned.report.error
    return {
        "provider": report.provider,
        "outcome": report.outcome.value,
        "error": None if error is None else {"message": error.message, "hint": error.hint},
        "sources": list(report.sources),
        "notices": list(report.notices),
        "remarks": list(plan.notices),
        "fetched": report.fetched,
        "kept": len(report.records) or report.kept,
        **{name: getattr(plan, name) for name in COUNTS},
        "rests_on": planned.rests_on,
        "row": None if planned.row is None else _row(planned.row),
        "settings": [_field(each) for each in plan.provider_settings],
        "changes": [_change(each, planned.digests.get(each.key)) for each in plan.changes],
        "listing_doubt": plan.listing_doubt,
        "decisions": planned.decisions,
        **{name: [_held(each) for each in getattr(plan, name)] for name in HELD_LISTS},
        "protected": [_protected(each) for each in plan.protected],
        "absences": [
            {"model_id": key.model_id, "old": planned.absences_before[key], "new": count}
            for key, count in sorted(plan.absences.items())
        ],
        "seen": _seen(plan),
        **{name: [key.model_id for key in getattr(plan, name)] for name in KEY_LISTS},
        "filtered": _skipped(plan.filtered),
        "skipped": _skipped(plan.skipped),
    }


def _row(provider: Provider) -> dict[str, Any]:
    values = {name: getattr(provider, name) for name in PROVIDER_FIELDS}
    return {name: dict(value) if isinstance(value, Mapping) else encode(value) for name, value in values.items()}


def _field(change: FieldChange) -> dict[str, Any]:
    old, new = (
        masked(each) if change.name == "api_base_url" and isinstance(each, str) else encode(each)
        for each in (change.old, change.new)
    )
    return {"name": change.name, "old": old, "new": new, "source": change.source}


def _change(change: Change, rests_on: str | None) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "model_id": change.key.model_id,
        "rests_on": rests_on,
        "is_enabled": change.is_enabled,
        "fields": [_field(each) for each in change.fields],
        "prices": [{name: encode(getattr(each, name)) for name in POINT_FIELDS} for each in change.prices],
        "state": None if change.state is None else _state(change.state),
    }


def _state(state: RowState) -> dict[str, Any]:
    written = {name: {"value": encode(value), "source": source} for name, (value, source) in state.written.items()}
    return {"written": written, "pins": sorted(state.pins), "absences": state.absences}


def _held(held: Held) -> dict[str, Any]:
    change = held.change
    digest = model_digest(change.existing or change.removed)
    return {
        "guard": held.guard.value,
        "reason": held.reason,
        "moves": [{"what": move.what, "old": move.old, "new": move.new} for move in held.moves],
        "change": _change(change, digest),
    }


def _protected(each: Protected) -> dict[str, Any]:
    return {
        "model_id": each.key.model_id,
        "name": each.name,
        "kept": encode(each.kept),
        "offered": encode(each.offered),
        "source": each.source,
    }


def _seen(plan: Plan) -> list[dict[str, Any]]:
    """The rows that sources confirmed, by instant and whether a listing showed them."""
    groups: dict[tuple[datetime, bool], list[str]] = {}
    for key, at in sorted(plan.seen.items()):
        groups.setdefault((at, key in plan.listed), []).append(key.model_id)
    return [{"at": encode(at), "listed": listed, "model_ids": ids} for (at, listed), ids in sorted(groups.items())]


def _skipped(items: Iterable[Skipped]) -> list[dict[str, str]]:
    return [{"id": each.item_id, "reason": each.reason} for each in items]
