"""What passes the guards costs no request beyond the limits, whatever the shape of a change, in however many steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from modelctl.core.facts import UNKNOWN, Source
from modelctl.core.planning.guards import ALONE, Acceptance, Past, Surroundings, check
from modelctl.core.planning.plan import Action, Change, GuardName, Plan
from modelctl.core.planning.policy import GuardLimits
from modelctl.core.prices.billing import rates
from modelctl.core.prices.price import SINCE_LAUNCH, PricePoint, current
from modelctl.core.prices.usage import METERS
from modelctl.core.runs import RecordedPoint
from modelctl.core.stored import RowState, StoredModel, StoredProvider
from tests.core.strategies import NOW, Sources, catalog, key, listed, record, snapshot

LIMITS = GuardLimits()
NOTHING = Acceptance()
AMOUNTS = st.sampled_from(tuple(map(Decimal, ("0", "0.001", "0.5", "1", "1.9", "2.5", "30", "9000"))))
UNITS = st.sampled_from(
    (("input", "mtok"), ("output", "mtok"), ("cache_read", "mtok"), ("request", "request"), ("request", "thousand"))
)
INSTANTS = (SINCE_LAUNCH, *(NOW + timedelta(days=days) for days in (-30, -1, 0, 1, 30)))


@st.composite
def points(draw: st.DrawFn, most: int = 4) -> tuple[PricePoint, ...]:
    """Prices of every shape: tiers, long contexts, hours, fees, ends, coming starts, other currencies."""
    found = []
    for revision in range(draw(st.integers(1, most))):
        kind, unit = draw(UNITS)
        start = draw(st.sampled_from(INSTANTS))
        ends = draw(st.sampled_from((None, None, None, *(at for at in INSTANTS if at > start))))
        found.append(
            PricePoint(
                kind=kind,
                amount=draw(AMOUNTS),
                unit=unit,
                context_above=draw(st.sampled_from((0, 0, 0, 1, 200_000))),
                service_tier=draw(st.sampled_from(("standard", "standard", "batch"))),
                hours_utc=draw(st.sampled_from(("", "", "01:00-04:00"))),
                currency=draw(st.sampled_from(("USD", "USD", "USD", "CNY"))),
                effective_from=start,
                effective_to=ends,
                source="https://acme.test",
                revision=revision,
            )
        )
    return tuple(found)


def model(ledger: tuple[PricePoint, ...]) -> StoredModel:
    """A model on sale, with that ledger."""
    return StoredModel(key=key("a"), facts=UNKNOWN, is_enabled=True, prices=ledger, state=RowState())


def passed(stored: StoredModel, appended: tuple[PricePoint, ...], around: Surroundings = ALONE) -> Plan:
    """What the guards leave of a plan to append these."""
    change = Change(action=Action.UPDATE, key=stored.key, prices=appended, existing=stored)
    plan = Plan(provider=stored.key.provider, changes=(change,), existing=1, alive=1)
    return check(plan, LIMITS, NOTHING, around=around)


def per_call(point: PricePoint) -> Decimal:
    return point.amount / 1000 if point.unit == "thousand" else point.amount


@settings(max_examples=150, deadline=None)
@given(points(), points(2), st.integers(-40, 60 * 24), st.sampled_from((1, 2, 1_500, 200_000, 200_001)), st.data())
def test_what_passes_moves_no_request_beyond_the_limits(ledger, appended, hours, prompt_tokens, data):
    appended = tuple(each._replace(revision=each.revision + 9) for each in appended)
    plan = passed(model(ledger), appended)
    if plan.held:
        return
    at = max(NOW + timedelta(hours=hours), min(each.effective_from for each in appended))
    tier = data.draw(st.sampled_from(("standard", "batch")))
    before = rates(current(ledger, at).values(), at, prompt_tokens, tier)
    after = rates(current((*ledger, *appended), at).values(), at, prompt_tokens, tier)
    for meter in METERS:
        old, new = before.get(meter), after.get(meter)
        if not isinstance(old, PricePoint):
            continue
        assert isinstance(new, PricePoint), (meter, "a model on sale lost a price")
        assert old.currency == new.currency
        assert bool(old.amount) == bool(new.amount)
        assert per_call(old) / LIMITS.max_price_fall <= per_call(new) <= per_call(old) * LIMITS.max_price_rise


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(tuple(map(Decimal, ("0.2", "0.6", "1.3", "1.9", "2")))), min_size=2, max_size=9))
def test_small_steps_within_a_week_come_to_no_more_than_one_may(factors):
    first = PricePoint(kind="input", amount=Decimal(100), source="x")
    ledger, recent, amount = (first,), [], Decimal(100)
    for hour, factor in enumerate(factors):
        at = NOW + timedelta(hours=hour)
        point = first._replace(amount=round(amount * factor, 6), effective_from=at)
        past = Past(prices={key("a"): recent})
        if passed(model(ledger), (point,), Surroundings(past=past, now=at)).held:
            continue
        ledger, amount = (*ledger, point), point.amount
        recent.append(RecordedPoint(point=point, run=f"r{hour}", recorded_at=at))
        assert Decimal(10) <= amount <= Decimal(200)


def test_after_an_accepted_leap_steps_are_measured_from_there():
    first = PricePoint(kind="input", amount=Decimal(1), source="x")
    leap = first._replace(amount=Decimal(9), effective_from=NOW)
    past = Past(prices={key("a"): [RecordedPoint(point=leap, run="r1", recorded_at=NOW)]})
    around = Surroundings(past=past, now=NOW)
    for amount, is_held in (("17", False), ("19", True)):
        point = first._replace(amount=Decimal(amount), effective_from=NOW + timedelta(days=1))
        assert bool(passed(model((first, leap)), (point,), around).held) is is_held


def test_rows_that_end_a_few_at_a_time_are_counted_together():
    ids = [f"m{number:02}" for number in range(20)]
    stored = catalog(*(record(each) for each in ids)).sync(StoredProvider())
    ended: list[frozenset] = []
    for step in range(9):
        gone = ids[: 2 * (step + 1)]
        wanted = catalog(*(record(each, status="deprecated" if each in gone else "active") for each in ids))
        around = Surroundings(models=stored.models, past=Past(ended=ended), now=NOW)
        plan = check(wanted.plan(stored), LIMITS, NOTHING, around=around)
        assert bool(plan.held) is (step >= 3)
        if plan.held:
            assert {held.guard for held in plan.held} == {GuardName.MASS_RETIREMENT}
            assert "with the 6 of the last 7 days" in plan.held[0].reason
            break
        stored = wanted.sync(stored)
        ended.append(frozenset(map(key, gone[-2:])))


def test_only_what_a_listing_alone_knows_counts_as_mass_creation():
    limits = replace(LIMITS, max_new_models=3)
    few = catalog(record("old")).sync(StoredProvider())
    new = [f"n{number}" for number in range(5)]
    wanted = Sources(
        catalog=snapshot(Source.CATALOG, record("old"), record("n0", family="f"), record("n1", family="f")),
        listing=snapshot(Source.API, *(listed(each) for each in ("old", *new))),
    )
    around = Surroundings(models=few.models, now=NOW)
    assert check(wanted.plan(few), limits, NOTHING, around=around).held == ()
    limits = replace(limits, max_new_models=2)
    plan = check(wanted.plan(few), limits, NOTHING, around=around)
    assert [held.change.key.model_id for held in plan.held] == ["n2", "n3", "n4"]
    assert len({held.reason for held in plan.held}) == 1
    first = check(wanted.plan(few), limits, NOTHING, around=replace(around, is_first_listing=True))
    assert first.held == ()
    assert [each.is_enabled for each in first.changes if each.key.model_id in ("n2", "n3", "n4")] == [False] * 3
    assert "created disabled" in first.notices[0]


def test_a_first_price_far_outside_its_family_is_held():
    point = PricePoint(kind="input", amount=Decimal(1), source="x")
    known = [record(each, family="f", prices=(point,)) for each in ("a", "b")]
    stored = catalog(*known).sync(StoredProvider())
    cases = (("20", "USD", False), ("21", "USD", True), ("0.049", "USD", True), ("1", "CNY", True))
    for amount, currency, is_held in cases:
        new = record("new", family="f", prices=(point._replace(amount=Decimal(amount), currency=currency),))
        around = Surroundings(models=stored.models, now=NOW)
        plan = check(catalog(*known, new).plan(stored), LIMITS, NOTHING, around=around)
        assert [held.guard for held in plan.held] == [GuardName.FIRST_PRICE] * is_held
