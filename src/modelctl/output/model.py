"""Everything about one model as text: facts with their sources, prices over time, successors, changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from modelctl.core import facts
from modelctl.core.facts import FACT_FIELDS, Status, decimal_text
from modelctl.core.models.details import ModelDetails
from modelctl.core.models.lifecycle import Chain, ChainEnd
from modelctl.core.models.query import PROTECTED
from modelctl.core.models.resolve import Obstacle, Rule
from modelctl.core.prices.price import PricePoint, PriceUnit, price_label
from modelctl.core.runs import AuditEntry
from modelctl.core.stored import StoredModel
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width
from modelctl.output.document import (
    AsJson,
    Day,
    Document,
    Fact,
    ForPeople,
    Instant,
    JsonFact,
    Number,
    Price,
    VersionedDocument,
)
from modelctl.output.format import audited, audited_price, fact_order, model_object, one_line, percent, shown, since

_STATUS_STYLES: Mapping[str, str] = {Status.DEPRECATED: "yellow", Status.RETIRED: "red", Status.PREVIEW: "cyan"}
_CHAIN_ENDS = {
    ChainEnd.ENDED: "which is retired, too",
    ChainEnd.MISSING: "which is not in the table",
    ChainEnd.CYCLE: "which leads back to it",
}
_JSON_TYPES: Mapping[type, Any] = {bool: bool, int: int, str: str, Decimal: Number, date: Day, tuple: list[str]}
_INDENT = 2
_ROOM_FOR_VALUES = 44
"""With less room beside the names, these are not aligned."""


def page(details: ModelDetails, look: Look) -> str:
    """The whole page; sections that have nothing to say are left out."""
    model = details.model
    lines = [_title(details, look)]
    if model.state is None:
        lines += labelled("not ours", "the row was there before modelctl, which leaves it alone", look, style="yellow")
    lines += labelled("usable", _usable_text(details), look)
    for title, section in (
        ("facts", [*_facts(details, look), *_row(details, look)]),
        ("prices now", _prices(details.prices.in_force, details, look)),
        ("prices announced", _prices(details.prices.announced, details, look)),
        ("past prices", _prices([each.point for each in details.prices.past], details, look)),
        ("replacement", list(_chain(details, look))),
        ("changes", [line for each in details.changes for line in _change(each, look)]),
    ):
        if section:
            lines += ["", look.paint(title, "bold"), *section]
    return look.text(lines)


_MENDED = {
    Obstacle.PROVIDER: "{provider} is disabled (`modelctl provider enable {provider}`)",
    Obstacle.KEY: "there is no key of {provider} (`modelctl key set {provider}`)",
    Obstacle.STATUS: "it is retired",
    Obstacle.SWITCH: "it is disabled (`modelctl enable {key}`)",
}


def _usable_text(details: ModelDetails) -> str:
    """Whether it can be called now, and if not, all that is to be done; and whether its cost is known."""
    key = details.model.key
    name = one_line(str(key))
    reasons = [_MENDED[each].format(provider=one_line(key.provider), key=name) for each in details.obstacles]
    if Obstacle.STATUS in details.obstacles and details.chain.live is not None:
        instead = one_line(details.chain.live.beside(key.provider))
        reasons = [f"{each}; use {instead}" if each == _MENDED[Obstacle.STATUS] else each for each in reasons]
    facts = details.model.facts
    if facts.input_price_per_mtok is None and not details.prices.in_force:
        reasons.append(f"no price is known (`modelctl price set {name}`)")
    text = "; ".join(reasons)
    if not details.obstacles:
        return f"yes, but {text}" if text else "yes"
    return f"no: {text}"


def _title(details: ModelDetails, look: Look) -> str:
    model = details.model
    status = model.facts.status or "status unknown"
    switch = "enabled" if model.is_enabled else look.paint("disabled", "yellow")
    name = look.paint(shown(str(model.key)), "bold")
    return f"{name}  {look.paint(status, _STATUS_STYLES.get(status, 'green'))}, {switch}"


def _facts(details: ModelDetails, look: Look) -> list[str]:
    facts = list(details.model.facts.known())
    sources = [_source_text(details, name) for name, _ in facts]
    lines = _rows(
        [(name, shown(value), source) for (name, value), source in zip(facts, sources, strict=True)],
        look,
    )
    missing = [name for name in details.unknown if name in details.overrides]
    for name in missing:
        lines += labelled(name, f"unknown  ({_source_text(details, name)})", look, indent=_INDENT)
    unknown = ", ".join(name for name in details.unknown if name not in missing)
    if unknown:
        lines += labelled("unknown", unknown, look, indent=_INDENT, style="dim")
    return lines


def _source_text(details: ModelDetails, name: str) -> str:
    source = one_line(details.model.owner_of(name))
    if overrides := details.overrides.get(name):
        source += f" (modelctl wrote {shown(overrides.written)})"
    return f"{source}, pinned" if name in details.pins else source


def _row(details: ModelDetails, look: Look) -> Iterator[str]:
    """What the row says of itself, which no source states."""
    model = details.model
    stamps = {
        "listed by the API": model.last_seen_at,
        "verified": model.last_verified_at,
        "created": model.created_at,
        "updated": model.updated_at,
    }
    told = ", ".join(f"{name} {shown(at)}" for name, at in stamps.items() if at is not None)
    yield from labelled(f"row {model.row_id}", told, look, indent=_INDENT, style="dim")
    if model.state is not None and model.state.absences:
        missed = "complete listing" if model.state.absences == 1 else f"{model.state.absences} complete listings"
        yield from labelled("absent", f"from the last {missed}", look, indent=_INDENT)
    pinned = [name for name in details.pins if name not in FACT_FIELDS]
    if pinned:
        yield from labelled("pinned", ", ".join(map(one_line, pinned)), look, indent=_INDENT)


def _prices(points: Sequence[PricePoint], details: ModelDetails, look: Look) -> list[str]:
    """A line per price. What all have in common is told once: an address is long."""
    bases, sources = ({read(point) for point in points} for read in (_basis, _source))
    common = [text for texts in (bases, sources) if len(texts) == 1 for text in texts if text]
    former = {point.key: point for point in details.prices.in_force}
    rows = [
        (
            price_label(point.key),
            _amount(point, former.get(point.key)),
            _when(point, details.model.prices),
            ", ".join(text for text in (_basis(point), _source(point)) if text and text not in common),
        )
        for point in points
    ]
    return [*_rows(rows, look), *(labelled("source", ", ".join(common), look, indent=_INDENT) if common else [])]


def _basis(point: PricePoint) -> str:
    return str(point.basis)


def _source(point: PricePoint) -> str:
    return one_line(point.source)


def _amount(point: PricePoint, former: PricePoint | None) -> str:
    """The amount, and how it differs from another of today."""
    per = " per mtok" if point.unit == PriceUnit.MTOK else ""
    text = f"{decimal_text(point.amount)} {point.currency}{per}"
    if (
        former is None
        or former is point
        or former.currency != point.currency
        or point.effective_from < former.effective_from
    ):
        return text
    change = percent(former.amount, point.amount)
    return f"{text} ({change})" if change else text


def _when(point: PricePoint, ledger: Sequence[PricePoint]) -> str:
    """From when until when a price holds, or that another took its place."""
    same = [other for other in ledger if other.key == point.key]
    if any(other.effective_from == point.effective_from and other.revision > point.revision for other in same):
        return f"from {since(point.effective_from)}, corrected"
    ends = [other.effective_from for other in same if other.effective_from > point.effective_from]
    if point.effective_to is not None:
        ends.append(point.effective_to)
    return f"from {since(point.effective_from)}" + (f" until {shown(min(ends))}" if ends else "")


def _chain(details: ModelDetails, look: Look) -> Iterator[str]:
    chain = details.chain
    if chain.end is ChainEnd.NONE:
        return
    provider, statuses = details.model.key.provider, details.chain_statuses
    steps = [f"{one_line(each.beside(provider))} ({statuses.get(each) or 'unknown'})" for each in chain.path]
    text = " → ".join(steps)
    if chain.end is not ChainEnd.LIVE:
        text += f", {_CHAIN_ENDS[chain.end]}"
    elif chain.ends_on is not None:
        text += f", which answers until {shown(chain.ends_on)}"
    yield from labelled("use", text, look, indent=_INDENT)


def _change(entry: AuditEntry, look: Look) -> Iterator[str]:
    text = f"{entry.action} by {one_line(entry.actor)} with {one_line(entry.command)} (run {one_line(entry.run)})"
    yield from labelled(shown(entry.at), text, look, indent=_INDENT)
    if not entry.before and entry.action == "create":
        return  # the facts stand above
    for name in sorted({*entry.before, *entry.after} - {"prices", "sources"}, key=fact_order):
        old, new = audited(entry.before.get(name)), audited(entry.after.get(name))
        yield from labelled(one_line(name), f"{old} → {new}", look, indent=2 * _INDENT)
    for price in entry.after.get("prices", ()):
        yield from labelled(*audited_price(price), look, indent=2 * _INDENT)


def _rows(rows: Sequence[tuple[str, ...]], look: Look) -> list[str]:
    """Aligned columns; where they are too wide, the first one as a label and the others as text that is wrapped."""
    if not rows:
        return []
    columns = [
        Column(title="", cells=[Cell(cell, "dim" if index == len(rows[0]) - 1 else "") for cell in cells])
        for index, cells in enumerate(zip(*rows, strict=True))
    ]
    if look.width is None or total_width(columns) + _INDENT <= look.width:
        return [" " * _INDENT + line for line in aligned(columns, look)[1:]]
    margin = columns[0].width if look.width - columns[0].width >= _ROOM_FOR_VALUES else 0
    return [
        line
        for first, *others, last in rows
        for line in labelled(
            first.ljust(margin), " ".join(others) + (f"  ({last})" if last else ""), look, indent=_INDENT, style="cyan"
        )
    ]


def _described(fact: facts.Fact) -> str:
    if fact.is_capability:
        return "a capability"
    return fact.description or ", ".join(fact.words) or fact.form


_COLUMNS: Mapping[str, tuple[Any, str]] = {
    "id": (int, "number of the row, which an application may refer to"),
    "provider": (str, "who sells it"),
    "model_id": (str, "exactly as the provider's API spells it"),
    **{name: (_JSON_TYPES[kind] | None, _described(facts.FACTS[name])) for name, kind in facts.FACT_TYPES.items()},
    "is_enabled": (bool, "the application's switch; set on creation, then only by people"),
    "last_seen_at": (Instant | None, "in a listing of the provider, day by day"),
    "last_verified_at": (Instant | None, "confirmed by any source, day by day"),
    "created_at": (Instant, "when the row was made"),
    "updated_at": (Instant, "when a value of the row last changed"),
    PROTECTED: (list[str], "overridden fields, which no sync changes; only where it is asked for"),
}


class ColumnsDocument(Document):
    """The columns of a model, with what each one means."""

    columns: dict[str, str] = Field(default_factory=lambda: {name: text for name, (_, text) in _COLUMNS.items()})

    def to_table(self, look: Look) -> str:
        """A line per column."""
        margin = max(map(len, self.columns))
        return look.text(
            line
            for name, text in self.columns.items()
            for line in labelled(name.ljust(margin), text, look, style="cyan")
        )


if TYPE_CHECKING:
    ModelJson: TypeAlias = dict[str, JsonFact]
else:
    _columns = {name: Annotated[kind, Field(description=text)] for name, (kind, text) in _COLUMNS.items()}
    ModelJson = TypedDict("ModelJson", _columns, total=False)
    ModelJson.__doc__ = "A model by the columns of its table, or those that were asked for; null is unknown."
ModelsJson: TypeAlias = list[ModelJson]
ModelsByProviderJson: TypeAlias = dict[str, ModelsJson]


class OverrideDocument(Document):
    """An override: its value, and what modelctl last wrote."""

    kept: Fact
    written: Fact


class PriceTimelineDocument(Document):
    """A ledger as of now."""

    now: tuple[Price, ...]
    upcoming: tuple[Price, ...]
    past: tuple[Price, ...]


class ReplacementDocument(Document):
    """Where a model's replacements lead."""

    end: ChainEnd
    path: tuple[str, ...]
    """The model_ids on the way."""
    providers: tuple[str, ...]
    """Who sells each of them."""
    live: str | None
    """The model_id to move to."""
    live_provider: str | None

    @classmethod
    def of(cls, chain: Chain) -> ReplacementDocument:
        """Of a chain that was followed."""
        return cls(
            end=chain.end,
            path=tuple(each.model_id for each in chain.path),
            providers=tuple(each.provider for each in chain.path),
            live=chain.live and chain.live.model_id,
            live_provider=chain.live and chain.live.provider,
        )


