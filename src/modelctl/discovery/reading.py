"""How single values of a listing are read. What is missing or null is unknown; what has the wrong type is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from modelctl.core.units import day_from_epoch
from modelctl.core.validate import shorten
from modelctl.discovery.source import UnusableListing

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
    value = item.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not _is_whole(value):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a number of tokens")
    return int(value) if value > 0 else None


def _is_whole(number: float | Decimal) -> bool:
    return isfinite(number) and number == int(number)


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


def texts(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, each once, in order; empty when missing."""
    value = item.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UnusableListing(f"{key!r} is {shorten(repr(value))}, not a list of texts")
    return tuple(dict.fromkeys(value))
