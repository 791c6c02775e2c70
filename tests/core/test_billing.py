"""Bills that were computed by hand: what was used, at which prices, and what it must cost to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from modelctl.core.prices.billing import Bill, Reason
from modelctl.core.prices.price import SINCE_LAUNCH, PricePoint
from modelctl.core.prices.usage import Usage, usage_of
from tests.core.effects import cost


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def prices(begins: str = "", **line: Any) -> tuple[PricePoint, ...]:
    """The points of one price line: `prices(input="2", output="10", service_tier="batch")`."""
    shared = {name: line.pop(name) for name in list(line) if name in PricePoint._fields}
    if begins:
        shared["effective_from"] = at(begins)
    return tuple(PricePoint(kind=kind, amount=Decimal(amount), **shared) for kind, amount in line.items())


ARGON = (  # google/gemini-4-argon: introductory prices, which double on 2026-12-01
    *prices(input="2", cache_read="0.1", output="10", reasoning_output="10"),
    *prices("2026-12-01", input="4", cache_read="0.2", output="20", reasoning_output="20"),
    *prices(input="1", output="5", service_tier="batch"),
    *prices("2026-12-01", input="2", output="10", service_tier="batch"),
    *prices(input="1", output="5", service_tier="flex", effective_to=at("2026-12-01")),
    *prices(web_search="14", unit="thousand"),
)
ASTRA = (  # openai/gpt-6-astra: above 272,000 tokens of prompt the whole request has other prices
    *prices(input="10", cache_read="1", output="50"),
    *prices(input="20", cache_read="2", output="75", context_above=272_000),
    *prices(input="5", cache_read="0.5", output="25", service_tier="batch"),
    *prices(web_search="10", unit="thousand"),
)
OPUS = prices(input="5", cache_read="0.5", cache_write="6.25", cache_write_1h="10", output="25")
PEAK = "01:00-04:00,06:00-10:00"
DEEPSEEK = (  # deepseek/deepseek-v4-pro: everything costs twice as much in its peak hours
    *prices(input="0.66", cache_read="0.022", output="1.98"),
    *prices(input="1.32", cache_read="0.044", output="3.96", hours_utc=PEAK),
)
FREE = prices(input="0", output="0")
PAINTER = (
    *prices(output="0.04", unit="image"),
    *prices(input="0.3", output="30"),
)
MIXED = (*prices(input="1", currency="EUR"), *prices(output="2", currency="USD"))
TWO_LIMITS = (
    *prices(input="1", output="2"),
    *prices(input="3", output="4", context_above=100),
    *prices(input="5", output="6", context_above=200),
)
NOW = "2026-11-21T12:00"


class Case(NamedTuple):
    """One bill."""

    points: tuple[PricePoint, ...]
    used: Usage
    when: str
    tier: str
    totals: dict[str, str]
    unknown: Mapping[str, Reason] = MappingProxyType({})


CASES = {
    "a plain request": Case(
        # 1,200 × 5 / 1e6 = 0.006; 800 × 25 / 1e6 = 0.02
        OPUS,
        usage_of(input=1_200, output=800),
        NOW,
        "standard",
        {"USD": "0.026"},
    ),
    "a cached prompt": Case(
        # 1,200 × 5 = 6,000; 50,000 × 0.5 = 25,000; 800 × 25 = 20,000; together 51,000 / 1e6
        OPUS,
        usage_of(input=1_200, cache_read=50_000, output=800),
        NOW,
        "standard",
        {"USD": "0.051"},
    ),
    "cache writes for 5 minutes and for 1 hour": Case(
        # 1,000 × 6.25 = 6,250; 3,000 × 10 = 30,000; 7 × 5 = 35; together 36,285 / 1e6
        OPUS,
        usage_of(input=7, cache_write=1_000, cache_write_1h=3_000),
        NOW,
        "standard",
        {"USD": "0.036285"},
    ),
    "the last second of a price": Case(
        ARGON, usage_of(input=1_000, output=500), "2026-11-30T23:59:59", "standard", {"USD": "0.007"}
    ),
    "the first second of an announced price": Case(
        ARGON, usage_of(input=1_000, output=500), "2026-12-01T00:00:00", "standard", {"USD": "0.014"}
    ),
    "an announced price with everything": Case(
        # 1,000 × 4 = 4,000; 100,000 × 0.2 = 20,000; (500 + 200) × 20 = 14,000; 38,000 / 1e6; 3 × 14 / 1e3 = 0.042
        ARGON,
        usage_of(input=1_000, cache_read=100_000, output=500, reasoning_output=200, web_searches=3),
        "2027-03-01",
        "standard",
        {"USD": "0.08"},
    ),
    "exactly at the long-context limit": Case(
        # 272,000 × 10 + 1,000 × 50 = 2,770,000 / 1e6
        ASTRA,
        usage_of(input=272_000, output=1_000),
        NOW,
        "standard",
        {"USD": "2.77"},
    ),
    "one token above the limit": Case(
        # 272,001 × 20 + 1,000 × 75 = 5,515,020 / 1e6
        ASTRA,
        usage_of(input=272_001, output=1_000),
        NOW,
        "standard",
        {"USD": "5.51502"},
    ),
    "cached tokens count towards the limit": Case(
        # 1 × 20 + 272,000 × 2 + 1,000 × 75 = 619,020 / 1e6
        ASTRA,
        usage_of(input=1, cache_read=272_000, output=1_000),
        NOW,
        "standard",
        {"USD": "0.61902"},
    ),
    "output does not count towards the limit": Case(
        # 272,000 × 10 + 100,000 × 50 = 7,720,000 / 1e6
        ASTRA,
        usage_of(input=272_000, output=100_000),
        NOW,
        "standard",
        {"USD": "7.72"},
    ),
    "a web search costs the same above the limit": Case(
        # 300,000 × 20 / 1e6 = 6; 5 × 10 / 1e3 = 0.05
        ASTRA,
        usage_of(input=300_000, web_searches=5),
        NOW,
        "standard",
        {"USD": "6.05"},
    ),
    "the highest of two limits": Case(TWO_LIMITS, usage_of(input=201), NOW, "standard", {"USD": "0.001005"}),
    "between two limits": Case(TWO_LIMITS, usage_of(input=200), NOW, "standard", {"USD": "0.0006"}),
    "a batch": Case(
        # 10,000 × 5 + 2,000 × 25 = 100,000 / 1e6
        ASTRA,
        usage_of(input=10_000, output=2_000),
        NOW,
        "batch",
        {"USD": "0.1"},
    ),
    "a batch above the limit is not billed at the short price": Case(
        ASTRA,
        usage_of(input=272_001, output=1_000),
        NOW,
        "batch",
        {},
        {"input": Reason.NOT_IN_CONTEXT, "output": Reason.NOT_IN_CONTEXT},
    ),
    "a service tier without prices": Case(
        ASTRA, usage_of(input=10), NOW, "flex", {}, {"input": Reason.NOT_IN_SERVICE_TIER}
    ),
    "a price that has ended": Case(
        ARGON, usage_of(input=10), "2026-12-01", "flex", {}, {"input": Reason.NOT_IN_SERVICE_TIER}
    ),
    "a second before the peak": Case(
        # 1,000,000 × 0.66 / 1e6 + 500,000 × 1.98 / 1e6
        DEEPSEEK,
        usage_of(input=1_000_000, output=500_000),
        "2026-11-21T00:59:59",
        "standard",
        {"USD": "1.65"},
    ),
    "the first second of the peak": Case(
        DEEPSEEK, usage_of(input=1_000_000, output=500_000), "2026-11-21T01:00:00", "standard", {"USD": "3.3"}
    ),
    "the last second of the peak": Case(
        DEEPSEEK, usage_of(input=1_000_000, output=500_000), "2026-11-21T03:59:59", "standard", {"USD": "3.3"}
    ),
    "the first second after the peak": Case(
        DEEPSEEK, usage_of(input=1_000_000, output=500_000), "2026-11-21T04:00:00", "standard", {"USD": "1.65"}
    ),
    "the second peak of the day": Case(
        DEEPSEEK, usage_of(input=1_000_000, output=500_000), "2026-11-21T09:59:59", "standard", {"USD": "3.3"}
    ),
    "an unknown price beside known ones": Case(
        # 1,000 × 10 = 10,000 / 1e6; nobody prices cache writes
        ASTRA,
        usage_of(input=1_000, cache_write=400),
        NOW,
        "standard",
        {"USD": "0.01"},
        {"cache_write": Reason.NOT_PRICED},
    ),
    "reasoning tokens are not guessed to be output": Case(
        OPUS,
        usage_of(output=10, reasoning_output=20),
        NOW,
        "standard",
        {"USD": "0.00025"},
        {"reasoning_output": Reason.NOT_PRICED},
    ),
    "a quantity of zero needs no price": Case(
        ASTRA, usage_of(input=1_000, cache_write=0), NOW, "standard", {"USD": "0.01"}
    ),
    "a stated free price": Case(FREE, usage_of(input=1_000_000, output=5), NOW, "standard", {"USD": "0"}),
    "images by the piece": Case(PAINTER, usage_of(input=50, images=3), NOW, "standard", {"USD": "0.120015"}),
    "images in, where only those that come out are priced": Case(
        PAINTER, usage_of(input_images=3), NOW, "standard", {}, {"input_images": Reason.NOT_PRICED}
    ),
    "seconds of speech": Case(
        prices(input="0.0001", unit="second"), usage_of(seconds="61.5"), NOW, "standard", {"USD": "0.00615"}
    ),
    "pages, characters and requests": Case(
        (
            *prices(input="0.003", unit="page"),
            *prices(output="15", unit="mchar"),
            *prices(request="0.005", unit="request"),
        ),
        usage_of(pages=12, characters=2_500, requests=1),
        NOW,
        "standard",
        # 0.036 + 0.0375 + 0.005
        {"USD": "0.0785"},
    ),
    "two currencies are not added up": Case(
        MIXED, usage_of(input=1_000_000, output=1_000_000), NOW, "standard", {"EUR": "1", "USD": "2"}
    ),
    "more digits than a float keeps": Case(
        # (10^6 - 10^-9) × (10^12 - 1) / 10^6
        prices(input="999999.999999999"),
        usage_of(input=999_999_999_999),
        NOW,
        "standard",
        {"USD": "999999999998.999000000000001"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bill_is_the_one_computed_by_hand(name: str) -> None:
    case = CASES[name]
    bill = cost(case.points, case.used, at(case.when), case.tier)
    assert bill.totals == {currency: Decimal(amount) for currency, amount in case.totals.items()}
    assert {each.item: each.reason for each in bill.unknown} == case.unknown
    assert bill.is_complete == (not case.unknown)


def test_a_bill_names_the_price_point_of_each_line() -> None:
    bill = cost(ARGON, usage_of(input=1_000, output=500), at("2026-12-01"))
    assert [(line.item, line.quantity, line.amount) for line in bill.lines] == [
        ("input", Decimal(1_000), Decimal("0.004")),
        ("output", Decimal(500), Decimal("0.01")),
    ]
    assert {line.point.effective_from for line in bill.lines} == {at("2026-12-01")}
    assert (bill.prompt_tokens, bill.context_above, bill.service_tier) == (1_000, 0, "standard")


def test_the_limit_that_reprices_a_request_is_named() -> None:
    assert cost(ASTRA, usage_of(input=272_000), at(NOW)).context_above == 0
    assert cost(ASTRA, usage_of(input=272_001), at(NOW)).context_above == 272_000


def test_all_that_is_read_is_part_of_the_prompt() -> None:
    used = usage_of(
        input=1,
        cache_read=2,
        cache_write=4,
        cache_write_1h=8,
        audio_input=16,
        image_input=32,
        video_input=64,
        output=128,
    )
    assert used.prompt_tokens == 127


def test_a_correction_counts_and_what_it_corrects_does_not() -> None:
    [first] = prices("2026-12-01", input="4")
    [second] = prices("2026-12-01", input="3", revision=1)
    for points in ((first, second), (second, first)):
        assert cost(points, usage_of(input=1_000_000), at("2026-12-01")).totals == {"USD": Decimal(3)}


def test_before_its_first_price_a_model_has_none() -> None:
    bill = cost(prices("2026-12-01", input="4"), usage_of(input=1), at("2026-11-30T23:59:59"))
    assert [each.reason for each in bill.unknown] == [Reason.NOT_PRICED]


def test_other_hours_without_a_price_are_unknown() -> None:
    points = prices(input="1", hours_utc="22:00-24:00,00:00-02:00")
    assert cost(points, usage_of(input=1_000_000), at("2026-11-21T23:59:59.999999")).totals == {"USD": Decimal(1)}
    assert cost(points, usage_of(input=1_000_000), at("2026-11-22T00:00:00")).totals == {"USD": Decimal(1)}
    bill = cost(points, usage_of(input=1), at("2026-11-22T02:00:00"))
    assert [each.reason for each in bill.unknown] == [Reason.NOT_AT_THAT_HOUR]


def test_the_hour_is_that_of_utc_whatever_zone_the_instant_was_written_in() -> None:
    peak_in_shanghai = datetime.fromisoformat("2026-11-21T09:00:00+08:00")
    assert cost(DEEPSEEK, usage_of(input=1_000_000), peak_in_shanghai).totals == {"USD": Decimal("1.32")}


def test_of_overlapping_hours_those_that_began_last_hold() -> None:
    points = (*prices(input="2", hours_utc="01:00-05:00"), *prices("2026-11-01", input="3", hours_utc="02:00-04:00"))
    assert cost(points, usage_of(input=1_000_000), at("2026-11-21T03:00")).totals == {"USD": Decimal(3)}
    assert cost(points, usage_of(input=1_000_000), at("2026-11-21T01:30")).totals == {"USD": Decimal(2)}


def test_two_prices_for_the_same_hour_from_the_same_instant_are_no_answer() -> None:
    points = (*prices(input="2", hours_utc="01:00-05:00"), *prices(input="3", hours_utc="02:00-04:00"))
    [unpriced] = cost(points, usage_of(input=1), at("2026-11-21T03:00")).unknown
    assert unpriced.reason is Reason.SEVERAL_PRICES
    same = (*prices(input="2", hours_utc="01:00-05:00"), *prices(input="2", hours_utc="02:00-04:00"))
    assert cost(same, usage_of(input=1), at("2026-11-21T03:00")).is_complete


def test_images_of_a_model_that_prices_both_sides_must_be_told_apart() -> None:
    points = (*prices(input="0.002", unit="image"), *prices(output="0.05", unit="image"))
    [unpriced] = cost(points, usage_of(images=1), at(NOW)).unknown
    assert unpriced.reason is Reason.SEVERAL_PRICES
    assert cost(points, usage_of(input_images=2, output_images=1), at(NOW)).totals == {"USD": Decimal("0.054")}


def test_images_do_not_mean_another_thing_in_another_service_tier() -> None:
    points = (
        *prices(input="0.002", unit="image"),
        *prices(output="0.05", unit="image"),
        *prices(output="0.02", unit="image", service_tier="batch"),
    )
    [unpriced] = cost(points, usage_of(images=1), at(NOW), "batch").unknown
    assert unpriced.reason is Reason.SEVERAL_PRICES


def test_a_fee_per_request_that_the_usage_does_not_mention_is_told() -> None:
    points = (*prices(input="1"), *prices(request="0.005", unit="request"), *prices(web_search="0", unit="thousand"))

    def missing(bill: Bill) -> list[str]:
        return [point.kind for point in bill.not_given]

    assert missing(cost(points, usage_of(input=1), at(NOW))) == ["request"]
    assert missing(cost(points, usage_of(input=1), at(NOW), "batch")) == ["request"]
    assert missing(cost(points, usage_of(input=1, requests=0), at(NOW))) == []
    assert missing(cost(OPUS, usage_of(input=1), at(NOW))) == []


def test_prices_since_launch_have_always_held() -> None:
    assert cost(OPUS, usage_of(input=1_000_000), SINCE_LAUNCH).totals == {"USD": Decimal(5)}
