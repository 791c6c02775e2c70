"""What no model, price or provider can be, whatever source says it. The one place that refuses.

Limits are those that hold on every database: keys 64 + 191 characters (MySQL's 3,072-byte keys in utf8mb4),
amounts of 6 + 9 digits (exact in NUMERIC(15,9), SQLite's floats included).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from modelctl.core.model import (
    MODALITIES,
    AfterRetirement,
    ModelFacts,
    ModelKey,
    ModelRecord,
    ModelType,
    Status,
    Tier,
)
from modelctl.core.price import Basis, PriceKind, PricePoint, PriceUnit, ServiceTier
from modelctl.errors import InvalidFact

PROVIDER_MAX_CHARS = 64
MODEL_ID_MAX_CHARS = 191
TEXT_MAX_CHARS = {"display_name": 255, "family": 64, "knowledge_cutoff": 10, "replacement": 191, "price_currency": 3}
LIST_ITEM_MAX_CHARS = 191
MAX_TOKENS = 10**12
MAX_AMOUNT = Decimal("999999.999999999")
AMOUNT_DECIMALS = 9
HOURS_MAX_CHARS = 64
SOURCE_MAX_CHARS = 2048

_REMEMBERED = 1024
"""Texts that were checked last: the models of one provider share their sources, families, modalities and tags."""

_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CUTOFF = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_CHOICES: dict[str, frozenset[str]] = {
    "type": frozenset(ModelType),
    "status": frozenset(Status),
    "tier": frozenset(Tier),
    "after_retirement": frozenset(AfterRetirement),
}

_PRICE_CHOICES: dict[str, frozenset[str]] = {
    "kind": frozenset(PriceKind),
    "unit": frozenset(PriceUnit),
    "service_tier": frozenset(ServiceTier),
    "basis": frozenset(Basis),
}


def check_key(key: ModelKey) -> None:
    """InvalidFact unless provider and id can be a key on every database."""
    check_provider_name(key.provider)
    _check_text(f"model id {shorten(key.model_id)!r} of {key.provider}", key.model_id, MODEL_ID_MAX_CHARS)


def check_provider_name(name: str) -> None:
    """InvalidFact unless the name is a slug of at most 64 characters."""
    if len(name) > PROVIDER_MAX_CHARS or not _PROVIDER.fullmatch(name):
        raise InvalidFact(
            f"provider name {shorten(name)!r} is not a slug",
            f"use 1 to {PROVIDER_MAX_CHARS} lower-case letters, digits, '.', '_' or '-'",
        )


def check_record(record: ModelRecord) -> None:
    """InvalidFact naming model and field unless every fact and price is possible."""
    check_key(record.key)
    for problem in fact_problems(record.facts):
        raise InvalidFact(f"{record.key}: {problem}")
    for point in record.prices:
        check_price(point, f"{record.key}")


def fact_problems(facts: ModelFacts) -> Iterator[str]:
    """One sentence for each fact that cannot be, starting with its name."""
    for name, value in facts.known():
        if isinstance(value, bool | date):
            continue
        if isinstance(value, str):
            yield from _text_problems(name, value)
        elif isinstance(value, Decimal):
            yield from (f"{name}: {problem}" for problem in amount_problems(value))
        elif isinstance(value, int):
            if not 0 < value <= MAX_TOKENS:
                yield f"{name}: {value} is not between 1 and {MAX_TOKENS}"
        elif isinstance(value, tuple):
            yield from _list_problems(name, value)


def check_price(point: PricePoint, owner: str) -> None:
    """InvalidFact naming `owner` and the price unless the point is possible."""
    for problem in _price_problems(point):
        raise InvalidFact(f"{owner}: price {shorten(point.kind)}: {problem}")


def _price_problems(point: PricePoint) -> Iterator[str]:
    yield from _choice_problems(point.kind, point.unit, point.service_tier, point.basis)
    yield from amount_problems(point.amount)
    if not _CURRENCY.fullmatch(point.currency):
        yield f"currency {shorten(point.currency)!r} is not three capital letters"
    if not 0 <= point.context_above <= MAX_TOKENS:
        yield f"context_above {point.context_above} is not between 0 and {MAX_TOKENS}"
    if point.hours_utc:
        yield from _hours_problems(point.hours_utc)
    if point.source:
        yield from _source_problems(point.source)
    if point.revision < 0:
        yield f"revision {point.revision} is negative"
    yield from _span_problems(point.effective_from, point.effective_to)


@lru_cache(maxsize=_REMEMBERED)
def _choice_problems(*choices: str) -> tuple[str, ...]:
    """`choices`: one for each of `_PRICE_CHOICES`, in their order."""
    return tuple(
        f"{name} {shorten(value)!r} is not one of {', '.join(sorted(allowed))}"
        for (name, allowed), value in zip(_PRICE_CHOICES.items(), choices, strict=True)
        if value not in allowed
    )


def _hours_problems(hours_utc: str) -> Iterator[str]:
    if not all(_HOURS.fullmatch(span) for span in hours_utc.split(",")):
        yield f"hours_utc {shorten(hours_utc)!r} is not like 01:00-04:00,06:00-10:00"
    if len(hours_utc) > HOURS_MAX_CHARS:
        yield f"hours_utc has {len(hours_utc)} characters, more than {HOURS_MAX_CHARS}"


@lru_cache(maxsize=_REMEMBERED)
def _source_problems(source: str) -> tuple[str, ...]:
    return tuple(f"source {problem}" for problem in plain_text_problems(source, SOURCE_MAX_CHARS))


def _span_problems(begins: datetime, ends: datetime | None) -> Iterator[str]:
    for verb, moment in (("begins", begins), ("ends", ends)):
        if moment is not None and moment.tzinfo is None:
            yield f"{verb} at {moment}, which names no time zone"
            return
        if moment is not None and moment.microsecond:
            yield f"{verb} at {moment}, but only whole seconds are kept everywhere"
    if ends is not None and ends <= begins:
        yield f"ends ({ends}) before it begins ({begins})"


def shorten(text: str, limit: int = 60) -> str:
    """Text that fits into an error line, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _check_text(label: str, text: str, max_chars: int) -> None:
    for problem in plain_text_problems(text, max_chars):
        raise InvalidFact(f"{label}: {problem}")


