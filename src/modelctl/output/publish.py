"""What a publish did to an application's own tables, or would do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from typing_extensions import TypedDict

from modelctl.core.planning.target import (
    CellChange,
    KeptCell,
    LeftOut,
    PublishReport,
    RowChange,
    TablePlan,
    TargetAction,
)
from modelctl.core.text import counted
from modelctl.errors import ExitCode
from modelctl.output.console import Cell, Look, aligned, columns_of, labelled
from modelctl.output.document import AsJson, Document, VersionedDocument
from modelctl.output.format import code, escaped, markdown_table, one_line, shown, some

MAX_ROWS = 40
"""Of a table on a terminal; JSON has all."""
MAX_NAMES = 10
_SIGNS = {TargetAction.CREATE: "+", TargetAction.UPDATE: "~", TargetAction.SWITCH_OFF: "-", TargetAction.REMOVE: "-"}
_STYLES = {
    TargetAction.CREATE: "green",
    TargetAction.UPDATE: "yellow",
    TargetAction.SWITCH_OFF: "red",
    TargetAction.REMOVE: "red",
}
_VERBS = {
    TargetAction.CREATE: "create",
    TargetAction.UPDATE: "update",
    TargetAction.SWITCH_OFF: "disable",
    TargetAction.REMOVE: "remove",
}
_PAST = {
    TargetAction.CREATE: "created",
    TargetAction.UPDATE: "updated",
    TargetAction.SWITCH_OFF: "disabled",
    TargetAction.REMOVE: "removed",
}


class CellJson(TypedDict):
    """One cell, before and after."""

    before: Any
    after: Any


class RowChangeJson(TypedDict):
    """One row that is written."""

    action: str
    key: list[Any]
    model: str
    cells: dict[str, CellJson]


class KeptJson(TypedDict):
    """A cell that keeps its value."""

    key: list[Any]
    model: str
    cell: str
    kept: Any
    offered: Any


class LeftOutJson(TypedDict):
    """A model that is left out, and why; `guard` where one holds it."""

    model: str
    reason: str
    guard: str | None


class TablePlanJson(TypedDict):
    """One table, for one tenant."""

    table: str
    tenant: str
    counts: dict[str, int]
    changes: list[RowChangeJson]
    protected: list[KeptJson]
    unowned: list[KeptJson]
    skipped: list[LeftOutJson]
    held: list[LeftOutJson]
    strangers: list[str]
    absent: list[str]
    removed_by_hand: list[str]
    notices: list[str]


def table_json(plan: TablePlan) -> TablePlanJson:
    """A table's plan."""
    return {
        "table": plan.table,
        "tenant": plan.tenant,
        "counts": counts_of(plan),
        "changes": [_change(each) for each in plan.changes if each.cells],
        "protected": [_kept(each) for each in plan.protected],
        "unowned": [_kept(each) for each in plan.unowned],
        "skipped": [_left_out(each) for each in plan.skipped],
        "held": [_left_out(each) for each in plan.held],
        "strangers": list(plan.strangers),
        "absent": list(plan.absent),
        "removed_by_hand": list(plan.removed_by_hand),
        "notices": list(plan.notices),
    }


def counts_of(plan: TablePlan) -> dict[str, int]:
    """How many rows or cells of each kind."""
    return {
        "created": plan.count(TargetAction.CREATE),
        "updated": plan.count(TargetAction.UPDATE),
        "switched_off": plan.count(TargetAction.SWITCH_OFF),
        "removed": plan.count(TargetAction.REMOVE),
        "unchanged": plan.unchanged,
        "protected": len(plan.protected),
        "unowned": len({each.key for each in plan.unowned}),
        "skipped": len(plan.skipped),
        "held": len(plan.held),
        "strangers": len(plan.strangers),
        "absent": len(plan.absent),
        "removed_by_hand": len(plan.removed_by_hand),
    }


def _change(change: RowChange) -> RowChangeJson:
    return {
        "action": change.action.value,
        "key": json.loads(change.key),
        "model": change.model,
        "cells": {each.name: {"before": each.old, "after": each.new} for each in change.cells},
    }


def _kept(cell: KeptCell) -> KeptJson:
    key = json.loads(cell.key)
    return {"key": key, "model": cell.model, "cell": cell.name, "kept": cell.kept, "offered": cell.offered}


def _left_out(each: LeftOut) -> LeftOutJson:
    return {"model": each.model, "reason": each.reason, "guard": each.guard.value if each.guard else None}


