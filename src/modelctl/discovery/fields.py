"""Amounts of money in listings: read exactly, refused where nobody can mean them, and stamped as observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import Any

from modelctl.core.facts import AMOUNT_DECIMALS, Source
from modelctl.core.prices.price import Basis, PriceKind, PricePoint, PriceUnit
from modelctl.core.text import day_from_epoch, shorten
from modelctl.discovery.base import UnusableListing

MOST_PER_MTOK = Decimal(10_000)
LEAST_PER_MTOK = Decimal("0.0001")
"""Nobody charges more or less than this per million tokens. Some servers put prices per million under `prompt`,
or prices per token under `input`; such an amount lands outside and stays unknown rather than a million times off."""
LEAST_APIECE, MOST_APIECE = Decimal("0.000001"), Decimal(1_000)
"""The same for one request or one image."""
MOST_UNITS = Decimal(10**15)
"""More than any price in any server's unit."""
FLOAT_NOISE = Decimal("1e-12")


def amount_of(value: object) -> Decimal | None:
    """A price as sent; None for what is no number, and for OpenRouter's -1, which means "it varies"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MOST_UNITS else None


def is_plausible_per_mtok(amount: Decimal) -> bool:
    """Whether somebody may charge this per million tokens; 0 is a stated free price."""
    return amount == 0 or LEAST_PER_MTOK <= amount <= MOST_PER_MTOK


def is_plausible_apiece(amount: Decimal) -> bool:
    """Whether somebody may charge this for one request or one image."""
    return LEAST_APIECE <= amount <= MOST_APIECE


def observed(
    kind: PriceKind,
    amount: Decimal,
    now: datetime,
    *,
    unit: PriceUnit = PriceUnit.MTOK,
    context_above: int = 0,
    hours_utc: str = "",
) -> PricePoint:
    """What the provider's API charges now."""
    return PricePoint(
        kind=kind,
        amount=_plain(amount),
        unit=unit,
        context_above=context_above,
        hours_utc=hours_utc,
        effective_from=now,
        basis=Basis.OBSERVED,
        source=Source.API,
    )


@lru_cache(maxsize=4096)
def _plain(amount: Decimal) -> Decimal:
    """Without the noise that a server's floating point left (0.30000000000000004), and without trailing zeros.

    One for all models of one price: a listing has many models, and few prices.
    """
    rounded = round(amount, AMOUNT_DECIMALS)
    plain = rounded if rounded and abs(rounded - amount) < FLOAT_NOISE else amount
    return Decimal(f"{plain.normalize():f}") if plain else Decimal(0)  # -0 is equal to 0, and is remembered as it


EPOCH = date(1970, 1, 1)
"""What APIs send for a day that they do not know (documented for Anthropic's `created_at`)."""


def required_id(item: Mapping[str, Any], key: str = "id") -> str:
    """The id exactly as sent. UnusableListing when there is none or it is no text."""
    value = item.get(key)
    if not isinstance(value, str):
        raise UnusableListing(f"an item of the listing has no {key!r}: {shorten(repr(value))}")
    return value


def text(item: Mapping[str, Any], key: str) -> str | None:
    """Text for people, on one line; None when missing or blank."""
    value = item.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not text")
    return " ".join(value.split()) or None


def limit(item: Mapping[str, Any], key: str) -> int | None:
    """A number of tokens; None when missing, or not positive, which is how servers say that they do not know."""
    tokens = whole(item, key, "a number of tokens")
    return tokens if tokens and tokens > 0 else None


def whole(item: Mapping[str, Any], key: str, what: str = "a whole number") -> int | None:
    """A whole number; None when missing."""
    value = item.get(key)
    if value is None:
        return None
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or value != int(value):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not {what}")
    return int(value)


def flag(item: Mapping[str, Any], key: str) -> bool | None:
    """A stated yes or no; None when missing."""
    value = item.get(key)
    if value is not None and not isinstance(value, bool):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not true or false")
    return value


def epoch_day(item: Mapping[str, Any], key: str) -> date | None:
    """The UTC day of a Unix time; None when missing or 0."""
    value = item.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a Unix time")
    try:
        day = day_from_epoch(float(value))
    except (ValueError, OverflowError):
        raise UnusableListing(f"{key!r} is {shorten(str(value))}, not a Unix time in seconds") from None
    return day if day > EPOCH else None


def iso_day(item: Mapping[str, Any], key: str) -> date | None:
    """The UTC day of an ISO date or instant; None when missing or 1970-01-01."""
    value = item.get(key)
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value)
        day = moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    except (TypeError, ValueError, OverflowError):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a date") from None
    return day if day > EPOCH else None


def part(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A nested object; empty when missing or null."""
    value = item.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not an object")
    return value


def parts(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of nested objects; empty when missing or null."""
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a list of objects")
    return value


def texts(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, each once, in order; empty when missing."""
    value = item.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a list of texts")
    return tuple(dict.fromkeys(value))
