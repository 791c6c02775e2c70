"""Counting absences: in few statements, and without losing what another run counted meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.core.facts import ModelKey
from modelctl.core.planning.plan import Plan
from modelctl.db import dialects
from modelctl.db.engine import Database
from tests.db.writing import ACME, author, creation, plan_of, sql, statements_of, stored_model, update, write


def _absent(**counts: int) -> Plan:
    return replace(plan_of(), absences={ModelKey(ACME.name, name): count for name, count in counts.items()})


def test_counts_are_written_by_group_and_not_by_row(database: Database) -> None:
    write(database, plan_of(*(creation(f"m{number:04}") for number in range(1200))))
    with statements_of(database) as sent:
        write(database, _absent(**{f"m{number:04}": 1 + number % 2 for number in range(1200)}), author(2))
    assert sum("ai_model_state" in each for each in sent) == 2
    assert all("IN" in each for each in sent if "ai_model_state" in each)
    found = sql(database, "SELECT absences, COUNT(*) FROM ai_model_state GROUP BY absences ORDER BY absences")
    assert found == [(1, 600), (2, 600)]


@pytest.mark.parametrize("general", [False, True])
def test_a_changed_row_keeps_a_count_that_is_newer_than_the_plan(
    database: Database, general: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if general:
        monkeypatch.setattr(dialects, "_OVERWRITE", {})
    write(database, plan_of(creation("one", type="chat"), creation("two", type="chat")))
    one, two = (update(stored_model(database, name), family="new") for name in ("one", "two"))
    write(database, _absent(one=1, two=1), author(2))
    write(database, replace(plan_of(one, two), absences=_absent(two=2).absences), author(3))
    for name, count in (("one", 1), ("two", 2)):
        model = stored_model(database, name)
        assert model.state is not None
        assert (model.facts.family, model.state.absences) == ("new", count)
        assert model.state.written["family"].value == "new"
