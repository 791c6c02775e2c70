"""The catalogs: what is wrong with them, how much they state, what was exported, and how two states of them differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AliasPath, BeforeValidator, Field

from modelctl.core.credentials import masked
from modelctl.core.facts import FactValue, ModelRecord, Status
from modelctl.core.prices.price import Basis, PriceKey, PricePoint, price_label
from modelctl.core.stored import StoredModel
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, aligned, labelled
from modelctl.output.document import AsJson, Document, Fact, Price, TextOrNull, VersionedDocument
from modelctl.output.format import old_to_new, one_line, shown, since

NAMES_SHOWN = 5
"""Of a provider that only one side has, this many models are named; JSON names all."""


class CatalogFindingDocument(Document):
    """One thing that is wrong, and where."""

    path: str
    line: int
    severity: str
    model_id: TextOrNull
    """null where no model is concerned, or it has no id."""
    key: TextOrNull
    """Within the model, as `prices[2].input`; null for the whole of it."""
    message: str
    hint: TextOrNull

    @property
    def text(self) -> str:
        """As compilers write it, so that editors and CI find the place."""
        model = f"model {self.model_id}: " if self.model_id else ""
        key = f"{self.key}: " if self.key else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.path}:{self.line}: {self.severity}: {model}{key}{self.message}{hint}"


class LintDocument(VersionedDocument):
    """What `modelctl catalog lint` found."""

    files: int
    """How many were looked at."""
    errors: int
    findings: tuple[CatalogFindingDocument, ...]

    def to_table(self, look: Look) -> str:
        """A line per finding."""
        return "\n".join(each.text for each in self.findings)


class CatalogPathsDocument(VersionedDocument):
    """Where the catalogs are, in order of authority."""

    own: Path | None
    shipped: Path

    def to_table(self, look: Look) -> str:
        """A line for each."""
        return "\n".join(str(each) for each in (self.own, self.shipped) if each is not None)


class CatalogCountsDocument(Document):
    """How many models one provider's catalogs state, in all and of each status."""

    provider: str
    models: int
    preview: int
    active: int
    deprecated: int
    retired: int
    unpriced: int
    """Those that can be called and have no price at all."""


class CatalogsDocument(VersionedDocument):
    """How much the catalogs state."""

    providers: tuple[CatalogCountsDocument, ...]

    @classmethod
    def of(cls, models: Iterable[StoredModel]) -> CatalogsDocument:
        """Of the models, provider by provider in their order."""
        found: dict[str, Counter[str]] = {}
        for model in models:
            counts = found.setdefault(model.key.provider, Counter(dict.fromkeys(_COUNTS, 0)))
            counts["models"] += 1
            counts["unpriced"] += not model.prices and model.facts.status != Status.RETIRED
            if model.facts.status is not None:
                counts[model.facts.status] += 1
        return cls.model_validate({"providers": [{"provider": name, **counts} for name, counts in found.items()]})

    def to_table(self, look: Look) -> str:
        """A line per provider, and the total."""
        names = [*(each.provider for each in self.providers), "total"]
        columns = [Column(title="provider", cells=[Cell(name, "bold" if name == "total" else "") for name in names])]
        for count in _COUNTS:
            numbers = [getattr(each, count) for each in self.providers]
            cells = [Cell(shown(number), "" if number else "dim") for number in (*numbers, sum(numbers))]
            columns.append(Column(title=count, right=True, cells=cells))
        return look.text(aligned(columns, look))


_COUNTS = tuple(CatalogCountsDocument.model_fields)[1:]


class ExportedFileDocument(Document):
    """A file, and what became of it."""

    file: Path = Field(validation_alias="path")
    provider: str
    models: int
    outcome: str = Field(validation_alias="fate")


class ExportDocument(VersionedDocument):
    """The files of an export, and what they cannot say."""

    files: tuple[ExportedFileDocument, ...]
    notes: tuple[str, ...]

    def to_table(self, look: Look) -> str:
        """A line per file."""
        width = max((len(str(each.file)) for each in self.files), default=0)
        return "\n".join(
            f"{each.file!s:<{width}}  {each.outcome:<9}  {counted(each.models, 'model')}" for each in self.files
        )


def _without_password(value: FactValue) -> FactValue:
    return masked(value) if isinstance(value, str) and "://" in value else value


Stated: TypeAlias = Annotated[Fact, BeforeValidator(_without_password)]


