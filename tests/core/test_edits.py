"""Laws of edits by hand: what a person says of a model stands through every sync, and taken back leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.edits.models import Deprecation, deprecate, set_facts, undeprecate
from modelctl.core.facts import ModelFacts
from modelctl.core.models.lifecycle import ENDED
from modelctl.core.planning.plan import Change, model_after
from modelctl.core.stored import StoredProvider
from modelctl.errors import UsageError
from tests.core.strategies import NOW, VALUES, Sources, both, catalog, key, listed, record

TODAY = NOW.date()
DAYS = st.none() | st.integers(-400, 400).map(lambda offset: TODAY + timedelta(days=offset))
LIVE = st.sampled_from(["preview", "active"])
SOURCES = st.builds(
    lambda stated, shown: both([record("a", status=stated), record("b")], [listed("a", status=shown), listed("b")]),
    LIVE,
    st.none() | LIVE,
) | st.builds(lambda stated: catalog(record("a", status=stated), record("b")), st.none() | LIVE)


def applied(stored: StoredProvider, *changes: Change | None) -> StoredProvider:
    """The rows after an edit."""
    models = {each.key: model_after(each, now=NOW) for each in changes if each is not None}
    return replace(stored, models={**stored.models, **models})


def facts(stored: StoredProvider, model_id: str = "a") -> ModelFacts:
    return stored.models[key(model_id)].facts


@given(SOURCES, DAYS, DAYS, st.booleans(), st.integers(0, 800))
def test_an_end_stands_through_every_sync_and_taken_back_leaves_no_trace(
    sources: Sources, on: date | None, retires: date | None, replaced: bool, later: int
) -> None:
    first = sources.sync(StoredProvider())
    end = Deprecation(on=on, retires=retires, replacement="b" if replaced else None)
    try:
        changes = deprecate([first.models[key("a")]], first.models, end, today=TODAY)
    except UsageError as error:
        assert retires is not None and retires < (on or TODAY), error
        return
    stated = applied(first, *changes)
    assert not sources.plan(stated).changes, "a sync on the same day finds the status as the dates give it"
    assert facts(stated).retires_on == retires
    assert deprecate([stated.models[key("a")]], stated.models, end, today=TODAY) == []
    then = NOW + timedelta(days=later)
    aged = sources.sync(stated, then)
    if retires is not None or (on or TODAY) <= then.date():
        assert facts(aged).status in ENDED
    assert (facts(aged).deprecated_on, facts(aged).retires_on) == (on or TODAY, retires)
    back = applied(aged, undeprecate(aged.models[key("a")], today=then.date()))
    assert facts(sources.sync(back, then)) == facts(sources.sync(first, then))
    assert back.models[key("a")].state is not None
    assert back.models[key("a")].state.pins == frozenset()
    assert undeprecate(back.models[key("a")], today=then.date()) is None


@given(DAYS, DAYS)
def test_an_end_of_the_vendors_that_is_denied_stays_denied(on: date | None, retires: date | None) -> None:
    sources = catalog(record("a", deprecated_on=on, retires_on=retires))
    stored = sources.sync(StoredProvider())
    change = undeprecate(stored.models[key("a")], today=TODAY)
    if change is None:
        assert (on, retires, facts(stored).status) == (None, None, "active")
        return
    for _ in range(2):
        stored = sources.sync(applied(stored, change))
        assert (facts(stored).status, facts(stored).deprecated_on, facts(stored).retires_on) == ("active", None, None)
        change = None


SOME = st.sampled_from(sorted(set(VALUES) - {"deprecated_on", "retires_on"})).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from([*VALUES[name], None]))
)


@given(SOME, SOME)
def test_what_is_set_is_never_changed_by_a_sync(stated, said) -> None:
    sources = catalog(record("a", **dict([stated])))
    stored = sources.sync(StoredProvider())
    name, value = said
    change = set_facts(stored.models[key("a")], {name: value}, stored.models, today=TODAY)
    stored = applied(stored, change)
    assert getattr(facts(stored), name) == value
    assert set_facts(stored.models[key("a")], {name: value}, stored.models, today=TODAY) is None
    other = catalog(record("a", display_name="Other", type="image", status="deprecated", vision=True, tier="premium"))
    assert getattr(facts(other.sync(stored)), name) == value


def test_a_row_contradicts_itself_only_as_it_did_before() -> None:
    stored = catalog(record("a", context_window=10, max_output_tokens=20)).sync(StoredProvider())
    model = stored.models[key("a")]
    assert set_facts(model, {"family": "x"}, stored.models, today=TODAY) is not None
    with pytest.raises(UsageError, match="max_input_tokens: 30 is above the context_window"):
        set_facts(model, {"max_input_tokens": 30}, stored.models, today=TODAY)
