"""What rows should say: who outranks whom, what an unasked source is remembered for, what people's dates do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from modelctl.core.facts import ModelFacts, Source, tier_of
from modelctl.core.planning.merge import display_name_of, merge
from modelctl.core.planning.policy import Patterns
from modelctl.core.prices.price import SINCE_LAUNCH, PricePoint
from modelctl.core.stored import StoredProvider
from tests.core.strategies import NOW, Sources, both, catalog, edited, key, listed, pinned, record, snapshot

TODAY = NOW.date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
EMPTY = StoredProvider()


def facts_after(stored: StoredProvider, model_id: str = "a") -> ModelFacts:
    return stored.models[key(model_id)].facts


def layers(**facts_by_source):
    """A layer per source, in order of authority, each with model `a`."""
    return [snapshot(Source(name), record("a", name, **facts)) for name, facts in facts_by_source.items()]


def merged(**facts_by_source):
    return merge(layers(**facts_by_source), today=TODAY)[key("a")]


def test_the_first_source_that_knows_a_fact_wins():
    one = merged(api={"vision": True}, overlay={"vision": False, "family": "x"}, catalog={"family": "y", "tools": True})
    assert (one.facts.vision, one.facts.family, one.facts.tools) == (True, "x", True)
    assert [one.provenance[name] for name in ("vision", "family", "tools")] == ["api", "overlay", "catalog"]


def test_no_and_empty_are_known_and_win():
    one = merged(api={"vision": False, "aliases": ()}, catalog={"vision": True, "aliases": ("x",)})
    assert (one.facts.vision, one.facts.aliases) == (False, ())


def test_what_a_source_states_to_be_none_is_none():
    one = merged(api={"retires_on": None}, catalog={"retires_on": TOMORROW})
    assert one.facts.retires_on is None
    assert one.facts.status == "active"


def test_an_overlay_takes_back_what_the_shipped_catalog_says():
    assert merged(overlay={"family": None}, catalog={"family": "y"}).facts.family is None


def test_an_overlay_does_not_silence_the_api():
    assert merged(api={"family": "x"}, overlay={"family": None}).facts.family == "x"


def test_a_rule_of_a_listing_yields_to_every_catalog():
    by_rule = replace(listed("a"), facts=ModelFacts(type="chat"), provenance={"type": "rule:type"})
    listing = snapshot(Source.API, by_rule)
    stated = snapshot(Source.CATALOG, record("a", type="audio"))
    silent = snapshot(Source.CATALOG, record("a"))
    assert merge([listing, stated], today=TODAY)[key("a")].facts.type == "audio"
    assert merge([listing, silent], today=TODAY)[key("a")].facts.type == "chat"


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("gpt-4o-mini", "GPT 4o Mini"),
        ("meta/llama-3-8b", "Llama 3 8b"),
        ("tts-1-hd", "TTS 1 HD"),
        ("claude_opus 4", "Claude Opus 4"),
        ("chatGPT", "ChatGPT"),
        ("モデル-1", "モデル 1"),
        ("org/", "org/"),
        ("--", "--"),
    ],
)
def test_a_missing_display_name_is_made_from_the_id_and_marked(model_id, name):
    assert display_name_of(model_id) == name
    one = merge([snapshot(Source.CATALOG, record(model_id))], today=TODAY)[key(model_id)]
    assert (one.facts.display_name, one.provenance["display_name"]) == (name, "rule:display_name")


@pytest.mark.parametrize(
    ("model_type", "input_price", "output_price", "currency", "tier"),
    [
        ("chat", "0", "0", "USD", "free"),
        ("chat", "2.49", "9.99", "USD", "affordable"),
        ("chat", "2.49", "10", "USD", "premium"),
        ("chat", "100", "9.99", "USD", "affordable"),
        ("chat", "0", "1", "USD", "affordable"),
        ("chat", "0", None, "USD", None),
        ("chat", None, "0", "USD", None),
        (None, "0", None, "USD", None),
        ("chat", None, None, "USD", None),
        ("embedding", "0", None, "USD", "free"),
        ("embedding", "2.49", None, "USD", "affordable"),
        ("embedding", "2.5", None, "USD", "premium"),
        ("chat", "1", "1", "EUR", None),
        ("chat", "0", "0", None, None),
    ],
)
def test_the_tier_follows_the_price_and_unknown_is_not_free(model_type, input_price, output_price, currency, tier):
    prices = [None if each is None else Decimal(each) for each in (input_price, output_price)]
    facts = ModelFacts(
        type=model_type, input_price_per_mtok=prices[0], output_price_per_mtok=prices[1], price_currency=currency
    )
    assert tier_of(facts) == tier


def test_a_tier_that_a_catalog_states_outranks_the_price():
    points = tuple(PricePoint(kind=kind, amount=Decimal(50), source="x") for kind in ("input", "output"))
    stored = catalog(record("a", type="chat", tier="affordable", prices=points)).sync(EMPTY)
    assert facts_after(stored).tier == "affordable"
    stored = catalog(record("a", type="chat", prices=points)).sync(stored)
    assert facts_after(stored).tier == "premium"


def test_prices_of_a_key_come_from_the_highest_source_that_has_it():
    def price(amount: str, kind: str = "input") -> PricePoint:
        return PricePoint(kind=kind, amount=Decimal(amount), source="https://x.test")

    stacked = [
        snapshot(Source.OVERLAY, record("a", "overlay", prices=(price("1"),))),
        snapshot(Source.CATALOG, record("a", prices=(price("2"), price("3", "output")))),
    ]
    points = merge(stacked, today=TODAY)[key("a")].prices
    assert {(point.kind, point.amount) for point in points} == {("input", Decimal(1)), ("output", Decimal(3))}


def test_the_newest_day_of_verification_counts():
    stacked = layers(overlay={"verified_on": YESTERDAY}, catalog={"verified_on": TODAY})
    assert merge(stacked, today=TODAY)[key("a")].verified_on == TODAY


# ---- sources that were not asked


@pytest.mark.parametrize("verified_on", [None, YESTERDAY, TODAY])
def test_what_the_api_said_stands_without_the_key_while_no_catalog_is_newer(verified_on):
    heard = both([record("a", display_name="catalog's", verified_on=verified_on)], [listed("a", display_name="api's")])
    stored = heard.sync(EMPTY)
    assert facts_after(heard.without_key.sync(stored)).display_name == "api's"


def test_a_catalog_verified_after_the_api_was_last_asked_outranks_it():
    listing = [listed("a", display_name="api's")]
    stored = both([record("a", display_name="old", verified_on=YESTERDAY)], listing).sync(EMPTY)
    newer = catalog(record("a", display_name="new", verified_on=TOMORROW))
    assert facts_after(newer.sync(stored, NOW + timedelta(days=2))).display_name == "new"


def test_a_value_that_the_asked_api_no_longer_states_gives_way_to_the_catalogs():
    stored = both([record("a", family="c")], [listed("a", family="api's")]).sync(EMPTY)
    assert facts_after(both([record("a", family="c")], [listed("a")]).sync(stored)).family == "c"


def test_a_value_that_every_asked_source_stops_stating_is_cleared_and_can_come_back():
    stored = both([], [listed("a", family="x")]).sync(EMPTY)
    cleared = both([], [listed("a")]).sync(stored)
    assert facts_after(cleared).family is None
    assert facts_after(catalog(record("a", family="y")).sync(cleared)).family == "y"


def test_a_source_that_was_not_asked_takes_nothing_back():
    stored = both([record("a", family="c")], [listed("a", tools=True)]).sync(EMPTY)
    assert facts_after(both([], [listed("a", tools=True)]).api_only.sync(stored)).family == "c"
    assert facts_after(catalog(record("a", family="c")).sync(stored)).tools is True


def test_what_the_api_states_to_be_none_stays_none_without_the_key():
    heard = both([record("a", retires_on=TOMORROW)], [listed("a", retires_on=None)])
    stored = heard.sync(catalog(record("a", retires_on=TOMORROW)).sync(EMPTY))
    assert facts_after(stored).retires_on is None
    assert heard.without_key.plan(stored).changes == ()


def test_the_tier_follows_a_type_that_a_rule_made_of_the_listing_with_and_without_the_key():
    price = PricePoint(kind="input", amount=Decimal(0), source="api", effective_from=NOW)
    by_rule = replace(
        listed("a", prices=(price,)), facts=ModelFacts(type="embedding"), provenance={"type": "rule:type"}
    )
    heard = both([record("a")], [by_rule])
    stored = heard.sync(EMPTY)
    assert facts_after(stored).tier == "free"
    assert heard.without_key.plan(stored).changes == ()


def test_the_tier_follows_the_type_that_a_person_keeps_with_and_without_the_key():
    price = PricePoint(kind="input", amount=Decimal(0), source="api", effective_from=NOW)
    plain = both([record("a")], [listed("a", prices=(price,))])
    stored = pinned(plain.sync(EMPTY), "a", "type")
    by_rule = replace(
        listed("a", prices=(price,)), facts=ModelFacts(type="embedding"), provenance={"type": "rule:type"}
    )
    heard = both([record("a")], [by_rule])
    assert heard.plan(stored).changes == ()
    assert heard.without_key.plan(stored).changes == ()


def test_a_status_of_the_api_alone_is_not_guessed_over_the_catalogs():
    heard = both([record("a", status="preview", display_name="A 1")], [listed("a")])
    stored = heard.sync(EMPTY)
    assert heard.api_only.plan(stored).changes == ()


def test_a_model_that_answers_after_its_end_is_deprecated_with_and_without_the_key():
    heard = both([record("a", status="retired")], [listed("a")])
    stored = heard.sync(EMPTY)
    assert facts_after(stored).status == "deprecated"
    assert heard.without_key.plan(stored).changes == ()
    assert heard.api_only.plan(stored).changes == ()


def test_a_model_last_seen_before_its_end_is_retired_when_the_end_has_passed():
    heard = both([record("a", retires_on=TODAY)], [listed("a")])
    stored = heard.sync(EMPTY)
    assert facts_after(stored).status == "deprecated"
    assert facts_after(heard.without_key.sync(stored, NOW + timedelta(days=1))).status == "retired"


def test_an_end_passes_for_a_model_that_no_source_names_any_more():
    stored = catalog(record("a", retires_on=TODAY)).sync(EMPTY)
    stored = catalog().sync(stored, NOW + timedelta(days=1))
    assert facts_after(stored) == ModelFacts(display_name="A", status="retired", retires_on=TODAY)


# ---- people's dates


def test_the_status_follows_the_date_that_a_person_set():
    heard = catalog(record("a", status="active"))
    stored = edited(heard.sync(EMPTY), "a", retires_on=YESTERDAY)
    assert facts_after(heard.sync(stored)).status == "retired"


def test_the_status_follows_the_date_that_a_person_blanked():
    heard = catalog(record("a", retires_on=YESTERDAY))
    stored = edited(heard.sync(EMPTY), "a", retires_on=None)
    plan = heard.plan(stored)
    assert facts_after(heard.sync(stored)).status == "active"
    assert [(each.name, each.kept, each.offered) for each in plan.protected] == [("retires_on", None, YESTERDAY)]


def test_a_pinned_status_stays_whatever_the_dates_say():
    heard = catalog(record("a", retires_on=TOMORROW))
    stored = pinned(heard.sync(EMPTY), "a", "status")
    plan = heard.plan(stored, NOW + timedelta(days=9))
    assert plan.changes == ()
    assert [(each.name, each.offered) for each in plan.protected] == [("status", "retired")]


def test_patterns_leave_models_out_with_the_reason():
    from modelctl.core.planning.merge import merge_sources

    heard = catalog(record("a"), record("b"))
    assert isinstance(heard, Sources)
    found = merge_sources([heard.catalog], EMPTY, Patterns(exclude=("b*",)), today=date(2026, 11, 21))
    assert list(found.records) == [key("a")]
    assert [(each.item_id, each.reason) for each in found.filtered] == [("b", "excluded by the pattern 'b*'")]


def test_a_price_since_launch_is_dated_with_the_epoch():
    assert SINCE_LAUNCH.timestamp() == 0
