"""The audit trail and the runs: who, when, with which command, and per field before → after and from which source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AliasPath, Field
from typing_extensions import TypedDict

from modelctl.core.runs import CREDENTIAL, PROVIDER, PUBLISH, HistoryEntry, Outcome, Run, field_names, field_sources
from modelctl.output.console import Cell, Look, columns_of, labelled, table
from modelctl.output.document import AsJson, Document, Instant, Rows, VersionedDocument
from modelctl.output.format import audited, audited_price, fact_order, one_line, plain, shown

_INDENT = 2
_BEFORE_KEY = {PROVIDER: "provider ", CREDENTIAL: "key of ", PUBLISH: "published "}
"""What stands before the name of what is no model."""
_NO_FIELDS = ("prices", "sources")


class EntryJson(TypedDict):
    """An entry of the audit trail."""

    run: str
    at: Instant
    actor: str
    command: str
    entity: str
    key: str
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    sources: dict[str, str]
    """Who stated a field's new value, where that is known."""
    prices: list[dict[str, Any]]


def _entry(each: HistoryEntry) -> EntryJson:
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
        "after": {name: value for name, value in entry.after.items() if name not in _NO_FIELDS},
        "sources": field_sources(entry),
        "prices": list(entry.after.get("prices", ())),
    }


Entry: TypeAlias = Annotated[HistoryEntry, AsJson(_entry)]
EmptyBecause: TypeAlias = Literal["nothing", "filtered"] | None
"""Tells that there is nothing at all from that nothing fits."""


class HistoryDocument(Rows, VersionedDocument):
    """The audit trail, newest first."""

    empty_because: EmptyBecause
    entries: tuple[Entry, ...]

    def to_table(self, look: Look) -> str:
        """A paragraph per entry."""
        return look.text(line for each in self.entries for line in entry_lines(each, look))

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """An object per entry."""
        return [dict(_entry(each)) for each in self.entries]


class RunRecordDocument(Document):
    """A provider's part of a run: every count, so that held, protected, filtered and skipped are never one number."""

    provider: str
    sources: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    fetched: int | None
    """Models that the provider's API listed; null when it was not asked, or the listing failed."""
    kept: int
    filtered: int
    skipped: int
    created: int
    updated: int
    unchanged: int
    deprecated: int
    retired: int
    reactivated: int
    held: int
    protected: int
    error: str | None


class RunDocument(Document):
    """A run with its record per provider."""

    run: str = Field(validation_alias="name")
    command: str = Field(validation_alias=AliasPath("records", 0, "command"))
    actor: str = Field(validation_alias=AliasPath("records", 0, "actor"))
    started_at: datetime
    providers: tuple[RunRecordDocument, ...] = Field(validation_alias="records")

    @property
    def outcome(self) -> str:
        """Of all providers together."""
        return ", ".join(sorted({each.outcome.value.replace("_", " ") for each in self.providers}))

    @property
    def changes_text(self) -> str:
        """The counts that are not zero."""
        counts = [(sum(getattr(each, name) for each in self.providers), name) for name in COUNTS]
        counts.append((sum(each.outcome is Outcome.FAILED for each in self.providers), "failed"))
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)


COUNTS = ("created", "updated", "deprecated", "retired", "reactivated", "held", "protected")
"""What a run did to rows, and what it left alone, by the columns of its record."""
_STYLES = {
    Outcome.FAILED: "red",
    Outcome.PARTIAL: "red",
    Outcome.REFUSED: "yellow",
    Outcome.HELD: "yellow",
}


class RunsDocument(Rows, VersionedDocument):
    """The last runs, newest first."""

    empty_because: EmptyBecause
    runs: tuple[RunDocument, ...]

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """An object per run."""
        return [each.model_dump(mode="json") for each in self.runs]

    def to_table(self, look: Look) -> str:
        """A line per run."""
        if not self.runs:
            return ""
        columns = columns_of(
            self.runs,
            {
                "run": lambda run: one_line(run.run),
                "when": lambda run: shown(run.started_at),
                "command": lambda run: one_line(run.command),
                "by": lambda run: one_line(run.actor),
                "providers": _providers,
                "outcome": lambda run: Cell(
                    run.outcome, next((_STYLES[each.outcome] for each in run.providers if each.outcome in _STYLES), "")
                ),
                "changes": lambda run: run.changes_text,
            },
            drop=["by", "providers", "when"],
            least={"run": 32, "outcome": 20},
        )
        return look.text(table(columns, look))


def _providers(run: RunDocument) -> str:
    return one_line(run.providers[0].provider) if len(run.providers) == 1 else f"{len(run.providers)} providers"


class RunChangesDocument(RunDocument, VersionedDocument):
    """One run with all that it changed."""

    changes: tuple[Entry, ...]

    @classmethod
    def of(cls, run: Run, entries: Sequence[HistoryEntry]) -> RunChangesDocument:
        """Of the run and its entries of the trail."""
        return cls(**dict(RunDocument.model_validate(run)), changes=tuple(entries))

    def to_table(self, look: Look) -> str:
        """Who and when, then each provider with its counts, its error and its changes."""
        title = f"{one_line(self.command)} by {one_line(self.actor)}, {shown(self.started_at)}"
        lines = labelled(f"run {one_line(self.run)}", title, look, style="bold")
        for record in self.providers:
            lines += ["", *_record(record, [each for each in self.changes if each.provider == record.provider], look)]
        return look.text(lines)


def _record(record: RunRecordDocument, entries: Sequence[HistoryEntry], look: Look) -> Iterator[str]:
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


def entry_lines(each: HistoryEntry, look: Look, *, indent: int = 0, with_run: bool = True) -> Iterator[str]:
    """The row, what was done to it by whom, then a line per field and per price."""
    entry = each.entry
    name = _BEFORE_KEY.get(each.entity, "") + one_line(each.key)
    text = one_line(entry.action)
    if with_run:
        text = f"{text} by {one_line(entry.actor)} with {one_line(entry.command)}, {shown(entry.at)}"
        text += f" (run {one_line(entry.run)})"
    yield from labelled(name, text, look, style="bold", indent=indent)
    sources = field_sources(entry)
    for field in sorted(field_names(entry), key=fact_order):
        after = audited(entry.after.get(field))
        moved = after if entry.action == "create" else f"{audited(entry.before.get(field))} → {after}"
        if entry.action == "remove":
            moved = f"was {audited(entry.before.get(field))}"
        source = f" ({one_line(sources[field])})" if field in sources else ""
        yield from labelled(one_line(field), moved + source, look, indent=indent + _INDENT)
    for price in entry.after.get("prices", ()):
        yield from labelled(*audited_price(price), look, indent=indent + _INDENT)
