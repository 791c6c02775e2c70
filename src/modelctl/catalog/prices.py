"""The lines of `prices`: from a file to the points of a ledger, checked, and back to lines, few and in one order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple, TypeAlias

from modelctl.catalog.findings import Problem
from modelctl.catalog.schema import A_URL, URL_PATTERN, PriceLine
from modelctl.core.facts import Source, decimal_text
from modelctl.core.prices.price import (
    NOT_FOR_CALLS,
    OVERLAY,
    PRICED_PER_CALL,
    SINCE_LAUNCH,
    STANDARD,
    Basis,
    PriceKey,
    PriceKind,
    PricePoint,
    PriceUnit,
    ServiceTier,
    by_key,
    is_of_overlay,
    last_revisions,
)
from modelctl.core.text import shorten
from modelctl.core.validation import check_price
from modelctl.errors import InvalidFact

PointsByLine: TypeAlias = tuple[tuple[PricePoint, ...], ...]
"""The points that each line of `prices` states, in the order of the file."""

_URL = re.compile(URL_PATTERN)
_READ_FIRST = (PriceKind.INPUT, PriceKind.CACHE_READ, PriceKind.CACHE_WRITE, PriceKind.CACHE_WRITE_1H)
_KINDS = (*_READ_FIRST, *(kind for kind in PriceKind if kind not in _READ_FIRST))
"""The order of the amounts in a line: what is cached stands beside the input that it is a part of."""
_KIND_WORDS = tuple(str(kind) for kind in PriceKind)
_TIERS, _UNITS = list(ServiceTier), list(PriceUnit)
_KEY_OF_REFUSAL = {"context_above": "context_above", "hours_utc": "hours_utc", "ends": "to", "currency": "currency"}
"""First word of the core's refusal -> the key of the line that it is about; otherwise it is about the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What stands for a source that a file cannot, or need not, name."""

    of_the_file: str
    """The source of every line that names none."""
    of_the_api: str
    """Where the provider's API is: a price that it told was told there."""


class Priced(NamedTuple):
    """A price point and the line of `prices`, from 0, that states it."""

    line: int
    point: PricePoint


def price_points(lines: Iterable[PriceLine], *, currency: str, default_source: str) -> PointsByLine:
    """One point for each amount. They are not checked yet."""
    return tuple([_points_of_line(line, line.currency or currency, _named(line, default_source)) for line in lines])


def _named(line: PriceLine, default_source: str) -> str:
    """Where the ledger says that the price is from: a manual one is an overlay's, and changes with the file."""
    source = line.source or default_source
    return f"{OVERLAY}: {source}" if line.basis == Basis.MANUAL and not is_of_overlay(source) else source


def with_lines(points: PointsByLine) -> tuple[Priced, ...]:
    """Every point, each with the line that states it."""
    return tuple(Priced(line, point) for line, stated in enumerate(points) for point in stated)


def price_problems(lines: Sequence[PriceLine], points: PointsByLine, *, of_a_person: bool = False) -> Iterator[Problem]:
    """What is impossible or contradictory in the price list of one model; paths begin with `prices`.

    `of_a_person`: the list is in a user's own catalog, where prices may be manual.
    """
    for index, stated in enumerate(points):
        if not stated:
            yield Problem(at=("prices", index), message="states no amount", hint="for example input = 2.5")
    yield from _untraceable(lines, of_a_person)
    refused = list(_refused(points))
    yield from refused
    if not refused:  # hours and ends of a sound price only can be compared
        yield from _calls_priced_by_tokens(points)
        yield from _unsound_hours(lines)
        if _may_contradict(lines):
            yield from _contradictions(with_lines(points))


def price_lines(points: Iterable[PricePoint], *, currency: str, origins: Origins) -> list[dict[str, Any]]:
    """The lines that state what the ledger says of every instant. `currency`: what a line without one has."""
    grouped: defaultdict[_LineTerms, dict[str, Decimal]] = defaultdict(dict)
    for point in in_effect(points):
        grouped[_terms(point, origins)][point.kind] = point.amount
    return [_line(terms, grouped[terms], currency, origins) for terms in sorted(grouped, key=_LineTerms.order)]