class StatedFieldDocument(Document):
    """A field that both states have, with what they say differently; passwords are masked."""

    name: str
    old: Stated
    new: Stated

    def lines(self, look: Look, *, indent: int) -> list[str]:
        """Its name, then old → new."""
        return labelled(self.name, old_to_new(self.old, self.new), look, indent=indent)


class StatedPriceDocument(Document):
    """What is charged for one thing from one instant on, in the one state and in the other."""

    kind: str = Field(validation_alias=AliasPath("key", "kind"))
    unit: str = Field(validation_alias=AliasPath("key", "unit"))
    context_above: int = Field(validation_alias=AliasPath("key", "context_above"))
    service_tier: str = Field(validation_alias=AliasPath("key", "service_tier"))
    hours_utc: str = Field(validation_alias=AliasPath("key", "hours_utc"))
    effective_from: datetime
    old: Price | None
    new: Price | None

    def lines(self, look: Look) -> list[str]:
        """The price, then old → new."""
        key = PriceKey(self.kind, self.unit, self.context_above, self.service_tier, self.hours_utc)
        text = f"{_charged(self.old)} → {_charged(self.new)} from {since(self.effective_from)}"
        return labelled(f"price {price_label(key)}", text, look, indent=6)


class ModelDifferenceDocument(Document):
    """A model that both states have, with what they say differently."""

    model_id: str = Field(validation_alias=AliasPath("key", "model_id"))
    fields: tuple[StatedFieldDocument, ...]
    prices: tuple[StatedPriceDocument, ...]


def _id(record: ModelRecord) -> str:
    return record.key.model_id


OnlyId: TypeAlias = Annotated[ModelRecord, AsJson(_id)]


class ProviderDifferenceDocument(Document):
    """What differs of one provider; models that only one state has by their ids."""

    provider: str
    is_added: bool
    """The old state has not heard of it."""
    is_removed: bool
    settings: tuple[StatedFieldDocument, ...]
    added: tuple[OnlyId, ...]
    removed: tuple[OnlyId, ...]
    changed: tuple[ModelDifferenceDocument, ...]


class CatalogDiffDocument(VersionedDocument):
    """How two states of the catalogs differ."""

    old: str
    """What was compared: a directory, or `in force`."""
    new: str
    providers: tuple[ProviderDifferenceDocument, ...]

    def to_table(self, look: Look) -> str:
        """A block per provider: `+` is only in the new state, `-` only in the old one, `~` differs."""
        return look.text("\n\n".join("\n".join(_block(each, look)) for each in self.providers).splitlines())

    def summary(self) -> str:
        """How much differs, in one line."""
        if not self.providers:
            return "no difference"
        added, removed, changed = (sum(len(getattr(each, name)) for each in self.providers) for name in _KINDS)
        providers = f"{counted(len(self.providers), 'provider')} {'differs' if len(self.providers) == 1 else 'differ'}"
        return f"{providers}: {counted(added, 'model')} added, {removed:,} removed, {changed:,} changed"


_KINDS = ("added", "removed", "changed")


def _block(each: ProviderDifferenceDocument, look: Look) -> Iterator[str]:
    counts = ", ".join(f"{len(getattr(each, name)):,} {name}" for name in _KINDS)
    whole = "added" if each.is_added else "removed"
    title = f"the whole provider is {whole}" if each.is_added or each.is_removed else counts
    yield from labelled(each.provider, title, look, style="bold")
    yield from (line for setting in each.settings for line in setting.lines(look, indent=2))
    for sign, style, records in (("+", "green", each.added), ("-", "red", each.removed)):
        limit = NAMES_SHOWN if each.is_added or each.is_removed else len(records)
        for record in records[:limit]:
            facts = (record.facts.display_name, record.facts.type, record.facts.status)
            about = ", ".join(one_line(fact) for fact in facts if fact)
            yield from labelled(f"{sign} {one_line(record.key.model_id)}", about, look, style=style, indent=2)
        if len(records) > limit:
            yield f"  {sign} … and {len(records) - limit:,} more"
    for model in each.changed:
        yield from labelled(f"~ {one_line(model.model_id)}", "", look, style="yellow", indent=2)
        yield from (line for field in model.fields for line in field.lines(look, indent=6))
        yield from (line for price in model.prices for line in price.lines(look))


def _charged(point: PricePoint | None) -> str:
    if point is None:
        return "not stated"
    text = f"{shown(point.amount)} {point.currency}"
    if point.basis != Basis.DOCUMENTED:
        text += f" ({point.basis})"
    return text if point.effective_to is None else f"{text} to {shown(point.effective_to)}"