class ChangeDocument(Document):
    """An entry of the model's audit trail."""

    run: str
    at: datetime
    actor: str
    command: str
    action: str
    before: dict[str, Any]
    after: dict[str, Any]


class ModelDocument(VersionedDocument):
    """Everything that is known about one model."""

    key: str
    resolved_by: Rule
    """How its name was understood."""
    model: Annotated[StoredModel, AsJson(model_object)]
    """By the columns of the table."""
    sources: dict[str, str]
    """Who stated each known fact."""
    overruled: dict[str, OverrideDocument]
    pins: tuple[str, ...]
    unknown: tuple[str, ...]
    usable: bool
    """It can be called now, with the platform's keys."""
    obstacles: tuple[Obstacle, ...]
    """Why it cannot: its provider or its own switch is off, there is no key, it does not answer any more."""
    is_ours: bool
    """Whether it is modelctl's, or was there before."""
    absences: int
    """From how many complete listings in a row it was absent."""
    prices: PriceTimelineDocument
    replacement: ReplacementDocument
    changes: tuple[ChangeDocument, ...]
    details: ForPeople[ModelDetails]

    @classmethod
    def of(cls, details: ModelDetails, rule: Rule) -> ModelDocument:
        """Of all that was read; `rule` is how the name was resolved."""
        state, prices = details.model.state, details.prices
        return cls.model_validate(
            {
                "key": str(details.model.key),
                "resolved_by": rule,
                "model": details.model,
                "sources": details.sources,
                "overruled": details.overrides,
                "pins": details.pins,
                "unknown": details.unknown,
                "usable": not details.obstacles,
                "obstacles": details.obstacles,
                "is_ours": state is not None,
                "absences": state.absences if state is not None else 0,
                "prices": {
                    "now": prices.in_force,
                    "upcoming": prices.announced,
                    "past": [each.point for each in prices.past],
                },
                "replacement": ReplacementDocument.of(details.chain),
                "changes": details.changes,
                "details": details,
            }
        )

    def to_table(self, look: Look) -> str:
        """The whole page."""
        return page(self.details, look)


class ResolvedDocument(Document):
    """Which model a name means, and by which rule."""

    name: str
    provider: str
    model_id: str
    rule: Rule

    def to_table(self, look: Look) -> str:
        """The key alone, fit to be given to another command."""
        return f"{self.provider}/{self.model_id}"
