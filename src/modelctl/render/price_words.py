"""What prices and bills are called and what must be said of them, the same in every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from modelctl.core.biller import Billed, overruled_prices
from modelctl.core.billing import Bill, Reason, Unpriced
from modelctl.core.encoding import decimal_text
from modelctl.core.model import PRICE_FIELDS, ModelKey
from modelctl.core.price import STANDARD, PricePoint, PriceUnit
from modelctl.core.redirects import Served
from modelctl.core.stored import StoredModel
from modelctl.core.units import start_of_day
from modelctl.core.usage import METERS
from modelctl.render.values import one_line, price_label, shown, since

_A_DAY = timedelta(days=1)
"""Between the first and the last place on earth where a day begins."""

UNIT_WORDS = MappingProxyType(
    {
        PriceUnit.MTOK.value: "1M tokens",
        PriceUnit.MCHAR.value: "1M characters",
        PriceUnit.THOUSAND.value: "1,000 calls",
    }
)
"""What one amount buys; the other units are called what they are."""


def per(unit: str) -> str:
    """The unit of a price: `1M tokens`, `image`."""
    return UNIT_WORDS.get(unit, unit)


def price_text(point: PricePoint) -> str:
    """A price with its unit: `2.5 USD per 1M tokens`."""
    return f"{decimal_text(point.amount)} {point.currency} per {per(point.unit)}"


def money(amount: Decimal, currency: str) -> str:
    """An exact amount."""
    return f"{decimal_text(amount)} {currency}"


def totals_text(totals: Mapping[str, Decimal], *, is_complete: bool) -> str:
    """Sums by currency; `at least` where something has no price."""
    text = " + ".join(money(amount, currency) for currency, amount in totals.items())
    if is_complete:
        return text or "0"
    return f"at least {text}" if text else "unknown"


def number(quantity: Decimal) -> str:
    """A quantity with separators: `1,200,000`, `12.5`."""
    return f"{quantity:,f}"


def why(unpriced: Unpriced, bill: Bill) -> str:
    """Why a quantity is not billed."""
    tier = "" if bill.service_tier == STANDARD else f"{bill.service_tier} "
    match unpriced.reason:
        case Reason.NOT_PRICED:
            return "no price on record"
        case Reason.NOT_IN_SERVICE_TIER:
            return f"no {bill.service_tier} price on record, only of other service tiers"
        case Reason.NOT_IN_CONTEXT if bill.context_above:
            return f"no {tier}price on record for prompts above {bill.context_above:,} tokens"
        case Reason.NOT_IN_CONTEXT:
            return f"no {tier}price on record for prompts of this size"
        case Reason.NOT_AT_THAT_HOUR:
            return f"no {tier}price on record for this hour of the day"
        case Reason.SEVERAL_PRICES:
            return f"more than one price could be meant{_narrower(unpriced.item)}"


def price_point_text(point: PricePoint) -> str:
    """Where a price comes from: `since launch, documented, https://…`."""
    until = "" if point.effective_to is None else f" until {shown(point.effective_to)}"
    origin = [f"since {since(point.effective_from)}{until}", str(point.basis), one_line(point.source)]
    return ", ".join(part for part in origin if part)


def redirect_text(served: Served) -> str:
    """That another model answers; empty where it is the one that was asked for."""
    if len(served.path) == 1 or not served.is_known:
        return ""
    return f"ended: served and billed as {' → '.join(str(key) for key in served.path[1:])}"


def served_text(served: Served, known: Mapping[ModelKey, StoredModel], at: datetime) -> Iterator[str]:
    """That perhaps nothing answers: the model has ended, or was not there yet."""
    released_on = known[served.path[0]].facts.released_on
    if released_on is not None and at < start_of_day(released_on) - _A_DAY:
        yield f"warning: {served.path[0]} was released on {released_on}; these are its first prices"
    if not served.is_known:
        target = str(served.path[-1]) if len(served.path) > 1 else "a model that nobody states"
        yield f"warning: {served.path[0]} has ended and is billed as {target}, whose prices are not on record"
    elif served.ended_on is not None:
        yield f"warning: {served.key} ended on {served.ended_on}; these are its last prices"


def overruled_text(known: Mapping[ModelKey, StoredModel], served: Served, now: datetime) -> Iterator[str]:
    """That somebody wrote another price into the row than the ledger has."""
    if not served.is_known:
        return
    for column, amount in overruled_prices(known[served.key], now).items():
        yield (
            f"warning: {served.key}: {column} was set by hand to {decimal_text(amount)}, which has no date:"
            f" the dated {PRICE_FIELDS[column]} price of the ledger counts"
        )


def not_given_text(billed: Billed) -> Iterator[str]:
    """That each request costs something by itself, which the usage does not mention."""
    for point in billed.bill.not_given:
        yield f"note: {billed.served.key} also costs {price_text(point)}, not in this bill (requests was not given)"


def oversized_text(billed: Billed) -> Iterator[str]:
    """That a long-context price was probably not meant."""
    if billed.is_oversized:
        yield (
            f"warning: {billed.served.key}: a prompt of {billed.bill.prompt_tokens:,} tokens does not fit its window."
            " A bill is for one request: the sum of many is wrongly billed at the long-context price"
        )


def unknown_text(unknown: Iterable[tuple[str, str]]) -> str:
    """Meters and how much of each: `cache_read=500;images=2`."""
    return ";".join(f"{item}={quantity}" for item, quantity in unknown)


def label_of(point: PricePoint) -> str:
    """What a price is for."""
    return price_label(point.key)


def _narrower(item: str) -> str:
    narrower = [name for name in (f"input_{item}", f"output_{item}") if name in METERS]
    return f": say {' or '.join(narrower)}" if narrower else ""
