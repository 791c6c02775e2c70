"""What was in the database comes back from the exported files, whatever it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given

from modelctl.core.facts import FACT_FIELDS, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.price import PricePoint, current
from modelctl.core.stored import StoredProvider
from tests.catalog.exports import NOW, STARTS, as_overlay, databases, export, synced, unsayable


@given(databases())
def test_an_export_laid_over_its_own_database_changes_nothing(world: tuple[Snapshot, StoredProvider]) -> None:
    shipped, stored = world
    catalog, text = export(shipped, stored)
    _, made = synced(stored, [as_overlay(text), shipped], NOW)
    changes = [
        (change.key, field.name, field.new)
        for change in made.changes
        for field in change.fields
        if not unsayable(field.name, stored.models[change.key], catalog)
    ]
    assert changes == []
    assert [(change.key, change.prices) for change in made.changes if change.prices] == []


@given(databases())
def test_an_export_fills_a_fresh_database_with_the_same_rows(world: tuple[Snapshot, StoredProvider]) -> None:
    shipped, stored = world
    catalog, text = export(shipped, stored)
    fresh, _ = synced(StoredProvider(), [as_overlay(text), shipped], NOW)
    for key, model in stored.models.items():
        again = fresh.models[key]
        for name in FACT_FIELDS:
            if name.endswith("_mtok") or name == "price_currency" or unsayable(name, model, catalog):
                continue
            assert getattr(again.facts, name) == getattr(model.facts, name), f"{key} {name}"
        assert charged(again.prices) == charged(model.prices), key


def charged(points: Sequence[PricePoint]) -> list[dict[Any, Any]]:
    """What each key costs at every instant at which anything can have changed, and between."""
    instants = (*STARTS, *(start + timedelta(days=days) for start in STARTS for days in (3, 5)), NOW)
    return [{key: each.money for key, each in current(points, at).items()} for at in sorted(instants)]


@given(databases())
def test_the_second_export_of_what_the_first_has_filled_has_the_same_bytes(
    world: tuple[Snapshot, StoredProvider],
) -> None:
    shipped, stored = world
    _, text = export(shipped, stored)
    assert export(shipped, replace(stored, models=dict(reversed(stored.models.items()))))[1] == text, "any order"
    fresh, _ = synced(StoredProvider(), [as_overlay(text), Snapshot(source=Source.CATALOG)], NOW)
    once = export(Snapshot(source=Source.CATALOG), fresh)[1]
    again, _ = synced(StoredProvider(), [as_overlay(once), Snapshot(source=Source.CATALOG)], NOW)
    assert export(Snapshot(source=Source.CATALOG), again)[1] == once
