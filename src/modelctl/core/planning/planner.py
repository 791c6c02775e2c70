"""Deciding: what must change so that the database says what the sources say. Pure; the heart of modelctl.

The straight line: stored rows + merged records -> `plan()` -> `guards.check()` -> shown -> `model_after()` -> rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelctl.core.facts import FactValue, ModelFacts, ModelKey, ModelRecord, Source, Status, tier_of
from modelctl.core.models.lifecycle import ENDED, api_is_newer
from modelctl.core.planning.ownership import Takeover, field_changes, with_takeover
from modelctl.core.planning.plan import Action, Change, FieldChange, Plan, Protected, action_of, money_text, price_name
from modelctl.core.planning.policy import CreateNew, EnableNew, NewModels
from modelctl.core.prices.ledger import (
    BY_LEDGER,
    BY_PRICE,
    MONEY_FIELDS,
    contested_points,
    has_complete_price,
    missing_points,
    projection,
    projection_sources,
    stated_by,
)
from modelctl.core.prices.price import PricePoint, current
from modelctl.core.stored import RemovedModel, StoredModel, StoredProvider
from modelctl.core.text import counted, start_of_day, to_seconds

ABSENCES_UNTIL_DEPRECATED = 2
"""Whole listings in a row that must miss a model, which an earlier one showed, before it is marked."""
BY_ABSENCE = "api:absent"
MAX_NAMED = 3
NO_TAKEOVER = Takeover()

_NO_PRICES: Mapping[str, FactValue] = dict.fromkeys(MONEY_FIELDS)
_BY_LEDGER = dict.fromkeys(MONEY_FIELDS, BY_LEDGER)


NEW_MODELS = NewModels()
"""What is done with them unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """Which sources were asked in this run."""

    catalogs: bool = True
    listing_is_whole: bool = False
    """The provider's API was asked, and its listing shows every model that it has."""


def plan(
    provider: str,
    stored: StoredProvider,
    desired: Mapping[ModelKey, ModelRecord],
    *,
    consulted: Consulted,
    new_models: NewModels = NEW_MODELS,
    takeover: Takeover = NO_TAKEOVER,
    now: datetime,
) -> Plan:
    """The changes that make the stored rows say what the desired records say; `desired` is what `merge_sources` gave.

    Applying a plan and planning again gives an empty one. The order of the input does not matter.
    `takeover`: people's fields that the sources may overwrite, and deleted rows that may come back.
    """
    draft = _PlanDraft()
    owned = with_takeover(stored, takeover).models
    for key in sorted(stored.models.keys() | desired.keys()):
        model, record = owned.get(key), desired.get(key)
        removed = stored.removed_by_hand.get(key)
        if model is not None:
            _plan_existing(draft, model, record, consulted, now)
        elif record is not None and (removed is None or takeover.recreates(key)):
            _plan_creation(draft, record, removed, new_models, now)
        elif record is not None:
            draft.removed_by_hand.append(key)
    return Plan(
        provider=provider,
        changes=tuple(_resting_on(stored, change) for change in draft.changes),
        protected=tuple(draft.protected),
        unchanged=draft.unchanged,
        existing=len(stored.models),
        alive=sum(model.facts.status != Status.RETIRED for model in stored.models.values()),
        absences=draft.absences,
        seen=draft.seen,
        listed=frozenset(key for key, record in desired.items() if record.listed_at is not None),
        needs_review=tuple(draft.needs_review),
        not_created=tuple(draft.not_created),
        removed_by_hand=tuple(draft.removed_by_hand),
        unowned=tuple(draft.unowned),
        notices=_vanished(draft.without_price),
    )


def _vanished(without_price: Sequence[ModelKey]) -> tuple[str, ...]:
    """What is said of prices that a listing had before."""
    if not without_price:
        return ()
    names = ", ".join(key.model_id for key in without_price[:MAX_NAMED])
    more = f" and {len(without_price) - MAX_NAMED:,} more" if len(without_price) > MAX_NAMED else ""
    return (f"the listing lacks prices that it had; they are kept: {names}{more}",)


def due_changes(stored: StoredProvider, *, now: datetime) -> tuple[Change, ...]:
    """What time alone brings: the prices that the ledger has had for today, where the rows do not show them yet.

    They come into force whatever a guard holds: they were announced, and believed, before.
    """
    found = []
    for key, model in sorted(stored.models.items()):
        if model.state is None:
            continue
        record = _as_it_stands(model)
        if _projected(record, model.prices, model.facts.type, now) == model.facts:
            continue
        record = _with_projection(record, model.prices, model.facts.type, now)
        fields, _ = field_changes(model, record, consulted=frozenset())
        if fields:
            found.append(Change(action=Action.UPDATE, key=key, fields=tuple(fields), existing=model))
    return tuple(found)


