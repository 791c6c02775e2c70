"""What no model and no price can be, whatever source says it: tables of impossible values, and of odd possible ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord
from modelctl.core.prices.price import PricePoint
from modelctl.core.text import shorten
from modelctl.core.validation import check_key, check_price, check_record, fact_problems
from modelctl.errors import InvalidFact

PRICE = PricePoint(kind="input", amount=Decimal(1), source="https://x.test")


@pytest.mark.parametrize("provider", ["openai", "a", "0x", "a.b_c-d", "x" * 64])
def test_a_provider_is_a_slug(provider):
    check_key(ModelKey(provider, "m"))


@pytest.mark.parametrize("provider", ["", "OpenAI", "-a", ".a", "a b", "ä", "a/b", "x" * 65, "a\n", "a'"])
def test_nothing_else_is(provider):
    with pytest.raises(InvalidFact, match="slug"):
        check_key(ModelKey(provider, "m"))


@pytest.mark.parametrize(
    "model_id", ["m", "GPT-4o", "org/name:tag@1", "é", "e\u0301", "モデル", "🦙", "a b", "x" * 191, "'; DROP", "%_\\"]
)
def test_an_id_may_hold_any_printable_text(model_id):
    check_key(ModelKey("p", model_id))


@pytest.mark.parametrize(
    "model_id",
    ["", " m", "m ", "m\n", "a\x00b", "a\tb", "\x1b[2J", "a\u200bb", "\ud800", "a\u2028b", "\ufeffm", "x" * 192, " "],
    ids=ascii,
)
def test_an_id_that_not_every_database_keeps_apart_is_refused(model_id):
    with pytest.raises(InvalidFact) as caught:
        check_key(ModelKey("p", model_id))
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


POSSIBLE = {
    "context_window": [1, 10**12],
    "display_name": ["x" * 255, "🦙"],
    "family": ["x" * 64],
    "knowledge_cutoff": ["2025", "2025-01", "2025-12-31"],
    "type": ["chat", "other"],
    "aliases": [(), ("a", "b")],
    "input_modalities": [("text", "pdf")],
    "vision": [True, False],
    "input_price_per_mtok": [Decimal(0), Decimal("999999.999999999"), Decimal("1E-9"), Decimal("0.10000000000")],
    "price_currency": ["USD"],
}
IMPOSSIBLE = {
    "context_window": [0, -1, 10**12 + 1],
    "max_output_tokens": [0],
    "display_name": ["", " x", "x" * 256, "a\nb", "a\x00"],
    "family": ["x" * 65],
    "replacement": ["x" * 192, ""],
    "knowledge_cutoff": ["2025-13", "2025-1", "25", "2025-01-32", "soon", "2025-02-30", "2025-01-01 "],
    "type": ["llm", "Chat", ""],
    "status": ["gone"],
    "tier": ["cheap"],
    "after_retirement": ["nothing"],
    "aliases": [("a", "a"), ("",), (" a",), ("x" * 192,)],
    "tags": [("a\n",)],
    "input_modalities": [("smell",), ("text", "text")],
    "input_price_per_mtok": [
        Decimal(each) for each in ("-0.1", "-0", "NaN", "sNaN", "Infinity", "-Infinity", "1000000", "1E-10", "1E+400")
    ],
    "price_currency": ["usd", "US", "USDX", "€"],
}


def flat(table):
    return [pytest.param(name, value, id=ascii(f"{name}={value}")[:60]) for name in table for value in table[name]]


@pytest.mark.parametrize(("name", "value"), flat(POSSIBLE))
def test_an_odd_fact_is_possible(name, value):
    assert list(fact_problems(ModelFacts(**{name: value}))) == []


@pytest.mark.parametrize(("name", "value"), flat(IMPOSSIBLE))
def test_an_impossible_fact_is_refused_by_model_and_name(name, value):
    with pytest.raises(InvalidFact) as caught:
        check_record(ModelRecord(key=ModelKey("p", "m"), facts=ModelFacts(**{name: value})))
    assert caught.value.message.startswith(f"p/m: {name}: ")
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


IMPOSSIBLE_PRICES = {
    "kind": ["inputs", ""],
    "unit": ["token"],
    "service_tier": ["cheap"],
    "basis": ["guess"],
    "amount": [Decimal("-1"), Decimal("NaN"), Decimal("-0"), Decimal(10**6), Decimal("1E-10")],
    "currency": ["usd", ""],
    "context_above": [-1, 10**12 + 1],
    "hours_utc": ["1-2", "25:00-26:00", "01:00-04:00,", "x" * 99, ",".join(["01:00-02:00"] * 9)],
    "effective_from": [
        datetime(2026, 1, 1),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ],
    "effective_to": [PRICE.effective_from, datetime(2030, 1, 1), datetime(1960, 1, 1, tzinfo=UTC)],
    "source": ["x" * 2049, "a\nb"],
    "revision": [-1],
}


@pytest.mark.parametrize(("name", "value"), flat(IMPOSSIBLE_PRICES))
def test_an_impossible_price_is_refused_by_owner_and_kind(name, value):
    with pytest.raises(InvalidFact, match=r"^p/m: price ") as caught:
        check_price(PRICE._replace(**{name: value}), "p/m")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "point",
    [
        PRICE,
        PRICE._replace(amount=Decimal(0)),
        PRICE._replace(hours_utc="22:00-24:00,00:30-04:00"),
        PRICE._replace(context_above=200_000, service_tier="batch"),
        PRICE._replace(effective_to=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        PRICE._replace(source=""),
        PRICE._replace(effective_from=datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5)))),
    ],
)
def test_a_possible_price_passes(point):
    check_price(point, "p/m")


def test_a_record_is_refused_for_one_of_its_prices():
    with pytest.raises(InvalidFact, match="p/m: price output"):
        check_record(
            ModelRecord(
                key=ModelKey("p", "m"),
                facts=ModelFacts(),
                prices=(PRICE, PRICE._replace(kind="output", amount=Decimal(-1))),
            )
        )


@pytest.mark.parametrize(("text", "short"), [("abc", "abc"), ("abcd", "abcd"), ("abcde", "abc…")])
def test_long_text_is_cut_for_an_error_line(text, short):
    assert shorten(text, 4) == short
