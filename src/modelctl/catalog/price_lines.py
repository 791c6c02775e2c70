"""From the points of a ledger back to the lines of `prices`: few, readable, always in the same order. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from modelctl.catalog.shape import URL_PATTERN
from modelctl.core.encoding import decimal_text
from modelctl.core.model import Source
from modelctl.core.price import SINCE_LAUNCH, STANDARD, Basis, PriceKey, PriceKind, PricePoint, PriceUnit, ServiceTier

_URL = re.compile(URL_PATTERN)
_READ_FIRST = (PriceKind.INPUT, PriceKind.CACHE_READ, PriceKind.CACHE_WRITE, PriceKind.CACHE_WRITE_1H)
_KINDS = (*_READ_FIRST, *(kind for kind in PriceKind if kind not in _READ_FIRST))
"""The order of the amounts in a line: what is cached stands beside the input that it is a part of."""
_TIERS, _UNITS = list(ServiceTier), list(PriceUnit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What stands for a source that a file cannot, or need not, name."""

    of_the_file: str
    """The source of every line that names none."""
    of_the_api: str
    """Where the provider's API is: a price that it told was told there."""


class _Terms(NamedTuple):
    """What the amounts of one line have in common."""

    per: int
    service_tier: int
    context_above: int
    hours_utc: str
    from_: datetime
    to: datetime | None
    basis: str
    source: str
    currency: str

    def order(self) -> tuple[Any, ...]:
        """Plain prices first, then by tier, prompt and hours; within these by date."""
        end = (self.to is None, self.to or self.from_)
        return (*self[: _Terms._fields.index("to")], end, self.basis, self.source, self.currency)


def price_lines(points: Iterable[PricePoint], *, currency: str, origins: Origins) -> list[dict[str, Any]]:
    """The lines that state what the ledger says of every instant. `currency`: what a line without one has."""
    grouped: defaultdict[_Terms, dict[str, Decimal]] = defaultdict(dict)
    for point in in_effect(points):
        grouped[_terms(point, origins)][point.kind] = point.amount
    return [_line(terms, grouped[terms], currency, origins) for terms in sorted(grouped, key=_Terms.order)]


def common_currency(points: Sequence[PricePoint]) -> str:
    """The currency that a model's table names once; that of each line may differ."""
    currencies = {point.currency for point in points}
    return currencies.pop() if len(currencies) == 1 else "USD"


def in_effect(points: Iterable[PricePoint]) -> Iterator[PricePoint]:
    """The points that some instant is billed by, without overlaps, which a file may not have.

    Of several revisions the last counts. What ends after the next point of its key begins ends there in truth. A
    person's price that another follows is given that end: in a file, one without an end outranks all that follow.
    """
    by_key: defaultdict[PriceKey, list[PricePoint]] = defaultdict(list)
    for point in points:
        by_key[point.key].append(point)
    for key in sorted(by_key):
        last = {each.effective_from: each for each in sorted(by_key[key], key=lambda each: each.revision)}
        timeline = [last[start] for start in sorted(last)]
        for point, following in pairwise(timeline):
            begins = following.effective_from
            if point.basis == Basis.MANUAL != following.basis:
                yield point._replace(effective_to=min(begins, point.effective_to or begins))
            elif point.effective_to is not None and point.effective_to > begins:
                yield point._replace(effective_to=None)
            else:
                yield point
        yield timeline[-1]


def _terms(point: PricePoint, origins: Origins) -> _Terms:
    return _Terms(
        per=_UNITS.index(PriceUnit(point.unit)),
        service_tier=_TIERS.index(ServiceTier(point.service_tier)),
        context_above=point.context_above,
        hours_utc=point.hours_utc,
        from_=point.effective_from,
        to=point.effective_to,
        basis=point.basis,
        source=_source(point, origins),
        currency=point.currency,
    )


def _source(point: PricePoint, origins: Origins) -> str:
    """What the file names: a page, or of a person's price whatever that person said."""
    if point.source == Source.API:  # the word marks what an API charges now; in a file it is long past
        return origins.of_the_api
    if _URL.fullmatch(point.source) or (point.basis == Basis.MANUAL and point.source):
        return point.source
    return Source.OVERLAY.value


def _line(terms: _Terms, amounts: dict[str, Decimal], currency: str, origins: Origins) -> dict[str, Any]:
    unit, tier = _UNITS[terms.per], _TIERS[terms.service_tier]
    keys: dict[str, Any] = {
        "from": None if terms.from_ == SINCE_LAUNCH else _day_or_instant(terms.from_),
        "to": None if terms.to is None else _day_or_instant(terms.to),
        "context_above": terms.context_above or None,
        "service_tier": None if tier == STANDARD else tier.value,
        "hours_utc": terms.hours_utc or None,
        "per": None if unit is PriceUnit.MTOK else unit.value,
        **{kind.value: _amount(amounts[kind]) for kind in _KINDS if kind in amounts},
        "currency": None if terms.currency == currency else terms.currency,
        "basis": None if terms.basis == Basis.DOCUMENTED else str(terms.basis),
        "source": None if terms.source == origins.of_the_file else terms.source,
    }
    return {key: value for key, value in keys.items() if value is not None}


def _day_or_instant(at: datetime) -> date | datetime:
    return at.date() if at.time() == SINCE_LAUNCH.time() else at


def _amount(amount: Decimal) -> int | Decimal:
    """The amount without the noughts that a database pads it with."""
    return int(amount) if amount == amount.to_integral_value() else Decimal(decimal_text(amount))
