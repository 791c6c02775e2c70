"""What a plan is: the changes that one sync of one provider would make, and what it leaves alone and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from modelctl.core.holds import Move
from modelctl.core.model import FactValue, ModelKey, Skipped
from modelctl.core.price import PricePoint
from modelctl.core.stored import RemovedModel, RowState, StoredModel


class Action(StrEnum):
    """What a change does to a row."""

    CREATE = "create"
    UPDATE = "update"
    DEPRECATE = "deprecate"
    RETIRE = "retire"
    REACTIVATE = "reactivate"
    REMOVE = "remove"  # only by a person; the ledger, the state and the audit stay
    ADOPT = "adopt"  # by a person: a row that was there before modelctl is its own from now on


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
    """What is remembered of the row afterwards, where that is not what follows from `fields`: see `outcome.after`."""
    existing: StoredModel | None = None
    """The row that the plan rests on; None for a creation."""
    removed: RemovedModel | None = None
    """For a creation: what is left of the row of that name that somebody deleted."""

    def new_value(self, name: str) -> FactValue:
        """The value that the change gives a field; None where it leaves the field alone."""
        return next((each.new for each in self.fields if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A field that a person owns: what is kept, and what the sources would have written."""

    key: ModelKey
    name: str
    kept: FactValue
    offered: FactValue
    source: str


class GuardName(StrEnum):
    """The guards, by the names with which they are reported."""

    MASS_RETIREMENT = "mass-retirement"
    MASS_UPDATE = "mass-update"
    SHORT_LISTING = "short-listing"
    PRICE_RISE = "price-rise"
    PRICE_FALL = "price-fall"
    PRICE_ZERO = "price-zero"
    LIMIT_DROP = "limit-drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A change that a guard stopped, and why."""

    change: Change
    guard: GuardName
    reason: str
    moves: tuple[Move, ...] = ()
    """The values that it doubts: what a person's decision is about."""


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
    declined: tuple[Held, ...] = ()
    """What a person declined: left out of the changes, and not held again."""
    listing_doubt: str | None = None
    """Why the provider's whole listing is not believed, though it may have brought no change."""
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
    """New models that the policy `new_models = skip` leaves out."""
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
        """Whether a guard stopped something: changes, or the listing itself."""
        return bool(self.held) or self.listing_doubt is not None

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change no row, no price and no count of absences."""
        return not (self.changes or self.absences or self.provider_settings or self.provider_action)
