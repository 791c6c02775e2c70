"""Facts as JSON values and back, the same for the state table, the audit trail, plan files and `--format json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from modelctl.core.model import FACT_FIELDS, FactValue, ModelFacts

JsonValue: TypeAlias = str | bool | int | float | list[str] | None

_HINTS = get_type_hints(ModelFacts)


def _first_type(alternatives: tuple[Any, ...]) -> type:
    """`str` of `str | None`, `tuple` of `tuple[str, ...] | None`."""
    first = get_origin(alternatives[0]) or alternatives[0]
    assert isinstance(first, type)
    return first


FACT_TYPES: dict[str, type] = {name: _first_type(get_args(_HINTS[name])) for name in FACT_FIELDS}
"""Fact name -> its Python type (`tuple` for lists)."""


def encode(value: FactValue | datetime) -> JsonValue:
    """A JSON value without loss: amounts are strings (`"2.5"`), days and instants ISO 8601, lists lists."""
    convert = _ENCODERS.get(type(value))
    return value if convert is None else convert(value)  # type: ignore[return-value]  # the others are JSON values


def decode(name: str, raw: Any) -> FactValue:
    """The fact that `encode` made the JSON value from."""
    if raw is None:
        return None
    kind = FACT_TYPES[name]
    if kind is Decimal:
        return Decimal(raw)
    if kind is date:
        return date.fromisoformat(raw)
    return tuple(raw) if kind is tuple else raw


def decode_exactly(name: str, raw: Any) -> FactValue:
    """The known fact whose encoding this is. ValueError for any other JSON value, as one that a person has altered."""
    try:
        value = decode(name, raw)
        is_fact = type(value) is FACT_TYPES[name] and encode(value) == raw
    except (TypeError, ArithmeticError):
        is_fact = False
    if not is_fact or (isinstance(value, tuple) and not all(isinstance(each, str) for each in value)):
        raise ValueError(f"{name}: {raw!r} is not how it is written")
    return value


def encoded(values: Iterable[tuple[str, FactValue]]) -> dict[str, JsonValue]:
    """Names and values, each as `encode` makes it."""
    return {
        name: value if (convert := _ENCODERS.get(type(value))) is None else convert(value)  # type: ignore[misc]
        for name, value in values
    }


def exact_number(amount: Decimal) -> int | float:
    """An amount as a JSON number with exactly its digits.

    A float's shortest text has the same digits for every decimal of at most 15 significant ones, which is all that
    a price can have (see `validate`).
    """
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def decimal_text(amount: Decimal) -> str:
    """An amount without padding or exponent: `0.15`, never `0.150000000` or `1.5E-1`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_ENCODERS: dict[type, Callable[[Any], JsonValue]] = {
    Decimal: decimal_text,
    date: date.isoformat,
    datetime: datetime.isoformat,
    tuple: list,
}
"""By the very type: most values are texts and booleans, and there are millions of them."""
