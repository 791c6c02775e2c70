"""Guards: where exactly each one begins, what it holds, what accepts it, and that what is held moves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from modelctl.core.planning.guards import Acceptance, check, listing_is_short
from modelctl.core.planning.plan import Plan
from modelctl.core.planning.policy import GuardLimits
from modelctl.core.prices.price import PricePoint
from modelctl.core.stored import StoredProvider
from tests.core.effects import after_plan
from tests.core.strategies import NOW, Sources, both, catalog, edited, key, listed, record

LIMITS = GuardLimits()
NOTHING = Acceptance()
EMPTY = StoredProvider()


def ids(count: int) -> list[str]:
    return [f"m{number:02}" for number in range(count)]


def checked(before: Sources, after: Sources, acceptance: Acceptance = NOTHING, limits: GuardLimits = LIMITS) -> Plan:
    stored = before.sync(EMPTY)
    return check(after.plan(stored), limits, acceptance)


def guards_of(plan: Plan) -> list[str]:
    return sorted({held.guard.value for held in plan.held})


def priced(amount: str, kind: str = "input", **others) -> Sources:
    point = PricePoint(kind=kind, amount=Decimal(amount), source="https://x.test", **others)
    return catalog(record("a", prices=(point,)))


@pytest.mark.parametrize(
    ("old", "new", "guard"),
    [
        ("1", "2", None),
        ("1", "2.000000001", "price-rise"),
        ("10", "1", None),
        ("10", "0.999999999", "price-fall"),
        ("0", "0.000000001", "price-zero"),
        ("0.000000001", "0", "price-zero"),
        ("0", "0", None),
        ("1", "1.5", None),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        {},
        {"kind": "output"},
        {"kind": "web_search", "unit": "thousand"},
        {"service_tier": "batch"},
        {"context_above": 9},
    ],
    ids=["input", "output", "other kind", "other tier", "long context"],
)
def test_a_price_moves_only_so_far_unseen_wherever_the_ledger_keeps_it(old, new, guard, place):
    plan = checked(priced(old, **place), priced(new, **place))
    assert guards_of(plan) == ([guard] if guard else [])
    assert len(plan.changes) == (0 if guard or old == new else 1)


@pytest.mark.parametrize(("amount", "guard"), [("2", []), ("2.1", ["price-rise"])])
def test_an_announced_price_is_guarded_when_it_is_announced_and_not_when_it_comes_into_force(amount, guard):
    now, coming = priced("1").catalog.records[key("a")].prices[0], NOW + timedelta(days=9)
    announced = catalog(record("a", prices=(now, now._replace(amount=Decimal(amount), effective_from=coming))))
    assert guards_of(checked(priced("1"), announced)) == guard
    stored = announced.sync(priced("1").sync(EMPTY))
    plan = announced.plan(stored, coming)
    assert [field.name for field in plan.changes[0].fields] == ["input_price_per_mtok"]
    assert check(plan, LIMITS, NOTHING) == plan


def test_a_price_in_another_currency_is_held_and_no_percentage_is_shown():
    plan = checked(priced("1"), priced("150", currency="JPY"))
    assert guards_of(plan) == ["price-currency"]
    assert {held.reason for held in plan.held} == {"input_price_per_mtok 1 USD → 150 JPY is another currency"}


@pytest.mark.parametrize("name", ["context_window", "max_input_tokens", "max_output_tokens"])
@pytest.mark.parametrize(
    ("old", "new", "guard"),
    [
        (1000, 501, None),
        (1000, 500, "limit-drop"),
        (1000, 1, "limit-drop"),
        (1, 9, None),
        (1000, 20_000, None),
        (1000, 20_001, "limit-rise"),
    ],
)
def test_a_limit_may_not_fall_to_half_nor_rise_to_more_than_twenty_times(name, old, new, guard):
    plan = checked(catalog(record("a", **{name: old})), catalog(record("a", **{name: new})))
    assert guards_of(plan) == ([guard] if guard else [])


@pytest.mark.parametrize(
    ("rows", "ended", "is_held"), [(10, 3, False), (10, 4, True), (9, 3, False), (9, 4, True), (20, 6, False)]
)
@pytest.mark.parametrize("status", ["deprecated", "retired"])
def test_at_most_three_in_ten_rows_or_three_of_few_are_deprecated_or_retired_at_once(rows, ended, is_held, status):
    after = [record(each, status=status if number < ended else "active") for number, each in enumerate(ids(rows))]
    plan = checked(catalog(*(record(each) for each in ids(rows))), catalog(*after))
    expected = {"mass-retirement"} if is_held else set()
    assert set(guards_of(plan)) - {"mass-update"} == expected
    assert len(plan.held) + len(plan.changes) >= ended


@pytest.mark.parametrize(("rows", "changed", "is_held"), [(10, 5, False), (10, 6, True), (9, 9, False)])
def test_at_most_half_of_the_rows_change_at_once(rows, changed, is_held):
    after = [record(each, family="x" if number < changed else None) for number, each in enumerate(ids(rows))]
    plan = checked(catalog(*(record(each) for each in ids(rows))), catalog(*after))
    assert guards_of(plan) == (["mass-update"] if is_held else [])
    assert len(plan.changes) == (0 if is_held else changed)


def test_creations_and_appended_prices_are_no_mass_update():
    rows = [record(each) for each in ids(10)]
    point = PricePoint(kind="web_search", unit="thousand", amount=Decimal(1), source="x")
    after = [*(replace(each, prices=(point,)) for each in rows), *(record(f"new{each}") for each in ids(30))]
    plan = checked(catalog(*rows), catalog(*after))
    assert plan.held == ()
    assert len(plan.changes) == 40


@pytest.mark.parametrize(
    ("fetched", "last_good", "is_short"),
    [
        (50, 100, False),
        (49, 100, True),
        (1, 2, False),
        (0, 1, True),
        (None, 100, False),
        (5, None, False),
        (200, 9, False),
    ],
)
def test_a_listing_of_less_than_half_of_the_last_one_is_not_believed(fetched, last_good, is_short):
    assert bool(listing_is_short(fetched, last_good, LIMITS)) is is_short


@pytest.mark.parametrize(
    "names", [{"acme/a"}, {"a"}, {"price-rise"}, {"other", "acme/a"}], ids=["key", "id", "guard", "among others"]
)
def test_a_change_is_accepted_by_key_id_or_guard(names):
    plan = checked(priced("1"), priced("9"), Acceptance(names=frozenset(names)))
    assert plan.held == ()
    assert len(plan.changes) == 1


@pytest.mark.parametrize("names", [{"A"}, {"acme"}, {"acme/b"}, {"price-fall"}, {""}, {"price"}])
def test_nothing_else_accepts_it(names):
    plan = checked(priced("1"), priced("9"), Acceptance(names=frozenset(names)))
    assert [str(held.change.key) for held in plan.held] == ["acme/a"]


def test_force_accepts_everything():
    assert checked(priced("1"), priced("9"), Acceptance(everything=True)).held == ()


def test_accepting_one_guard_of_two_is_not_enough():
    before = catalog(record("a", context_window=1000, prices=priced("1").catalog.records[key("a")].prices))
    after = catalog(record("a", context_window=1, prices=priced("9").catalog.records[key("a")].prices))
    plan = checked(before, after, Acceptance(names=frozenset({"price-rise"})))
    assert guards_of(plan) == ["limit-drop"]
    assert plan.changes == ()


def test_one_accepted_row_of_a_mass_change_passes_alone():
    after = catalog(*(record(each, family="x") for each in ids(10)))
    plan = checked(catalog(*(record(each) for each in ids(10))), after, Acceptance(names=frozenset({"m03"})))
    assert [change.key for change in plan.changes] == [key("m03")]
    assert len(plan.held) == 9


def test_what_is_held_moves_nothing_and_the_rest_is_applied():
    before = both([], [listed("a", context_window=1000), listed("b", family="x")])
    after = both([], [listed("a", context_window=1), listed("b", family="y")])
    stored = before.sync(EMPTY, NOW - timedelta(days=3))
    plan = check(after.plan(stored), LIMITS, NOTHING)
    applied = after_plan(stored, plan, now=NOW)
    assert applied.models[key("a")] == stored.models[key("a")]
    assert applied.models[key("b")].facts.family == "y"
    assert applied.models[key("b")].last_seen_at == NOW
    assert check(after.plan(applied), LIMITS, NOTHING).held == plan.held


def test_an_absence_that_would_deprecate_too_many_is_not_counted():
    everything = both([], [listed(each) for each in ids(10)])
    six = both([], [listed(each) for each in ids(6)])
    stored = six.sync(everything.sync(EMPTY))
    plan = check(six.plan(stored), LIMITS, NOTHING)
    assert guards_of(plan) == ["mass-retirement"]
    assert after_plan(stored, plan, now=NOW).models == stored.models


@pytest.mark.parametrize("listing", [["m00"], ["m00", "new"]], ids=["only absences", "a creation, too"])
def test_nothing_that_came_of_a_doubted_listing_counts(listing):
    stored = both([], [listed(each) for each in ids(10)]).sync(EMPTY, NOW - timedelta(days=3))
    short = both([], [listed(each) for each in listing])
    plan = check(short.plan(stored), LIMITS, NOTHING, listing_doubt="too short")
    assert after_plan(stored, plan, now=NOW) == stored
    assert plan.is_held
    assert plan.listing_doubt == "too short"
    assert any("too short" in said for said in (*plan.notices, *(held.reason for held in plan.held)))


@pytest.mark.parametrize("acceptance", [Acceptance(everything=True), Acceptance(names=frozenset({"short-listing"}))])
def test_a_doubted_listing_can_be_accepted_as_a_whole(acceptance):
    stored = both([], [listed(each) for each in ids(10)]).sync(EMPTY)
    plan = check(both([], [listed("m00")]).plan(stored), LIMITS, acceptance, listing_doubt="too short")
    assert not plan.is_held
    assert len(plan.absences) == 9


def test_a_plan_without_hits_is_the_same_plan():
    plan = both([record("a")], [listed("a")]).plan(EMPTY)
    assert check(plan, LIMITS, NOTHING) == plan
    assert not plan.is_held


def test_a_protected_price_is_still_guarded_in_the_ledger():
    stored = edited(priced("1").sync(EMPTY), "a", input_price_per_mtok=Decimal(7))
    plan = check(priced("9").plan(stored), LIMITS, NOTHING)
    assert guards_of(plan) == ["price-rise"]


def test_limits_are_settable():
    limits = GuardLimits(max_price_rise=Decimal(10), min_limit_percent=0)
    assert checked(priced("1"), priced("9"), limits=limits).held == ()
