"""What requests cost before and after a change of prices, whatever its shape, and whether that can be believed.

Prices are constant between the instants at which one begins or ends, between the prompt sizes at which a long-context
price begins, and between the hours that some prices hold for. So a probe in each of these places stands for all
requests there are, for each thing that is metered and in each service tier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice, product
from types import MappingProxyType

from modelctl.core.facts import ModelFacts, ModelKey, decimal_text
from modelctl.core.planning.plan import GuardName, money_text, price_name
from modelctl.core.planning.policy import GuardLimits
from modelctl.core.prices.billing import EXACT, Reason, line_amount, rates
from modelctl.core.prices.price import (
    PRICED_PER_CALL,
    STANDARD,
    Basis,
    PriceKind,
    PricePoint,
    current,
    span_edges,
)
from modelctl.core.prices.timeline import PriceBook
from modelctl.core.prices.usage import METERS
from modelctl.core.runs import RecordedPoint
from modelctl.core.stored import ModelsByKey, StoredModel

WINDOW = timedelta(days=7)
"""Guards also compare with the state of so long ago, so that many small steps are seen as the large one they are."""

SHORT_PROMPT = 1_000
"""Tokens of the prompt of a usual request, of which half as many come out."""
FEE = "requests"
"""The meter of what each request costs by itself."""
_MIN_PEERS = 2
"""So many models must be of a family before a price can be far outside of it."""
_MAX_PEERS = 1_000
"""Of more, the first ones tell as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateMove:
    """What one metered thing costs in one probe, before and after."""

    meter: str
    at: datetime
    prompt_tokens: int
    service_tier: str
    old: PricePoint | None
    """None: it could not be billed."""
    new: PricePoint | None
    """None: it can no longer be billed."""
    past: PricePoint | None = None
    """What it cost by the ledger of some days ago."""
    likened: PricePoint | None = None
    """Where there was no price: what the same thing cost in the standard tier, or with a short prompt."""
    request: tuple[Decimal, str] | None = None
    """What a usual request cost before, without the fee, and its currency; only of a fee."""


