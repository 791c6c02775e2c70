"""What a person's edit changed, or would change, row by row; what an undo takes back; what guards hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import AliasPath, Field
from typing_extensions import TypedDict

from modelctl.core.facts import ModelKey
from modelctl.core.planning.ownership import How
from modelctl.core.planning.plan import Action, Change, FieldChange, Verdict
from modelctl.core.prices.price import price_label
from modelctl.errors import ModelctlError
from modelctl.output.console import Cell, Look, columns_of, labelled, table
from modelctl.output.document import (
    AsJson,
    Document,
    Documents,
    Fact,
    ForPeople,
    JsonFact,
    PriceJson,
    TextOrNull,
    VersionedDocument,
    price_json,
)
from modelctl.output.format import old_to_new, one_line, plain, shown, since

if TYPE_CHECKING:
    from modelctl.core.edits.additions import SeedResult

_INDENT = 2


class MoveDocument(Document):
    """One value that a guard doubts; null is unknown."""

    what: str
    """A field, the name of a price, or `listing`."""
    old: str | None
    new: str | None


class HoldDocument(Document):
    """What one guard stopped of one row, or of a provider's listing, and the decision on it."""

    key: str = Field(validation_alias="name")
    """What `review accept` and `review decline` call it."""
    provider: str = Field(validation_alias=AliasPath("key", "provider"))
    model_id: TextOrNull = Field(validation_alias=AliasPath("key", "model_id"))
    """null for the provider's listing."""
    guard: str
    reason: str
    moves: tuple[MoveDocument, ...]
    run: str
    """The run that first held it."""
    held_at: datetime
    verdict: Verdict | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None

    def lines(self) -> Iterator[str]:
        """Its name, guard and decision, then each value old → new."""
        yield one_line(f"{self.key}  {self.guard}  {self._decision()}")
        for move in self.moves:
            old, new = ("unknown" if each is None else each for each in (move.old, move.new))
            yield "  " + one_line(f"{move.what}: {old} → {new}")

    def _decision(self) -> str:
        if self.verdict is None or self.decided_at is None:
            return f"undecided since {self.held_at:%Y-%m-%d %H:%M} UTC"
        note = f": {self.note}" if self.note else ""
        return f"{self.verdict} by {self.decided_by} on {self.decided_at:%Y-%m-%d}{note}"


class HoldsDocument(Documents[HoldDocument]):
    """All that is remembered of what guards hold."""

    def to_table(self, look: Look) -> str:
        """A paragraph a hold."""
        return "\n".join(line for hold in self.root for line in hold.lines())


class OverrideDocument(Document):
    """An override."""

    provider: str = Field(validation_alias=AliasPath("key", "provider"))
    model_id: str = Field(validation_alias=AliasPath("key", "model_id"))
    field: str = Field(validation_alias="name")
    """A column of the row, or the name of a price that no column shows."""
    how: How
    """`pinned`, `edited` in the database by another program, or a `price` that was set."""
    value: Fact
    """null: kept unknown."""
    replaced: Fact
    """What modelctl last wrote there; null where it never did, and of a price, which the ledger keeps."""
    source: TextOrNull
    """Who stated what was replaced."""


class OverridesDocument(Documents[OverrideDocument]):
    """All overrides."""

    def to_table(self, look: Look) -> str:
        """A line a value."""
        columns = columns_of(
            self.root,
            {
                "model": lambda each: f"{each.provider}/{each.model_id}",
                "field": lambda each: each.field,
                "yours": lambda each: one_line(shown(each.value)),
                "by": lambda each: each.how,
                "replaced": lambda each: one_line(shown(each.replaced)) if each.source else "",
                "stated by": lambda each: each.source or "",
            },
            drop=["stated by", "by", "replaced"],
            ids=["model"],
        )
        return look.text(table(columns, look)) if self.root else ""


class SeedSummaryDocument(Document):
    """How many default models were created, skipped and are there in all."""

    created: int
    skipped: int
    total: int


class CreatedSeedDocument(Document):
    """A default model that was created. A dry run knows no number yet."""

    provider: str
    model_id: str
    status: Literal["created"] = "created"
    id: int | None


class SkippedSeedDocument(Document):
    """A default model that was not created, and why."""

    provider: str
    model_id: str
    status: Literal["skipped"] = "skipped"
    reason: str