class PublishDocument(VersionedDocument):
    """What was written into an application's own tables, or would be."""

    run: str
    target: str
    database: str
    dry_run: bool
    exit_code: ExitCode
    tables: tuple[Annotated[TablePlan, AsJson(table_json)], ...]

    @classmethod
    def of(cls, report: PublishReport, exit_code: ExitCode) -> PublishDocument:
        """Of the report and what it makes the command exit with."""
        return cls.model_construct(
            run=report.run,
            target=report.target,
            database=report.database,
            dry_run=report.dry_run,
            exit_code=exit_code,
            tables=report.tables,
        )

    def to_table(self, look: Look) -> str:
        """A line for each table, then its rows."""
        lines: list[str] = []
        for each in self.tables:
            lines += [
                f"{look.paint(_name(each), 'bold')}  {summary(each, dry_run=self.dry_run)}",
                *_details(each, look),
            ]
        return look.text(lines)

    def to_markdown(self, look: Look) -> str:
        """The same as tables of Markdown."""
        parts = [f"### modelctl publish {escaped(self.target)}"]
        for each in self.tables:
            parts.append(f"**{escaped(_name(each))}**: {escaped(summary(each, dry_run=self.dry_run))}")
            rows = [
                [_VERBS[change.action], code(change.model), "<br>".join(escaped(_cell(cell)) for cell in change.cells)]
                for change in each.changes[:MAX_ROWS]
                if change.cells
            ]
            parts += [markdown_table(["change", "model", "what"], rows)] if rows else []
            parts += [f"- {escaped(note)}" for note in _notes(each)]
        return look.text("\n\n".join(parts).splitlines())


def summary(plan: TablePlan, *, dry_run: bool) -> str:
    """What happens to the table, in one line."""
    words = _VERBS if dry_run else _PAST
    done = [f"{words[action]} {plan.count(action):,}" for action in TargetAction if plan.count(action)]
    done_text = ("would " if dry_run and done else "") + ", ".join(done)
    left = [
        (len(plan.protected), "keep {} (overrides)"),
        (len({each.key for each in plan.unowned}), "leave {} (there before modelctl)"),
        (len(plan.held), "hold {}"),
    ]
    more = [text.format(f"{count:,}") for count, text in left if count]
    more += [f"skip {count:,} ({one_line(reason)})" for reason, count in _reasons(plan.skipped)]
    return "; ".join(filter(None, [done_text or "in sync: nothing to write", ", ".join(more)]))


def _reasons(skipped: Iterable[LeftOut]) -> list[tuple[str, int]]:
    return Counter(each.reason for each in skipped).most_common(MAX_NAMES)


def _name(plan: TablePlan) -> str:
    return one_line(f"{plan.table} of {plan.tenant}" if plan.tenant else plan.table)


def _details(plan: TablePlan, look: Look) -> Iterator[str]:
    shown = [each for each in plan.changes if each.cells]
    for change in shown[:MAX_ROWS]:
        cells = change.cells if change.action is not TargetAction.CREATE else ()
        text = ", ".join([one_line(change.model), *(_cell(each) for each in cells)])
        yield from labelled(_SIGNS[change.action], text, look, style=_STYLES[change.action], indent=2)
    if len(shown) > MAX_ROWS:
        yield f"  and {counted(len(shown) - MAX_ROWS, 'row')} more; --json has all"
    for note in _notes(plan):
        yield from labelled("!", note, look, indent=2)


def _cell(cell: CellChange) -> str:
    return f"{one_line(cell.name)} {_value(cell.old)} → {_value(cell.new)}"


