"""What the tests of the store write with: plans made from a few facts, and all that a database holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import event, select, text

from modelctl.core.facts import UNKNOWN, FactValue, ModelKey, ModelRecord, Source
from modelctl.core.planning.plan import Action, Change, FieldChange, Plan, model_after
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.runs import Author, Outcome, RunRecord
from modelctl.core.stored import StoredModel, StoredProvider
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from tests.conftest import NOW

ACME = Provider(name="acme", display_name="Acme", kind="")


def author(number: int = 1) -> Author:
    """Who writes the test's n-th run, a minute after the one before."""
    return Author(run=f"run-{number}", actor="tester", command="sync", now=NOW + timedelta(minutes=number))


def creation(model_id: str, *, prices: Iterable[PricePoint] = (), **facts: FactValue) -> Change:
    """A change that creates a row with these facts."""
    fields = tuple(FieldChange(name=name, old=None, new=value, source="catalog") for name, value in facts.items())
    key = ModelKey(ACME.name, model_id)
    return Change(action=Action.CREATE, key=key, fields=fields, prices=tuple(prices), is_enabled=True)


def update(model: StoredModel, *, prices: Iterable[PricePoint] = (), **facts: FactValue) -> Change:
    """A change that gives a stored row other facts."""
    fields = tuple(
        FieldChange(name=name, old=getattr(model.facts, name), new=value, source="catalog")
        for name, value in facts.items()
    )
    return Change(action=Action.UPDATE, key=model.key, fields=fields, prices=tuple(prices), existing=model)


def plan_of(*changes: Change) -> Plan:
    """A plan with these changes, sorted as a plan's are."""
    return Plan(provider=ACME.name, changes=tuple(sorted(changes, key=lambda change: change.key)))


def records(models: Mapping[str, Mapping[str, FactValue]], *prices: PricePoint) -> dict[ModelKey, ModelRecord]:
    """What a catalog says of these models, each with the same prices."""
    return {
        key: ModelRecord(
            key=key,
            facts=UNKNOWN.replaced(facts),
            prices=prices,
            provenance=dict.fromkeys(facts, Source.CATALOG.value),
            known_to=frozenset({Source.CATALOG.value}),
        )
        for key, facts in ((ModelKey(ACME.name, model_id), facts) for model_id, facts in models.items())
    }


def planned(database: Database, desired: Mapping[ModelKey, ModelRecord]) -> Plan:
    """The plan that a sync would make of the database as it is."""
    return plan(ACME.name, stored(database), desired, consulted=Consulted(), now=NOW)


def write(database: Database, plan_: Plan, by: Author | None = None) -> None:
    """Apply a plan and record its run, as a sync does: in one transaction."""
    by = by or author()

    def work(connection: Any) -> None:
        writing.apply(connection, database.tables, plan_, ACME, by)
        writing.record_run(connection, database.tables, run_record(by))

    database.write(work)


def run_record(by: Author) -> RunRecord:
    """The run of that author."""
    return RunRecord(
        run=by.run,
        provider=ACME.name,
        command=by.command,
        actor=by.actor,
        sources=("catalog",),
        started_at=by.now,
        finished_at=by.now,
        outcome=Outcome.APPLIED,
    )


def stored(database: Database) -> StoredProvider:
    """What the database holds of the provider."""
    with database.engine.connect() as connection:
        return read.models_of(connection, database.tables, ACME.name)


def stored_model(database: Database, model_id: str) -> StoredModel:
    """One row of it."""
    return stored(database).models[ModelKey(ACME.name, model_id)]


def as_written(change: Change, by: Author) -> StoredModel:
    """The row that a change should have left, comparable with one that was read."""
    return comparable(model_after(change, now=by.now))


def comparable(model: StoredModel) -> StoredModel:
    """The row without its number, and its ledger in one order."""
    return replace(model, row_id=None, prices=tuple(sorted(model.prices, key=repr_of_point)))


def repr_of_point(point: PricePoint) -> tuple[object, ...]:
    """Something to sort points by."""
    return (*point.key, point.effective_from, point.revision)


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    tables = database.tables
    classes = (tables.providers, tables.models, tables.prices, tables.state, tables.sync_runs, tables.changes)
    with database.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in (each.__table__ for each in classes)
        }


def sql(database: Database, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Plain SQL, as an application would send it; committed."""
    with database.engine.begin() as connection:
        result = connection.execute(text(statement), parameters)
        return [tuple(row) for row in result] if result.returns_rows else []


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """The statements that are sent meanwhile; one for many rows counts as one."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
