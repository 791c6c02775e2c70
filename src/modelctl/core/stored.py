"""What the database holds of a provider's models, and what is remembered of each row: its values, and who set them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from modelctl.core.facts import (
    FACT_FIELDS,
    PRICE_FIELDS,
    SET_ON_CREATION,
    FactValue,
    ModelFacts,
    ModelKey,
    Source,
    Status,
)
from modelctl.core.prices.price import PricePoint


class Written(NamedTuple):
    """The last value that modelctl wrote into a field, and who had stated it."""

    value: FactValue
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowState:
    """What tells a person's edit from ours, and one absence from two."""

    written: Mapping[str, Written] = field(default_factory=dict)
    """Field -> what we last wrote there. A field whose value differs from it was set by a person."""
    pins: frozenset[str] = frozenset()
    """Fields that a person has claimed whatever their value."""
    absences: int = 0
    """Whole listings in a row that did not show a model which an earlier one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """One row of the model table with its ledger and its state."""

    key: ModelKey
    facts: ModelFacts
    is_enabled: bool
    prices: tuple[PricePoint, ...] = ()
    state: RowState | None = None
    """None: the row was there before modelctl, which therefore owns nothing of it."""
    row_id: int | None = None
    last_seen_at: datetime | None = None
    last_verified_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def is_ours(self, name: str) -> bool:
        """Whether a field holds what modelctl last wrote there, or nothing yet, and nobody has pinned it."""
        if self.state is None or name in self.state.pins:
            return False
        value, written = getattr(self.facts, name), self.state.written.get(name)
        return bool(value is None if written is None else written.value == value)

    def owner_of(self, name: str) -> str:
        """Who stated the present value of a field: a source, or `person`; empty when it is unknown."""
        value = getattr(self.facts, name)
        written = self.state.written.get(name) if self.state else None
        if written is not None and written.value == value:
            return written.source
        return "person" if value is not None or written is not None else ""


ModelsByKey: TypeAlias = Mapping[ModelKey, StoredModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedModel:
    """What is left of a row that modelctl once wrote and somebody deleted."""

    state: RowState
    prices: tuple[PricePoint, ...] = ()
    """The ledger outlives the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProvider:
    """All that the database holds of one provider's models."""

    models: ModelsByKey = field(default_factory=dict)
    removed_by_hand: Mapping[ModelKey, RemovedModel] = field(default_factory=dict)
    """Models that modelctl once wrote and somebody deleted: a decision, not a gap to fill."""


def has_ended(model: StoredModel, today: date) -> bool:
    """Whether a model answers no more: it is retired, or its last day is past and no listing showed it afterwards."""
    last_day = model.facts.retires_on
    if model.facts.status == Status.RETIRED:
        return True
    return last_day is not None and last_day < today and listed_after_end(model) is None


def listed_after_end(model: StoredModel) -> date | None:
    """The day on which the API last showed a model, where that is after its last day: a listing outranks a date."""
    last_day, seen_at = model.facts.retires_on, model.last_seen_at
    if last_day is None or seen_at is None or seen_at.date() <= last_day:
        return None
    return seen_at.date()


OWNABLE = tuple(name for name in FACT_FIELDS if name not in SET_ON_CREATION)
"""The fields that a sync writes, and that a person can therefore claim."""


def protected_fields(model: StoredModel) -> tuple[str, ...]:
    """The fields that a sync leaves alone, because a person set or pinned them. A row of nobody has none."""
    if model.state is None:
        return ()
    return tuple(name for name in OWNABLE if not model.is_ours(name) or _shows_a_persons_price(model, name))


def _shows_a_persons_price(model: StoredModel, name: str) -> bool:
    return name in PRICE_FIELDS and model.state is not None and model.owner_of(name) == Source.PERSON
