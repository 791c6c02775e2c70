"""What people do to the tables with plain SQL, and the test's own memory of it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tools.torture.checks import NO_FACTS, UNDO, Broken, Snapshot, plain, snapshot, values_after, written_of
from tools.torture.truth import PLAIN, Key

EDITED = ("display_name", "context_window", "max_output_tokens", "replacement", "output_price_per_mtok")
OTHERS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
}
WHERE = "WHERE provider = :provider AND model_id = :model_id"


@dataclass(slots=True)
class People:
    """Edits in one database."""

    url: str
    draw: random.Random
    values: dict[Key, dict[str, Any]] = field(default_factory=dict)
    """What people set and did not take back."""
    earlier: dict[tuple[Key, str], Any] = field(default_factory=dict)
    """What stood there before, where that was modelctl's."""
    undone: dict[Key, set[str]] = field(default_factory=dict)
    """The fields whose value in `values` was brought back by an undo, which the next undo may take back."""
    own_rows: set[Key] = field(default_factory=set)
    deleted: set[Key] = field(default_factory=set)
    serial: int = 0

    def sql(self, statement: str, **parameters: Any) -> int:
        """One statement, committed; tried again where the database says that it was in the way of another."""
        engine = create_engine(self.url, poolclass=NullPool)
        for tries_left in reversed(range(5)):
            try:
                with engine.begin() as connection:
                    return int(connection.execute(text(statement), parameters).rowcount)
            except OperationalError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns")

    def edit(self, now: Snapshot, *, remembers: bool = True) -> str:
        """Set one fact of one row. `remembers`: nothing else writes meanwhile, so it can be set back."""
        key, name = self._some_row(now), self.draw.choice(EDITED)
        if key is None:
            return "nothing to edit"
        value = self._new_value(name)
        if self.draw.random() < 0.15 and now.models[key][name] is not None:
            value = None
        if not self._set(key, name, value):
            return f"{key} is not there"
        if remembers and name not in self.values.get(key, {}):
            self.earlier[key, name] = now.models[key][name]
        elif not remembers:
            self.earlier.pop((key, name), None)
        self.values.setdefault(key, {})[name] = value
        self.undone.get(key, set()).discard(name)
        return f"{key} {name} = {value!r}"

    def set_back(self, now: Snapshot) -> str:
        """Take an edit back."""
        known = sorted(each for each in self.earlier if each[0] in now.models)
        if not known:
            return self.edit(now)
        key, name = self.draw.choice(known)
        self._set(key, name, value := self.earlier.pop((key, name)))
        self.values[key].pop(name)
        return f"{key} {name} back to {value!r}"

    def switch(self, now: Snapshot) -> str:
        """Turn a row on or off."""
        if (key := self._some_row(now)) is None:
            return "nothing to switch"
        self._set(key, "is_enabled", not now.models[key]["is_enabled"])
        return f"{key} switched"

    def delete(self, now: Snapshot) -> str:
        """Delete a row that a sync made."""
        if (key := self._some_row(now)) is None:
            return "nothing to delete"
        self.sql(f"DELETE FROM ai_models {WHERE}", provider=key[0], model_id=key[1])
        self._forget(key)
        return f"{key} deleted"

    def insert(self, now: Snapshot) -> str:
        """Add a row of one's own; a catalog may come to know the id later."""
        self.serial += 1
        key = (PLAIN, f"own-{self.serial}")
        if not now.models or key in now.models:
            return "not inserted"
        self.sql(
            "INSERT INTO ai_models (provider, model_id, display_name, is_enabled, created_at, updated_at)"
            " VALUES (:provider, :model_id, 'Our own', :on, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
            provider=key[0],
            model_id=key[1],
            on=True,
        )
        row = snapshot(self.url).models[key]
        self.values[key] = {name: value for name, value in row.items() if name not in NO_FACTS}
        self.own_rows.add(key)
        return f"{key} inserted"

    def check(self, after: Snapshot) -> None:
        """Rows that people deleted stay away, and those that they made stay."""
        if back := self.deleted & after.models.keys():
            raise Broken(f"rows that a person deleted are back: {back}")
        if gone := self.values.keys() - after.models.keys():
            raise Broken(f"rows with people's values are gone: {gone}")
        if taken := self.own_rows & after.states.keys():
            raise Broken(f"rows that a person made were taken over: {taken}")

    def learn(self, before: Snapshot, after: Snapshot) -> set[Key]:
        """What an undo brought back is a person's from then on; the rows it changed. It may not touch other values."""
        touched = set()
        for (_, entity), change in after.new_changes(before).items():
            if change["command"] != UNDO:
                continue
            provider, _, model_id = entity.partition("/")
            touched.add(key := (provider, model_id))
            if change["action"] == "remove":
                if lost := self.values.get(key, {}).keys() - self.undone.get(key, set()):
                    raise Broken(f"{key}: an undo removed a row with a person's {sorted(lost)}")
                self._forget(key)
            else:
                self._learn_row(key, change, after)
        return touched

    def _learn_row(self, key: Key, change: dict[str, Any], after: Snapshot) -> None:
        row, written = after.models[key], written_of(after.states[key])
        self.deleted.discard(key)
        theirs, undone = self.values.setdefault(key, {}), self.undone.setdefault(key, set())
        names = row.keys() if change["action"] == "create" else row.keys() & values_after(change).keys()
        for name in names - NO_FACTS:
            value = plain(name, row[name])
            if name in theirs and name not in undone and plain(name, theirs[name]) != value:
                raise Broken(f"{key}: a person set {name} to {theirs[name]!r}, and an undo made it {value!r}")
            self.earlier.pop((key, name), None)
            undone.discard(name)
            theirs.pop(name, None)
            if value != written.get(name):
                theirs[name] = row[name]
                undone.add(name)

    def _forget(self, key: Key) -> None:
        """A row is gone, and it was no sync that took it."""
        self.values.pop(key, None)
        self.undone.pop(key, None)
        self.earlier = {each: value for each, value in self.earlier.items() if each[0] != key}
        self.deleted.add(key)

    def wait_until_alone(self) -> None:
        """Until the server has noticed that a killed client has gone."""
        engine = create_engine(self.url, poolclass=NullPool)
        statement = OTHERS.get(engine.dialect.name)
        ends = time.monotonic() + 10
        while statement is not None and time.monotonic() < ends:
            with engine.connect() as connection:
                if not connection.execute(text(statement)).scalar():
                    break
            time.sleep(0.02)

    def _set(self, key: Key, name: str, value: Any) -> int:
        return self.sql(f"UPDATE ai_models SET {name} = :value {WHERE}", value=value, provider=key[0], model_id=key[1])

    def _some_row(self, now: Snapshot) -> Key | None:
        keys = sorted(now.models.keys() - self.own_rows)
        return self.draw.choice(keys) if keys else None

    def _new_value(self, name: str) -> Any:
        """One that no source ever says."""
        self.serial += 1
        if name.endswith("_per_mtok"):
            return str(Decimal(777) + Decimal(self.serial) / 1000)
        return 777_000_000 + self.serial if name.endswith(("window", "tokens")) else f"a person's {self.serial}"
