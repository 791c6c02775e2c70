"""What a request costs: quantities times the prices in force at its instant, exact to the last digit. Pure.

A price that is not on record is unknown: it is listed and counted, and never billed as 0 or at another price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from types import MappingProxyType

from modelctl.core.price import STANDARD, PriceKind, PricePoint, PriceUnit, current
from modelctl.core.price_hours import is_within
from modelctl.core.usage import METERS, Meter, Usage

UNIT_DIGITS: Mapping[str, int] = MappingProxyType(
    {
        PriceUnit.MTOK: 6,  # a million tokens
        PriceUnit.MCHAR: 6,  # a million characters
        PriceUnit.THOUSAND: 3,  # a thousand calls
    }
)
"""How many zeros the size of a unit has; the units that are not here are of size one."""

EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Arithmetic that raises rather than rounds. Python's default rounds to 28 digits without a word."""

_ORDER = {name: position for position, name in enumerate(METERS)}


class Reason(StrEnum):
    """Why a quantity has no price."""

    NOT_PRICED = "not_priced"  # the model has no price for it at that instant
    NOT_IN_SERVICE_TIER = "not_in_service_tier"  # it has one in other service tiers only
    NOT_IN_CONTEXT = "not_in_context"  # it has one for prompts of other sizes only
    NOT_AT_THAT_HOUR = "not_at_that_hour"  # it has one for other hours of the day only
    SEVERAL_PRICES = "several_prices"  # more than one could be meant


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One quantity, and the price point that it is billed by."""

    item: str
    """Name of the meter."""
    quantity: Decimal
    amount: Decimal
    """Quantity times price by unit size, not rounded, in the point's currency."""
    point: PricePoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A quantity that cannot be billed."""

    item: str
    quantity: Decimal
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The cost of one request."""

    at: datetime
    service_tier: str
    prompt_tokens: int
    context_above: int
    """Of the long-context tier that the prompt is in; 0 = none."""
    lines: tuple[BillLine, ...]
    unknown: tuple[Unpriced, ...]
    not_given: tuple[PricePoint, ...] = ()
    """Prices per request, where the usage does not say how many requests it was: a fee that may be missing."""

    @property
    def is_complete(self) -> bool:
        """Whether everything that was used has a price; otherwise the totals are lower bounds."""
        return not self.unknown

    @property
    def totals(self) -> dict[str, Decimal]:
        """The sum of the lines by currency; unknown prices are not in it."""
        return sum_by_currency((line.point.currency, line.amount) for line in self.lines)


def cost(points: Iterable[PricePoint], usage: Usage, at: datetime, service_tier: str = STANDARD) -> Bill:
    """The bill of one request at `at` (aware), from a model's whole ledger."""
    return bill(current(points, at).values(), usage, at, service_tier)


def bill(in_force: Iterable[PricePoint], usage: Usage, at: datetime, service_tier: str = STANDARD) -> Bill:
    """The bill of one request from the points in force at its instant.

    - The largest `context_above` that is strictly below the prompt's size reprices the whole request: a prompt of
      exactly 272,000 tokens is not above 272,000. A long-context price of the standard tier counts as a limit for all
      service tiers; one that has no price of its own there is unknown, not the short one.
    - Only prices of the same unit share such limits: a web search costs the same however long the prompt is.
    - A price with `hours_utc` comes before one that holds all day.
    - A quantity of 0 needs no price.
    """
    prices = _Prices(in_force, at, usage.prompt_tokens, service_tier)
    lines, unknown = [], []
    for name, quantity in sorted(usage.quantities.items(), key=_position):
        found = prices.of(METERS[name]) if quantity else None
        if isinstance(found, Reason):
            unknown.append(Unpriced(item=name, quantity=quantity, reason=found))
        elif found is not None:
            lines.append(BillLine(item=name, quantity=quantity, amount=line_amount(quantity, found), point=found))
    return Bill(
        at=at,
        service_tier=service_tier,
        prompt_tokens=prices.prompt_tokens,
        context_above=prices.context(PriceUnit.MTOK),
        lines=tuple(lines),
        unknown=tuple(unknown),
        not_given=() if "requests" in usage.quantities else prices.fees(),
    )


def line_amount(quantity: Decimal, point: PricePoint) -> Decimal:
    """Quantity times price by unit size; exact."""
    return EXACT.scaleb(EXACT.multiply(quantity, point.amount), -UNIT_DIGITS.get(point.unit, 0))


def sum_by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Exact sums; currencies are never added up."""
    totals: dict[str, Decimal] = {}
    for currency, amount in amounts:
        totals[currency] = EXACT.add(totals.get(currency, Decimal(0)), amount)
    return dict(sorted(totals.items()))


class _Prices:
    """The prices in force for one request, and which of them count."""

    def __init__(self, in_force: Iterable[PricePoint], at: datetime, prompt_tokens: int, service_tier: str) -> None:
        self.prompt_tokens = prompt_tokens
        self._service_tier = service_tier
        self._all = in_force if isinstance(in_force, tuple) else tuple(in_force)
        self._now = [point for point in self._all if not point.hours_utc or is_within(point.hours_utc, at)]
        self._context: dict[str, int] = {}

    def of(self, meter: Meter) -> PricePoint | Reason:
        """The one point that a meter is billed by, or why there is none."""
        fitting = [point for point in self._all if (point.kind, point.unit) in meter.prices]
        if not fitting:
            return Reason.NOT_PRICED
        if len(meter.prices) > 1 and len({(point.kind, point.unit) for point in fitting}) > 1:
            return Reason.SEVERAL_PRICES  # whatever the tier: "images" must not mean another thing under batch
        if not (fitting := [point for point in fitting if point.service_tier == self._service_tier]):
            return Reason.NOT_IN_SERVICE_TIER
        context = self.context(fitting[0].unit)
        if not (fitting := [point for point in fitting if point.context_above == context]):
            return Reason.NOT_IN_CONTEXT
        if not (fitting := [point for point in fitting if point in self._now]):
            return Reason.NOT_AT_THAT_HOUR
        return fitting[0] if len(fitting) == 1 else _most_particular(fitting)

    def context(self, unit: str) -> int:
        """The largest limit below the prompt's size among the prices of a unit, of the standard and the asked tier."""
        if unit not in self._context:
            tiers = (STANDARD, self._service_tier)
            limits = {p.context_above for p in self._now if p.unit == unit and p.service_tier in tiers}
            self._context[unit] = max((limit for limit in limits if limit < self.prompt_tokens), default=0)
        return self._context[unit]

    def fees(self) -> tuple[PricePoint, ...]:
        """What each request costs by itself."""
        tiers = (STANDARD, self._service_tier)
        return tuple(p for p in self._now if p.kind == PriceKind.REQUEST and p.service_tier in tiers and p.amount)


def _most_particular(points: Iterable[PricePoint]) -> PricePoint | Reason:
    """The price of the hour before that of the day; of two prices of the hour the one that began last."""
    ranked = sorted(points, key=lambda point: (bool(point.hours_utc), point.effective_from))
    chosen = ranked[-1]
    rivals = [each for each in ranked if each.hours_utc and each.effective_from == chosen.effective_from]
    return Reason.SEVERAL_PRICES if len({each.money for each in rivals}) > 1 else chosen


def _position(quantity: tuple[str, Decimal]) -> int:
    return _ORDER[quantity[0]]
