"""Applying a plan: all of it or nothing, only on the rows that it was made of, and in few statements."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from modelctl.core.planning.plan import Plan
from modelctl.core.prices.price import PricePoint
from modelctl.db import migrate as schema
from modelctl.db.dialects import insert_rows
from modelctl.db.engine import Database
from modelctl.db.read import price_row
from modelctl.errors import StalePlan, StoreError
from tests.db.writing import (
    author,
    creation,
    everything,
    plan_of,
    planned,
    records,
    sql,
    statements_of,
    stored,
    stored_model,
    update,
    write,
)

PRICES = (
    PricePoint(kind="input", amount=Decimal(2), source="https://acme.test"),
    PricePoint(kind="output", amount=Decimal(8), source="https://acme.test"),
)
DEARER = PricePoint(kind="input", amount=Decimal(3), revision=1, source="https://acme.test")


def _append_price(database: Database) -> None:
    row = price_row(stored_model(database, "one").key, DEARER, run="other", now=author().now)
    database.write(lambda connection: insert_rows(connection, database.tables.prices.__table__, [row]))


MOVES: dict[str, Callable[[Database], object]] = {
    "changed": lambda each: sql(each, "UPDATE ai_models SET family = 'theirs' WHERE model_id = 'one'"),
    "set to NULL": lambda each: sql(each, "UPDATE ai_models SET type = NULL WHERE model_id = 'one'"),
    "switched off": lambda each: sql(each, "UPDATE ai_models SET is_enabled = NOT is_enabled WHERE model_id = 'one'"),
    "deleted": lambda each: sql(each, "DELETE FROM ai_models WHERE model_id = 'one'"),
    "renamed": lambda each: sql(each, "UPDATE ai_models SET model_id = 'One' WHERE model_id = 'one'"),
    "pinned": lambda each: sql(each, "UPDATE ai_model_state SET pins = '[\"family\"]' WHERE model_id = 'one'"),
    "written by another run": lambda each: write(
        each, plan_of(update(stored_model(each, "one"), family="theirs")), author(7)
    ),
    "given a price": _append_price,
    "created": lambda each: write(each, plan_of(creation("new", type="other")), author(7)),
    "created and deleted": lambda each: (
        write(each, plan_of(creation("new", type="other")), author(7)),
        sql(each, "DELETE FROM ai_models WHERE model_id = 'new'"),
    ),
}


def test_nothing_is_written_over_rows_that_have_moved(database: Database) -> None:
    for name, move in MOVES.items():
        for table in ("ai_models", "ai_model_state", "ai_model_prices", "ai_changes", "ai_sync_runs"):
            sql(database, f"DELETE FROM {table}")
        write(database, plan_of(creation("one", type="chat", prices=PRICES), creation("two", type="chat")))
        one, two = stored_model(database, "one"), stored_model(database, "two")
        changes = update(one, family="ours", prices=[DEARER]), update(two, family="ours")
        plan = plan_of(*changes, creation("new", prices=PRICES))
        move(database)
        before = everything(database)
        with pytest.raises(StalePlan) as stale:
            write(database, plan, author(2))
        assert "run the command again" in stale.value.hint, name
        assert "\n" not in str(stale.value), name
        assert everything(database) == before, name


def _a_plan_with_everything(database: Database) -> Plan:
    write(database, plan_of(creation("one", type="chat"), creation("two"), creation("three")))
    one, two = stored_model(database, "one"), stored_model(database, "two")
    seen = {stored_model(database, each).key: author(2).now for each in ("two", "three")}
    made = plan_of(update(one, family="new", prices=PRICES), creation("four", type="chat", prices=PRICES))
    return Plan(provider=made.provider, changes=made.changes, absences={two.key: 1}, seen=seen)


def test_a_failure_at_any_statement_leaves_nothing(database: Database) -> None:
    plan = _a_plan_with_everything(database)
    before = everything(database)
    statements_left = 0

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal statements_left
        if statement.startswith("BEGIN"):
            return
        statements_left -= 1
        if statements_left == 0:
            raise StoreError("the plug was pulled")

    event.listen(database.engine, "after_cursor_execute", fail)
    for position in range(1, 100):
        statements_left = position
        try:
            write(database, plan, author(2))
        except StoreError:
            assert everything(database) == before, position
        else:
            break
    event.remove(database.engine, "after_cursor_execute", fail)
    assert position > 6, "a statement for each table that is written"
    assert everything(database) != before


def test_a_row_that_the_database_refuses_leaves_nothing(database: Database) -> None:
    many = [creation(f"model-{number:04}", type="chat", prices=PRICES) for number in range(1100)]
    twice = creation("z-last", prices=(PRICES[0], PRICES[0]))
    before = everything(database)
    with pytest.raises(StalePlan):
        write(database, plan_of(*many, twice))
    assert everything(database) == before


def test_the_run_and_the_audit_are_written_with_the_rows(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", prices=PRICES)))
    write(database, plan_of(update(stored_model(database, "one"), type="embedding", prices=[DEARER])), author(2))
    runs = "SELECT run, provider, actor, outcome FROM ai_sync_runs ORDER BY run"
    assert sql(database, runs) == [("run-1", "acme", "tester", "applied"), ("run-2", "acme", "tester", "applied")]
    with database.engine.connect() as connection:
        rows = connection.execute(database.tables.changes.__table__.select()).all()
    audit = {(row.run, row.entity, row.entity_key): row for row in rows}
    assert set(audit) == {
        ("run-1", "provider", "acme"),
        ("run-1", "model", "acme/one"),
        ("run-2", "model", "acme/one"),
    }
    created, updated = audit["run-1", "model", "acme/one"], audit["run-2", "model", "acme/one"]
    assert (created.action, created.before_values) == ("create", None)
    assert created.after_values["type"] == "chat"
    assert [each["amount"] for each in created.after_values["prices"]] == ["2", "8"]
    assert (updated.action, updated.before_values) == ("update", {"type": "chat"})
    assert updated.after_values["type"] == "embedding"
    assert [each["amount"] for each in updated.after_values["prices"]] == ["3"]
    assert {row.at for row in rows} == {author(1).now, author(2).now}


def test_a_run_that_writes_twice_after_a_lost_commit_leaves_one_row(database: Database) -> None:
    write(database, Plan(provider="acme"))
    write(database, Plan(provider="acme"))
    assert sql(database, "SELECT COUNT(*) FROM ai_sync_runs") == [(1,)]


def test_a_plan_without_changes_touches_no_row(database: Database) -> None:
    wanted = records({f"model-{number}": {"type": "chat"} for number in range(20)}, *PRICES)
    write(database, planned(database, wanted))
    is_postgresql = database.engine.dialect.name == "postgresql"
    rows = "SELECT {} * FROM ai_models ORDER BY id".format("xmin::text," if is_postgresql else "")
    before = sql(database, rows), sql(database, "SELECT * FROM ai_model_state ORDER BY model_id")
    plan = planned(database, wanted)
    assert plan.is_empty
    write(database, plan, author(2))
    assert (sql(database, rows), sql(database, "SELECT * FROM ai_model_state ORDER BY model_id")) == before
    assert sql(database, "SELECT COUNT(*) FROM ai_changes WHERE run = 'run-2'") == [(0,)]


def test_a_price_alone_leaves_the_row_untouched(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", prices=PRICES)))
    before = sql(database, "SELECT * FROM ai_models"), sql(database, "SELECT * FROM ai_model_state")
    write(database, plan_of(update(stored_model(database, "one"), prices=[DEARER])), author(2))
    assert (sql(database, "SELECT * FROM ai_models"), sql(database, "SELECT * FROM ai_model_state")) == before
    assert DEARER in stored_model(database, "one").prices


def test_a_new_provider_takes_no_numbers_that_are_not_used(server: Database) -> None:
    """An upsert that finds its row still burns an id; after 20 updates the next row must have the next number."""
    schema.upgrade(server)
    write(server, plan_of(creation("one")))
    for number in range(2, 22):
        write(server, plan_of(update(stored_model(server, "one"), family=f"family-{number}")), author(number))
    write(server, plan_of(creation("two")), author(30))
    assert stored_model(server, "two").row_id == 2


@pytest.mark.slow
def test_thousands_of_rows_need_few_statements(database: Database) -> None:
    creations = [creation(f"model-{number:05}", type="chat", prices=PRICES[:1]) for number in range(3000)]
    with statements_of(database) as sent:
        write(database, plan_of(*creations))
    assert len(sent) < 60
    updates = [update(model, family="new", prices=[DEARER]) for model in stored(database).models.values()]
    assert len(updates) == 3000
    with statements_of(database) as sent:
        write(database, plan_of(*updates), author(2))
    assert len(sent) < 60
    found = stored(database).models.values()
    assert {model.facts.family for model in found} == {"new"}
    assert {len(model.prices) for model in found} == {2}
