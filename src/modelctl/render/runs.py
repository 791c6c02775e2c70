"""Runs as text: a list of them, and one with its counts per provider and all that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelctl.core.history import HistoryEntry, Run
from modelctl.core.run import Outcome, RunRecord
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.history import entry_lines
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line, shown

COUNTS = ("created", "updated", "deprecated", "retired", "reactivated", "held", "protected")
"""What a run did to rows, and what it left alone, by the columns of its record."""

_INDENT = 2
_STYLES = {Outcome.FAILED: "red", Outcome.REFUSED: "yellow", Outcome.HELD: "yellow"}
_TITLES = ("run", "when", "command", "by", "providers", "outcome", "changes")


def runs_table(runs: Sequence[Run], look: Look) -> str:
    """A line per run; where that is too wide, its id as a label and the rest as text that is wrapped."""
    if not runs:
        return ""
    rows = [_row(run) for run in runs]
    columns = [
        Column(title=title, cells=[Cell(text, _style(run) if title == "outcome" else "") for text, run in cells])
        for title, cells in (
            (title, [(row[index], run) for row, run in zip(rows, runs, strict=True)])
            for index, title in enumerate(_TITLES)
        )
    ]
    if look.width is None or total_width(columns) <= look.width:
        return look.text(aligned(columns, look))
    return look.text(line for row in rows for line in labelled(row[0], _sentence(row), look, style="bold"))


def run_page(run: Run, entries: Sequence[HistoryEntry], look: Look) -> str:
    """One run: who and when, then each provider with its counts, its error and its changes."""
    first = run.records[0]
    title = f"{one_line(first.command)} by {one_line(first.actor)}, {shown(run.started_at)}"
    lines = labelled(f"run {one_line(run.name)}", title, look, style="bold")
    for record in run.records:
        lines += ["", *_provider(record, [each for each in entries if each.provider == record.provider], look)]
    return look.text(lines)


def _row(run: Run) -> tuple[str, ...]:
    first = run.records[0]
    providers = first.provider if len(run.records) == 1 else f"{len(run.records)} providers"
    texts = (run.name, shown(run.started_at), first.command, first.actor, providers, _outcome(run), _changes(run))
    return tuple(map(one_line, texts))


def _sentence(row: Sequence[str]) -> str:
    _, when, command, actor, providers, outcome, changes = row
    return f"{when} {command} by {actor}, {providers}: {outcome}" + (f"; {changes}" if changes else "")


def _outcome(run: Run) -> str:
    return ", ".join(sorted({str(record.outcome.value).replace("_", " ") for record in run.records}))


def _changes(run: Run) -> str:
    """The counts that are not zero."""
    counts = [(sum(getattr(record, name) for record in run.records), name) for name in COUNTS]
    counts.append((sum(record.outcome is Outcome.FAILED for record in run.records), "failed"))
    return ", ".join(f"{count:,} {name}" for count, name in counts if count)


def _style(run: Run) -> str:
    return next((_STYLES[record.outcome] for record in run.records if record.outcome in _STYLES), "")


def _provider(record: RunRecord, entries: Sequence[HistoryEntry], look: Look) -> Iterator[str]:
    outcome = str(record.outcome.value).replace("_", " ")
    yield f"{look.paint(one_line(record.provider), 'bold')}  {look.paint(outcome, _STYLES.get(record.outcome, ''))}"
    fetched = "not asked" if record.fetched is None else f"{record.fetched:,} fetched"
    listing = f"{fetched}, {record.kept:,} kept, {record.filtered:,} filtered, {record.skipped:,} skipped"
    yield from labelled("listing", listing, look, indent=_INDENT)
    counts = ", ".join(f"{getattr(record, name):,} {name}" for name in ("unchanged", *COUNTS))
    yield from labelled("rows", counts, look, indent=_INDENT)
    if record.error:
        yield from labelled("error", one_line(record.error), look, indent=_INDENT, style="red")
    for each in entries:
        yield from entry_lines(each, look, indent=_INDENT, with_run=False)
