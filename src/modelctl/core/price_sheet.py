"""The prices of one model as of an instant: in force, to come, past. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from modelctl.core.price import STANDARD, PriceKey, PricePoint, current
from modelctl.core.price_changes import Period, PriceChange, changes, periods, rank
from modelctl.core.price_hours import is_within


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSheet:
    """All prices of one model, seen from one instant."""

    at: datetime
    in_force: tuple[PricePoint, ...]
    """Also those that hold at other hours of that day."""
    upcoming: tuple[PriceChange, ...]
    past: tuple[Period, ...]
    """Ended, followed by another, or corrected before they began."""

    def applies(self, point: PricePoint) -> bool:
        """Whether a request at this very instant would pay it, given the right prompt and service tier."""
        if point.hours_utc:
            return is_within(point.hours_utc, self.at)
        same = point.key._replace(hours_utc="")
        rivals = (each for each in self.in_force if each.hours_utc and each.key._replace(hours_utc="") == same)
        return not any(is_within(each.hours_utc, self.at) for each in rivals)

    def limits(self, key: PriceKey) -> tuple[int, ...]:
        """Prompt sizes at which the prices of this unit and tier change; those of the standard tier count for all."""
        tiers = (STANDARD, key.service_tier)
        found = {p.context_above for p in self.in_force if p.unit == key.unit and p.service_tier in tiers}
        return tuple(sorted(found - {0}))


def price_sheet(points: Iterable[PricePoint], at: datetime) -> PriceSheet:
    """The sheet of a ledger."""
    ledger = tuple(points)
    in_force = sorted(current(ledger, at).values(), key=lambda point: rank(point.key))
    return PriceSheet(
        at=at,
        in_force=tuple(in_force),
        upcoming=tuple(change for change in changes(ledger) if change.at > at),
        past=tuple(p for p in periods(ledger) if p.is_corrected or (p.until is not None and p.until <= at)),
    )
