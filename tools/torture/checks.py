"""What must hold after every step, read with plain SQL: nothing here asks modelctl what it thinks."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tools.torture.truth import PROVIDERS, Key, in_utc

Row = dict[str, Any]
STAMPS = frozenset({"last_seen_at", "last_verified_at", "updated_at"})
NO_FACTS = STAMPS | {"id", "provider", "model_id", "is_enabled", "created_at"}
PRICES = {"input_price_per_mtok": "input", "output_price_per_mtok": "output"}
POINT = ("provider", "model_id", "kind", "unit", "context_above", "service_tier", "hours_utc")
LISTS = ("input_modalities", "output_modalities", "aliases", "tags")
BELIEVED = ("applied", "in_sync", "held")
WHOLE = ("applied", "in_sync")
UNDO = "runs undo"


class Broken(AssertionError):
    """Something that must hold does not."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tables at one moment."""

    models: dict[Key, Row]
    states: dict[Key, Row]
    points: dict[tuple[Any, ...], Row]
    changes: dict[tuple[str, str], Row]
    """By run and `provider/id`."""
    runs: dict[tuple[str, str], Row]
    """By run and provider."""
    held: frozenset[Key]
    """What guards stopped the last time."""
    leases: frozenset[str]
    """The runs that may write; one at most."""

    @classmethod
    def empty(cls) -> Snapshot:
        """Before there are tables."""
        return cls({}, {}, {}, {}, {}, frozenset(), frozenset())

    def new_changes(self, before: Snapshot) -> dict[tuple[str, str], Row]:
        """What has been audited since then."""
        return {key: row for key, row in self.changes.items() if key not in before.changes}

    def new_runs(self, before: Snapshot) -> dict[str, list[Row]]:
        """What the runs since then did, by provider, oldest first."""
        found: dict[str, list[Row]] = {name: [] for name in PROVIDERS}
        for key in sorted(self.runs.keys() - before.runs.keys()):
            found.setdefault(key[1], []).append(self.runs[key])
        return found


def snapshot(url: str) -> Snapshot:
    """Read everything in one transaction."""
    engine = create_engine(url, poolclass=NullPool)
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**level) as connection:

        def rows(table: str) -> list[Row]:
            return [dict(each) for each in connection.execute(text(f"SELECT * FROM {table}")).mappings()]

        taken = Snapshot(
            models={(each["provider"], each["model_id"]): each for each in rows("ai_models")},
            states={(each["provider"], each["model_id"]): each for each in rows("ai_model_state")},
            points={_point(each): each for each in rows("ai_model_prices")},
            changes={
                (each["run"], each["entity_key"]): each for each in rows("ai_changes") if each["entity"] == "model"
            },
            runs={(each["run"], each["provider"]): each for each in rows("ai_sync_runs")},
            held=frozenset((each["provider"], each["model_id"]) for each in rows("ai_holds")),
            leases=frozenset(each["run"] for each in rows("ai_leases")),
        )
    engine.dispose()
    return taken


def _point(row: Row) -> tuple[Any, ...]:
    return (*(row[name] for name in POINT), in_utc(row["effective_from"]), row["revision"])


def plain(name: str, value: Any) -> Any:
    """A column's value as the state table writes it, whatever the database made of it."""
    if value is None:
        return None
    if name in LISTS:
        return json.loads(value) if isinstance(value, str) else value
    if name.endswith("_per_mtok"):
        return Decimal(str(value)).normalize()
    if name.endswith("_on") or name == "retires_not_before":
        return str(value)[:10]
    return int(value) if isinstance(value, bool) else value


def written_of(state: Row) -> dict[str, Any]:
    """What modelctl says it last wrote into the row."""
    return {name: plain(name, value) for name, (value, _) in json.loads(state["written"]).items()}


def check(before: Snapshot, after: Snapshot, persons: dict[Key, dict[str, Any]]) -> None:
    """Everything that a command must have kept, whatever became of it. `persons`: what people set, by row."""
    _check_ledger(before, after)
    _check_audit(before, after)
    _check_rows(after, persons)
    _check_switches(before, after)
    _check_projection(after, persons)


