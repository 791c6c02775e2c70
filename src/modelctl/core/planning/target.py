"""The plan for an application's own table: what its cells should hold, what may be written, and what a person owns.

A cell is a column, or a key in the JSON document of a column, as `meta/capabilities/vision`. Values are as JSON has
them, in the precision of their column; amounts are texts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from modelctl.errors import ExitCode

Cells: TypeAlias = Mapping[str, Any]
"""By the name of the cell; None is NULL, or a key that the document does not have."""

TOO_MANY_PERCENT = 34
"""Of our rows that may be switched off at once: a third."""
FROM_ROWS = 10
"""Fewer rows are not guarded by their share."""


class TargetAction(StrEnum):
    """What happens to a row of the application's."""

    CREATE = "create"
    UPDATE = "update"
    SWITCH_OFF = "switch_off"
    REMOVE = "remove"  # only by an undo, of a row that modelctl made and nobody has touched


class TargetGuard(StrEnum):
    """Why something is not written, by the names with which it is reported."""

    ROUNDS_TO_ZERO = "rounds-to-zero"
    DOES_NOT_FIT = "does-not-fit"
    TOO_MANY_SWITCHED_OFF = "too-many-switched-off"
    SCHEMA_DRIFT = "schema-drift"


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell, old -> new."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """A row that is there."""

    key: str
    """The cells of its key as a JSON list."""
    cells: Cells
    """Of every column that the mapping names."""
    primary_key: Cells = field(default_factory=dict)
    """As the driver gave it."""
    model: str = ""
    """The id of the model, as the row has it; empty where no column says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow:
    """A row as it should be."""

    key: str
    model: str
    cells: Cells
    once: frozenset[str] = frozenset()
    """Cells that are the application's as soon as the row is there."""
    touched: Cells = field(default_factory=dict)
    """Cells that are written only where another one is: the time of the change."""
    lacking: str = ""
    """Why the row cannot be made: a column that must have a value gets none. A row that is there keeps its own."""
    misfit: TargetGuard | None = None
    """What stops the row, made or not; `lacking` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMemory:
    """What is remembered of a row."""

    written: Cells
    created: bool
    absent: bool = False
    """Whether it was switched off: as long as it is not wanted again, nothing more is done to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row that is written, or only remembered where it has no cells."""

    action: TargetAction
    key: str
    model: str
    cells: tuple[CellChange, ...]
    touched: Cells = field(default_factory=dict)
    memory: RowMemory
    """What is remembered afterwards."""
    existing: TargetRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCell:
    """A cell that keeps its value although another one is wanted."""

    key: str
    model: str
    name: str
    kept: Any
    offered: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A model that gets no row, or whose row is left alone, and why."""

    model: str
    reason: str
    guard: TargetGuard | None = None
    """None: nothing is wrong, a fact is only unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRules:
    """What may happen to a table."""

    creates: bool = True
    updates: bool = True
    adopts: bool = False
    """Rows that were there before modelctl become its own."""
    absent_set: Cells | None = None
    """What a row gets whose model is no longer wanted; None: nothing."""
    strangers_set: Cells | None = None
    """What a row gets whose model nobody knows; None: nothing."""
    accepted: frozenset[str] = frozenset()
    """Guards that a person has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """What would be written into one table for one tenant."""

    table: str
    tenant: str = ""
    changes: tuple[RowChange, ...] = ()
    protected: tuple[KeptCell, ...] = ()
    """A person's cells."""
    unowned: tuple[KeptCell, ...] = ()
    """Cells of rows that were there before modelctl."""
    skipped: tuple[LeftOut, ...] = ()
    held: tuple[LeftOut, ...] = ()
    strangers: tuple[str, ...] = ()
    """Models of rows that nobody knows."""
    absent: tuple[str, ...] = ()
    """Models of our rows that are no longer wanted, and stay as they are."""
    removed_by_hand: tuple[str, ...] = ()
    unchanged: int = 0
    notices: tuple[str, ...] = ()

    def count(self, action: TargetAction) -> int:
        """How many rows it does this to."""
        return sum(change.action is action and bool(change.cells) for change in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What was written into an application's tables, or would be."""

    run: str
    target: str
    database: str
    dry_run: bool
    tables: tuple[TablePlan, ...]

    @property
    def is_pending(self) -> bool:
        """Whether there is something to write."""
        return any(change.cells for each in self.tables for change in each.changes)

    def exit_code(self, *, pending_counts: bool = False) -> ExitCode:
        """REFUSED where a guard holds something, PENDING where something would change and that counts."""
        if any(each.held for each in self.tables):
            return ExitCode.REFUSED
        return ExitCode.PENDING if pending_counts and self.is_pending else ExitCode.OK


def cell_name(column: str, path: Sequence[str] = ()) -> str:
    """The name of a cell: the column, then the keys in its document."""
    return "/".join(part.replace("~", "~0").replace("/", "~1") for part in (column, *path))


def cell_path(name: str) -> list[str]:
    """The column and the keys of a cell's name."""
    return [part.replace("~1", "/").replace("~0", "~") for part in name.split("/")]


def cell_of(cells: Cells, name: str) -> Any:
    """The value of a cell in a row whose columns are given; None where it is not there."""
    if name in cells:
        return cells[name]
    value: Any = cells
    for part in cell_path(name):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def with_cell(columns: dict[str, Any], name: str, value: Any) -> None:
    """Put the value of a cell into the columns of a row; the rest of a document stays as it is."""
    column, *path = cell_path(name)
    if not path:
        columns[column] = value
        return
    document = columns.get(column)
    node = columns[column] = dict(document) if isinstance(document, Mapping) else {}
    for part in path[:-1]:
        below = node.get(part)
        node[part] = node = dict(below) if isinstance(below, Mapping) else {}
    if value is None:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value


def key_text(key: str) -> str:
    """A key as people read it."""
    return "/".join("NULL" if part is None else str(part) for part in json.loads(key))


def plan_table(
    table: str,
    wanted: Iterable[WantedRow],
    rows: Mapping[str, TargetRow],
    memories: Mapping[str, RowMemory],
    rules: TableRules,
    *,
    known: frozenset[str],
    tenant: str = "",
) -> TablePlan:
    """The plan for one table; rows in the order of their keys.

    `rows` and `memories`: by key, what is there and what is remembered. `known`: every id and alias of a model, and
    the keys of all, so that a row of none of them can be told.
    """
    made = _Planning(rules)
    by_key = {each.key: each for each in wanted}
    for key in sorted(by_key):
        made.one(by_key[key], rows.get(key), memories.get(key))
    for key in sorted(rows.keys() - by_key.keys()):
        made.unwanted(rows[key], memories.get(key), known)
    plan = TablePlan(
        table=table,
        tenant=tenant,
        changes=tuple(made.changes),
        protected=tuple(made.protected),
        unowned=tuple(made.unowned),
        skipped=tuple(made.skipped),
        held=tuple(made.held),
        strangers=tuple(made.strangers),
        absent=tuple(made.absent),
        removed_by_hand=tuple(made.removed),
        unchanged=made.unchanged,
    )
    return _guarded(plan, {key for key in memories if key in rows}, rules)


def _guarded(plan: TablePlan, our_keys: set[str], rules: TableRules) -> TablePlan:
    """Without what switches off more than a third of our rows at once."""
    off = [each for each in plan.changes if each.action is TargetAction.SWITCH_OFF and each.key in our_keys]
    ours = len(our_keys)
    guard = TargetGuard.TOO_MANY_SWITCHED_OFF
    if ours < FROM_ROWS or len(off) * 100 <= ours * TOO_MANY_PERCENT or guard in rules.accepted:
        return plan
    reason = f"{len(off):,} of {ours:,} rows would be disabled"
    held = tuple(LeftOut(model=each.model, reason=reason, guard=guard) for each in off)
    return replace(plan, changes=tuple(each for each in plan.changes if each not in off), held=plan.held + held)


class _Planning:
    """What has been found so far."""

    def __init__(self, rules: TableRules) -> None:
        self.rules = rules
        self.changes: list[RowChange] = []
        self.protected: list[KeptCell] = []
        self.unowned: list[KeptCell] = []
        self.skipped: list[LeftOut] = []
        self.held: list[LeftOut] = []
        self.strangers: list[str] = []
        self.absent: list[str] = []
        self.removed: list[str] = []
        self.unchanged = 0

    def one(self, wanted: WantedRow, row: TargetRow | None, memory: RowMemory | None) -> None:
        """A row that should be there."""
        if wanted.misfit is not None:
            self.held.append(LeftOut(model=wanted.model, reason=wanted.lacking, guard=wanted.misfit))
            return
        if row is None:
            if memory is not None:
                self.removed.append(wanted.model)
            elif wanted.lacking:
                self.skipped.append(LeftOut(model=wanted.model, reason=wanted.lacking))
            elif self.rules.creates:
                cells = tuple(CellChange(name, None, value) for name, value in wanted.cells.items())
                self._change(TargetAction.CREATE, wanted, cells, RowMemory(written=wanted.cells, created=True), None)
            return
        if memory is None and not self.rules.adopts:
            different = [each for each in self._different(wanted, row) if each.name not in wanted.once]
            self.unowned += [_kept(wanted, each) for each in different]
            self.unchanged += not different
            return
        self._owned(wanted, row, memory)

    def unwanted(self, row: TargetRow, memory: RowMemory | None, known: frozenset[str]) -> None:
        """A row that should not be there, or is nobody's."""
        if memory is not None and not memory.absent:
            self._off(row, memory, self.rules.absent_set, is_absent=memory.created or bool(memory.written))
        elif memory is None and row.model not in known and row.key not in known:
            self.strangers.append(row.model or key_text(row.key))
            self._off(row, RowMemory(written={}, created=False), self.rules.strangers_set, is_absent=False)

    def _owned(self, wanted: WantedRow, row: TargetRow, memory: RowMemory | None) -> None:
        written = dict(memory.written) if memory is not None else {}
        returns = frozenset(self.rules.absent_set or ()) if memory is not None and memory.absent else frozenset()
        cells = []
        for each in self._different(wanted, row):
            is_ours = memory is None or each.old is None or _is_last_written(written, each)
            if each.name in wanted.once and each.name not in returns:
                continue
            if is_ours and self.rules.updates:
                cells.append(each)
            elif not is_ours:
                self.protected.append(_kept(wanted, each))
        after = written | {each.name: each.new for each in cells}
        if memory is None:
            after |= {name: value for name, value in wanted.cells.items() if name not in wanted.once}
        is_new = memory is None or memory.absent
        if not cells and not is_new:
            self.unchanged += 1
            return
        created = memory is not None and memory.created
        self._change(TargetAction.UPDATE, wanted, tuple(cells), RowMemory(written=after, created=created), row)

    def _off(self, row: TargetRow, memory: RowMemory, values: Cells | None, *, is_absent: bool) -> None:
        if values is None:
            if is_absent:
                self.absent.append(row.model or key_text(row.key))
            return
        cells = []
        for name, value in values.items():
            change = CellChange(name, cell_of(row.cells, name), value)
            if change.old == value:
                continue
            if name not in memory.written or _is_last_written(memory.written, change):
                cells.append(change)  # else a person has set it
        if not cells:
            if is_absent:
                self.absent.append(row.model or key_text(row.key))
            return
        after = dict(memory.written) | {each.name: each.new for each in cells}
        made = RowMemory(written=after, created=memory.created, absent=True)
        wanted = WantedRow(key=row.key, model=row.model or key_text(row.key), cells={})
        self._change(TargetAction.SWITCH_OFF, wanted, tuple(cells), made, row)

    def _different(self, wanted: WantedRow, row: TargetRow) -> Iterator[CellChange]:
        for name, value in wanted.cells.items():
            if (old := cell_of(row.cells, name)) != value and not _is_no_document(row.cells, name):
                yield CellChange(name, old, value)

    def _change(
        self,
        action: TargetAction,
        wanted: WantedRow,
        cells: tuple[CellChange, ...],
        memory: RowMemory,
        row: TargetRow | None,
    ) -> None:
        self.changes.append(
            RowChange(
                action=action,
                key=wanted.key,
                model=wanted.model,
                cells=cells,
                touched=wanted.touched if cells else {},
                memory=memory,
                existing=row,
            )
        )


def _is_no_document(cells: Cells, name: str) -> bool:
    """Whether the column of a key holds something that has no keys: whoever put it there keeps it."""
    column, *path = cell_path(name)
    return bool(path) and cells.get(column) is not None and not isinstance(cells[column], Mapping)


def _is_last_written(written: Cells, change: CellChange) -> bool:
    return change.name in written and bool(written[change.name] == change.old)


def _kept(wanted: WantedRow, change: CellChange) -> KeptCell:
    return KeptCell(key=wanted.key, model=wanted.model, name=change.name, kept=change.old, offered=change.new)


def met_twice(wanted: Iterable[WantedRow]) -> dict[str, list[str]]:
    """By key, the models that would share a row."""
    listed = list(wanted)
    several = {key for key, count in Counter(each.key for each in listed).items() if count > 1}
    return {key: [each.model for each in listed if each.key == key] for key in sorted(several)}
