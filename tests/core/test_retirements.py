"""What ends when, where replacements lead in any graph, and prices on the day of the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.models.lifecycle import Chain, ChainEnd, Money, Scheduled, chain_of, price_steps
from modelctl.core.models.retirements import RetirementFinding, RetirementKind, Window, find_retirements, with_prices
from modelctl.core.prices.price import SINCE_LAUNCH, PricePoint
from modelctl.core.stored import RowState, StoredModel, Written

TODAY = date(2026, 11, 21)
GONE = {"status": "retired"}


def model(
    model_id: str,
    *,
    provider: str = "acme",
    is_enabled: bool = True,
    prices: tuple[PricePoint, ...] = (),
    seen_on: date | None = None,
    **facts: Any,
) -> StoredModel:
    """A stored model; its facts are as modelctl wrote them."""
    known = {"status": "active", **facts}
    return StoredModel(
        key=ModelKey(provider, model_id),
        facts=ModelFacts(**known),
        is_enabled=is_enabled,
        prices=prices,
        state=RowState(written={name: Written(value, "catalog") for name, value in known.items()}),
        last_seen_at=datetime(seen_on.year, seen_on.month, seen_on.day, 9, tzinfo=UTC) if seen_on else None,
    )


def point(kind: str, amount: str, since: datetime = SINCE_LAUNCH, **others: Any) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(amount), effective_from=since, **others)


def midnight(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def in_days(count: int) -> date:
    return TODAY + timedelta(days=count)


def acme(*model_ids: str) -> tuple[ModelKey, ...]:
    return tuple(ModelKey("acme", model_id) for model_id in model_ids)


IN_TEN_DAYS = in_days(10)


def chain(*models: StoredModel, after: date = IN_TEN_DAYS) -> Chain:
    """The chain of the first model."""
    return chain_of(models[0], {each.key: each for each in models}, after=after, today=TODAY)


@pytest.mark.parametrize(
    ("name", "models", "want"),
    [
        ("none stated", [model("a")], Chain(end=ChainEnd.NONE)),
        (
            "a live one",
            [model("a", replacement="b"), model("b")],
            Chain(end=ChainEnd.LIVE, path=acme("b")),
        ),
        (
            "through a retired one",
            [model("a", replacement="b"), model("b", replacement="c", **GONE), model("c", status="preview")],
            Chain(end=ChainEnd.LIVE, path=acme("b", "c")),
        ),
        (
            "a deprecated one without a day still answers",
            [model("a", replacement="b"), model("b", status="deprecated")],
            Chain(end=ChainEnd.LIVE, path=acme("b")),
        ),
        (
            "one that ends on the same day is none",
            [model("a", replacement="b"), model("b", retires_on=in_days(10), replacement="c"), model("c")],
            Chain(end=ChainEnd.LIVE, path=acme("b", "c")),
        ),
        (
            "one that ends later is one, and says when",
            [model("a", replacement="b"), model("b", retires_on=in_days(11), replacement="c"), model("c")],
            Chain(end=ChainEnd.LIVE, path=acme("b"), ends_on=in_days(11)),
        ),
        (
            "not in the database",
            [model("a", replacement="b"), model("b", replacement="c", **GONE)],
            Chain(end=ChainEnd.MISSING, path=acme("b", "c")),
        ),
        (
            "of another provider is not in the database",
            [model("a", replacement="b"), model("b", provider="other")],
            Chain(end=ChainEnd.MISSING, path=acme("b")),
        ),
        (
            "ids are case-sensitive",
            [model("a", replacement="B"), model("b")],
            Chain(end=ChainEnd.MISSING, path=acme("B")),
        ),
        (
            "dead end",
            [model("a", replacement="b"), model("b", **GONE)],
            Chain(end=ChainEnd.ENDED, path=acme("b")),
        ),
        (
            "itself",
            [model("a", replacement="a")],
            Chain(end=ChainEnd.CYCLE, path=acme("a")),
        ),
        (
            "a circle that it is not part of",
            [model("a", replacement="b"), model("b", replacement="c", **GONE), model("c", replacement="b", **GONE)],
            Chain(end=ChainEnd.CYCLE, path=acme("b", "c", "b")),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_chain_names_its_live_end_or_says_why_there_is_none(name, models, want):
    assert chain(*models) == want


def test_what_ended_long_ago_is_not_replaced_by_what_has_ended_since():
    old = model("a", replacement="b", retires_on=in_days(-100), **GONE)
    overdue = model("b", replacement="c", retires_on=in_days(-5), status="deprecated")
    assert chain(old, overdue, model("c"), after=in_days(-100)).live == ModelKey("acme", "c")
    last_day = model("b", replacement="c", retires_on=TODAY)
    assert chain(old, last_day, model("c"), after=in_days(-100)).live == ModelKey("acme", "b")


IDS = st.sampled_from([f"m{number}" for number in range(8)])
PROVIDERS = st.sampled_from(["acme", "beta"])
DAYS = st.none() | st.integers(-20, 20).map(in_days)
STATUSES = st.sampled_from(["active", "deprecated", "retired", "preview"]) | st.none()


@st.composite
def known_models(draw: st.DrawFn) -> dict[ModelKey, StoredModel]:
    """Any graph of replacements: chains, circles, ids that do not exist, and other providers' models."""
    return {
        each.key: each
        for provider, model_id in draw(st.sets(st.tuples(PROVIDERS, IDS), min_size=1))
        for each in [
            model(
                model_id,
                provider=provider,
                is_enabled=draw(st.booleans()),
                status=draw(STATUSES),
                retires_on=draw(DAYS),
                retires_not_before=draw(DAYS),
                replacement=draw(st.none() | IDS),
                replacement_provider=draw(st.none() | PROVIDERS),
                after_retirement=draw(st.sampled_from([None, "error", "redirect"])),
                seen_on=draw(DAYS),
            )
        ]
    }