def rate_moves(
    ledger: Sequence[PricePoint], appended: Sequence[PricePoint], past: Sequence[PricePoint] | None = None
) -> Iterator[RateMove]:
    """Every price that a request pays and that the appended points move.

    `past`: the ledger as it was some days ago; None where it does not count.
    """
    after = (*ledger, *appended)
    before_book, after_book = PriceBook(ledger), PriceBook(after)
    past_book = PriceBook(past) if past is not None else None
    tiers = sorted({STANDARD, *(point.service_tier for point in after)})
    sizes = sorted({SHORT_PROMPT, *_around(point.context_above for point in after)})
    for at in _instants(after, min(point.effective_from for point in appended)):
        before, now = before_book.in_force(at), after_book.in_force(at)
        if before == now:
            continue
        then = past_book.in_force(at) if past_book is not None else ()
        for size, tier in product(sizes, tiers):
            olds, news = rates(before, at, size, tier), rates(now, at, size, tier)
            if olds == news:
                continue
            pasts = rates(then, at, size, tier) if then else {}
            for name in METERS:
                old, new = _point(olds.get(name)), _point(news.get(name))
                if old != new and (old is None or new is None or old.money != new.money or old.unit != new.unit):
                    is_first = old is None and new is not None
                    yield RateMove(
                        meter=name,
                        at=at,
                        prompt_tokens=size,
                        service_tier=tier,
                        old=old,
                        new=new,
                        past=_point(pasts.get(name)),
                        likened=_likened(before, at, name, size, tier) if is_first else None,
                        request=_usual_request(before, at, tier) if is_first and name == FEE else None,
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDoubt:
    """Why a price that is to be appended may be wrong."""

    guard: GuardName
    reason: str
    point: PricePoint


class Families:
    """What the models of a family cost now; of a type, where a family is unknown or has too few. Looked up once."""

    def __init__(self, models: ModelsByKey = MappingProxyType({}), now: datetime | None = None) -> None:
        """`models`: those of the provider, before the plan. `now`: None where nothing is to be compared."""
        self._models, self.now = models, now
        self._found: dict[tuple[str, str | None], dict[tuple[str, str], dict[ModelKey, PricePoint]]] = {}

    def doubt(self, key: ModelKey, facts: ModelFacts, point: PricePoint, limits: GuardLimits) -> str | None:
        """Why a first price is far outside its family's; None where it is not, or there is nothing to compare."""
        if self.now is None or not self._models:
            return None
        for name, value in (("family", facts.family), ("type", facts.type)):
            peers = [each for of, each in self._of(name, value).get((point.kind, point.unit), {}).items() if of != key]
            if value is None or len(peers) < _MIN_PEERS:
                continue
            shown = f"{price_name(point.key)} {money_text(point)}"
            same = [_comparable(each) for each in peers if each.currency == point.currency]
            if not same:
                return f"{shown}: no other of {name} {value} is sold in {point.currency}"
            if _is_far(_comparable(point), same, limits):
                span = f"{decimal_text(min(same))} to {decimal_text(max(same))}"
                return f"{shown} is more than {limits.max_first_price} times apart from {name} {value}: {span}"
            return None
        return None

    def _of(self, name: str, value: str | None) -> dict[tuple[str, str], dict[ModelKey, PricePoint]]:
        """The standard prices of all models with that value, by kind and unit."""
        place = name, value
        if place not in self._found:
            found: dict[tuple[str, str], dict[ModelKey, PricePoint]] = {}
            assert self.now is not None, "asked only where it is known"
            of_it = (each for each in self._models.values() if getattr(each.facts, name) == value)
            for model in islice(of_it, _MAX_PEERS):
                for key, point in current(model.prices, self.now).items():
                    if key.service_tier == STANDARD and not key.context_above and not key.hours_utc:
                        found.setdefault((key.kind, key.unit), {})[model.key] = point
            self._found[place] = found
        return self._found[place]


def price_doubts_of(
    model: StoredModel,
    appended: Sequence[PricePoint],
    recent: Sequence[RecordedPoint],
    limits: GuardLimits,
    families: Families,
) -> Iterator[PriceDoubt]:
    """What is to be doubted about prices of a model that is there: what requests cost with them, and without.

    `recent`: the points that were appended to its ledger within the window.
    """
    seen: set[tuple[GuardName, PricePoint]] = set()
    past = _ledger_before(model.prices, recent, limits) if recent else None
    for move in rate_moves(model.prices, appended, past):
        for guard, reason in _rate_doubts(model, move, limits, families):
            for point in _culprits(appended, move):
                if (guard, point) not in seen:
                    seen.add((guard, point))
                    yield PriceDoubt(guard=guard, reason=reason, point=point)


def first_price_doubts(
    key: ModelKey, facts: ModelFacts, prices: Sequence[PricePoint], limits: GuardLimits, families: Families
) -> Iterator[PriceDoubt]:
    """What is to be doubted about the prices of a new model, against those of its family."""
    if families.now is None:
        return
    latest = max([families.now, *(point.effective_from for point in prices)])
    for point in {*current(prices, latest).values(), *current(prices, families.now).values()}:
        if point.basis != Basis.MANUAL and (reason := families.doubt(key, facts, point, limits)):
            yield PriceDoubt(guard=GuardName.FIRST_PRICE, reason=reason, point=point)


def _ledger_before(
    ledger: Sequence[PricePoint], recent: Sequence[RecordedPoint], limits: GuardLimits
) -> tuple[PricePoint, ...]:
    """The ledger as it was before the window, or when it began; or later, where a person accepted a leap since."""
    ordered = sorted(recent, key=lambda each: (each.recorded_at, each.run))
    steps = [tuple(each.point for each in step) for _, step in groupby(ordered, key=lambda each: each.run)]
    young = {point for step in steps for point in step}
    before = present = tuple(point for point in ledger if point not in young)
    for step in steps:
        is_leap = not before or _is_leap(present, step, before, limits)
        present = (*present, *step)
        before = present if is_leap else before
    return before


def _is_leap(
    ledger: Sequence[PricePoint], step: Sequence[PricePoint], past: Sequence[PricePoint], limits: GuardLimits
) -> bool:
    """Whether a step that was written is beyond the limits, or a person's own: then a person stands for it."""
    return any(point.basis == Basis.MANUAL for point in step) or any(
        _doubt(move.old, move.new, limits) or _doubt(move.past, move.new, limits)
        for move in rate_moves(ledger, step, past)
    )


def _doubt(old: PricePoint | None, new: PricePoint | None, limits: GuardLimits) -> GuardName | None:
    """The guard that stops one price from becoming the other; none where either is unknown."""
    if old is None or new is None:
        return None
    if old.basis == Basis.MANUAL != new.basis:
        return None  # a person's price gives way only to who takes it knowingly
    if old.currency != new.currency:
        return GuardName.PRICE_CURRENCY
    before, after = _comparable(old), _comparable(new)
    if before != after and not (before and after):
        return GuardName.PRICE_ZERO
    if after > before * limits.max_price_rise:
        return GuardName.PRICE_RISE
    return GuardName.PRICE_FALL if after * limits.max_price_fall < before else None


def _comparable(point: PricePoint) -> Decimal:
    """The amount, that of a call for what is priced by the thousand."""
    return line_amount(Decimal(1_000), point) if point.kind in PRICED_PER_CALL else point.amount


def _rate_doubts(
    model: StoredModel, move: RateMove, limits: GuardLimits, families: Families
) -> Iterator[tuple[GuardName, str]]:
    old, new = move.old, move.new
    if new is None:
        if model.is_enabled and old is not None and old.basis != Basis.MANUAL:
            yield (
                GuardName.PRICE_LOST,
                f"{price_name(old.key)} {money_text(old)} would be lost: such usage would not be billed",
            )
        return
    if old is None:
        yield from _first_doubts(model, move, new, limits, families)
        return
    if guard := _doubt(old, new, limits):
        yield guard, _moves_text(old, new) + _why(guard, limits)
    elif move.past is not None and (guard := _doubt(move.past, new, limits)):
        yield guard, f"{_moves_text(move.past, new)}{_why(guard, limits)} within {WINDOW.days} days"


def _moves_text(old: PricePoint, new: PricePoint) -> str:
    if old.currency != new.currency or old.unit != new.unit:
        return f"{price_name(new.key)} {money_text(old)} → {money_text(new)}"
    return f"{price_name(new.key)} {decimal_text(old.amount)} → {decimal_text(new.amount)}"


def _why(guard: GuardName, limits: GuardLimits) -> str:
    match guard:
        case GuardName.PRICE_CURRENCY:
            return " is another currency"
        case GuardName.PRICE_ZERO:
            return " crosses zero"
        case GuardName.PRICE_RISE:
            return f" rises to more than {limits.max_price_rise} times"
        case _:
            return f" falls to less than 1/{limits.max_price_fall}"


def _culprits(appended: Sequence[PricePoint], move: RateMove) -> Sequence[PricePoint]:
    """The appended points that move a price."""
    if move.new is not None and move.new in appended:
        return (move.new,)
    fitting = [each for each in appended if (each.kind, each.unit) in METERS[move.meter].prices]
    return fitting or appended


def _first_doubts(
    model: StoredModel, move: RateMove, new: PricePoint, limits: GuardLimits, families: Families
) -> Iterator[tuple[GuardName, str]]:
    """Doubts about the price of something that had none: against its nearest price, a request's cost or its family."""
    if new.basis == Basis.MANUAL:
        return
    name = f"{price_name(new.key)} {money_text(new)}"
    if move.likened is not None:
        likened = f"{price_name(move.likened.key)} {money_text(move.likened)}"
        if move.likened.currency != new.currency:
            yield GuardName.PRICE_CURRENCY, f"{name} is of another currency than {likened}"
        elif _is_far(_comparable(new), [_comparable(move.likened)], limits):
            yield GuardName.FIRST_PRICE, f"{name} is more than {limits.max_first_price} times apart from {likened}"
        return
    if move.request is not None:
        cost, currency = move.request
        fee = line_amount(Decimal(1), new)
        if currency != new.currency:
            yield GuardName.PRICE_CURRENCY, f"{name} is of another currency than the model's other prices"
        elif fee + cost > cost * limits.max_price_rise:
            both = f"{decimal_text(cost)} → {decimal_text(fee + cost)} {currency}"
            yield (
                GuardName.PRICE_RISE,
                f"{name}: a usual request {both} rises to more than {limits.max_price_rise} times",
            )
        return
    if reason := families.doubt(model.key, model.facts, new, limits):
        yield GuardName.FIRST_PRICE, reason


def _is_far(amount: Decimal, others: Collection[Decimal], limits: GuardLimits) -> bool:
    paid = [each for each in others if each]
    if not amount or not paid:
        return False
    return amount > max(paid) * limits.max_first_price or amount * limits.max_first_price < min(paid)


def _instants(points: Sequence[PricePoint], first: datetime) -> list[datetime]:
    """From `first` on, when a price begins or ends, and on each of these days when the hours of one do."""
    turns = {each for p in points for each in (p.effective_from, p.effective_to) if each is not None and each >= first}
    edges = {edge for point in points if point.hours_utc for edge in span_edges(point.hours_utc)}
    of_the_day = set()
    for turn, edge in product(turns, edges):
        at = datetime.combine(turn.astimezone(UTC).date(), edge, tzinfo=UTC)
        of_the_day.add(at if at >= turn else at + timedelta(days=1))
    return sorted(turns | of_the_day)


def _around(limits: Iterable[int]) -> Iterator[int]:
    """The prompt sizes on both sides of each limit."""
    for limit in set(limits) - {0}:
        yield from (limit, limit + 1)


def _point(rate: PricePoint | Reason | None) -> PricePoint | None:
    return None if rate is None or isinstance(rate, Reason) else rate


def _likened(
    before: tuple[PricePoint, ...], at: datetime, meter: str, prompt_tokens: int, service_tier: str
) -> PricePoint | None:
    """The nearest price that the same thing had: of the standard tier, of short prompts, or both."""
    places = ((prompt_tokens, STANDARD), (1, service_tier), (1, STANDARD))
    return next((found for place in places if (found := _point(rates(before, at, *place).get(meter)))), None)


def _usual_request(before: tuple[PricePoint, ...], at: datetime, service_tier: str) -> tuple[Decimal, str] | None:
    """What a request costs by its tokens; None where it could not be billed, or in two currencies."""
    for tier in dict.fromkeys((service_tier, STANDARD)):
        found = rates(before, at, SHORT_PROMPT, tier)
        goes_in, comes_out = _point(found.get(PriceKind.INPUT)), _point(found.get(PriceKind.OUTPUT))
        if goes_in is not None and comes_out is not None and goes_in.currency == comes_out.currency:
            lines = line_amount(Decimal(SHORT_PROMPT), goes_in), line_amount(Decimal(SHORT_PROMPT // 2), comes_out)
            return EXACT.add(*lines), goes_in.currency
    return None
