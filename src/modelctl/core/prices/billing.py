"""What requests cost: a bill line by line, whose prices count at an instant, and what many bills come to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from modelctl.core.facts import PRICE_FIELDS, AfterRetirement, ModelKey, Source
from modelctl.core.prices.price import STANDARD, Basis, PriceKey, PriceKind, PricePoint, PriceUnit, current, is_within
from modelctl.core.prices.timeline import PriceBook
from modelctl.core.prices.usage import METERS, Meter, Usage, usage_of
from modelctl.core.stored import ModelsByKey, StoredModel
from modelctl.core.text import start_of_day

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
EXAMPLE_OUTPUT_TOKENS = 1_000
"""Of the request that shows what a long prompt costs."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What really answers to a model's name at an instant."""

    path: tuple[ModelKey, ...]
    """From the model itself to the one that answers and bills; of length 1 where that is the same."""
    is_known: bool = True
    """False: the replacement is not stated, not in the database, or leads in a circle. Its prices are unknown."""
    ended_on: date | None = None
    """The last day of the one that answers, where that is past and no redirect is stated: does it answer at all?"""

    @property
    def key(self) -> ModelKey:
        """The model whose prices count."""
        return self.path[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A bill, and whose it is."""

    served: Served
    bill: Bill
    is_oversized: bool
    """The prompt is larger than the model's window, and billed at a long-context price: probably not one request."""

    @property
    def key(self) -> ModelKey:
        """The model that was asked for."""
        return self.served.path[0]


class RecordBill(NamedTuple):
    """The bill of one usage record."""

    line: int
    """Where the record stands in its file, from 1."""
    id: str
    """The caller's own."""
    billed: Billed


@dataclass(slots=True)
class BillTotals:
    """What many bills come to."""

    rows: int = 0
    incomplete_rows: int = 0
    """Rows of which something has no price on record."""
    oversized_rows: int = 0
    ended_rows: int = 0
    """Rows of models that had ended by then, and are not known to be redirected: billed at their last prices."""
    rows_without_fee: int = 0
    """Rows that do not say how many requests they are, of models that charge for each."""
    totals: dict[str, Decimal] = field(default_factory=dict)
    """By currency, of what has a price: lower bounds where rows are incomplete."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Rows by the meter that could not be billed."""

    def add(self, billed: Billed) -> None:
        """Count one bill."""
        self.rows += 1
        self.incomplete_rows += not billed.bill.is_complete
        self.oversized_rows += billed.is_oversized
        self.rows_without_fee += bool(billed.bill.not_given)
        self.ended_rows += billed.served.ended_on is not None
        for line in billed.bill.lines:
            currency = line.point.currency
            self.totals[currency] = EXACT.add(self.totals.get(currency, Decimal(0)), line.amount)
        for unpriced in billed.bill.unknown:
            self.unknown[unpriced.item] = self.unknown.get(unpriced.item, 0) + 1


class Biller:
    """Bills many requests; each model's ledger is put in order once."""

    def __init__(self, known: ModelsByKey) -> None:
        """`known`: the models of the database, those that are billed (or redirected to) with their ledgers."""
        self._known = known
        self._books: dict[ModelKey, PriceBook] = {}

    def bill(self, key: ModelKey, usage: Usage, at: datetime, service_tier: str) -> Billed:
        """The bill of one request to a known model."""
        answering = served(key, self._known, at)
        if not answering.is_known:
            return Billed(served=answering, bill=bill((), usage, at, service_tier), is_oversized=False)
        book = self._books.get(answering.key)
        if book is None:
            book = self._books[answering.key] = PriceBook(self._known[answering.key].prices)
        made = bill(book.in_force(at), usage, at, service_tier)
        window = self._known[answering.key].facts.context_window
        is_oversized = bool(made.context_above) and window is not None and made.prompt_tokens > window
        return Billed(served=answering, bill=made, is_oversized=is_oversized)


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
    for name, quantity in sorted(usage.quantities.items(), key=lambda each: _ORDER[each[0]]):
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


def rates(
    in_force: Iterable[PricePoint], at: datetime, prompt_tokens: int, service_tier: str
) -> dict[str, PricePoint | Reason]:
    """By meter, the one price that a request with a prompt of that size is billed by, or why there is none.

    Meters that no price in force speaks of are left out.
    """
    prices = _Prices(in_force, at, prompt_tokens, service_tier)
    priced = prices.priced
    return {name: prices.of(meter) for name, meter in METERS.items() if not priced.isdisjoint(meter.prices)}


def line_amount(quantity: Decimal, point: PricePoint) -> Decimal:
    """Quantity times price by unit size; exact."""
    return EXACT.scaleb(EXACT.multiply(quantity, point.amount), -UNIT_DIGITS.get(point.unit, 0))


def sum_by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Exact sums; currencies are never added up."""
    totals: dict[str, Decimal] = {}
    for currency, amount in amounts:
        totals[currency] = EXACT.add(totals.get(currency, Decimal(0)), amount)
    return dict(sorted(totals.items()))


def served(key: ModelKey, known: ModelsByKey, at: datetime) -> Served:
    """Who answers to `key` at an instant; `known`: all models, those that may answer with their ledgers.

    Until the end of `retires_on` that is the model itself. An `after_retirement` of `redirect` means that the id is
    served, and billed, as its replacement afterwards. A price that a person dated later than that end stands.
    """
    path = [key]
    while True:
        model = known[path[-1]]
        last_day = model.facts.retires_on
        if last_day is None or at < (gone_at := start_of_day(last_day + timedelta(days=1))):
            return Served(path=tuple(path))
        if any(each.basis == Basis.MANUAL and gone_at <= each.effective_from <= at for each in model.prices):
            return Served(path=tuple(path))
        if model.facts.after_retirement != AfterRetirement.REDIRECT:
            return Served(path=tuple(path), ended_on=last_day)
        following = model.facts.successor_of(model.key.provider)
        if following is None:
            return Served(path=tuple(path), is_known=False)
        is_new = following not in path
        path.append(following)
        if not is_new or following not in known:
            return Served(path=tuple(path), is_known=False)


def may_answer(keys: Iterable[ModelKey], known: ModelsByKey) -> set[ModelKey]:
    """The known ones of these models, and all that they may ever be redirected to: whose ledgers a bill can need."""
    wanted, found = list(keys), set[ModelKey]()
    while wanted:
        key = wanted.pop()
        if key in found or key not in known:
            continue
        found.add(key)
        facts = known[key].facts
        following = facts.successor_of(key.provider)
        if facts.after_retirement == AfterRetirement.REDIRECT and following is not None:
            wanted.append(following)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stays as it is beside the plain prices that a person entered for a model."""

    key: ModelKey
    points: tuple[PricePoint, ...]
    """In force when the entered prices begin: of other kinds, service tiers, hours and sizes of prompt."""
    above: Bill | None
    """Of a request just above the least size of prompt that has prices of its own; None where none has."""


def prices_beside(key: ModelKey, ledger: Iterable[PricePoint], entered: Collection[PricePoint]) -> Beside | None:
    """What stays beside `entered`, which the ledger has; None where nothing does, or no plain price is entered."""
    plain = [each for each in entered if each.key == PriceKey(each.kind)]
    if not plain:
        return None
    at = max(each.effective_from for each in plain)
    in_force = current(ledger, at)
    obvious = {PriceKey(PriceKind.INPUT), PriceKey(PriceKind.OUTPUT), *(each.key for each in entered)}
    points = tuple(point for each, point in sorted(in_force.items()) if each not in obvious)
    limits = [each.context_above for each in points if each.context_above and each.service_tier == STANDARD]
    above = None
    if limits:
        usage = usage_of(input=min(limits) + 1, output=EXAMPLE_OUTPUT_TOKENS)
        above = bill(in_force.values(), usage, at)
    return Beside(key=key, points=points, above=above) if points else None


def overruled_prices(model: StoredModel, at: datetime) -> dict[str, Decimal]:
    """Prices that a person wrote into the row and that the ledger does not say: column -> amount. Bills ignore them.

    A figure in the row has no date, so no bill of a past day could rest on it.
    """
    in_force = current(model.prices, at)
    overruled = {}
    for column, kind in PRICE_FIELDS.items():
        amount = getattr(model.facts, column)
        point = in_force.get(PriceKey(kind))
        differs = amount is not None and (point is None or point.amount != amount)
        if differs and model.owner_of(column) == Source.PERSON and not model.is_ours(column):
            overruled[column] = amount
    return overruled


def by_cost(bills: Iterable[Billed]) -> list[Billed]:
    """Cheapest first within each currency; bills in several currencies after them, incomplete ones last."""

    def rank(billed: Billed) -> tuple[bool, bool, tuple[str, ...], tuple[Decimal, ...], ModelKey]:
        totals = billed.bill.totals
        return not billed.bill.is_complete, len(totals) > 1, tuple(totals), tuple(totals.values()), billed.key

    return sorted(bills, key=rank)


class _Prices:
    """The prices in force for one request, and which of them count."""

    def __init__(self, in_force: Iterable[PricePoint], at: datetime, prompt_tokens: int, service_tier: str) -> None:
        self.prompt_tokens = prompt_tokens
        self._service_tier = service_tier
        self._all = in_force if isinstance(in_force, tuple) else tuple(in_force)
        self._now = [point for point in self._all if not point.hours_utc or is_within(point.hours_utc, at)]
        self._context: dict[str, int] = {}

    @property
    def priced(self) -> set[tuple[str, str]]:
        """Kind and unit of every price in force."""
        return {(point.kind, point.unit) for point in self._all}

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