WINDOWS = st.builds(
    Window,
    within_days=st.integers(0, 25),
    past_days=st.none() | st.integers(0, 25),
    fail_within_days=st.none() | st.integers(0, 25),
    only_enabled=st.booleans(),
)


@given(known=known_models(), after=st.integers(-20, 20).map(in_days))
def test_no_graph_of_replacements_loops_and_every_named_end_is_live_and_reachable(known, after):
    def lives(key: ModelKey) -> bool:
        facts = known[key].facts
        return facts.status != "retired" and (facts.retires_on is None or facts.retires_on > max(after, in_days(-1)))

    for start in known.values():
        found = chain_of(start, known, after=after, today=TODAY)
        walked = [start.key, *found.path]
        for here, following in pairwise(walked):
            facts = known[here].facts
            assert (facts.replacement_provider or here.provider, facts.replacement) == following
        assert len(set(walked[:-1])) == len(walked) - 1, "no model is passed twice"
        assert not any(lives(each) for each in walked[1:-1]), "the first live one is the end"
        last = walked[-1]
        exists = last in known
        is_closed = last in walked[:-1]
        assert (found.live == last) == (found.end is ChainEnd.LIVE)
        match found.end:
            case ChainEnd.LIVE:
                assert exists
                assert lives(last)
                assert found.ends_on == known[last].facts.retires_on
            case ChainEnd.CYCLE:
                assert is_closed
            case ChainEnd.MISSING:
                assert not exists
            case ChainEnd.ENDED:
                assert len(walked) > 1
                assert not lives(last)
                assert known[last].facts.replacement is None
            case ChainEnd.NONE:
                assert start.facts.replacement is None


@given(known=known_models(), window=WINDOWS)
def test_every_row_is_inside_the_window_and_every_finding_is_a_row(known, window):
    found = find_retirements(known.values(), window, today=TODAY)
    assert found == find_retirements(reversed(known.values()), window, today=TODAY), "order does not matter"
    assert len({each.key for each in found.rows}) == len(found.rows)
    for kind in RetirementKind:
        days = [each.day or date.min for each in found.of(kind)]
        assert days == sorted(days)
    for each in found.rows:
        facts = known[each.key].facts
        assert each.is_enabled or not window.only_enabled
        assert each.days_left == (None if each.day is None else (each.day - TODAY).days)
        if each.kind is RetirementKind.NOT_BEFORE:
            assert facts.retires_on is None
            assert each.finding is None, "no announced end, no finding"
        if each.kind is not RetirementKind.ENDED:
            assert each.days_left <= window.reach_days
        elif each.finding is None:
            assert each.days_left >= -window.past_days
        if each.kind is RetirementKind.ANNOUNCED and each.days_left < 0:
            assert each.listed_on > each.day, "only a listing keeps a model alive after its last day"
    retired = {key for key, each in known.items() if each.is_enabled and each.facts.status == "retired"}
    told = {each.key for each in found.findings(RetirementFinding.ENDED)}
    assert retired <= told if window.fail_within_days is not None else not told


@pytest.mark.parametrize(
    ("today", "kind", "days_left"),
    [
        (date(2026, 11, 21), RetirementKind.ANNOUNCED, 9),
        (date(2026, 11, 30), RetirementKind.ANNOUNCED, 0),
        (date(2026, 12, 1), RetirementKind.ENDED, -1),
    ],
)
def test_the_last_day_still_belongs_to_the_model(today, kind, days_left):
    stale = model("a", status="deprecated", retires_on=date(2026, 11, 30))
    [row] = find_retirements([stale], Window(within_days=90, past_days=30), today=today).rows
    assert (row.kind, row.days_left) == (kind, days_left)


