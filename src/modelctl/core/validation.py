"""What the facts of one model cannot say against each other, whoever states them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple, ParamSpec

from modelctl.core.facts import (
    AMOUNT_DECIMALS,
    FACT_TYPES,
    FACTS,
    MAX_AMOUNT,
    MAX_COUNT,
    MODEL_ID_MAX_CHARS,
    PROVIDER_MAX_CHARS,
    ModelFacts,
    ModelKey,
    ModelRecord,
    ModelType,
)
from modelctl.core.prices.price import Basis, PriceKind, PricePoint, PriceUnit, ServiceTier
from modelctl.core.text import shorten
from modelctl.errors import InvalidFact

_OUTPUT_APART = frozenset({ModelType.AUDIO, ModelType.IMAGE, ModelType.VIDEO})
"""Google documents 8,192 tokens of text in and 16,384 of speech out for its TTS models (2026-11)."""


class Contradiction(NamedTuple):
    """A fact, and what speaks against it."""

    name: str
    message: str


def contradictions(facts: ModelFacts) -> Iterator[Contradiction]:
    """All of them."""
    yield from days_out_of_order(facts)
    yield from limits_above_the_window(facts)


def days_out_of_order(facts: ModelFacts) -> Iterator[Contradiction]:
    """Released, then deprecated, then retired."""
    days = (
        ("released_on", facts.released_on),
        ("deprecated_on", facts.deprecated_on),
        ("retires_on", facts.retires_on),
    )
    for (earlier, first), (later, second) in pairwise([(name, day) for name, day in days if day is not None]):
        if second < first:
            yield Contradiction(later, f"{second} is before {earlier} ({first})")


def limits_above_the_window(facts: ModelFacts) -> Iterator[Contradiction]:
    """No limit is above the context window, but for output that is counted apart: sound and pictures."""
    window = facts.context_window
    limits = [("max_input_tokens", facts.max_input_tokens), ("max_output_tokens", facts.max_output_tokens)]
    for name, limit in limits[: 1 if facts.type in _OUTPUT_APART else 2]:
        if window is not None and limit is not None and limit > window:
            yield Contradiction(name, f"{limit} is above the context_window ({window})")


HOURS_MAX_CHARS = 64
SOURCE_MAX_CHARS = 2048

_P = ParamSpec("_P")


def _remembered(problems: Callable[_P, Iterator[str]]) -> Callable[_P, tuple[str, ...]]:
    """The problems, looked for once: the models of a provider share their families, modalities, tags and sources."""

    def found(*arguments: _P.args, **named: _P.kwargs) -> tuple[str, ...]:
        return tuple(problems(*arguments, **named))

    return lru_cache(maxsize=1024)(found)  # type: ignore[return-value]  # its arguments are hashable


_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CURRENCY = re.compile(r"[A-Z]{3}")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_PRICE_CHOICES: dict[str, frozenset[str]] = {
    "kind": frozenset(PriceKind),
    "unit": frozenset(PriceUnit),
    "service_tier": frozenset(ServiceTier),
    "basis": frozenset(Basis),
}


def check_key(key: ModelKey) -> None:
    """InvalidFact unless provider and id can be a key on every database."""
    check_provider_name(key.provider)
    for problem in plain_text_problems(key.model_id, MODEL_ID_MAX_CHARS):
        raise InvalidFact(f"model id {shorten(key.model_id)!r} of {key.provider}: {problem}")


def check_provider_name(name: str) -> None:
    """InvalidFact unless the name is a slug of at most 64 characters."""
    for problem in _provider_name_problems(name):
        raise InvalidFact(
            f"provider name {shorten(name)!r} {problem}",
            f"use 1 to {PROVIDER_MAX_CHARS} lower-case letters, digits, '.', '_' or '-'",
        )


@_remembered
def _provider_name_problems(name: str) -> Iterator[str]:
    if len(name) > PROVIDER_MAX_CHARS or not _PROVIDER.fullmatch(name):
        yield "is not a slug"


def check_record(record: ModelRecord) -> None:
    """InvalidFact naming model and field unless every fact and price is possible."""
    check_key(record.key)
    for problem in fact_problems(record.facts):
        raise InvalidFact(f"{record.key}: {problem}")
    for point in record.prices:
        check_price(point, f"{record.key}")


def fact_problems(facts: ModelFacts) -> Iterator[str]:
    """One sentence for each fact that cannot be, starting with its name."""
    for (name, problems_of), value in zip(_CHECKS, _checked_values(facts), strict=True):
        if value is not None:
            yield from problems_of(name, value)


def check_price(point: PricePoint, owner: str) -> None:
    """InvalidFact naming `owner` and the price unless the point is possible."""
    for problem in _choice_problems("kind", point.kind) or amount_problems(point.amount) or _terms_problems(*point[2:]):
        raise InvalidFact(f"{owner}: price {shorten(point.kind)}: {problem}")


def _choice_problems(name: str, value: str) -> Iterable[str]:
    allowed = _PRICE_CHOICES[name]
    return () if value in allowed else (f"{name} {shorten(value)!r} is not one of {', '.join(sorted(allowed))}",)


@_remembered
def _terms_problems(
    unit: str,
    context_above: int,
    service_tier: str,
    hours_utc: str,
    currency: str,
    effective_from: datetime,
    effective_to: datetime | None,
    basis: str,
    source: str,
    revision: int,
) -> Iterator[str]:
    """What is wrong with a price besides kind and amount: many prices of a provider share the rest."""
    yield from _choice_problems("unit", unit)
    yield from _choice_problems("service_tier", service_tier)
    yield from _choice_problems("basis", basis)
    if not _CURRENCY.fullmatch(currency):
        yield f"currency {shorten(currency)!r} is not three capital letters"
    if not 0 <= context_above <= MAX_COUNT:
        yield f"context_above {context_above} is not between 0 and {MAX_COUNT}"
    if hours_utc:
        yield from _hours_problems(hours_utc)
    if source:
        yield from (f"source {problem}" for problem in plain_text_problems(source, SOURCE_MAX_CHARS))
    if revision < 0:
        yield f"revision {revision} is negative"
    yield from _span_problems(effective_from, effective_to)


def _hours_problems(hours_utc: str) -> Iterator[str]:
    if not all(_HOURS.fullmatch(span) for span in hours_utc.split(",")):
        yield f"hours_utc {shorten(hours_utc)!r} is not like 01:00-04:00,06:00-10:00"
    if len(hours_utc) > HOURS_MAX_CHARS:
        yield f"hours_utc has {len(hours_utc)} characters, more than {HOURS_MAX_CHARS}"


def _span_problems(begins: datetime, ends: datetime | None) -> Iterator[str]:
    for verb, moment in (("begins", begins), ("ends", ends)):
        if moment is not None and moment.tzinfo is None:
            yield f"{verb} at {moment}, which names no time zone"
            return
        if moment is not None and moment.microsecond:
            yield f"{verb} at {moment}, but only whole seconds are kept everywhere"
    if ends is not None and ends <= begins:
        yield f"ends ({ends}) before it begins ({begins})"


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


@_remembered
def _text_problems(name: str, text: str) -> Iterator[str]:
    fact = FACTS[name]
    if fact.words:
        if text not in fact.words:
            yield f"{name}: {shorten(text)!r} is not one of {', '.join(sorted(fact.words))}"
        return
    assert fact.max_chars is not None, name
    for problem in plain_text_problems(text, fact.max_chars):
        yield f"{name}: {problem}"
    if fact.pattern and not (
        re.fullmatch(fact.pattern, text) and (name != "knowledge_cutoff" or _is_part_of_day(text))
    ):
        yield f"{name}: {shorten(text)!r} is not {fact.form}"


def _is_part_of_day(text: str) -> bool:
    """Whether there is a day that begins so: none does with 2025-02-30."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


