"""Status: what dates, listings and sources make of it on the day before, on the day and on the day after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from modelctl.core.facts import ModelFacts
from modelctl.core.models.lifecycle import with_status
from modelctl.core.planning.plan import Action
from modelctl.core.stored import StoredProvider
from tests.core.strategies import NOW, both, catalog, edited, key, listed, record, removed

DAY = date(2026, 11, 21)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
EMPTY = StoredProvider()

DATED = [
    # stated, stated by, deprecated_on, retires_on, seen on -> the day before, on the day, the day after DAY
    (None, "", None, None, None, "active active active"),
    ("preview", "catalog", None, None, None, "preview preview preview"),
    ("active", "catalog", None, None, None, "active active active"),
    ("deprecated", "catalog", None, None, None, "deprecated deprecated deprecated"),
    ("retired", "catalog", None, None, None, "retired retired retired"),
    (None, "", DAY, None, None, "active deprecated deprecated"),
    ("preview", "catalog", DAY, None, None, "preview deprecated deprecated"),
    (None, "", None, DAY, None, "deprecated deprecated retired"),
    ("active", "catalog", None, DAY, None, "deprecated deprecated retired"),
    ("deprecated", "catalog", None, DAY, None, "deprecated deprecated retired"),
    ("active", "catalog", AFTER, None, None, "active active deprecated"),
    # the provider's API showed the model
    (None, "", None, DAY, DAY, "deprecated deprecated retired"),
    (None, "", None, DAY, AFTER, "deprecated deprecated deprecated"),
    ("retired", "catalog", None, None, DAY, "deprecated deprecated deprecated"),
    ("retired", "catalog", None, BEFORE, DAY, "deprecated deprecated deprecated"),
    # the API itself states the status
    ("active", "api", None, None, DAY, "active active active"),
    ("active", "api", DAY, None, DAY, "active active active"),
    ("active", "api", None, DAY, AFTER, "active active active"),
    ("active", "api", None, DAY, DAY, "active active retired"),
    ("retired", "api", None, None, DAY, "retired retired retired"),
    ("retired", "api", None, BEFORE, DAY, "retired retired retired"),
]


@pytest.mark.parametrize(("stated", "by", "deprecated_on", "retires_on", "seen_on", "wanted"), DATED)
def test_the_status_of_each_day(stated, by, deprecated_on, retires_on, seen_on, wanted):
    facts = ModelFacts(status=stated, deprecated_on=deprecated_on, retires_on=retires_on)
    provenance = {"status": by} if stated else {}
    found = [with_status(facts, provenance, today=day, seen_on=seen_on)[0].status for day in (BEFORE, DAY, AFTER)]
    assert " ".join(found) == wanted


@pytest.mark.parametrize(
    ("stated", "by", "dates", "wanted"),
    [
        ("active", "api", {"deprecated_on": BEFORE}, "deprecated"),
        ("active", "api", {"deprecated_on": AFTER}, "active"),
        ("active", "api", {"retires_on": AFTER}, "deprecated"),
        ("active", "api", {"retires_on": BEFORE}, "deprecated"),  # shown since: it answers
        ("deprecated", "api", {"deprecated_on": None, "retires_on": None}, "deprecated"),
        ("retired", "api", {"retires_on": AFTER}, "retired"),
        ("active", "catalog", {"retires_on": AFTER}, "deprecated"),
    ],
)
def test_against_an_end_that_a_person_announced_an_api_that_knows_of_none_does_not_count(stated, by, dates, wanted):
    facts = ModelFacts(status=stated, deprecated_on=None)
    after, _ = with_status(facts, {"status": by}, today=DAY, seen_on=DAY, dates=dates)
    assert after == ModelFacts(status=wanted), "a person's dates are no part of what the sources say"


def test_the_rule_that_set_a_status_is_named():
    def source(facts: ModelFacts, seen_on: date | None = None) -> str:
        provenance = {"status": "catalog"} if facts.status else {}
        return with_status(facts, provenance, today=DAY, seen_on=seen_on)[1]["status"]

    assert source(ModelFacts()) == "rule:status"
    assert source(ModelFacts(status="active")) == "catalog"
    assert source(ModelFacts(status="active", retires_on=DAY)) == "rule:dates"
    assert source(ModelFacts(status="retired"), DAY) == "api:listed"


# ---- absence


def whole(*ids: str):
    return both([], [listed(each) for each in ids])


def status_of(stored: StoredProvider, model_id: str) -> str | None:
    return stored.models[key(model_id)].facts.status


def test_a_model_is_deprecated_by_its_second_whole_absence_and_only_then():
    stored = whole("a", "b").sync(EMPTY)
    once = whole("a").sync(stored)
    assert status_of(once, "b") == "active"
    twice = whole("a").sync(once)
    assert status_of(twice, "b") == "deprecated"
    assert twice.models[key("b")].state.written["status"].source == "api:absent"
    assert whole("a").plan(twice).is_empty


def test_absences_need_not_follow_directly_but_a_listing_in_between_starts_anew():
    stored = whole("a").sync(whole("a", "b").sync(EMPTY))
    assert status_of(whole("a").sync(catalog().sync(stored)), "b") == "deprecated"
    assert status_of(whole("a").sync(whole("a", "b").sync(stored)), "b") == "active"


def test_a_listing_that_is_not_whole_counts_for_nothing():
    stored = whole("a", "b").sync(EMPTY)
    assert both([], [listed("a")], whole=False).sync(stored, times=3) == stored


def test_a_model_that_no_listing_ever_showed_is_never_absent():
    stored = both([record("b")], [listed("a")]).sync(EMPTY)
    assert both([record("b")], [listed("a")]).sync(stored, times=3) == stored


def test_a_status_that_the_api_stated_yields_to_absence():
    stored = both([], [listed("a"), listed("b", status="active")]).sync(EMPTY)
    assert status_of(whole("a").sync(stored, times=2), "b") == "deprecated"


def test_a_model_that_returns_is_reactivated():
    gone = whole("a").sync(whole("a", "b").sync(EMPTY), times=2)
    plan = whole("a", "b").plan(gone)
    assert [(change.action, change.key) for change in plan.changes] == [(Action.REACTIVATE, key("b"))]
    assert plan.absences == {key("b"): 0}
    assert status_of(whole("a", "b").sync(gone), "b") == "active"


def test_a_returned_model_that_a_person_deprecated_stays_so():
    stored = edited(whole("a", "b").sync(EMPTY), "b", status="deprecated")
    assert status_of(whole("a", "b").sync(whole("a").sync(stored, times=2)), "b") == "deprecated"


def test_absence_says_nothing_new_of_what_has_ended():
    stored = both([record("b", status="retired")], [listed("a")]).sync(EMPTY)
    assert both([record("b", status="retired")], [listed("a")]).plan(stored).absences == {}


def test_a_removed_row_is_not_missed_and_not_brought_back():
    stored = removed(whole("a", "b").sync(EMPTY), "b")
    plan = whole("a", "b").plan(stored)
    assert plan.changes == ()
    assert plan.removed_by_hand == (key("b"),)
    assert whole("a").plan(stored).absences == {}


@pytest.mark.parametrize(
    ("old", "new", "action"),
    [
        ("active", "preview", "update"),
        ("preview", "active", "update"),
        ("active", "deprecated", "deprecate"),
        ("preview", "retired", "retire"),
        ("deprecated", "retired", "retire"),
        ("retired", "deprecated", "reactivate"),
        ("retired", "active", "reactivate"),
        ("deprecated", "preview", "reactivate"),
    ],
)
def test_an_action_is_named_for_what_it_does_to_the_status(old, new, action):
    [change] = catalog(record("a", status=new)).plan(catalog(record("a", status=old)).sync(EMPTY)).changes
    assert change.action == action


def test_a_row_is_seen_once_a_day():
    stored = whole("a").sync(EMPTY)
    assert whole("a").plan(stored, NOW + timedelta(hours=11)).seen == {}
    assert whole("a").plan(stored, NOW + timedelta(hours=12)).seen == {key("a"): NOW + timedelta(hours=12)}
