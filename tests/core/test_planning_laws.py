"""Laws of planning, over generated rows, catalogs, listings and people."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.facts import FACT_FIELDS, PRICE_FIELDS, SET_ON_CREATION, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.planning.plan import Action
from modelctl.core.planning.planner import ABSENCES_UNTIL_DEPRECATED, BY_ABSENCE
from modelctl.core.planning.policy import CreateNew, EnableNew, NewModels
from modelctl.core.prices.ledger import projection
from modelctl.core.stored import StoredProvider
from tests.core.effects import after_plan
from tests.core.strategies import NOW, PROVIDER, Sources, catalogs, listings, sources, stored_states

WORLDS = {"stored": stored_states(), "heard": sources()}


def without_a_whole_listing(heard: Sources) -> Sources:
    """The same, but an absence means nothing."""
    return replace(heard, listing=heard.listing and replace(heard.listing, complete_for=frozenset()))


@given(**WORLDS, new_models=st.builds(NewModels, enable=st.sampled_from(EnableNew), create=st.sampled_from(CreateNew)))
def test_planning_after_applying_is_empty(stored, heard, new_models):
    heard = without_a_whole_listing(heard)
    applied = after_plan(stored, heard.plan(stored, new_models=new_models), now=NOW)
    again = heard.plan(applied, new_models=new_models)
    assert again.changes == ()
    assert again.is_empty
    assert again.seen == {}


@given(**WORLDS)
def test_whole_listings_converge_once_every_absence_has_been_counted(stored, heard):
    applied = heard.sync(stored)
    again = heard.plan(applied)
    assert {field.source for change in again.changes for field in change.fields} <= {BY_ABSENCE}
    assert not any(change.prices for change in again.changes)
    settled = heard.plan(heard.sync(applied, times=ABSENCES_UNTIL_DEPRECATED))
    assert settled.is_empty
    assert settled.seen == {}


@given(**WORLDS, seed=st.integers())
def test_the_order_of_the_input_does_not_matter(stored, heard, seed):
    shuffle = random.Random(seed)

    def mixed(mapping):
        items = list(mapping.items())
        shuffle.shuffle(items)
        return dict(items)

    def mixed_snapshot(layer: Snapshot | None) -> Snapshot | None:
        if layer is None:
            return None
        records = {
            key: replace(record, prices=tuple(shuffle.sample(record.prices, len(record.prices))))
            for key, record in mixed(layer.records).items()
        }
        return replace(layer, records=records)

    models = {
        key: replace(model, prices=tuple(shuffle.sample(model.prices, len(model.prices))))
        for key, model in mixed(stored.models).items()
    }
    other = Sources(catalog=mixed_snapshot(heard.catalog), listing=mixed_snapshot(heard.listing))
    plan, same = heard.plan(stored), other.plan(replace(stored, models=models))

    def without_existing(changes):
        return [replace(change, existing=None) for change in changes]

    assert without_existing(same.changes) == without_existing(plan.changes)
    assert replace(same, changes=()) == replace(plan, changes=())


@given(**WORLDS)
def test_a_change_always_changes_something(stored, heard):
    for change in heard.plan(stored).changes:
        assert change.prices or change.fields
        assert all(field.old != field.new for field in change.fields)
        assert len({field.name for field in change.fields}) == len(change.fields)


@given(**WORLDS)
def test_every_row_is_counted_once(stored, heard):
    plan = heard.plan(stored)
    changed = {change.key for change in plan.changes if change.existing is not None}
    assert len(changed) + plan.unchanged + len(plan.unowned) == plan.existing == len(stored.models)


@given(**WORLDS)
def test_only_the_second_whole_absence_of_a_row_once_seen_deprecates_it(stored, heard):
    plan = heard.plan(stored)
    whole = heard.listing is not None and PROVIDER in heard.listing.complete_for
    in_listing = set(heard.listing.records) if heard.listing else set()
    for key, absences in plan.absences.items():
        model = stored.models[key]
        assert model.last_seen_at is not None
        if key in in_listing:
            assert absences == 0
        else:
            assert whole
            assert absences == model.state.absences + 1 <= ABSENCES_UNTIL_DEPRECATED
    for change in plan.changes:
        if any(field.source == BY_ABSENCE for field in change.fields):
            missed = plan.absences.get(change.key, change.existing.state.absences)
            assert missed == ABSENCES_UNTIL_DEPRECATED
            assert change.key not in in_listing
            assert change.existing.last_seen_at is not None
            assert change.new_value("status") == "deprecated"


@given(**WORLDS)
def test_a_persons_value_is_never_changed_and_shown_as_protected_where_another_is_offered(stored, heard):
    plan = heard.plan(stored)
    changed = {(change.key, field.name) for change in plan.changes for field in change.fields}
    protected = {(each.key, each.name): each for each in plan.protected}
    assert not changed & set(protected)
    for key, model in stored.models.items():
        if model.state is None:
            continue
        for name in set(FACT_FIELDS) - SET_ON_CREATION:
            value, written = getattr(model.facts, name), model.state.written.get(name)
            if name in model.state.pins or (value is not None if written is None else written.value != value):
                assert (key, name) not in changed
    for each in plan.protected:
        assert each.offered is not None
        assert each.offered != each.kept == getattr(stored.models[each.key].facts, each.name)


@given(**WORLDS, name=st.sampled_from(("display_name", "context_window")), pin=st.booleans())
def test_what_a_source_offers_against_a_person_is_reported(stored, heard, name, pin):
    applied = without_a_whole_listing(heard).sync(stored)
    owned = [model for model in applied.models.values() if model.state and name in model.state.written]
    theirs = "person's" if name == "display_name" else 1
    for model in owned:
        facts = model.facts.replaced({name: theirs})
        state = replace(model.state, pins=model.state.pins | {name}) if pin else model.state
        moved = replace(applied, models={**applied.models, model.key: replace(model, facts=facts, state=state)})
        plan = heard.plan(moved)
        assert not any(field.name == name for c in plan.changes if c.key == model.key for field in c.fields)
        desired = heard.desired(moved).get(model.key)
        if desired is not None and desired.provenance.get(name) in (Source.API, Source.CATALOG) and heard.catalog:
            offers = [(each.kept, each.name) for each in plan.protected if each.key == model.key]
            assert (theirs, name) in offers


@given(**WORLDS)
def test_a_sync_never_touches_what_is_set_on_creation(stored, heard):
    applied = heard.sync(stored)
    for key, model in stored.models.items():
        assert applied.models[key].is_enabled == model.is_enabled
        assert applied.models[key].facts.recommended == model.facts.recommended


@given(**WORLDS)
def test_a_row_deleted_by_hand_is_not_brought_back(stored, heard):
    plan = heard.plan(stored)
    assert not {change.key for change in plan.changes} & stored.removed_by_hand.keys()
    heard_of = {key for layer in (heard.listing, heard.catalog) if layer for key in layer.records}
    assert set(plan.removed_by_hand) == stored.removed_by_hand.keys() & heard_of


@given(**WORLDS)
def test_a_row_that_modelctl_does_not_own_stays_as_it_is(stored, heard):
    plan, applied = heard.plan(stored), heard.sync(stored)
    unowned = {key for key, model in stored.models.items() if model.state is None}
    assert set(plan.unowned) == unowned
    assert all(applied.models[key] == stored.models[key] for key in unowned)


@given(**WORLDS)
def test_the_price_columns_are_the_ledgers_unless_a_person_owns_them(stored, heard):
    plan, applied = heard.plan(stored), heard.sync(stored)
    kept = {(each.key, each.name) for each in plan.protected}
    for key, model in applied.models.items():
        if model.state is None or not model.prices:
            continue
        in_force = projection(model.prices, at=NOW)
        for name in (*PRICE_FIELDS, "price_currency"):
            written = model.state.written.get(name)
            theirs = name in model.state.pins or getattr(model.facts, name) != (written and written.value)
            assert theirs or (key, name) in kept or getattr(model.facts, name) == in_force.get(name)


@given(stored=stored_states(), heard=st.builds(Sources, catalogs(), listings()))
def test_a_sync_with_the_key_and_one_without_do_not_undo_each_other(stored, heard):
    settled = heard.sync(stored, times=3)
    once_each = heard.sync(heard.without_key.sync(settled))
    assert heard.without_key.plan(once_each).changes == ()
    assert heard.plan(heard.without_key.sync(once_each)).changes == ()


@given(stored=stored_states(), heard=st.builds(Sources, catalogs(), listings()))
def test_a_sync_with_the_api_alone_and_one_with_the_catalog_do_not_undo_each_other(stored, heard):
    settled = heard.sync(stored, times=3)
    once_each = heard.sync(heard.api_only.sync(settled))
    assert heard.api_only.plan(once_each).changes == ()
    assert heard.plan(heard.api_only.sync(once_each)).changes == ()


@pytest.mark.parametrize("create", CreateNew)
@pytest.mark.parametrize("enable", EnableNew)
@given(heard=sources())
def test_new_rows_follow_the_settings(enable, create, heard):
    plan = heard.plan(StoredProvider(), new_models=NewModels(enable=enable, create=create))
    in_catalog = set(heard.catalog.records) if heard.catalog else set()
    in_listing = set(heard.listing.records) if heard.listing else set()
    created = {change.key: change for change in plan.changes}
    skipped = in_listing - in_catalog if create is CreateNew.CATALOG else set()
    assert set(created) == (in_catalog | in_listing) - skipped
    assert set(plan.not_created) == skipped
    for key, change in created.items():
        assert change.action is Action.CREATE
        is_retired = change.new_value("status") == "retired"
        if is_retired or enable is EnableNew.NONE:
            assert change.is_enabled is False
        elif enable is EnableNew.ALL:
            assert change.is_enabled is True
        elif change.is_enabled:
            assert key not in plan.needs_review
        elif enable is EnableNew.RECOMMENDED:
            assert key in plan.needs_review or not change.new_value("recommended")
        else:
            assert key in plan.needs_review