class PopulateDocument(Document):
    """What became of the default models."""

    message: str
    summary: SeedSummaryDocument
    results: tuple[CreatedSeedDocument | SkippedSeedDocument, ...]

    @classmethod
    def of(cls, results: Sequence[SeedResult], ids: Mapping[ModelKey, int], *, dry_run: bool) -> PopulateDocument:
        """Of the results; `ids` are the rows' numbers."""
        from modelctl.core.edits.additions import SeedStatus  # no other edit needs it

        created, total = sum(each.status is SeedStatus.CREATED for each in results), len(results)
        verb = "would be created" if dry_run else "created"
        return cls(
            message=f"{created:,} {verb}, {total - created:,} skipped, {total:,} in all",
            summary=SeedSummaryDocument(created=created, skipped=total - created, total=total),
            results=tuple(
                SkippedSeedDocument(provider=each.key.provider, model_id=each.key.model_id, reason=each.reason)
                if each.status is SeedStatus.SKIPPED
                else CreatedSeedDocument(provider=each.key.provider, model_id=each.key.model_id, id=ids.get(each.key))
                for each in results
            ),
        )

    def to_table(self, look: Look) -> str:
        """A line per model: what became of it, and why it was skipped."""
        columns = columns_of(
            self.results,
            {
                "model": lambda each: Cell(one_line(f"{each.provider}/{each.model_id}"), "bold"),
                "status": lambda each: Cell(each.status, "green" if each.status == "created" else ""),
                "reason": lambda each: one_line(each.reason) if isinstance(each, SkippedSeedDocument) else "",
            },
            ids=["model"],
        )
        if not self.results:
            return ""
        return look.text(table(columns if any(cell.text for cell in columns[2].cells) else columns[:2], look))


class MovedFieldJson(TypedDict):
    """A field's value before and after."""

    old: JsonFact
    new: JsonFact


class RowChangeJson(TypedDict):
    """What is done to one row: its fields old and new, its new prices and its switch."""

    key: str
    action: Action
    fields: dict[str, MovedFieldJson]
    prices: list[PriceJson]
    is_enabled: bool | None


def _moved(fields: Sequence[FieldChange]) -> dict[str, MovedFieldJson]:
    return {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in fields}


def _row_change(change: Change) -> RowChangeJson:
    return {
        "key": str(change.key),
        "action": change.action,
        "fields": _moved(change.fields),
        "prices": [price_json(each) for each in change.prices],
        "is_enabled": change.is_enabled,
    }


class EditedRowJson(RowChangeJson):
    """A row that was changed, or would be."""

    provider: str
    model_id: str
    status: Literal["created", "removed", "changed"]


class UnchangedRowJson(TypedDict):
    """A row that had the value already."""

    provider: str
    model_id: str
    status: Literal["unchanged"]
    key: str


def _edited(result: Change | ModelKey) -> EditedRowJson | UnchangedRowJson:
    if isinstance(result, ModelKey):
        return {
            "provider": result.provider,
            "model_id": result.model_id,
            "status": "unchanged",
            "key": str(result),
        }
    status: Literal["created", "removed", "changed"] = "changed"
    if result.action in (Action.CREATE, Action.REMOVE):
        status = "created" if result.action is Action.CREATE else "removed"
    provider, model_id = result.key
    return {"provider": provider, "model_id": model_id, "status": status, **_row_change(result)}


EditedRow: TypeAlias = Annotated[Change | ModelKey, AsJson(_edited)]


class EditSummaryDocument(Document):
    """How many rows were changed, how many had the value already, and how many there were in all."""

    changed: int
    unchanged: int
    total: int


class EditsDocument(VersionedDocument):
    """A whole edit, row by row."""

    run: str | None
    """null where nothing was written."""
    written: bool
    summary: EditSummaryDocument
    results: tuple[EditedRow, ...]
    command: ForPeople[str]
    """What was asked for."""

    @classmethod
    def of(
        cls, changes: Sequence[Change], unchanged: Collection[ModelKey], run: str | None, *, command: str
    ) -> EditsDocument:
        """Of the changes, and of the rows that were as wanted."""
        return cls(
            run=run,
            written=run is not None,
            summary=EditSummaryDocument(
                changed=len(changes), unchanged=len(unchanged), total=len(changes) + len(unchanged)
            ),
            results=(*changes, *sorted(unchanged)),
            command=command,
        )

    def to_table(self, look: Look) -> str:
        """Each row that is changed with its fields; empty where none is."""
        changes = [each for each in self.results if isinstance(each, Change)]
        return look.text(line for each in changes for line in _change_lines(each, self._what(each), look))

    def _what(self, change: Change) -> str:
        """What is done to this row: those that stay when another one goes are set."""
        match change.action:
            case Action.CREATE:
                return "add, enabled" if change.is_enabled else "add, disabled"
            case Action.REMOVE:
                return "remove"
            case _:
                return "set" if self.command == "remove" else self.command


