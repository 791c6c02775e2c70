"""The plan for one provider: its changes, what guards hold of them, what people decided, and the rows afterwards.

A decision holds for one pair of values, old and new. A hold is remembered until its values move; so is the decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from modelctl.core.credentials import masked
from modelctl.core.facts import (
    FACT_FIELDS,
    PRICE_FIELDS,
    SET_ON_CREATION,
    UNKNOWN,
    FactValue,
    ModelKey,
    Skipped,
    Source,
    Status,
    decimal_text,
    encode,
)
from modelctl.core.models.lifecycle import ENDED
from modelctl.core.prices.ledger import MONEY_FIELDS
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint, current
from modelctl.core.provider import FROM_VARIABLE
from modelctl.core.runs import Author
from modelctl.core.stored import ModelsByKey, RemovedModel, RowState, StoredModel, Written


class Action(StrEnum):
    """What a change does to a row."""

    CREATE = "create"
    UPDATE = "update"
    DEPRECATE = "deprecate"
    RETIRE = "retire"
    REACTIVATE = "reactivate"
    REMOVE = "remove"  # only by a person; the ledger, the state and the audit stay
    ADOPT = "adopt"  # by a person: a row that was there before modelctl is its own from now on


PLANNED = (Action.CREATE, Action.UPDATE, Action.DEPRECATE, Action.RETIRE, Action.REACTIVATE)
"""What a sync can do to a row; the rest is done by people alone."""


class GuardName(StrEnum):
    """The guards, by the names with which they are reported."""

    MASS_RETIREMENT = "mass-retirement"
    MASS_UPDATE = "mass-update"
    SHORT_LISTING = "short-listing"
    PRICE_RISE = "price-rise"
    PRICE_FALL = "price-fall"
    PRICE_ZERO = "price-zero"
    PRICE_CURRENCY = "price-currency"
    PRICE_LOST = "price-lost"
    FIRST_PRICE = "first-price"
    LIMIT_DROP = "limit-drop"
    LIMIT_RISE = "limit-rise"
    MASS_CREATION = "mass-creation"
    KEY_TARGET = "key-target"

    @property
    def holds_provider(self) -> bool:
        """Whether it doubts a listing, or many rows at once: then none of the provider's rows is written."""
        return self in (
            GuardName.MASS_RETIREMENT,
            GuardName.MASS_UPDATE,
            GuardName.MASS_CREATION,
            GuardName.SHORT_LISTING,
        )


class Verdict(StrEnum):
    """What a person decided about a hold."""

    ACCEPTED = "accepted"  # it is the truth: let it pass
    DECLINED = "declined"  # it is the source's mistake: keep what is there, and say no more


