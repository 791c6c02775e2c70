"""How the ledger grows, case by case: what is stated against what is known, and the price at each day that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from modelctl.core.facts import Source
from modelctl.core.prices.ledger import has_complete_price, missing_points, projection, projection_sources
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PriceKey, PricePoint, current

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LAST_YEAR, LAST_MONTH = NOW - timedelta(days=365), NOW - timedelta(days=30)
NEXT_MONTH, NEXT_YEAR = NOW + timedelta(days=30), NOW + timedelta(days=365)


def documented(amount: str, start: datetime = SINCE_LAUNCH, *, end: datetime | None = None, **others) -> PricePoint:
    return PricePoint(
        kind="input", amount=Decimal(amount), effective_from=start, effective_to=end, source="https://x.test", **others
    )


def observed(amount: str, at: datetime = NOW) -> PricePoint:
    return PricePoint(
        kind="input", amount=Decimal(amount), effective_from=at, basis=Basis.OBSERVED, source=Source.API.value
    )


def manual(amount: str, start: datetime, **others) -> PricePoint:
    return documented(amount, start, **others)._replace(basis=Basis.MANUAL, source="ann")


CASES = {
    # name: (ledger, stated, price last year, last month, now, next month, next year)
    "a first price": ([], [documented("2")], "2 2 2 2 2"),
    "a first price that the API charges": ([], [observed("2")], "- - 2 2 2"),
    "announced and charged alike": ([], [documented("2"), observed("2")], "2 2 2 2 2"),
    "charged otherwise than announced": ([], [documented("2"), observed("3")], "2 2 3 3 3"),
    "nothing new": ([documented("2")], [documented("2")], "2 2 2 2 2"),
    "padded, but the same": ([documented("2.000")], [documented("2")], "2 2 2 2 2"),
    "changed without a date": ([documented("2")], [documented("3")], "2 2 3 3 3"),
    "changed with a date": ([documented("2")], [documented("2"), documented("3", LAST_MONTH)], "2 3 3 3 3"),
    "announced for a coming day": ([documented("2")], [documented("2"), documented("3", NEXT_MONTH)], "2 2 2 3 3"),
    "announced, while the API charges another": (
        [documented("2")],
        [documented("2"), documented("3", NEXT_MONTH), observed("2.5")],
        "2 2 2.5 3 3",
    ),
    "announcement changed": (
        [documented("2"), documented("3", NEXT_MONTH)],
        [documented("2"), documented("4", NEXT_MONTH)],
        "2 2 2 4 4",
    ),
    "announcement withdrawn": ([documented("2"), documented("3", NEXT_MONTH)], [documented("2")], "2 2 2 2 2"),
    "announcement withdrawn, while the API charges another": (
        [documented("2"), observed("1", LAST_MONTH), documented("3", NEXT_MONTH)],
        [documented("2"), observed("1")],
        "2 1 1 1 1",
    ),
    "announcement postponed": (
        [documented("2"), documented("3", NEXT_MONTH)],
        [documented("2"), documented("3", NEXT_YEAR)],
        "2 2 2 2 3",
    ),
    "announcement brought forward": (
        [documented("2"), documented("3", NEXT_YEAR)],
        [documented("2"), documented("3", NEXT_MONTH)],
        "2 2 2 3 3",
    ),
    "raised today and back next month": (
        [documented("2")],
        [documented("5"), documented("2", NEXT_MONTH)],
        "2 2 5 2 2",
    ),
    "history found later": ([documented("2", LAST_MONTH)], [documented("9"), documented("2", LAST_MONTH)], "9 2 2 2 2"),
    "free": ([documented("2")], [documented("0")], "2 2 0 0 0"),
    "another currency": ([documented("2", currency="EUR")], [documented("2")], "2 2 2 2 2"),
    "ended by its own end": ([], [documented("2", end=NEXT_MONTH)], "2 2 2 - -"),
    "a gap between two": ([], [documented("2", end=LAST_MONTH), documented("3", NEXT_MONTH)], "2 - - 3 3"),
    "a person's price against the catalog": (
        [documented("2"), manual("1", LAST_MONTH)],
        [documented("3")],
        "2 1 1 1 1",
    ),
    "a person's price against the API": ([manual("1", LAST_MONTH)], [observed("3")], "- 1 1 1 1"),
    "a person's price against an announcement": (
        [documented("2"), manual("1", LAST_MONTH)],
        [documented("2"), documented("3", NEXT_MONTH)],
        "2 1 1 1 1",
    ),
    "a person's price from next month on leaves today to the sources": (
        [documented("2"), manual("1", NEXT_MONTH)],
        [documented("3")],
        "2 2 3 1 1",
    ),
    "a person's price that has ended leaves today to the sources": (
        [documented("2"), manual("1", LAST_YEAR, end=LAST_MONTH)],
        [documented("2")],
        "1 - 2 2 2",
    ),
}


@pytest.mark.parametrize(("ledger", "stated", "wanted"), CASES.values(), ids=list(CASES))
def test_the_ledger_says_the_right_price_on_every_day(ledger, stated, wanted):
    after = [*ledger, *missing_points(ledger, stated, now=NOW)]
    days = (LAST_YEAR, LAST_MONTH, NOW, NEXT_MONTH, NEXT_YEAR)
    amounts = [current(after, day).get(PriceKey("input")) for day in days]
    assert " ".join("-" if point is None else f"{point.amount.normalize():f}" for point in amounts) == wanted
    assert missing_points(after, stated, now=NOW) == ()


def test_a_price_in_another_currency_is_another_price():
    [point] = missing_points([documented("2", currency="EUR")], [documented("2")], now=NOW)
    assert (point.money, point.effective_from) == ((Decimal(2), "USD"), NOW)


def test_what_the_api_said_stands_until_it_is_asked_again():
    ledger = [documented("2"), observed("3", LAST_MONTH)]
    assert missing_points(ledger, [documented("2")], now=NOW, api_still_stands=True) == ()
    [point] = missing_points(ledger, [documented("2")], now=NOW)
    assert point.amount == 2


def test_what_the_api_never_priced_follows_the_catalog_though_the_api_stands():
    [point] = missing_points([documented("2")], [documented("3")], now=NOW, api_still_stands=True)
    assert (point.amount, point.basis) == (Decimal(3), Basis.OBSERVED)


def test_two_changes_within_a_second_are_two_revisions():
    ledger = [documented("2")]
    for amount in ("3", "4"):
        ledger += missing_points(ledger, [documented(amount)], now=NOW)
    assert [(point.amount, point.revision) for point in ledger[1:]] == [(Decimal(3), 0), (Decimal(4), 1)]


def test_an_announced_end_is_kept_when_the_price_changes():
    [point] = missing_points([documented("2")], [documented("3", end=NEXT_MONTH)], now=NOW)
    assert point.effective_to == NEXT_MONTH


def test_tiers_and_contexts_are_prices_of_their_own():
    batch = documented("1", service_tier="batch")
    long = documented("4", context_above=200_000)
    assert missing_points([documented("2")], [documented("2"), batch, long], now=NOW) == (batch, long)
    assert projection([batch, long], at=NOW) == {}


def test_only_prices_of_one_currency_stand_side_by_side():
    points = [documented("2"), documented("3", currency="EUR")._replace(kind="output")]
    assert projection(points, at=NOW) == {"input_price_per_mtok": Decimal(2), "price_currency": "USD"}


@pytest.mark.parametrize(
    ("point", "source"),
    [(documented("1"), "catalog"), (observed("1"), "api"), (manual("1", LAST_YEAR), "person")],
    ids=["catalog", "api", "person"],
)
def test_a_projected_price_names_who_stated_it(point, source):
    assert projection_sources([point], at=NOW) == {"input_price_per_mtok": source, "price_currency": source}


@pytest.mark.parametrize(
    ("model_type", "kinds", "complete"),
    [
        ("chat", ["input"], False),
        ("chat", ["input", "output"], True),
        ("chat", ["output", "cache_read"], False),
        (None, ["input"], False),
        ("embedding", ["input"], True),
        ("image", ["image_output"], True),
        ("embedding", [], False),
    ],
)
def test_a_complete_price_lets_one_bill_a_request(model_type, kinds, complete):
    points = [documented("1")._replace(kind=kind) for kind in kinds]
    assert has_complete_price(points, model_type, at=NOW) is complete


def test_a_price_of_another_unit_is_no_price_per_million_tokens():
    points = [documented("1")._replace(unit="mchar"), documented("1")._replace(kind="output")]
    assert not has_complete_price(points, "chat", at=NOW)
