"""Laws of taking a run back, over generated rows, sources and people."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import assume, given

from modelctl.core.planning.plan import Action, Plan, state_after
from modelctl.core.planning.undo import COMMAND, Undo, undo
from modelctl.core.prices.price import current
from modelctl.core.provider import Provider
from modelctl.core.runs import MODEL, AuditEntry, Author, HistoryEntry, RecordedPoint
from modelctl.core.stored import StoredProvider
from modelctl.db.write import audit_row
from tests.core.effects import after_plan
from tests.core.strategies import NOW, PROVIDER, Sources, edited, key, sources, stored_states

ACME = Provider(name=PROVIDER, display_name="Acme", kind="")
LATER = NOW + timedelta(minutes=1)


class MemoryDatabase:
    """Rows, their ledger by run, and the audit trail: what a database remembers."""

    def __init__(self, stored: StoredProvider) -> None:
        rows = {**stored.removed_by_hand, **stored.models}
        self.stored = stored
        self.ledger = {
            each: [RecordedPoint(point=point, run="before", recorded_at=NOW - timedelta(1)) for point in row.prices]
            for each, row in rows.items()
        }
        self.entries: dict[str, list[HistoryEntry]] = {}

    def apply(self, plan: Plan, run: str, command: str, now=NOW) -> None:
        by = Author(run=run, actor="tester", command=command, now=now)
        self.entries[run] = []
        for change in plan.changes:
            row = audit_row(change, state_after(change), by)
            entry = AuditEntry(
                run=run,
                at=now,
                actor=by.actor,
                command=command,
                action=row["action"],
                before=row["before_values"] or {},
                after=row["after_values"] or {},
            )
            self.entries[run].append(HistoryEntry(entity=MODEL, key=str(change.key), entry=entry))
            self.ledger.setdefault(change.key, []).extend(
                RecordedPoint(point=point, run=run, recorded_at=now) for point in change.prices
            )
        self.stored = after_plan(self.stored, plan, now=now)

    def undo(self, run: str) -> Undo:
        return undo(PROVIDER, ACME, self.stored, self.entries[run], self.ledger)


def in_force(points, at):
    return {each: point.money for each, point in current(points, at).items()}


def moments(database: MemoryDatabase):
    return {NOW, LATER, *(each.point.effective_from for points in database.ledger.values() for each in points)}


def assert_same(database: MemoryDatabase, before: StoredProvider, keys) -> None:
    for each in keys:
        was, now = before.models[each], database.stored.models[each]
        assert (now.facts, now.is_enabled) == (was.facts, was.is_enabled)
        assert (now.state and now.state.pins) == (was.state and was.state.pins)
        for at in moments(database):
            assert in_force(now.prices, at) == in_force(was.prices, at)


@given(stored=stored_states(), heard=sources())
def test_an_undo_gives_the_facts_and_the_prices_in_force_of_before(stored: StoredProvider, heard: Sources) -> None:
    database = MemoryDatabase(stored)
    plan = heard.plan(stored)
    database.apply(plan, "run-1", "sync")
    made = database.undo("run-1")
    assert made.moved == ()
    kept = {each.key for each in made.kept}
    database.apply(made.plan, "run-2", COMMAND, LATER)
    created = {change.key for change in plan.changes if change.action is Action.CREATE}
    assert not created & database.stored.models.keys()
    assert_same(database, stored, {each for each in stored.models if str(each) not in kept})


@given(stored=stored_states(), heard=sources())
def test_an_undo_can_be_taken_back_itself(stored: StoredProvider, heard: Sources) -> None:
    database = MemoryDatabase(stored)
    database.apply(heard.plan(stored), "run-1", "sync")
    synced = database.stored
    database.apply(database.undo("run-1").plan, "run-2", COMMAND, LATER)
    made = database.undo("run-2")
    assert (made.moved, made.kept) == ((), ())
    database.apply(made.plan, "run-3", COMMAND, LATER + timedelta(minutes=1))
    assert_same(database, synced, synced.models)
    for each, model in synced.models.items():
        assert database.stored.models[each].state == model.state


@given(stored=stored_states(), heard=sources())
def test_a_second_undo_finds_that_everything_has_moved(stored: StoredProvider, heard: Sources) -> None:
    database = MemoryDatabase(stored)
    database.apply(heard.plan(stored), "run-1", "sync")
    first = database.undo("run-1").plan
    database.apply(first, "run-2", COMMAND, LATER)
    again = database.undo("run-1")
    assert not {change.key for change in again.plan.changes} & {change.key for change in first.changes}
    assert len(again.moved) >= len(first.changes)


@given(stored=stored_states(), heard=sources())
def test_a_row_that_has_moved_since_stays_whole(stored: StoredProvider, heard: Sources) -> None:
    database = MemoryDatabase(stored)
    plan = heard.plan(stored)
    named = next((each.key for each in plan.changes if each.new_value("display_name") is not None), None)
    assume(named is not None)
    database.apply(plan, "run-1", "sync")
    database.stored = edited(database.stored, named.model_id, display_name="Mine")
    made = database.undo("run-1")
    assert key(named.model_id) not in {change.key for change in made.plan.changes}
    assert [(each.key, each.reason) for each in made.moved] == [(str(named), "changed since: display_name")]


@given(stored=stored_states(), heard=sources())
def test_the_next_sync_leaves_alone_what_was_taken_back(stored: StoredProvider, heard: Sources) -> None:
    database = MemoryDatabase(stored)
    database.apply(heard.plan(stored), "run-1", "sync")
    made = database.undo("run-1")
    kept = {each.key for each in made.kept}
    database.apply(made.plan, "run-2", COMMAND, LATER)
    again = heard.plan(database.stored, now=LATER)
    assert not moved_by(made.plan, kept) & moved_by(again, kept)


def moved_by(plan: Plan, but: set[str]) -> set[tuple[object, ...]]:
    """The fields and prices of rows that a plan moves."""
    changes = [change for change in plan.changes if str(change.key) not in but]
    fields = {(change.key, field.name) for change in changes for field in change.fields}
    return fields | {(change.key, point.key) for change in changes for point in change.prices}