class FieldChange(NamedTuple):
    """One field, old -> new, and who states the new value."""

    name: str
    old: FactValue
    new: FactValue
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that happens to one row in one transaction: its fields, and the prices appended to its ledger."""

    action: Action
    key: ModelKey
    fields: tuple[FieldChange, ...] = ()
    prices: tuple[PricePoint, ...] = ()
    is_enabled: bool | None = None
    """The app's switch, where the change sets it: a creation does, and else only a person."""
    state: RowState | None = None
    """What is remembered of the row afterwards, where that is not what follows from `fields`: see `model_after`."""
    existing: StoredModel | None = None
    """The row that the plan rests on; None for a creation."""
    removed: RemovedModel | None = None
    """For a creation: what is left of the row of that name that somebody deleted."""

    def new_value(self, name: str) -> FactValue:
        """The value that the change gives a field; None where it leaves the field alone."""
        return next((each.new for each in self.fields if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """An override: the value that is kept, and what the sources would have written."""

    key: ModelKey
    name: str
    kept: FactValue
    offered: FactValue
    source: str


class Move(NamedTuple):
    """One value, from what the database holds to what the sources state. Values as text; None is unknown."""

    what: str
    """A field, the name of a price, or `listing`."""
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A change that a guard stopped, and why."""

    change: Change
    guard: GuardName
    reason: str
    moves: tuple[Move, ...] = ()
    """The values that it doubts: what a person's decision is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDoubt:
    """A change of where a provider's key goes: which key, to which address, in which header; and nobody's command."""

    moves: tuple[FieldChange, ...]
    """Those of catalogs are not written until they are accepted. The others are in the row."""
    verdict: Verdict | None = None

    @property
    def is_in_row(self) -> bool:
        """Whether the row has it already: then the key goes nowhere, for nobody knows where it may go."""
        return any(each.source not in (Source.CATALOG, Source.OVERLAY) for each in self.moves)

    @property
    def shown(self) -> tuple[Move, ...]:
        """The changes as people see them and decide about them: without a password that an address may hold."""
        return tuple(Move(each.name, _shown(each.name, each.old), _shown(each.name, each.new)) for each in self.moves)

    @property
    def reason(self) -> str:
        """Why it waits."""
        moves = ", ".join(f"{each.what} {each.old or 'none'} → {each.new or 'none'}" for each in self.shown)
        if self.is_in_row:
            return f"its row was changed by no command and no catalog: {moves}; its key is not sent there"
        return f"its key would be sent in another way: {moves}; it is still sent as before"


def _shown(name: str, value: FactValue) -> str | None:
    """A setting as people may see it: an address without its password, headers by name and variable."""
    if name == "headers" and isinstance(value, tuple):
        return ", ".join(each if f"={FROM_VARIABLE}" in each else each.partition("=")[0] for each in value) or None
    return masked(value) if isinstance(value, str) and "://" in value else move_value(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes for one provider, sorted by key, with everything that was seen and not changed."""

    provider: str
    changes: tuple[Change, ...] = ()
    provider_settings: tuple[FieldChange, ...] = ()
    """What the provider's own row takes from the catalogs; `notices` says it to people."""
    provider_action: Action | None = None
    """CREATE or REMOVE where the provider's own row comes or goes by a person's word; no sync does that."""
    held: tuple[Held, ...] = ()
    accepted: tuple[Held, ...] = ()
    """What a guard would have stopped, but for a person's decision on these very values."""
    waved: tuple[Held, ...] = ()
    """What a guard would have stopped, but for this very command's word."""
    declined: tuple[Held, ...] = ()
    """What a person declined: left out of the changes, and not held again."""
    due: tuple[Change, ...] = ()
    """Of rows that are not written otherwise: announced prices that come into force, whatever else is held."""
    listing_doubt: str | None = None
    """Why the provider's whole listing is not believed, though it may have brought no change."""
    key_doubt: str | None = None
    """Why the provider's key is not sent where its row or the catalogs have it by now: a `KeyDoubt`'s reason."""
    protected: tuple[Protected, ...] = ()
    unchanged: int = 0
    existing: int = 0
    """Rows of this provider that the database held."""
    alive: int = 0
    """Those of them that were not retired: only they can end."""
    absences: Mapping[ModelKey, int] = field(default_factory=dict)
    """Rows whose count of whole listings without them moves, and to what."""
    seen: Mapping[ModelKey, datetime] = field(default_factory=dict)
    """When a source last confirmed a stored row, where that is newer than what the row says."""
    listed: frozenset[ModelKey] = frozenset()
    """Those of the seen that the provider's API showed."""
    needs_review: tuple[ModelKey, ...] = ()
    """Created, but switched off until a person looks: without a complete price nobody can bill it."""
    not_created: tuple[ModelKey, ...] = ()
    """New models that the policy `create_new = catalog` leaves out."""
    removed_by_hand: tuple[ModelKey, ...] = ()
    """Rows that a person deleted; a sync does not bring them back."""
    unowned: tuple[ModelKey, ...] = ()
    """Rows that were there before modelctl and are left alone."""
    filtered: tuple[Skipped, ...] = ()
    """Models that the include and exclude patterns leave out."""
    skipped: tuple[Skipped, ...] = ()
    """Items of the listing that are no models for this table."""
    notices: tuple[str, ...] = ()

    def count(self, action: Action) -> int:
        """How many rows the plan treats so."""
        return sum(change.action is action for change in self.changes)

    @property
    def proposed(self) -> tuple[Change, ...]:
        """The changes with those that a guard stopped, by key."""
        changes = {each.key: each for each in (*self.changes, *(held.change for held in self.held))}
        return tuple(changes[key] for key in sorted(changes))

    @property
    def is_held(self) -> bool:
        """Whether a guard stopped something: changes, the listing itself, or where the key goes."""
        return bool(self.held) or self.listing_doubt is not None or self.key_doubt is not None

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change no row, no price and no count of absences."""
        return not (self.changes or self.absences or self.provider_settings or self.provider_action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What one guard stopped of one row (or of a provider's whole listing), and the decision on it, if any."""

    key: ModelKey
    """With an empty `model_id` for the provider's listing."""
    guard: str
    moves: tuple[Move, ...]
    reason: str
    run: str
    """The run that first held it."""
    held_at: datetime
    verdict: Verdict | None = None
    note: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def name(self) -> str:
        """What `review accept` and `review decline` call it."""
        return str(self.key) if self.key.model_id else self.key.provider


def model_after(change: Change, *, now: datetime) -> StoredModel:
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


def move_value(value: FactValue) -> str | None:
    """A fact as a move has it: lists as `a, b`, amounts without padding, `yes` and `no`."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(encode(value))


def price_name(key: PriceKey) -> str:
    """The column that shows the price, or the kind with what makes it a price of its own."""
    shown = next((name for name, kind in PRICE_FIELDS.items() if key == PriceKey(kind)), None)
    if shown is not None:
        return shown
    context = f"above {key.context_above:,} tokens" if key.context_above else ""
    tier = key.service_tier if key.service_tier != STANDARD else ""
    return " ".join(part for part in (tier, key.kind, "price per", key.unit, context, key.hours_utc) if part)


def price_move(before: PricePoint | None, point: PricePoint) -> Move:
    """From the amount that is in force, if any, to the one that would follow it, each with its currency."""
    return Move(price_name(point.key), money_text(before) if before is not None else None, money_text(point))


def money_text(point: PricePoint) -> str:
    """An amount with its currency: `2.5 USD`."""
    return f"{decimal_text(point.amount)} {point.currency}"


def holds_after(
    known: Sequence[Hold], stopped: Mapping[tuple[ModelKey, str], Hold], models: ModelsByKey
) -> tuple[Hold, ...]:
    """The holds to remember after a run that stopped `stopped`: decided ones stay while their values stand.

    `stopped` has what the guards stopped or would have, but for a decision. `models`: the rows before the run.
    """
    found = dict(stopped)
    for hold in known:
        now = stopped.get((hold.key, hold.guard))
        if now is not None and set(now.moves) <= set(hold.moves):
            found[hold.key, hold.guard] = replace(hold, reason=now.reason)
        elif now is None and hold.verdict is not None and _still_stands(hold, models.get(hold.key)):
            found[hold.key, hold.guard] = hold
    return tuple(found[each] for each in sorted(found))


def listing_hold(provider: str, fetched: int | None, last_good: int | None, reason: str, author: Author) -> Hold:
    """The hold on a provider's whole listing: its size against that of the last one that was believed."""
    return Hold(
        key=ModelKey(provider, ""),
        guard="short-listing",
        moves=(Move("listing", str(last_good), str(fetched)),),
        reason=reason,
        run=author.run,
        held_at=author.now,
    )


def key_hold(provider: str, doubt: KeyDoubt, author: Author) -> Hold:
    """The hold on a change of where a provider's key goes."""
    return Hold(
        key=ModelKey(provider, ""),
        guard=GuardName.KEY_TARGET.value,
        moves=doubt.shown,
        reason=doubt.reason,
        run=author.run,
        held_at=author.now,
    )


def with_verdict(hold: Hold, verdict: Verdict, note: str | None, author: Author) -> Hold:
    """The hold with a person's verdict on it."""
    return replace(hold, verdict=verdict, note=note, decided_by=author.actor, decided_at=author.now)


def _still_stands(hold: Hold, model: StoredModel | None) -> bool:
    """Whether the row still holds the old values, so that the decision may be needed again."""
    if model is None:
        return False
    present = dict(_present_values(model, hold.held_at))
    return all(present.get(move.what) == move.old for move in hold.moves)


def _present_values(model: StoredModel, at: datetime) -> Iterator[tuple[str, str | None]]:
    for name in FACT_FIELDS:
        if name not in PRICE_FIELDS:
            yield name, move_value(getattr(model.facts, name))
    latest = max([at, *(point.effective_from for point in model.prices)])
    for key, point in current(model.prices, latest).items():
        yield price_name(key), money_text(point)


def action_of(model: StoredModel, fields: Sequence[FieldChange]) -> Action:
    """What changing these fields does to the row: its status tells."""
    new = next((each.new for each in fields if each.name == "status"), None)
    old = model.facts.status
    if new is None:
        return Action.UPDATE
    if new == Status.RETIRED:
        return Action.RETIRE
    if new == Status.DEPRECATED:
        return Action.REACTIVATE if old == Status.RETIRED else Action.DEPRECATE
    return Action.REACTIVATE if old in ENDED else Action.UPDATE
