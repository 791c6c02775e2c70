"""What holds for every bill, whatever the ledger: checked against another computation, in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.prices.billing import Bill, sum_by_currency
from modelctl.core.prices.price import PricePoint, current
from modelctl.core.prices.timeline import PriceBook, periods, price_changes
from modelctl.core.prices.usage import Usage
from tests.core.effects import cost

PEAK = "01:00-04:00,06:00-10:00"
PEAK_HOURS = (1, 2, 3, 6, 7, 8, 9)
KINDS = ("input", "output", "cache_read", "cache_write")
PROMPT = ("input", "cache_read", "cache_write")
DAY = datetime(2026, 12, 1, tzinfo=UTC)
STARTS = tuple(DAY + timedelta(days=days) for days in (-400, -1, 0, 31))

amounts = st.one_of(
    st.sampled_from(["0", "2.5", "0.003625", "999999.999999999"]).map(Decimal),
    st.decimals(min_value=0, max_value=100, places=9, allow_nan=False, allow_infinity=False),
)
instants = st.builds(
    lambda start, seconds: start + timedelta(seconds=seconds),
    st.sampled_from(STARTS),
    st.one_of(st.sampled_from([-1, 0, 3_599, 3_600, 14_399, 14_400]), st.integers(-100_000, 100_000)),
)
tiers = st.sampled_from(["standard", "batch"])
usages = st.builds(
    Usage,
    st.dictionaries(
        st.sampled_from(KINDS),
        st.one_of(st.sampled_from([0, 1, 99, 100, 101, 200, 201]), st.integers(0, 10**12)).map(Decimal),
    ),
)


@st.composite
def ledgers(draw: st.DrawFn) -> list[PricePoint]:
    """Ledgers as databases hold them: no key twice from the same instant with the same revision."""
    points = draw(
        st.lists(
            st.builds(
                partial(PricePoint, unit="mtok"),  # builds() would draw all fields of a named tuple itself
                kind=st.sampled_from(KINDS),
                amount=amounts,
                context_above=st.sampled_from([0, 100, 200]),
                service_tier=tiers,
                hours_utc=st.sampled_from(["", PEAK]),
                currency=st.sampled_from(["USD", "EUR"]),
                effective_from=st.sampled_from(STARTS),
                revision=st.integers(0, 1),
            ),
            max_size=25,
            unique_by=lambda point: (point.key, point.effective_from, point.revision),
        )
    )
    ends = draw(st.lists(st.sampled_from([None, None, 1, 40]), min_size=len(points), max_size=len(points)))
    return [
        point if days is None else point._replace(effective_to=point.effective_from + timedelta(days))
        for point, days in zip(points, ends, strict=True)
    ]


def paid(points: Sequence[PricePoint], kind: str, used: Usage, at: datetime, tier: str) -> PricePoint | None:
    """The price of one kind, found by trying every point against the rules as the documentation words them."""
    hours = ["", PEAK] if at.hour in PEAK_HOURS else [""]
    prompt = sum(used.quantities.get(each, 0) for each in PROMPT)

    def in_force(wanted: tuple[str, int, str, str]) -> PricePoint | None:
        of_key = [p for p in points if (p.kind, p.context_above, p.service_tier, p.hours_utc) == wanted]
        begun = [point for point in of_key if point.effective_from <= at]
        last = max(begun, key=lambda point: (point.effective_from, point.revision), default=None)
        return last if last is not None and (last.effective_to is None or at < last.effective_to) else None

    limits = [
        limit
        for limit in (0, 100, 200)
        if limit == 0
        or (
            limit < prompt and any(in_force((k, limit, t, h)) for k in KINDS for t in ("standard", tier) for h in hours)
        )
    ]
    for hour in reversed(hours):
        if found := in_force((kind, max(limits), tier, hour)):
            return found
    return None


@given(ledgers(), usages, instants, tiers)
def test_a_bill_is_what_counting_by_hand_gives(points: list[PricePoint], used: Usage, at: datetime, tier: str) -> None:
    bill = cost(points, used, at, tier)
    expected: dict[str, Fraction] = {}
    unknown = set()
    for kind, quantity in used.quantities.items():
        if quantity == 0:
            continue
        point = paid(points, kind, used, at, tier)
        if point is None:
            unknown.add(kind)
        else:
            share = Fraction(quantity) * Fraction(point.amount) / 1_000_000
            expected[point.currency] = expected.get(point.currency, Fraction(0)) + share
    assert {currency: Fraction(amount) for currency, amount in bill.totals.items()} == expected
    assert {each.item for each in bill.unknown} == unknown


@given(ledgers(), usages, instants, tiers)
def test_nothing_is_billed_twice_or_lost_and_no_bill_is_negative(
    points: list[PricePoint], used: Usage, at: datetime, tier: str
) -> None:
    bill = cost(points, used, at, tier)
    billed = [line.item for line in bill.lines] + [each.item for each in bill.unknown]
    assert sorted(billed) == sorted(name for name, quantity in used.quantities.items() if quantity)
    assert all(amount >= 0 for amount in bill.totals.values())
    assert bill.totals == sum_by_currency((line.point.currency, line.amount) for line in bill.lines)


@given(ledgers(), usages, instants, tiers)
def test_what_has_no_price_adds_nothing(points: list[PricePoint], used: Usage, at: datetime, tier: str) -> None:
    bill = cost(points, used, at, tier)
    without = [point for point in points if point.kind not in {each.item for each in bill.unknown}]
    if bill.context_above == cost(without, used, at, tier).context_above:
        assert cost(without, used, at, tier).totals == bill.totals


@given(ledgers(), usages, usages, instants, tiers)
def test_two_requests_cost_their_sum_where_both_are_at_the_same_limit(
    points: list[PricePoint], first: Usage, second: Usage, at: datetime, tier: str
) -> None:
    names = first.quantities.keys() | second.quantities.keys()
    both = Usage(
        {
            n: min(first.quantities.get(n, Decimal(0)) + second.quantities.get(n, Decimal(0)), Decimal(10**12))
            for n in names
        }
    )
    one, other, together = (cost(points, used, at, tier) for used in (first, second, both))
    if any(quantity == 10**12 for quantity in both.quantities.values()):
        return
    if one.context_above == other.context_above == together.context_above:
        amounts = [pair for bill in (one, other) for pair in bill.totals.items()]
        assert nonzero(together) == {name: amount for name, amount in sum_by_currency(amounts).items() if amount}


def nonzero(bill: Bill) -> dict[str, Decimal]:
    return {currency: amount for currency, amount in bill.totals.items() if amount}


@given(ledgers(), instants)
def test_a_price_book_says_what_the_ledger_says(points: list[PricePoint], at: datetime) -> None:
    book = PriceBook(points)
    for moment in (at, *STARTS, at):
        assert set(book.in_force(moment)) == set(current(points, moment).values())


@given(ledgers(), instants)
def test_the_periods_of_a_ledger_hold_when_its_points_are_in_force(points: list[PricePoint], at: datetime) -> None:
    held = periods(points)
    assert sorted(map(id, points)) == sorted(id(each.point) for each in held)
    assert {id(each.point) for each in held if each.covers(at)} == {id(each) for each in current(points, at).values()}


@given(ledgers())
def test_the_changes_of_a_ledger_lead_from_what_held_before_to_what_holds_after(points: list[PricePoint]) -> None:
    for change in price_changes(points):
        after = current(points, change.at)
        before = current(points, change.at - timedelta(microseconds=1))
        all_day = change.key._replace(hours_utc="")
        assert change.old == (before.get(change.key) or before.get(all_day))
        assert change.new == (after.get(change.key) or after.get(all_day))
        assert change.old is None or change.new is None or change.old.money != change.new.money


@given(ledgers())
def test_every_change_of_what_is_paid_is_among_the_changes(points: list[PricePoint]) -> None:
    told = {(change.key, change.at) for change in price_changes(points)}
    turns = {point.effective_from for point in points} | {p.effective_to for p in points if p.effective_to is not None}
    for turn in turns:
        before, after = current(points, turn - timedelta(microseconds=1)), current(points, turn)
        for key in before.keys() | after.keys():
            if not key.hours_utc:
                old, new = before.get(key), after.get(key)
                differs = (old and old.money) != (new and new.money)
                assert ((key, turn) in told) == differs
