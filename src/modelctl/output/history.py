"""The audit trail as text: who, when, with which command, and per field before → after and from which source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from modelctl.core.facts import FACT_FIELDS
from modelctl.core.runs import CREDENTIAL, PROVIDER, HistoryEntry, Outcome, Run, RunRecord, field_names, field_sources
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width
from modelctl.output.format import one_line, plain, shown

_INDENT = 2
_TITLES = {PROVIDER: "provider ", CREDENTIAL: "key of "}
"""What stands before the name of what is no model."""
_WITHOUT_BEFORE = "create"


def history(entries: Sequence[HistoryEntry], look: Look) -> str:
    """A paragraph per entry, in the order given."""
    return look.text(line for each in entries for line in entry_lines(each, look))


def entry_lines(each: HistoryEntry, look: Look, *, indent: int = 0, with_run: bool = True) -> Iterator[str]:
    """The row, what was done to it by whom, then a line per field and per price."""
    entry = each.entry
    name = _TITLES.get(each.entity, "") + one_line(each.key)
    text = one_line(entry.action)
    if with_run:
        text = f"{text} by {one_line(entry.actor)} with {one_line(entry.command)}, {shown(entry.at)}"
        text += f" (run {one_line(entry.run)})"
    yield from labelled(name, text, look, style="bold", indent=indent)
    sources = field_sources(entry)
    for field in sorted(field_names(entry), key=_fact_order):
        after = _audited(entry.after.get(field))
        moved = after if entry.action == _WITHOUT_BEFORE else f"{_audited(entry.before.get(field))} → {after}"
        if entry.action == "remove":
            moved = f"was {_audited(entry.before.get(field))}"
        source = f" ({one_line(sources[field])})" if field in sources else ""
        yield from labelled(one_line(field), moved + source, look, indent=indent + _INDENT)
    for price in entry.after.get("prices", ()):
        yield from labelled(f"price {one_line(str(price.get('kind')))}", _price(price), look, indent=indent + _INDENT)


def _price(price: Any) -> str:
    unit = f" per {price.get('unit')}" if price.get("unit") else ""
    old = f"{price['old_amount']} {price.get('old_currency')} → " if price.get("old_amount") else ""
    return one_line(f"{old}{price.get('amount')} {price.get('currency')}{unit} from {price.get('effective_from')}")


def _fact_order(name: str) -> tuple[int, str]:
    return (FACT_FIELDS.index(name) if name in FACT_FIELDS else len(FACT_FIELDS), name)


def _audited(value: Any) -> str:
    """A value of the audit trail's JSON; what has an unexpected shape is shown as it is."""
    if isinstance(value, list):
        return shown(tuple(map(str, value)))
    return shown(value) if value is None or isinstance(value, bool | int | str) else one_line(str(value))


VERSION = 1


def history_json(entries: Sequence[HistoryEntry], empty_because: str | None, look: Look) -> str:
    """All entries; `empty_because` tells an empty trail (`nothing`) from one of which nothing fits (`filtered`)."""
    document = {
        "version": VERSION,
        "empty_because": empty_because,
        "entries": [entry_object(each) for each in entries],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def history_json_lines(entries: Sequence[HistoryEntry], look: Look) -> str:
    """An entry per line."""
    return "\n".join(json.dumps(entry_object(each), ensure_ascii=not look.unicode) for each in entries)


def runs_json(runs: Sequence[Run], empty_because: str | None, look: Look) -> str:
    """The runs, each with its record per provider."""
    document = {"version": VERSION, "empty_because": empty_because, "runs": [_run(each) for each in runs]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def run_json(run: Run, entries: Sequence[HistoryEntry], look: Look) -> str:
    """One run with all that it changed."""
    document = {"version": VERSION, **_run(run), "changes": [entry_object(each) for each in entries]}
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def entry_object(each: HistoryEntry) -> dict[str, Any]:
    """An entry of the audit trail. `sources` says of a field who stated its new value, where that is known."""
    entry = each.entry
    return {
        "run": entry.run,
        "at": plain(entry.at),
        "actor": entry.actor,
        "command": entry.command,
        "entity": each.entity,
        "key": each.key,
        "action": entry.action,
        "before": dict(entry.before),
        "after": {name: value for name, value in entry.after.items() if name not in ("prices", "sources")},
        "sources": field_sources(entry),
        "prices": list(entry.after.get("prices", ())),
    }


def _run(run: Run) -> dict[str, Any]:
    first = run.records[0]
    return {
        "run": run.name,
        "command": first.command,
        "actor": first.actor,
        "started_at": plain(run.started_at),
        "providers": [_record(each) for each in run.records],
    }


def _record(record: RunRecord) -> dict[str, Any]:
    """A provider's part: every count, so that held, protected, filtered and skipped are never one number."""
    common = ("run", "command", "actor")
    return {each.name: _plain(getattr(record, each.name)) for each in fields(record) if each.name not in common}


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, datetime | tuple) else value


COUNTS = ("created", "updated", "deprecated", "retired", "reactivated", "held", "protected")
"""What a run did to rows, and what it left alone, by the columns of its record."""

_RUNS_INDENT = 2
_STYLES = {Outcome.FAILED: "red", Outcome.REFUSED: "yellow", Outcome.HELD: "yellow"}
_RUN_TITLES = ("run", "when", "command", "by", "providers", "outcome", "changes")


def runs_table(runs: Sequence[Run], look: Look) -> str:
    """A line per run; where that is too wide, its id as a label and the rest as text that is wrapped."""
    if not runs:
        return ""
    rows = [_row(run) for run in runs]
    columns = [
        Column(title=title, cells=[Cell(text, _style(run) if title == "outcome" else "") for text, run in cells])
        for title, cells in (
            (title, [(row[index], run) for row, run in zip(rows, runs, strict=True)])
            for index, title in enumerate(_RUN_TITLES)
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
    yield from labelled("listing", listing, look, indent=_RUNS_INDENT)
    counts = ", ".join(f"{getattr(record, name):,} {name}" for name in ("unchanged", *COUNTS))
    yield from labelled("rows", counts, look, indent=_RUNS_INDENT)
    if record.error:
        yield from labelled("error", one_line(record.error), look, indent=_RUNS_INDENT, style="red")
    for each in entries:
        yield from entry_lines(each, look, indent=_RUNS_INDENT, with_run=False)