def plain_text_problems(text: str, max_chars: int) -> Iterator[str]:
    """Why a text cannot be in one line of a column."""
    if not text:
        yield "is empty"
    elif len(text) > max_chars:
        yield f"has {len(text)} characters, more than {max_chars}"
    elif text != text.strip():
        yield "begins or ends with a blank"
    elif not text.isprintable():
        yield "holds control or unprintable characters"


@lru_cache(maxsize=_REMEMBERED)
def _text_problems(name: str, text: str) -> tuple[str, ...]:
    return tuple(_problems_of_text(name, text))


def _problems_of_text(name: str, text: str) -> Iterator[str]:
    if choices := _CHOICES.get(name):
        if text not in choices:
            yield f"{name}: {shorten(text)!r} is not one of {', '.join(sorted(choices))}"
        return
    for problem in plain_text_problems(text, TEXT_MAX_CHARS[name]):
        yield f"{name}: {problem}"
    if name == "knowledge_cutoff" and not (_CUTOFF.fullmatch(text) and _is_day(f"{text}-01-01"[:10])):
        yield f"{name}: {shorten(text)!r} is not YYYY, YYYY-MM or YYYY-MM-DD"
    if name == "price_currency" and not _CURRENCY.fullmatch(text):
        yield f"{name}: {shorten(text)!r} is not three capital letters"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=_REMEMBERED)
def _list_problems(name: str, items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_problems_of_list(name, items))


def _problems_of_list(name: str, items: tuple[str, ...]) -> Iterator[str]:
    for item in items:
        for problem in plain_text_problems(item, LIST_ITEM_MAX_CHARS):
            yield f"{name}: {shorten(item)!r} {problem}"
        if name.endswith("_modalities") and item not in MODALITIES:
            yield f"{name}: {shorten(item)!r} is not one of {', '.join(MODALITIES)}"
    if len(set(items)) != len(items):
        yield f"{name}: names something twice"


def amount_problems(amount: Decimal) -> Iterator[str]:
    """Why an amount of money cannot be."""
    if not amount.is_finite():
        yield f"{amount} is no amount"
    elif amount.is_signed():
        yield f"{amount} is negative (a free price is 0, an unknown one is left out)"
    elif amount > MAX_AMOUNT or amount != round(amount, AMOUNT_DECIMALS):
        yield f"{amount} has more than 6 digits before or {AMOUNT_DECIMALS} after the point"
