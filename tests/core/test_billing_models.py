"""Whose prices a model is billed by, what its ledger tells of changes, and what many bills come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.prices.billing import Biller, BillTotals, by_cost, overruled_prices, served
from modelctl.core.prices.price import PricePoint, is_within
from modelctl.core.prices.timeline import periods, price_changes, timeline
from modelctl.core.prices.usage import usage_of
from modelctl.core.stored import RowState, StoredModel, Written
from modelctl.core.text import instant
from modelctl.errors import UsageError

LAST_DAY = date(2026, 5, 15)
NEXT_DAY = datetime(2026, 5, 16, tzinfo=UTC)
LAST_SECOND = datetime(2026, 5, 15, 23, 59, 59, tzinfo=UTC)


def at(text: str) -> datetime:
    return instant(text, "at")


def point(kind: str, amount: str, begins: str = "1970-01-01", **more: Any) -> PricePoint:
    return PricePoint(kind=kind, amount=Decimal(amount), effective_from=at(begins), **more)


def model(model_id: str, *prices: PricePoint, state: RowState | None = None, **facts: Any) -> StoredModel:
    return StoredModel(
        key=ModelKey("xai", model_id), facts=ModelFacts(**facts), is_enabled=True, prices=prices, state=state
    )


def known(*models: StoredModel) -> dict[ModelKey, StoredModel]:
    return {each.key: each for each in models}


def redirected(model_id: str, replacement: str | None, *prices: PricePoint, on: date | None = LAST_DAY) -> StoredModel:
    return model(model_id, *prices, after_retirement="redirect", retires_on=on, replacement=replacement)


OLD = redirected("grok-4", "grok-4.3", point("input", "3"))
NEW = model("grok-4.3", point("input", "1.25"))


def cost_of(biller: Biller, each: StoredModel, when: datetime) -> dict[str, Decimal]:
    return biller.bill(each.key, usage_of(input=1_000_000), when, "standard").bill.totals


def test_a_redirected_model_is_billed_as_its_replacement_from_the_day_after_its_last() -> None:
    biller = Biller(known(OLD, NEW))
    assert cost_of(biller, OLD, LAST_SECOND) == {"USD": Decimal(3)}
    assert cost_of(biller, OLD, NEXT_DAY) == {"USD": Decimal("1.25")}
    billed = biller.bill(OLD.key, usage_of(input=1), NEXT_DAY, "standard")
    assert (billed.key, billed.served.key) == (OLD.key, NEW.key)


def test_a_redirect_is_followed_as_far_as_it_leads() -> None:
    older = redirected("grok-3", "grok-4", point("input", "5"))
    assert served(older.key, known(older, OLD, NEW), NEXT_DAY).path == (older.key, OLD.key, NEW.key)


@pytest.mark.parametrize(
    "models",
    [
        [redirected("grok-4", None, point("input", "3"))],
        [redirected("grok-4", "gone", point("input", "3"))],
        [redirected("grok-4", "b", point("input", "3")), redirected("b", "grok-4", point("input", "1"))],
        [redirected("grok-4", "grok-4", point("input", "3"))],
    ],
    ids=["nobody says to what", "not in the database", "in a circle", "to itself"],
)
def test_a_redirect_that_leads_nowhere_has_no_known_price(models: list[StoredModel]) -> None:
    billed = Biller(known(*models)).bill(models[0].key, usage_of(input=1), NEXT_DAY, "standard")
    assert not billed.served.is_known
    assert not billed.bill.is_complete
    assert billed.bill.totals == {}


def test_a_redirect_whose_day_nobody_knows_leaves_the_models_own_ledger() -> None:
    undated = redirected("grok-4", "grok-4.3", point("input", "3"), on=None)
    assert cost_of(Biller(known(undated, NEW)), undated, NEXT_DAY) == {"USD": Decimal(3)}


def test_a_price_that_a_person_dated_after_the_end_stands() -> None:
    mine = replace(OLD, prices=(*OLD.prices, point("input", "2", "2026-06-01", basis="manual")))
    biller = Biller(known(mine, NEW))
    assert cost_of(biller, mine, at("2026-05-31")) == {"USD": Decimal("1.25")}
    assert cost_of(biller, mine, at("2026-06-01")) == {"USD": Decimal(2)}


def test_a_model_that_ended_without_a_redirect_is_told() -> None:
    ended = model("grok-2", point("input", "2"), retires_on=LAST_DAY, after_retirement="error", replacement="grok-4.3")
    assert served(ended.key, known(ended, NEW), LAST_SECOND).ended_on is None
    assert served(ended.key, known(ended, NEW), NEXT_DAY).ended_on == LAST_DAY
    assert cost_of(Biller(known(ended, NEW)), ended, NEXT_DAY) == {"USD": Decimal(2)}


def test_a_prompt_larger_than_the_window_is_told_where_it_changes_the_price() -> None:
    long = point("input", "2", context_above=100)
    small = model("small", point("input", "1"), long, context_window=200)
    plain = model("plain", point("input", "1"), context_window=200)
    biller = Biller(known(small, plain))

    def oversized(each: StoredModel, tokens: int) -> bool:
        return biller.bill(each.key, usage_of(input=tokens), NEXT_DAY, "standard").is_oversized

    assert [oversized(small, 200), oversized(small, 201), oversized(plain, 201)] == [False, True, False]


def test_a_tally_counts_rows_and_never_adds_currencies_up() -> None:
    both = model("a", point("input", "1", currency="EUR"), point("output", "2"))
    biller, tally = Biller(known(both)), BillTotals()
    for used in (
        usage_of(input=1_000_000),
        usage_of(output=500_000),
        usage_of(output=1, cache_read=5),
        usage_of(cache_read=1),
    ):
        tally.add(biller.bill(both.key, used, NEXT_DAY, "standard"))
    assert (tally.rows, tally.incomplete_rows, tally.unknown) == (4, 2, {"cache_read": 2})
    assert tally.totals == {"EUR": Decimal(1), "USD": Decimal("1.000002")}


def test_the_cheapest_comes_first_and_the_unknown_last() -> None:
    models = [
        model("dear", point("input", "3")),
        model("unknown", point("output", "1")),
        model("free", point("input", "0")),
        model("euro", point("input", "1", currency="EUR")),
        model("cheap", point("input", "2")),
    ]
    biller = Biller(known(*models))
    bills = [biller.bill(each.key, usage_of(input=5), NEXT_DAY, "standard") for each in models]
    assert [each.key.model_id for each in by_cost(bills)] == ["euro", "free", "cheap", "dear", "unknown"]


def test_a_price_in_the_row_that_the_ledger_does_not_have_is_found() -> None:
    state = RowState(written={"input_price_per_mtok": Written(Decimal(3), "catalog")})
    edited = model("a", point("input", "3"), state=state, input_price_per_mtok=Decimal(4))
    untouched = model("b", point("input", "3"), state=state, input_price_per_mtok=Decimal(3))
    recorded = model("c", point("input", "4"), state=state, input_price_per_mtok=Decimal(4))
    unpriced = model("d", state=state, input_price_per_mtok=Decimal(4))
    found = [overruled_prices(each, NEXT_DAY) for each in (edited, untouched, recorded, unpriced)]
    changed = {"input_price_per_mtok": Decimal(4)}
    assert found == [changed, {}, {}, changed]


def test_changes_are_told_with_what_was_and_what_is() -> None:
    ledger = (
        point("input", "2"),
        point("input", "4", "2026-12-01"),
        point("input", "4", "2027-01-01"),
        point("output", "0", "2026-01-01"),
        point("output", "1", "2026-02-01"),
        point("cache_read", "9", "2026-03-01", effective_to=at("2026-04-01")),
    )
    told = [
        (
            change.at.date().isoformat(),
            change.key.kind,
            change.old and change.old.amount,
            change.new and change.new.amount,
        )
        for change in price_changes(ledger)
    ]
    assert told == [
        ("2026-01-01", "output", None, 0),
        ("2026-02-01", "output", 0, 1),
        ("2026-03-01", "cache_read", None, 9),
        ("2026-04-01", "cache_read", 9, None),
        ("2026-12-01", "input", 2, 4),
    ]
    assert [change.percent for change in price_changes(ledger)] == [None, None, None, None, Decimal(100)]


def test_peak_hours_begin_from_and_end_at_the_price_of_the_day() -> None:
    hours = {"hours_utc": "01:00-04:00"}
    ledger = (
        point("input", "2"),
        point("input", "3", "2026-08-16"),
        point("input", "6", "2026-08-16", effective_to=at("2026-10-01"), **hours),
    )
    peak = [change for change in price_changes(ledger) if change.key.hours_utc]
    assert [(change.old and change.old.amount, change.new and change.new.amount) for change in peak] == [(2, 6), (6, 3)]


def test_percentages_are_of_one_currency_only() -> None:
    ledger = (
        point("input", "3"),
        point("input", "2.9", "2026-02-01"),
        point("input", "1", "2026-03-01", currency="EUR"),
    )
    assert [change.percent for change in price_changes(ledger)] == [Decimal("-3.3"), None]


def test_a_corrected_announcement_never_held() -> None:
    ledger = (point("input", "2"), point("input", "4", "2026-12-01"), point("input", "3", "2026-12-01", revision=1))
    assert [each.is_corrected for each in periods(ledger)] == [False, True, False]
    assert [each.new and each.new.amount for each in price_changes(ledger)] == [3]


def test_a_sheet_knows_the_price_of_this_hour() -> None:
    ledger = (point("input", "1"), point("input", "2", hours_utc="01:00-04:00"), point("output", "5"))
    peak, rest = timeline(ledger, at("2026-11-21T01:00:00")), timeline(ledger, at("2026-11-21T04:00:00"))
    assert [each.amount for each in peak.in_force if peak.applies(each)] == [5, 2]
    assert [each.amount for each in rest.in_force if rest.applies(each)] == [1, 5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", "2026-12-01T00:00:00+00:00"),
        ("2026-12-01T07:30", "2026-12-01T07:30:00+00:00"),
        ("2026-12-01 07:30:01+02:00", "2026-12-01T05:30:01+00:00"),
        ("2026-12-01T23:59:59.5Z", "2026-12-01T23:59:59.500000+00:00"),
    ],
)
def test_an_instant_without_an_offset_is_utc(text: str, expected: str) -> None:
    assert at(text).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "2026-12", "20261201", "01.12.2026", "now", "2026-02-30", "1764547200", "0001-01-01T00:00+05:00"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--at: "):
        instant(text, "--at")


def test_no_hours_are_all_day() -> None:
    assert is_within("", at("2026-11-21T03:00"))
    assert not is_within("00:00-03:00", at("2026-11-21T03:00"))