def _value(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case str() | int():
            return one_line(str(value))
        case _:
            return one_line(json.dumps(value, ensure_ascii=False))


def _notes(plan: TablePlan) -> Iterator[str]:
    """What was left alone, and what a person should know."""
    for title, cells, what in (
        ("kept", plan.protected, "an override; `modelctl publish adopt` ends it"),
        ("left", plan.unowned, "was there before modelctl; --adopt takes it over"),
    ):
        for each in cells[:MAX_NAMES]:
            yield (
                f"{title}: {one_line(each.model)} {one_line(each.name)} stays {_value(each.kept)}, "
                f"not {_value(each.offered)}: {what}"
            )
        if len(cells) > MAX_NAMES:
            yield f"{title}: {counted(len(cells) - MAX_NAMES, 'cell')} more"
    for (guard, reason), models in _held(plan.held).items():
        yield f"held by {guard}: {one_line(reason)}: {some(models, MAX_NAMES)}"
    for title, names in (
        ("rows of models that no source knows", plan.strangers),
        ("no longer wanted, and left as they are", plan.absent),
        ("deleted by a person, and not made again", plan.removed_by_hand),
    ):
        if names:
            yield f"{title}: {some(names, MAX_NAMES)}"
    yield from map(one_line, plan.notices)


def _held(held: Sequence[LeftOut]) -> Mapping[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in held:
        groups.setdefault((each.guard.value if each.guard else "", each.reason), []).append(each.model)
    return groups


class TableCheckDocument(Document):
    """What a trial of one table found."""

    table: str
    tenant: str
    wanted: int
    """Rows that would be there."""
    findings: tuple[str, ...]
    """What keeps rows from being written."""
    notices: tuple[str, ...]


class PublishCheckDocument(VersionedDocument):
    """Whether a publish would succeed: it was tried, and rolled back."""

    target: str
    tables: tuple[TableCheckDocument, ...]

    @property
    def has_findings(self) -> bool:
        """Whether something keeps rows from being written."""
        return any(each.findings for each in self.tables)

    def to_table(self, look: Look) -> str:
        """A line for each table, then what was found."""
        lines: list[str] = []
        for each in self.tables:
            name = one_line(f"{each.table} of {each.tenant}" if each.tenant else each.table)
            state = counted(len(each.findings), "finding") if each.findings else "can be published"
            lines.append(f"{look.paint(name, 'bold')}  {state}: {counted(each.wanted, 'row')} wanted")
            for text in each.findings[:MAX_ROWS]:
                lines += labelled("x", one_line(text), look, style="red", indent=2)
            for text in each.notices[:MAX_ROWS]:
                lines += labelled("!", one_line(text), look, indent=2)
        return look.text(lines)


class PublishedTableDocument(Document):
    """One table that was published to."""

    target: str
    table: str
    tenant: str
    rows: int
    """That are remembered."""
    updated_at: datetime


class PublishStatusDocument(VersionedDocument):
    """What was published into a database."""

    tables: tuple[PublishedTableDocument, ...]

    def to_table(self, look: Look) -> str:
        """A line for each."""
        cells: dict[str, Callable[[PublishedTableDocument], Cell | str]] = {
            "target": lambda each: one_line(each.target),
            "table": lambda each: one_line(each.table),
            "tenant": lambda each: one_line(each.tenant) or "-",
            "rows": lambda each: f"{each.rows:,}",
            "last written": lambda each: shown(each.updated_at),
        }
        return look.text(aligned(columns_of(self.tables, cells, right=("rows",)), look)) if self.tables else ""


class PresetDocument(Document):
    """A mapping that comes with modelctl."""

    name: str
    fits: str
    """Which application, and of which versions."""
    tables: tuple[str, ...]


class PresetsDocument(VersionedDocument):
    """The mappings that come with modelctl."""

    presets: tuple[PresetDocument, ...]

    def to_table(self, look: Look) -> str:
        """A line for each."""
        cells: dict[str, Callable[[PresetDocument], Cell | str]] = {
            "preset": lambda each: each.name,
            "tables": lambda each: ", ".join(each.tables),
            "fits": lambda each: each.fits,
        }
        return look.text(aligned(columns_of(self.presets, cells), look))


def guessed_text(path: str, guesses: Sequence[tuple[str, Any, str]], known: int, rows: int) -> str:
    """What each column seems to hold: the column, what the mapping says, and why."""
    lines = [f"{known:,} of {counted(rows, 'row')} looked at are models of the catalogs"]
    for column, form, why in guesses:
        lines.append(one_line(f"{column}: {why}" if form is None else f"{column} = {_value(form)}  {why}"))
    questions = sum(form == "?" for _, form, _ in guesses)
    closing = f"{counted(questions, 'question')} open" if questions else "no question is open"
    return "\n".join([*lines, f"wrote {path}; {closing}"])


def script_text(target: str, scripts: Mapping[str, Sequence[str]]) -> str:
    """The statements as one text."""
    lines = [f"-- modelctl publish {one_line(target)}: run it once, before anything else writes these tables."]
    for tenant, statements in scripts.items():
        lines += [f"-- {one_line(tenant)}"] if tenant else []
        lines += [f"{statement};" for statement in statements]
    return "\n".join(lines)
