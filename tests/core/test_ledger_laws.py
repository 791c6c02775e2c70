"""Laws of the price ledger, over generated ledgers, announcements, API prices and times."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.facts import PRICE_FIELDS, Source
from modelctl.core.prices.ledger import has_complete_price, missing_points, projection, projection_sources
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PriceKey, PricePoint, current

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STARTS = (
    SINCE_LAUNCH,
    *(NOW + timedelta(days=days) for days in (-300, -20, -1)),
    NOW,
    *(NOW + timedelta(days=days) for days in (1, 40)),
)
MOMENTS = sorted({moment + timedelta(seconds=offset) for moment in STARTS for offset in (-1, 0, 1)})
KEYS = (PriceKey("input"), PriceKey("output"), PriceKey("input", service_tier="batch"))


@st.composite
def announcements(draw: st.DrawFn) -> tuple[PricePoint, ...]:
    """What a catalog states: for each key some dated prices, none of them overlapping another."""
    points = []
    for key in sorted(draw(st.sets(st.sampled_from(KEYS)))):
        starts = sorted(draw(st.sets(st.sampled_from(STARTS), min_size=1, max_size=3)))
        for start, following in zip(starts, [*starts[1:], None], strict=True):
            end = draw(st.none() | st.just(following)) if following else None
            points.append(_point(draw, key, start, effective_to=end))
    return tuple(points)


@st.composite
def api_prices(draw: st.DrawFn, now: datetime) -> tuple[PricePoint, ...]:
    """What the API charges at `now`."""
    keys = sorted(draw(st.sets(st.sampled_from(KEYS), max_size=2)))
    return tuple(_point(draw, key, now, basis=Basis.OBSERVED, source=Source.API.value) for key in keys)


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[PricePoint, ...]:
    """A ledger as some syncs before now, and perhaps a person, left it."""
    ledger: tuple[PricePoint, ...] = ()
    for days_ago in sorted(draw(st.lists(st.sampled_from((0, 1, 20, 300)), max_size=3)), reverse=True):
        then = NOW - timedelta(days=days_ago)
        stated = (*draw(announcements()), *draw(api_prices(then)))
        ledger += missing_points(ledger, stated, now=then, api_still_stands=draw(st.booleans()))
    if draw(st.booleans()):
        start = draw(st.sampled_from(STARTS))
        key = draw(st.sampled_from(KEYS))
        end = draw(st.none() | st.sampled_from([each for each in STARTS if each > start] or [None]))
        taken = [point.revision for point in ledger if (point.key, point.effective_from) == (key, start)]
        revision = max(taken, default=-1) + 1
        manual = {"basis": Basis.MANUAL, "source": "me", "revision": revision, "effective_to": end}
        ledger += (_point(draw, key, start, **manual),)
    return ledger


def _point(
    draw: st.DrawFn, key: PriceKey, start: datetime, *, source: str = "https://x.test", **others: Any
) -> PricePoint:
    return PricePoint(
        **key._asdict(),
        amount=draw(st.sampled_from((Decimal(0), Decimal("0.5"), Decimal(2), Decimal(30)))),
        currency=draw(st.sampled_from(("USD", "USD", "USD", "EUR"))),
        effective_from=start,
        source=source,
        **others,
    )


WORLD = {"ledger": ledgers(), "announced": announcements(), "observed": api_prices(NOW), "stands": st.booleans()}


def money_of(points, key: PriceKey, at: datetime):
    point = current(points, at).get(key)
    return point and point.money


def is_manual_at(points, key: PriceKey, at: datetime) -> bool:
    point = current(points, at).get(key)
    return point is not None and point.basis == Basis.MANUAL


def in_force_by_brute_force(points, key: PriceKey, at: datetime) -> PricePoint | None:
    """The latest start counts, of those the highest revision; nothing where that one has ended."""
    begun = [point for point in points if point.key == key and point.effective_from <= at]
    last = max(begun, key=lambda point: (point.effective_from, point.revision), default=None)
    return None if last is None or (last.effective_to is not None and last.effective_to <= at) else last


@given(**WORLD)
def test_no_two_points_are_for_the_same_key_start_and_revision(ledger, announced, observed, stands):
    after = ledger + missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    places = [(point.key, point.effective_from, point.revision) for point in after]
    assert len(set(places)) == len(places)


@given(**WORLD)
def test_once_the_missing_points_are_appended_none_is_missing(ledger, announced, observed, stands):
    stated = (*announced, *observed)
    after = ledger + missing_points(ledger, stated, now=NOW, api_still_stands=stands)
    assert missing_points(after, stated, now=NOW, api_still_stands=stands) == ()
    later = NOW + timedelta(hours=1)  # before the next price begins: still the same
    assert missing_points(after, stated, now=later, api_still_stands=stands) == ()


@given(**WORLD, seed=st.integers())
def test_the_order_of_points_does_not_matter(ledger, announced, observed, stands, seed):
    shuffle = random.Random(seed)
    stated = [*announced, *observed]
    mixed = shuffle.sample(stated, len(stated))
    assert missing_points(shuffle.sample(ledger, len(ledger)), mixed, now=NOW, api_still_stands=stands) == (
        missing_points(ledger, stated, now=NOW, api_still_stands=stands)
    )


@given(**WORLD)
def test_what_a_person_entered_is_never_overridden(ledger, announced, observed, stands):
    after = ledger + missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    for manual in (point for point in ledger if point.basis == Basis.MANUAL):
        for moment in MOMENTS:
            if current(ledger, moment).get(manual.key) == manual:
                assert current(after, moment)[manual.key] == manual


@st.composite
def edited_overlays(draw: st.DrawFn) -> list[tuple[tuple[PricePoint, ...], tuple[PricePoint, ...]]]:
    """What an overlay states after each of some edits, its prices manual, and what the API charges then."""
    edits = []
    for hour in range(draw(st.integers(1, 4))):
        stated = [each._replace(basis=Basis.MANUAL, source="overlay: contract 17") for each in draw(announcements())]
        edits.append((tuple(stated), draw(api_prices(NOW + timedelta(hours=hour)))))
    return edits


@given(ledger=ledgers(), edits=edited_overlays(), stands=st.booleans())
def test_what_an_overlay_states_holds_after_each_edit_of_it_unless_a_person_set_another(ledger, edits, stands):
    for hour, (announced, observed) in enumerate(edits):
        now = NOW + timedelta(hours=hour)
        stated = (*announced, *observed)
        ledger += missing_points(ledger, stated, now=now, api_still_stands=stands)
        assert missing_points(ledger, stated, now=now, api_still_stands=stands) == ()
        for key, point in current(announced, now).items():
            held = current(ledger, now).get(key)
            assert held is not None
            assert held.is_persons or held.money == point.money


@given(**WORLD)
def test_what_nobody_speaks_of_stays_as_it_is(ledger, announced, observed, stands):
    missing = missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    assert {point.key for point in missing} <= {point.key for point in (*announced, *observed)}


@given(**WORLD)
def test_the_price_in_force_is_the_apis_where_it_speaks_and_otherwise_the_catalogs(ledger, announced, observed, stands):
    stands = stands and not observed  # the API is asked, or it is remembered
    after = ledger + missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    for key in KEYS:
        if is_manual_at(ledger, key, NOW):
            continue
        of_key = [point for point in ledger if point.key == key]
        said_by_api = [point.money for point in observed if point.key == key]
        said_by_catalog = money_of(announced, key, NOW)
        if said_by_api:
            assert [money_of(after, key, NOW)] == said_by_api
        elif said_by_catalog and not (stands and any(point.source == Source.API for point in of_key)):
            assert money_of(after, key, NOW) == said_by_catalog


@given(**WORLD)
def test_what_is_announced_for_a_coming_day_will_be_in_force_on_that_day(ledger, announced, observed, stands):
    after = ledger + missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    for point in announced:
        if point.effective_from > NOW and not is_manual_at(after, point.key, point.effective_from):
            assert money_of(after, point.key, point.effective_from) == point.money


@given(**WORLD)
def test_what_was_withdrawn_before_it_began_lets_the_price_before_go_on(ledger, announced, observed, stands):
    after = ledger + missing_points(ledger, (*announced, *observed), now=NOW, api_still_stands=stands)
    for point in ledger:
        key, start = point.key, point.effective_from
        is_stated = any((each.key, each.effective_from) == (key, start) for each in announced)
        goes_on = money_of(announced, key, start) is not None
        if start > NOW and goes_on and not is_stated and not is_manual_at(ledger, key, start):
            before = current(after, start - timedelta(seconds=1)).get(key)
            ends = before is None or before.effective_to == start
            assert money_of(after, key, start) == (money_of(announced, key, start) if ends else before.money)


@given(points=ledgers(), at=st.sampled_from(MOMENTS))
def test_the_price_in_force_is_that_of_a_brute_force_search(points, at):
    found = current(points, at)
    for key in KEYS:
        assert found.get(key) == in_force_by_brute_force(points, key, at)


@given(points=ledgers(), at=st.sampled_from(MOMENTS))
def test_the_projection_shows_the_prices_in_force_in_one_currency(points, at):
    shown = projection(points, at=at)
    wanted = {name: in_force_by_brute_force(points, PriceKey(kind), at) for name, kind in PRICE_FIELDS.items()}
    known = [point for point in wanted.values() if point is not None]
    currency = known[0].currency if known else None
    assert shown.get("price_currency") == currency
    for name, point in wanted.items():
        assert shown.get(name) == (point.amount if point and point.currency == currency else None)
    assert {name for name, value in shown.items() if value is not None} <= set(projection_sources(points, at=at))


@given(points=ledgers(), at=st.sampled_from(MOMENTS), model_type=st.sampled_from(("chat", None, "image")))
def test_a_price_is_complete_when_a_request_can_be_billed(points, at, model_type):
    in_force = {key for key in KEYS if in_force_by_brute_force(points, key, at)}
    needed = model_type in ("chat", None)
    complete = {PriceKey("input"), PriceKey("output")} <= in_force if needed else bool(in_force)
    assert has_complete_price(points, model_type, at=at) == complete
