"""What a person can turn in how a sync decides. Stands apart so that settings are read without all that decides."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class NewModels(StrEnum):
    """What happens to a model that only the provider's API knows."""

    REVIEW = "review"  # created; switched off without a complete price
    ENABLE = "enable"
    DISABLE = "disable"
    SKIP = "skip"  # not created


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """Where plausible ends. Percentages are of the provider's rows."""

    max_retired_percent: int = 30
    max_updated_percent: int = 50
    min_rows: int = 10
    """Below so many rows the two percentages say nothing."""
    max_price_rise: Decimal = Decimal(2)
    """A price may rise to so many times the old one."""
    max_price_fall: Decimal = Decimal(10)
    """A price may fall to the old one divided by this."""
    min_listing_percent: int = 50
    """A listing must have so much of the last good one."""
    min_limit_percent: int = 50
    """A token limit must stay above so much of the old one."""