@_remembered
def _list_problems(name: str, items: tuple[str, ...]) -> Iterator[str]:
    fact = FACTS[name]
    assert fact.max_chars is not None, name
    for item in items:
        for problem in plain_text_problems(item, fact.max_chars):
            yield f"{name}: {shorten(item)!r} {problem}"
        if fact.words and item not in fact.words:
            yield f"{name}: {shorten(item)!r} is not one of {', '.join(fact.words)}"
    if len(set(items)) != len(items):
        yield f"{name}: names something twice"


def _count_problems(name: str, count: int) -> Iterator[str]:
    fact = FACTS[name]
    if not (fact.minimum or 0) <= count <= fact.maximum:
        yield f"{name}: {count} is not between {fact.minimum or 0} and {fact.maximum}"


def _price_problems(name: str, amount: Decimal) -> Iterator[str]:
    return (f"{name}: {problem}" for problem in amount_problems(amount))


_CHECK_OF: dict[type, Callable[[str, Any], Iterable[str]]] = {
    str: _text_problems,
    tuple: _list_problems,
    int: _count_problems,
    Decimal: _price_problems,
}
"""What looks at a fact of a type. None is needed for a day, or for yes or no."""
_CHECKS = tuple((name, _CHECK_OF[kind]) for name, kind in FACT_TYPES.items() if kind in _CHECK_OF)
_checked_values = attrgetter(*(name for name, _ in _CHECKS))


def amount_problems(amount: Decimal) -> Iterable[str]:
    """Why an amount of money cannot be."""
    if not amount.is_finite():
        return (f"{amount} is not an amount",)
    if amount.is_signed():
        return (f"{amount} is negative (a free price is 0, an unknown one is left out)",)
    if not _fits_a_column(amount):
        return (f"{amount} has more than 6 digits before or {AMOUNT_DECIMALS} after the point",)
    return ()


@lru_cache(maxsize=1024)
def _fits_a_column(amount: Decimal) -> bool:
    return amount <= MAX_AMOUNT and amount == round(amount, AMOUNT_DECIMALS)
