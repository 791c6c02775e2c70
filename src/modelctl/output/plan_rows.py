"""What a plan's file says of single rows: what changes, what is held, what a person's value keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from modelctl.core.facts import FACT_TYPES, UNKNOWN, FactValue, ModelKey, decode_exactly, encode
from modelctl.core.planning.plan import PLANNED, Action, Change, FieldChange, GuardName, Held, Move, Protected
from modelctl.core.planning.report import model_digest
from modelctl.core.prices.price import PricePoint
from modelctl.core.stored import RowState, Written
from modelctl.core.validation import check_key, check_price, fact_problems
from modelctl.errors import InvalidFact

Stamp: TypeAlias = Annotated[
    AwareDatetime,
    AfterValidator(lambda at: at.astimezone(UTC)),
    PlainSerializer(datetime.isoformat, return_type=str),
]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Encoded: TypeAlias = Any
"""A fact as the core encodes it: amounts as exact text, days as ISO text, lists as lists; null is unknown."""
Texts: TypeAlias = tuple[str, ...]


def _fact_name(name: str) -> str:
    if name not in FACT_TYPES:
        raise ValueError("names no fact")
    return name


FactName: TypeAlias = Annotated[str, AfterValidator(_fact_name)]


def _fact(name: str, raw: Encoded) -> FactValue:
    """The fact, if its JSON value is one that `encode` makes."""
    try:
        return None if raw is None else decode_exactly(name, raw)
    except ValueError:
        raise ValueError(f"is not a possible {name}") from None


def encoded_fact(value: FactValue) -> Encoded:
    raw = encode(value)
    return str(raw) if isinstance(raw, str) else raw  # plain text of what is an enumeration's


class Part(BaseModel):
    """Has exactly these keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, from_attributes=True, defer_build=True)


class FieldPart(Part):
    """A field of a model that changes."""

    name: FactName
    old: Encoded
    new: Encoded
    source: str

    @model_validator(mode="after")
    def _are_facts(self) -> FieldPart:
        self.change()
        return self

    def change(self) -> FieldChange:
        """The core's value."""
        return FieldChange(self.name, _fact(self.name, self.old), _fact(self.name, self.new), self.source)


class PricePart(Part):
    """A dated price that is appended."""

    kind: str
    amount: str
    unit: str
    context_above: NonNegativeInt
    service_tier: str
    hours_utc: str
    currency: str
    effective_from: Stamp
    effective_to: Stamp | None
    basis: str
    source: str
    revision: NonNegativeInt

    @model_validator(mode="after")
    def _can_be(self) -> PricePart:
        try:
            check_price(self.point(), "the point")
        except InvalidFact as error:
            raise ValueError(f"cannot be: {error.message}") from None
        return self

    def point(self) -> PricePoint:
        """The core's value."""
        amount: Any = _fact("input_price_per_mtok", self.amount)
        return PricePoint(**{**dict(self), "amount": amount})


class WrittenPart(Part):
    """The last value that modelctl wrote into a field, and who had stated it."""

    value: Encoded
    source: str


class StatePart(Part):
    """What is remembered of a row."""

    written: dict[FactName, WrittenPart]
    pins: tuple[FactName, ...]
    absences: NonNegativeInt

    @model_validator(mode="after")
    def _are_facts(self) -> StatePart:
        self.state()
        return self

    def state(self) -> RowState:
        """The core's value."""
        written = {name: Written(_fact(name, each.value), each.source) for name, each in self.written.items()}
        return RowState(written=written, pins=frozenset(self.pins), absences=self.absences)


def _model_id(model_id: str) -> str:
    try:
        check_key(ModelKey("any", model_id))
    except InvalidFact as error:
        raise ValueError(f"cannot be: {error.message}") from None
    return model_id


ModelId: TypeAlias = Annotated[str, AfterValidator(_model_id)]


class ChangePart(Part):
    """All that happens to one row, and the digest of the row that it rests on."""

    action: Literal[*PLANNED]  # type: ignore[valid-type]  # what a sync can do stands in the core
    model_id: ModelId
    rests_on: Digest | None
    is_enabled: bool | None
    fields: tuple[FieldPart, ...]
    prices: tuple[PricePart, ...]
    state: StatePart | None

    @model_validator(mode="after")
    def _can_be(self) -> ChangePart:
        if self.rests_on is None and self.action is not Action.CREATE:
            raise ValueError("names no row that it changes, which only a creation may do")
        facts = UNKNOWN.replaced({each.name: each.change().new for each in self.fields})
        for problem in fact_problems(facts):
            raise ValueError(f"cannot be: {problem}")
        return self

    @classmethod
    def of(cls, change: Change, rests_on: str | None) -> ChangePart:
        """Of the core's value."""
        state = change.state
        return cls.model_construct(
            action=change.action,
            model_id=change.key.model_id,
            rests_on=rests_on,
            is_enabled=change.is_enabled,
            fields=tuple(
                FieldPart.model_construct(
                    name=each.name, old=encoded_fact(each.old), new=encoded_fact(each.new), source=each.source
                )
                for each in change.fields
            ),
            prices=tuple(
                PricePart.model_construct(**{**each._asdict(), **_texts(each), "amount": encoded_fact(each.amount)})
                for each in change.prices
            ),
            state=None
            if state is None
            else StatePart.model_construct(
                written={
                    name: WrittenPart.model_construct(value=encoded_fact(value), source=source)
                    for name, (value, source) in state.written.items()
                },
                pins=tuple(sorted(state.pins)),
                absences=state.absences,
            ),
        )

    def change(self, provider: str) -> Change:
        """The core's value, without the row that it rests on."""
        return Change(
            action=self.action,
            key=ModelKey(provider, self.model_id),
            fields=tuple(each.change() for each in self.fields),
            prices=tuple(each.point() for each in self.prices),
            is_enabled=self.is_enabled,
            state=None if self.state is None else self.state.state(),
        )


def _texts(point: PricePoint) -> dict[str, str]:
    return {name: str(getattr(point, name)) for name in ("kind", "unit", "service_tier", "basis")}


class MovePart(Part):
    """One value that a guard doubts."""

    what: str
    old: str | None
    new: str | None


class HeldPart(Part):
    """A change that a guard stopped, or would have."""

    guard: GuardName
    reason: str
    moves: tuple[MovePart, ...]
    change: ChangePart

    @classmethod
    def of(cls, held: Held) -> HeldPart:
        """Of the core's value."""
        digest = model_digest(held.change.existing or held.change.removed)
        moves = tuple(MovePart.model_construct(**each._asdict()) for each in held.moves)
        return cls.model_construct(
            guard=held.guard, reason=held.reason, moves=moves, change=ChangePart.of(held.change, digest)
        )

    def held(self, provider: str) -> Held:
        """The core's value."""
        moves = tuple(Move(each.what, each.old, each.new) for each in self.moves)
        return Held(change=self.change.change(provider), guard=self.guard, reason=self.reason, moves=moves)


class ProtectedPart(Part):
    """An override that a source contradicts."""

    model_id: ModelId
    name: FactName
    kept: Encoded
    offered: Encoded
    source: str

    @model_validator(mode="after")
    def _are_facts(self) -> ProtectedPart:
        self.protected("any")
        return self

    def protected(self, provider: str) -> Protected:
        """The core's value."""
        return Protected(
            key=ModelKey(provider, self.model_id),
            name=self.name,
            kept=_fact(self.name, self.kept),
            offered=_fact(self.name, self.offered),
            source=self.source,
        )