def test_a_listing_after_the_last_day_makes_an_end_overdue_not_ended():
    ended = model("a", status="deprecated", retires_on=in_days(-3), seen_on=in_days(-3))
    overdue = model("b", status="deprecated", retires_on=in_days(-3), seen_on=in_days(-2))
    retired = model("c", status="retired", retires_on=in_days(-3), seen_on=in_days(-2))
    found = find_retirements([ended, overdue, retired], Window(within_days=0, fail_within_days=0), today=TODAY)
    assert [(each.key.model_id, each.finding) for each in found.rows] == [
        ("b", RetirementFinding.ENDS_SOON),
        ("a", RetirementFinding.ENDED),
        ("c", RetirementFinding.ENDED),
    ]
    assert found.rows[0].listed_on == in_days(-2)


def test_the_edges_of_the_window_are_inside():
    models = [model(f"m{days}", retires_on=in_days(days)) for days in (7, 8)]
    models += [model(f"p{days}", is_enabled=False, retires_on=in_days(-days), **GONE) for days in (7, 8)]
    found = find_retirements(models, Window(within_days=7, past_days=7), today=TODAY)
    assert [each.key.model_id for each in found.rows] == ["m7", "p7"]
    assert found.next_end == (in_days(8), ModelKey("acme", "m8"))


def test_a_check_that_looks_further_than_the_window_shows_what_it_found():
    window = Window(within_days=7, fail_within_days=30)
    [row] = find_retirements([model("a", retires_on=in_days(30))], window, today=TODAY).rows
    assert row.finding is RetirementFinding.ENDS_SOON


def test_what_no_row_shows_is_counted():
    models = [
        model("a", status="deprecated"),
        model("b", is_enabled=False, retires_on=in_days(1)),
        model("c", retires_on=in_days(-50), **GONE),
        model("d", is_enabled=False, **GONE),
    ]
    found = find_retirements(models, Window(within_days=7, past_days=7, only_enabled=True), today=TODAY)
    assert (found.rows, found.looked_at, found.not_enabled, found.ended_enabled_elsewhere) == ((), 4, 1, 1)
    assert [key.model_id for key in found.undated] == ["a"]
    everyone = find_retirements(models, Window(within_days=7, past_days=7), today=TODAY)
    assert [key.model_id for key in everyone.undated] == ["a", "d"]


OLD = model("old", replacement="new", prices=(point("input", "1.25"), point("output", "10")))
RISING = model(
    "new",
    prices=(
        point("input", "0.75"),
        point("input", "1.5", midnight("2027-01-01")),
        point("input", "9", context_above=200_000),
        point("input", "0.1", service_tier="batch"),
    ),
)


@pytest.mark.parametrize(
    ("on", "new", "scheduled"),
    [
        (date(2026, 12, 31), "0.75", Scheduled(midnight("2027-01-01"), Money(Decimal("1.5"), "USD"))),
        (date(2027, 1, 1), "1.5", None),
    ],
)
def test_announced_prices_count_from_their_day_on(on, new, scheduled):
    steps = price_steps(OLD, RISING, on=on)
    assert steps["input"].old == Money(Decimal("1.25"), "USD")
    assert steps["input"].new == Money(Decimal(new), "USD")
    assert steps["input"].scheduled == scheduled
    assert steps["output"].new is None, "unknown is unknown, not free"


def test_a_price_that_begins_in_the_course_of_the_last_day_counts():
    observed = model("new", prices=(point("input", "2", midnight("2026-11-21") + timedelta(hours=15)),))
    assert price_steps(OLD, observed, on=TODAY)["input"].new == Money(Decimal(2), "USD")


def test_a_price_written_by_hand_is_what_its_owner_bills_with():
    facts = RISING.facts._replace(input_price_per_mtok=Decimal("0.5"), price_currency="EUR")
    step = price_steps(OLD, replace(RISING, facts=facts), on=TODAY)["input"]
    assert (step.new, step.scheduled) == (Money(Decimal("0.5"), "EUR"), None)
    ours = replace(
        RISING, facts=facts, state=RowState(written={"input_price_per_mtok": Written(Decimal("0.5"), "api")})
    )
    assert price_steps(OLD, ours, on=TODAY)["input"].new == Money(Decimal("0.75"), "USD")


def test_prices_are_those_of_the_live_end_on_the_day_of_the_end_or_today():
    ending = replace(OLD, facts=OLD.facts._replace(retires_on=date(2027, 1, 1)))
    ended = model("gone", replacement="old", retires_on=in_days(-3), is_enabled=False, **GONE)
    models = [ending, ended, RISING]
    found = find_retirements(models, Window(within_days=90, past_days=9), today=TODAY)
    assert {key.model_id for key in found.keys} == {"old", "new", "gone"}
    soon, past = with_prices(found, {each.key: each for each in models}).rows
    assert (soon.prices_on, soon.prices["input"].new) == (date(2027, 1, 1), Money(Decimal("1.5"), "USD"))
    assert (past.prices_on, past.prices["input"].new) == (TODAY, Money(Decimal("1.25"), "USD"))
    assert past.prices["input"].old is None