def check_lease(before: Snapshot, after: Snapshot, *, may_stay: bool) -> None:
    """One at most; none that a run has left, unless it was killed: `may_stay`."""
    if len(after.leases) > 1:
        raise Broken(f"several runs may write: {sorted(after.leases)}")
    if (left := after.leases - before.leases) and not may_stay:
        raise Broken(f"runs have ended and left their lock: {sorted(left)}")


def check_untouched(before: Snapshot, after: Snapshot, provider: str) -> None:
    """Nothing of a provider has moved, to the last stamp."""
    for name in ("models", "states", "points"):
        old, new = (
            {key: row for key, row in getattr(each, name).items() if key[0] == provider} for each in (before, after)
        )
        if old != new:
            moved = sorted(str(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key))
            raise Broken(f"{provider} failed or was refused, and yet its {name} moved: {moved}")


def _check_ledger(before: Snapshot, after: Snapshot) -> None:
    for key, row in before.points.items():
        if after.points.get(key) != row:
            raise Broken(f"a price of the ledger has changed or gone: {key}: {row} -> {after.points.get(key)}")
    for key, row in after.points.items():
        if row["effective_to"] is not None and in_utc(row["effective_to"]) <= in_utc(row["effective_from"]):
            raise Broken(f"a price ends before it begins: {key}")
    _check_overlaps(after)