def with_due(decided: Plan, stored: StoredProvider, *, is_written: bool, now: datetime) -> Plan:
    """The plan with what time alone brings to the rows that it does not write. `is_written`: it writes its changes."""
    planned = {each.key for each in decided.changes} if is_written else ()
    models = {key: model for key, model in stored.models.items() if key not in planned}
    due = due_changes(replace(stored, models=models), now=now)
    if not due:
        return decided
    notice = f"announced prices of {counted(len(due), 'model')} come into force, even where other changes are held"
    return replace(decided, due=due, notices=(*decided.notices, notice))


@dataclass(slots=True)
class _PlanDraft:
    """A plan in the making."""

    changes: list[Change] = field(default_factory=list)
    protected: list[Protected] = field(default_factory=list)
    absences: dict[ModelKey, int] = field(default_factory=dict)
    seen: dict[ModelKey, datetime] = field(default_factory=dict)
    needs_review: list[ModelKey] = field(default_factory=list)
    not_created: list[ModelKey] = field(default_factory=list)
    unowned: list[ModelKey] = field(default_factory=list)
    removed_by_hand: list[ModelKey] = field(default_factory=list)
    without_price: list[ModelKey] = field(default_factory=list)
    """Models that are listed without a price which the API stated before and that is in force."""
    unchanged: int = 0


def _resting_on(stored: StoredProvider, change: Change) -> Change:
    """The change on the row as it is stored: planning saw fields that were taken over as its own."""
    existing = stored.models.get(change.key)
    return change if change.existing is existing else replace(change, existing=existing)


def _plan_creation(
    draft: _PlanDraft, record: ModelRecord, removed: RemovedModel | None, new_models: NewModels, now: datetime
) -> None:
    if record.known_to == {Source.API} and new_models.create is CreateNew.CATALOG:
        draft.not_created.append(record.key)
        return
    ledger = removed.prices if removed is not None else ()
    prices = missing_points(ledger, record.prices, now=now)
    record = _with_projection(record, (*ledger, *prices), record.facts.type, now)
    alive = record.facts.status != Status.RETIRED
    billable = has_complete_price((*ledger, *prices), record.facts.type, at=now)
    is_enabled = alive and _arrives_enabled(new_models.enable, record, billable)
    if alive and not billable and not is_enabled:
        draft.needs_review.append(record.key)
    fields = tuple(FieldChange(name, None, value, record.provenance[name]) for name, value in record.facts.known())
    draft.changes.append(
        Change(
            action=Action.CREATE, key=record.key, fields=fields, prices=prices, is_enabled=is_enabled, removed=removed
        )
    )
    _note_seen(draft, None, record)


def _arrives_enabled(rule: EnableNew, record: ModelRecord, billable: bool) -> bool:
    match rule:
        case EnableNew.PRICED:
            return billable
        case EnableNew.RECOMMENDED:
            return billable and bool(record.facts.recommended)
        case EnableNew.NONE:
            return False
        case EnableNew.ALL:
            return True


def _plan_existing(
    draft: _PlanDraft, model: StoredModel, record: ModelRecord | None, consulted: Consulted, now: datetime
) -> None:
    if model.state is None:
        draft.unowned.append(model.key)
        return
    absences = _absences(model, record, consulted)
    if absences != model.state.absences:
        draft.absences[model.key] = absences
    record = record or _as_it_stands(model)
    gone = absences >= ABSENCES_UNTIL_DEPRECATED and record.facts.status not in ENDED
    if gone:
        facts = record.facts.replaced({"status": Status.DEPRECATED})
        record = replace(record, facts=facts, provenance={**record.provenance, "status": BY_ABSENCE})
    _note_seen(draft, model, record)
    if record.listed_at is not None and _lost_prices(model, record, now):
        draft.without_price.append(model.key)
    still_stands = record.listed_at is None and api_is_newer(model, record.verified_on)
    prices = missing_points(model.prices, record.prices, now=now, api_still_stands=still_stands)
    draft.protected += _protected_prices(model, record, now)
    ledger = (*model.prices, *prices)
    type_shown = _type_shown(model, record)
    if not prices and _projected(record, ledger, type_shown, now) == model.facts:
        draft.unchanged += 1  # as most rows are: who states what need not be found out for them
        return
    record = _with_projection(record, ledger, type_shown, now)
    fields, protected = field_changes(model, record, consulted=_asked(model, record, consulted))
    draft.protected += protected
    if not fields and not prices:
        draft.unchanged += 1
        return
    draft.changes.append(
        Change(action=action_of(model, fields), key=model.key, fields=tuple(fields), prices=prices, existing=model)
    )


