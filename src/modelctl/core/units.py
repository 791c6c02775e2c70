"""The only copies of the conversions between what vendors send and what we keep."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

TOKENS_PER_MTOK = 1_000_000


def per_mtok(per_token: Decimal | str | int) -> Decimal:
    """Price per million tokens from a price per token; exact."""
    return Decimal(per_token) * TOKENS_PER_MTOK


def day_from_epoch(seconds: float) -> date:
    """The UTC day of a Unix time in seconds. ValueError where no calendar has that day."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds} is no Unix time in seconds") from error


def start_of_day(day: date) -> datetime:
    """The first instant of a day, in UTC: when a price that is announced for that day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def to_seconds(moment: datetime) -> datetime:
    """The instant in UTC with whole seconds, which is all that every database keeps (MySQL cuts the rest)."""
    return moment.astimezone(UTC).replace(microsecond=0)