def _change_lines(change: Change, what: str, look: Look) -> Iterator[str]:
    """The model and what is done to it, then each field of a row that stays, old → new."""
    yield from labelled(one_line(str(change.key)), what, look, style="bold")
    for name, text in _moves(change):
        yield from labelled(name, text, look, indent=_INDENT)


def _moves(change: Change) -> Iterator[tuple[str, str]]:
    """What is done to a row that stays: fields, switch and pins, old → new, and the prices that it gets."""
    if change.action in (Action.REMOVE, Action.CREATE):
        return
    for field in change.fields:
        yield field.name, old_to_new(field.old, field.new)
    model = change.existing
    if change.is_enabled is not None and model is not None:
        yield "is_enabled", old_to_new(model.is_enabled, change.is_enabled)
    if change.state is not None and model is not None and model.state is not None:
        old, new = tuple(sorted(model.state.pins)), tuple(sorted(change.state.pins))
        if old != new:
            yield "pins", old_to_new(old, new)
    for point in change.prices:
        yield (
            f"price {price_label(point.key)}",
            f"{shown(point.amount)} {point.currency} from {since(point.effective_from)}",
        )


MOST_PREVIEWED = 10


def preview(changes: Sequence[Change], look: Look) -> str:
    """The first rows of an edit, before it is written, each with its sign and what moves; the others are counted."""
    lines: list[str] = []
    for change in changes[:MOST_PREVIEWED]:
        sign, style = ("-", "red") if change.action is Action.REMOVE else ("~", "cyan")
        moves = "; ".join(f"{name} {text}" for name, text in _moves(change))
        lines += labelled(f"{sign} {one_line(str(change.key))}", moves, look, style=style)
    if len(changes) > MOST_PREVIEWED:
        lines.append(f"… and {len(changes) - MOST_PREVIEWED:,} more")
    return look.text(lines)


class LeftAloneDocument(Document):
    """A change of the run that is not undone, and why."""

    key: str
    reason: str


def _text(error: ModelctlError | None) -> str | None:
    return None if error is None else str(error)


_UNDONE_ROW = {Action.REMOVE: "removed again", Action.CREATE: "restored"}


class UndoneProviderDocument(Document):
    """What is undone for one provider, and what is left alone."""

    provider: str
    error: Annotated[ModelctlError | None, AsJson(_text)]
    settings: Annotated[tuple[FieldChange, ...], AsJson(_moved)] = Field(
        validation_alias=AliasPath("undo", "plan", "provider_settings")
    )
    """Of the provider's own row."""
    row: Action | None = Field(validation_alias=AliasPath("undo", "plan", "provider_action"))
    """Whether the provider's own row comes or goes."""
    taken_back: tuple[Annotated[Change, AsJson(_row_change)], ...] = Field(
        validation_alias=AliasPath("undo", "plan", "changes")
    )
    moved: tuple[LeftAloneDocument, ...] = Field(validation_alias=AliasPath("undo", "moved"))
    """What somebody has changed since."""
    kept: tuple[LeftAloneDocument, ...] = Field(validation_alias=AliasPath("undo", "kept"))
    """What no undo can restore."""

    def lines(self, look: Look) -> Iterator[str]:
        """Each row that goes back with its fields, then what is left alone and why."""
        if self.error is not None:
            yield from labelled(self.provider, one_line(f"failed: {self.error}"), look, style="red")
            return
        name = f"provider {one_line(self.provider)}"
        if self.row is not None:
            yield from labelled(name, _UNDONE_ROW[self.row], look, style="bold")
        for field in self.settings:
            yield from labelled(name, f"{field.name}  {old_to_new(field.old, field.new)}", look, style="bold")
        for change in self.taken_back:
            yield from _change_lines(change, _UNDONE_ROW.get(change.action, "undone"), look)
        for title, group in (("moved", self.moved), ("kept", self.kept)):
            for each in group:
                yield from labelled(title, f"{one_line(each.key)}: {one_line(each.reason)}", look, style="yellow")


class UndoDocument(VersionedDocument):
    """What an undo did."""

    undone: str
    """The run that is undone."""
    run: str | None
    """The run that undid it; null where nothing was written."""
    providers: tuple[UndoneProviderDocument, ...]

    def to_table(self, look: Look) -> str:
        """Provider by provider."""
        return look.text(line for each in self.providers for line in each.lines(look))