def _lost_prices(model: StoredModel, record: ModelRecord, now: datetime) -> bool:
    """Whether a price in force that the API stated is in its listing no more."""
    if not any(point.source == Source.API for point in model.prices):
        return False
    stated = {point.key for point in record.prices if point.source == Source.API}
    return any(point.source == Source.API and key not in stated for key, point in current(model.prices, now).items())


def _protected_prices(model: StoredModel, record: ModelRecord, now: datetime) -> list[Protected]:
    """Prices that a person entered into the ledger, where the sources state another. An edited column is a field."""
    return [
        Protected(key=model.key, name=name, kept=kept, offered=offer, source=stated_by(offered))
        for point, offered in contested_points(model.prices, record.prices, now=now)
        if (name := price_name(point.key)) not in MONEY_FIELDS or model.is_ours(name)
        for kept, offer in [_both_amounts(point, offered)]
    ]


def _both_amounts(one: PricePoint, other: PricePoint) -> tuple[FactValue, FactValue]:
    """The two amounts, with their currencies where these differ."""
    if one.currency == other.currency:
        return one.amount, other.amount
    return money_text(one), money_text(other)


def _absences(model: StoredModel, record: ModelRecord | None, consulted: Consulted) -> int:
    """How many whole listings in a row have missed the model, this one included."""
    known = model.state.absences if model.state else 0
    if record is not None and record.listed_at is not None:
        return 0
    if not consulted.listing_is_whole or model.last_seen_at is None or model.facts.status == Status.RETIRED:
        return known
    return min(known + 1, ABSENCES_UNTIL_DEPRECATED)


def _as_it_stands(model: StoredModel) -> ModelRecord:
    """A row that no source speaks of, as a record that changes nothing."""
    provenance = {name: model.owner_of(name) for name, _ in model.facts.known()}
    return ModelRecord(key=model.key, facts=model.facts, provenance=provenance)


def _type_shown(model: StoredModel, record: ModelRecord) -> str | None:
    """The type that the row will show: a person's stays, whatever the sources say."""
    stated, shown = record.facts.type, model.facts.type
    return stated if stated == shown or model.is_ours("type") else shown


def _projected(record: ModelRecord, ledger: Sequence[PricePoint], type_shown: str | None, now: datetime) -> ModelFacts:
    """The facts with the prices that the ledger has for now, and their tier; those that have ended are unknown."""
    if not ledger:
        return record.facts
    facts = record.facts.replaced({**_NO_PRICES, **projection(ledger, at=now)})
    if not _has_derived_tier(record):
        return facts
    of_type = facts if facts.type == type_shown else facts.replaced({"type": type_shown})
    return facts.replaced({"tier": tier_of(of_type)})


def _with_projection(
    record: ModelRecord, ledger: Sequence[PricePoint], type_shown: str | None, now: datetime
) -> ModelRecord:
    """The record with what its ledger shows, and who states that."""
    if not ledger:
        return record
    provenance = {**record.provenance, **_BY_LEDGER, **projection_sources(ledger, at=now)}
    if _has_derived_tier(record):
        provenance["tier"] = BY_PRICE
    return replace(record, facts=_projected(record, ledger, type_shown, now), provenance=provenance)


def _has_derived_tier(record: ModelRecord) -> bool:
    return record.facts.tier is None or record.provenance.get("tier") == BY_PRICE


def _asked(model: StoredModel, record: ModelRecord, consulted: Consulted) -> frozenset[str]:
    """The sources that were asked for this very model, and so can take back what they said."""
    sources = set()
    if consulted.catalogs:
        sources |= {Source.CATALOG.value, Source.OVERLAY.value}
    if record.listed_at is not None:
        sources.add(Source.API.value)
    if record.listed_at is not None or model.last_seen_at is None:
        sources.add(Source.RULE.value)  # a rule may have worked on what the API sent
    return frozenset(sources)


def _note_seen(draft: _PlanDraft, model: StoredModel | None, record: ModelRecord) -> None:
    """Remember that a source confirmed the row, at most once a day, so that a second run writes nothing."""
    if record.listed_at is not None:
        listed_at = to_seconds(record.listed_at)
        day = listed_at.date()
        known = model.last_seen_at if model is not None else None
    elif record.verified_on is not None:
        listed_at = None
        day = record.verified_on
        known = model.last_verified_at if model is not None else None
    else:
        return
    if known is None or known.date() < day:
        draft.seen[record.key] = listed_at or start_of_day(day)