def common_currency(points: Sequence[PricePoint]) -> str:
    """The currency that a model's table names once; that of each line may differ."""
    currencies = {point.currency for point in points}
    return currencies.pop() if len(currencies) == 1 else "USD"


def in_effect(points: Iterable[PricePoint]) -> Iterator[PricePoint]:
    """The points that some instant is billed by, without overlaps, which a file may not have.

    Of several revisions the last counts. What ends after the next point of its key begins ends there in truth. A
    person's price that another follows is given that end: in a file, one without an end outranks all that follow.
    """
    for _, of_key in sorted(by_key(points).items()):
        timeline = last_revisions(of_key)
        for point, following in pairwise(timeline):
            begins = following.effective_from
            if point.basis == Basis.MANUAL != following.basis:
                yield point._replace(effective_to=min(begins, point.effective_to or begins))
            elif point.effective_to is not None and point.effective_to > begins:
                yield point._replace(effective_to=None)
            else:
                yield point
        yield timeline[-1]


class _LineTerms(NamedTuple):
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
        return (*self[: _LineTerms._fields.index("to")], end, self.basis, self.source, self.currency)


def _terms(point: PricePoint, origins: Origins) -> _LineTerms:
    return _LineTerms(
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
        return point.source.removeprefix(f"{OVERLAY}: ")
    return Source.OVERLAY.value


def _line(terms: _LineTerms, amounts: dict[str, Decimal], currency: str, origins: Origins) -> dict[str, Any]:
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


def minutes_of(hours_utc: str) -> tuple[tuple[int, int], ...]:
    """`01:00-04:00,06:00-10:00` as minutes of the day, each end exclusive."""
    return tuple(
        (_minute(begin), _minute(end)) for begin, end in (span.split("-") for span in hours_utc.split(",") if span)
    )


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _points_of_line(line: PriceLine, currency: str, source: str) -> tuple[PricePoint, ...]:
    period = (line.from_ or SINCE_LAUNCH, line.to)
    terms = (line.per, line.context_above, line.service_tier, line.hours_utc, currency, *period, line.basis, source)
    make = PricePoint._make  # as `PricePoint(…)` does, in half the time
    stated = zip(_KIND_WORDS, line[-len(_KIND_WORDS) :], strict=True)
    return tuple([make((kind, amount, *terms, 0)) for kind, amount in stated if amount is not None])


def _refused(points: PointsByLine) -> Iterator[Problem]:
    for line, stated in enumerate(points):
        seen = set()
        for point in stated:
            try:
                check_price(point, "")
            except InvalidFact as error:
                message = error.message.removeprefix(f": price {point.kind}: ")
                key = _KEY_OF_REFUSAL.get(message.split()[0], point.kind)
                if key not in seen:  # one bad line is one mistake, however many amounts it has
                    seen.add(key)
                    yield Problem(at=("prices", line, key), message=message.removeprefix(f"{key} "))


def _untraceable(lines: Iterable[PriceLine], of_a_person: bool) -> Iterator[Problem]:
    """A price can be looked up where its source says; only what a person entered may be anybody's word."""
    for index, line in enumerate(lines):
        if line.basis == Basis.MANUAL and not of_a_person:
            yield Problem(at=("prices", index, "basis"), message="'manual' is not one of documented, observed")
        if line.source is None or _URL.fullmatch(line.source):
            continue
        if not of_a_person or (line.basis != Basis.MANUAL and line.source != Source.OVERLAY):
            yield Problem(at=("prices", index, "source"), message=f"{shorten(repr(line.source))} is not {A_URL}")


def _calls_priced_by_tokens(points: PointsByLine) -> Iterator[Problem]:
    for line, stated in enumerate(points):
        for point in stated:
            if point.kind in PRICED_PER_CALL and point.unit in NOT_FOR_CALLS:
                yield Problem(
                    at=("prices", line, point.kind),
                    message=f"is a price per call, not per {point.unit}",
                    hint='give it a line of its own with per = "request" or per = "thousand"',
                )


def _unsound_hours(lines: Iterable[PriceLine]) -> Iterator[Problem]:
    for index, line in enumerate(lines):
        if not line.hours_utc:
            continue
        spans = minutes_of(line.hours_utc)
        if any(end <= begin for begin, end in spans):
            message = f"{line.hours_utc!r} has a span that ends before it begins"
            hint = "write one that passes midnight as two: 22:00-24:00,00:00-02:00"
            yield Problem(at=("prices", index, "hours_utc"), message=message, hint=hint)
        elif any(_overlap(first, second) for first, second in combinations(spans, 2)):
            message = f"{line.hours_utc!r} has spans that overlap"
            yield Problem(at=("prices", index, "hours_utc"), message=message)


class _LinePeriod(NamedTuple):
    """How long one point holds: until its stated end, or until the next one of the same key begins."""

    line: int
    point: PricePoint
    until: datetime | None

    def meets(self, other: _LinePeriod) -> bool:
        return (self.until is None or other.point.effective_from < self.until) and (
            other.until is None or self.point.effective_from < other.until
        )


def _may_contradict(lines: Sequence[PriceLine]) -> bool:
    """Whether two lines are about the same requests; in most lists none are, and nothing else has to be looked at."""
    return len(lines) > 1 and len({(line.per, line.context_above, line.service_tier) for line in lines}) < len(lines)


def _contradictions(priced: Iterable[Priced]) -> Iterator[Problem]:
    of_key: defaultdict[PriceKey, list[Priced]] = defaultdict(list)
    for each in priced:
        of_key[each.point.key].append(each)
    by_hours: defaultdict[PriceKey, list[_LinePeriod]] = defaultdict(list)
    for key, points in of_key.items():
        if len(points) > 1:
            points.sort(key=lambda each: each.point.effective_from)
            yield from _same_thing_twice(points)
        if key.hours_utc:
            by_hours[key._replace(hours_utc="")] += _periods(points)
    yield from _same_hour_twice(by_hours.values())


def _same_thing_twice(points: Iterable[Priced]) -> Iterator[Problem]:
    """`points`: those of one key, by their start."""
    for first, second in pairwise(points):
        begins = second.point.effective_from
        if first.point.effective_from == begins:
            message = f"is stated by prices[{first.line}] from the same instant"
            hint = "a changed price is a new line with a later `from`"
            yield Problem(at=("prices", second.line, second.point.kind), message=message, hint=hint)
        elif first.point.effective_to is not None and first.point.effective_to > begins:
            message = f"is after prices[{second.line}] begins ({second.point.kind} from {begins:%Y-%m-%d %H:%M} UTC)"
            yield Problem(at=("prices", first.line, "to"), message=message)
        elif first.point.effective_to is None and first.point.basis == Basis.MANUAL != second.point.basis:
            message = f"never holds: prices[{first.line}] is a manual price without an end"
            hint = 'give this line basis = "manual", too, or that one a `to`'
            yield Problem(at=("prices", second.line, second.point.kind), message=message, hint=hint)


def _periods(points: Sequence[Priced]) -> Iterator[_LinePeriod]:
    for each, following in zip(points, [*points[1:], None], strict=True):
        next_begins = following.point.effective_from if following is not None else None
        yield _LinePeriod(each.line, each.point, each.point.effective_to or next_begins)


def _same_hour_twice(groups: Iterable[Sequence[_LinePeriod]]) -> Iterator[Problem]:
    seen = set()
    for group in groups:
        for first, second in combinations(sorted(group, key=lambda each: each.line), 2):
            place = (first.line, second.line)
            if place not in seen and _share_an_hour(first, second):
                seen.add(place)
                message = f"{second.point.hours_utc!r} overlaps the hours of prices[{first.line}]"
                hint = "where the hours have changed, give the earlier line a `to`"
                yield Problem(at=("prices", second.line, "hours_utc"), message=message, hint=hint)


def _share_an_hour(first: _LinePeriod, second: _LinePeriod) -> bool:
    if first.point.hours_utc == second.point.hours_utc or not first.meets(second):
        return False
    spans = product(minutes_of(first.point.hours_utc), minutes_of(second.point.hours_utc))
    return any(_overlap(one, other) for one, other in spans)


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]
