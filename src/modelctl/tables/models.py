"""The models, with a column for each of `core.facts.Facts`, and what modelctl remembers of their rows."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import StringConstraints
from sqlalchemy import BigInteger, Boolean, Date, ForeignKeyConstraint, String, Text, UniqueConstraint
from sqlmodel import Field

from modelctl.core.facts import (
    AMOUNT_DECIMALS,
    AMOUNT_DIGITS,
    FACT_HINTS,
    FACT_TYPES,
    FACTS,
    MODEL_ID_MAX_CHARS,
    PROVIDER_MAX_CHARS,
    Fact,
    Facts,
)
from modelctl.tables.base import NOW, ROW_ID, TRUE, ZERO, Base, ExactText, Instant, Price, Texts, checks, now, one_of


def _field(kind: type, fact: Fact) -> Any:
    """A fact's column, and what its values may be."""
    options: dict[str, Any] = {"sa_type": {bool: Boolean, date: Date, int: BigInteger}.get(kind)}
    if kind is str:
        column_type: Any = ExactText if fact.is_id else String
        options = {"sa_type": column_type(fact.max_chars), "max_length": fact.max_chars}
    elif kind is Decimal:
        options = {"sa_type": Price(), "max_digits": AMOUNT_DIGITS, "decimal_places": AMOUNT_DECIMALS}
    elif kind is tuple:
        options = {"sa_type": Texts()}
    if fact.minimum is not None:
        options |= {"ge": fact.minimum, "le": fact.maximum}
    if fact.description:
        options["sa_column_kwargs"] = {"comment": fact.description}
    return Field(**options)


def _values(kind: type, hint: Any, fact: Fact) -> Any:
    """The fact's type; where only some words or one form can be, these."""
    if fact.pattern:
        return Annotated[str, StringConstraints(pattern=f"^({fact.pattern})$")] | None
    if not fact.words:
        return hint
    one_of: Any = Literal  # of values that no type checker can see
    many: Any = tuple
    words = one_of[tuple(map(str, fact.words))]
    return (many[words, ...] if kind is tuple else words) | None


def _conditions() -> dict[str, str]:
    """By column, what the database takes: bounds and words; the form of a text is for `model_validate` alone."""
    found = {"model_id": "model_id <> ''", "price_currency": "price_currency LIKE '___'"}
    for name, fact in FACTS.items():
        if fact.minimum is not None:
            found[name] = f"{name} BETWEEN {fact.minimum} AND {fact.maximum}"
        elif fact.words and FACT_TYPES[name] is str:
            found[name] = one_of(name, fact.words)
    return found


if TYPE_CHECKING:
    _Facts = Facts
else:
    _columns = {
        name: Annotated[_values(FACT_TYPES[name], FACT_HINTS[name], fact), _field(FACT_TYPES[name], fact)]
        for name, fact in FACTS.items()
    }
    _Facts = type("_Facts", (), {"__annotations__": _columns, **dict.fromkeys(FACTS)})


class _KeyColumns(Base):
    """The columns that come first."""

    id: int | None = Field(default=None, sa_type=ROW_ID, primary_key=True)
    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS)
    model_id: str = Field(sa_type=ExactText(MODEL_ID_MAX_CHARS), max_length=MODEL_ID_MAX_CHARS)


class Model(_Facts, _KeyColumns, table=True):
    """One model as one provider serves it. NULL means unknown: never "no", never free."""

    __tablename__ = "ai_models"
    __table_args__ = (
        UniqueConstraint("provider", "model_id", name="uq_ai_models_provider_model_id"),
        ForeignKeyConstraint(["provider"], ["ai_providers.name"]),
        *checks("ai_models", **_conditions()),
    )

    is_enabled: bool = Field(
        default=True,  # who inserts a row by hand wants the model; what a sync creates without a price says false
        sa_column_kwargs={
            "server_default": TRUE,
            "comment": "the application's switch; set on creation, then only by people",
        },
    )
    last_seen_at: datetime | None = Field(
        default=None, sa_type=Instant(), sa_column_kwargs={"comment": "in a listing of the provider, day by day"}
    )
    last_verified_at: datetime | None = Field(
        default=None, sa_type=Instant(), sa_column_kwargs={"comment": "confirmed by any source, day by day"}
    )
    created_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})
    updated_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})


class ModelState(Base, table=True):
    """What modelctl last wrote into each row: how a person's edit is told from its own."""

    __tablename__ = "ai_model_state"
    __table_args__ = checks("ai_model_state", absences="absences >= 0")

    provider: str = Field(sa_type=ExactText(PROVIDER_MAX_CHARS), max_length=PROVIDER_MAX_CHARS, primary_key=True)
    model_id: str = Field(sa_type=ExactText(MODEL_ID_MAX_CHARS), max_length=MODEL_ID_MAX_CHARS, primary_key=True)
    written: str = Field(sa_type=Text)
    pins: Annotated[
        tuple[str, ...] | None,
        Field(sa_type=Texts(), sa_column_kwargs={"comment": "fields that a person has claimed"}),
    ] = None
    absences: int = Field(
        default=0, sa_column_kwargs={"server_default": ZERO, "comment": "whole listings in a row without this model"}
    )
    updated_at: datetime = Field(default_factory=now, sa_type=Instant(), sa_column_kwargs={"server_default": NOW})