def _check_overlaps(after: Snapshot) -> None:
    """No price reaches into the next one of the same key, and of one start there is one revision each."""
    starts: defaultdict[tuple[Any, ...], dict[datetime, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for key, row in after.points.items():
        starts[key[: len(POINT)]][in_utc(row["effective_from"])].append(row)
    for key, points in starts.items():
        ordered = sorted(points)
        for start, following in zip(ordered, [*ordered[1:], None], strict=True):
            last = max(points[start], key=lambda row: row["revision"])
            if sorted(row["revision"] for row in points[start]) != list(range(len(points[start]))):
                raise Broken(f"the revisions of a price are not counted on: {key} from {start}")
            ends = last["effective_to"] and in_utc(last["effective_to"])
            if ends and following and ends > following:
                raise Broken(f"two prices are in force at once: {key} from {start} and {following}")


def _check_audit(before: Snapshot, after: Snapshot) -> None:
    """Rows, states, prices, audit and run go together: each has all of the others, or none is there."""
    new = after.new_changes(before)
    audited = {each for _, each in new}
    for (run, entity), _ in new.items():
        record = after.runs.get((run, entity.partition("/")[0]))
        if record is None or record["outcome"] not in ("applied", "held"):
            raise Broken(f"{entity} was changed by {run}, which is not recorded as applied: {record}")
    counted: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (run, entity), row in new.items():
        counted[run, entity.partition("/")[0]] += row["action"] == "create"
    for key in after.runs.keys() - before.runs.keys():
        if after.runs[key]["outcome"] in BELIEVED and after.runs[key]["created"] != counted[key]:
            raise Broken(f"run {key} says created {after.runs[key]['created']}, the audit has {counted[key]}")
    for key in after.points.keys() - before.points.keys():
        if (after.points[key]["run"], f"{key[0]}/{key[1]}") not in new:
            raise Broken(f"a price without an audit row: {key}")
    for key, state in after.states.items():
        old = before.states.get(key)
        if (old is None or old["written"] != state["written"]) and f"{key[0]}/{key[1]}" not in audited:
            raise Broken(f"the state of {key} moved without an audit row")
    _check_values(after, new)


def values_after(change: Row) -> dict[str, Any]:
    """The new values that an audit row tells."""
    values = change["after_values"]
    return json.loads(values) if isinstance(values, str) else dict(values)


def _check_values(after: Snapshot, new: dict[tuple[str, str], Row]) -> None:
    """The audit's new values are what the state remembers, and its prices are in the ledger."""
    last = {entity: row for (_, entity), row in sorted(new.items(), key=lambda item: item[0])}
    several = len({run for run, _ in new}) > 1
    written = Counter((*key[:2], row["run"]) for key, row in after.points.items())
    for entity, row in last.items():
        provider, _, model_id = entity.partition("/")
        values = values_after(row)
        points = values.pop("prices", [])
        kept = written[provider, model_id, row["run"]]
        if len(points) != kept:
            raise Broken(f"{entity}: the audit has {len(points)} prices, the ledger {kept}")
        if several or row["command"] == UNDO:  # of what is undone the state remembers what a source wrote
            continue
        state = written_of(after.states[provider, model_id])
        for name in values.keys() & (after.models.get((provider, model_id), {}).keys() - NO_FACTS):
            if state.get(name) != plain(name, values[name]):
                raise Broken(f"{entity}: the audit has {name} {values[name]!r}, the state {state.get(name)!r}")


def _check_rows(after: Snapshot, persons: dict[Key, dict[str, Any]]) -> None:
    """A row holds what modelctl says it wrote, and what people set, and nothing else."""
    for key, row in after.models.items():
        theirs = persons.get(key, {})
        for name, value in theirs.items():
            if plain(name, row[name]) != plain(name, value):
                raise Broken(f"{key}: a person set {name} to {value!r}, and it is {row[name]!r}")
        if key not in after.states:
            if not theirs:
                raise Broken(f"{key} has no state, and no person made it")
            continue
        written = written_of(after.states[key])
        for name in row.keys() - NO_FACTS - theirs.keys():
            if plain(name, row[name]) != written.get(name):
                raise Broken(f"{key} is half-written: {name} is {row[name]!r}, the state has {written.get(name)!r}")
    created = {entity for _, entity in after.changes}
    for key in after.states:
        if f"{key[0]}/{key[1]}" not in created:
            raise Broken(f"{key} has a state, and the audit does not know it")


def _check_switches(before: Snapshot, after: Snapshot) -> None:
    for key in before.models.keys() & after.models.keys():
        old, new = before.models[key], after.models[key]
        if (old["id"], bool(old["is_enabled"])) != (new["id"], bool(new["is_enabled"])):
            raise Broken(f"{key}: a sync moved the switch or the id: {old} -> {new}")


def _check_projection(after: Snapshot, persons: dict[Key, dict[str, Any]]) -> None:
    """The price columns of each row are the ledger's prices for the moment at which a run last saw to the row.

    Not for this moment: a price that has come into force since is shown after the next sync that gets through.
    """
    points: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for point in after.points.values():
        if point["service_tier"] == "standard" and not point["context_above"]:
            points[point["provider"], point["model_id"], point["kind"]].append(point)
    seen = _seen_at(after)
    for key, row in after.models.items():
        outcomes = WHOLE if key in after.held else BELIEVED
        moments = [seen.get(each) for each in (f"{key[0]}/{key[1]}", *((key[0], outcome) for outcome in outcomes))]
        at = max((each for each in moments if each is not None), default=None)
        if at is None or key not in after.states:
            continue
        for name, kind in PRICES.items():
            shown, expected = plain(name, row[name]), _in_force(points[*key, kind], at)
            if name not in persons.get(key, {}) and shown != expected:
                raise Broken(f"{key}: {name} is {shown}, the ledger has {expected} for {at}")


def _in_force(points: list[Row], at: datetime) -> Decimal | None:
    """What the ledger has for a moment: the latest start, and of those the highest revision."""
    begun = [each for each in points if in_utc(each["effective_from"]) <= at]
    last = max(begun, key=lambda each: (in_utc(each["effective_from"]), each["revision"]), default=None)
    return Decimal(str(last["amount"])).normalize() if last else None


def _seen_at(after: Snapshot) -> dict[object, datetime]:
    """When a run last saw to a whole provider, by provider and outcome, and when one changed a row, by its name.

    An undo is none: it takes values back, and lets no price come into force that has begun since.
    """
    found: dict[object, datetime] = {}
    runs = (((each["provider"], each["outcome"]), each["started_at"], each) for each in after.runs.values())
    for name, at, row in (*runs, *((entity, each["at"], each) for (_, entity), each in after.changes.items())):
        if row["command"] != UNDO:
            found[name] = max(in_utc(at), found.get(name, in_utc(at)))
    return found
