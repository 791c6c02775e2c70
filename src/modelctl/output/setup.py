"""What is set up, and whether it is well: catalogs, stored keys, settings, tables, and what `doctor` found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import AliasPath, BeforeValidator, Field, RootModel
from pydantic import WithJsonSchema as JsonSchema

from modelctl.core.credentials import Credential, CredentialState, FoundKey, KeySource, masked, owner_text
from modelctl.core.doctor import CheckName, CheckStatus
from modelctl.core.facts import FactValue, ModelRecord, Status
from modelctl.core.prices.price import Basis, PriceKey, PricePoint, price_label
from modelctl.core.stored import StoredModel
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, columns_of, labelled, table
from modelctl.output.document import (
    AsJson,
    Document,
    Documents,
    Fact,
    Number,
    Price,
    Printed,
    TextOrNull,
    VersionedDocument,
)
from modelctl.output.format import old_to_new, one_line, shown, since

PLATFORM_TEXT = "(platform)"
StateName: TypeAlias = Annotated[
    str, JsonSchema({"enum": [state.value.replace(" ", "_") for state in CredentialState]})
]
_STATE_STYLES = {CredentialState.READABLE: "", CredentialState.UNCHECKED: "yellow"}


class CredentialDocument(Document):
    """A stored key. Its fingerprint tells it from others, and gives nothing of it away."""

    provider: str
    project: str | None
    """null is the platform."""
    fingerprint: str
    key_id: str
    """Which master key opens it."""
    state: StateName
    created_at: datetime
    updated_at: datetime

    @property
    def cell(self) -> Cell:
        """The state in words."""
        state = CredentialState(self.state.replace("_", " "))
        return Cell(state.value, _STATE_STYLES.get(state, "red"))


class CredentialsDocument(VersionedDocument):
    """The stored keys."""

    credentials: tuple[CredentialDocument, ...]

    @classmethod
    def of(cls, found: Sequence[tuple[Credential, CredentialState]]) -> CredentialsDocument:
        """Of the rows, each with whether it can be read."""
        return cls(
            credentials=tuple(
                CredentialDocument(
                    provider=each.provider,
                    project=each.project or None,
                    fingerprint=each.fingerprint,
                    key_id=each.key_id,
                    state=state.value.replace(" ", "_"),
                    created_at=each.created_at,
                    updated_at=each.updated_at,
                )
                for each, state in found
            )
        )

    def to_table(self, look: Look) -> str:
        """A line per key."""
        if not self.credentials:
            return ""
        columns = columns_of(
            self.credentials,
            {
                "provider": lambda each: one_line(each.provider),
                "project": lambda each: one_line(each.project or PLATFORM_TEXT),
                "fingerprint": lambda each: one_line(each.fingerprint),
                "master key": lambda each: one_line(each.key_id),
                "state": lambda each: each.cell,
                "updated": lambda each: shown(each.updated_at),
            },
            drop=["updated", "master key"],
        )
        return look.text(table(columns, look))


class CredentialInUseDocument(VersionedDocument):
    """The key that a provider is asked with."""

    provider: str
    project: str | None
    source: KeySource
    name: str
    """The environment variable, or which stored key."""
    fingerprint: str | None
    """null without a master key, under which alone it means something."""

    @classmethod
    def of(cls, provider: str, project: str, found: FoundKey, fingerprint: str | None, **more: Any) -> Self:
        """Of the key that was found. `more`: what a test of it adds."""
        facts = {"source": found.source, "name": found.name, "fingerprint": fingerprint}
        return cls.model_validate({"provider": provider, "project": project or None, **facts, **more})

    def to_table(self, look: Look) -> str:
        """One sentence."""
        told = f", fingerprint {self.fingerprint}" if self.fingerprint is not None else ""
        return f"{owner_text(self.provider, self.project or '')}: the {self.source}'s, in {self.name}{told}"


class CredentialTestDocument(CredentialInUseDocument):
    """The outcome of asking a provider with its key."""

    is_accepted: bool
    models: int | None
    """How many it lists."""
    error: str | None

    def to_table(self, look: Look) -> str:
        """One sentence, of a key that is accepted."""
        owner = owner_text(self.provider, self.project or "")
        return f"{owner}: accepted, {self.models or 0:,} models listed ({self.name})"


class SettingDocument(Document):
    """A setting's value, and where it came from: a flag, a variable, the path of a file, or `default`."""

    value: str | bool | Number | list[str] | None
    origin: str

    @property
    def text(self) -> str:
        """The value as people write it."""
        match self.value:
            case None:
                return "-"
            case bool():
                return str(self.value).lower()
            case list():
                return ", ".join(self.value)
            case _:
                return str(self.value)


class SettingsDocument(Printed, RootModel[dict[str, SettingDocument]]):
    """The settings in force by name; passwords are masked."""

    def to_table(self, look: Look) -> str:
        """A line per setting."""
        columns = columns_of(
            list(self.root.items()),
            {
                "setting": lambda each: each[0],
                "value": lambda each: each[1].text,
                "origin": lambda each: each[1].origin,
            },
        )
        return look.text(table(columns, look))


class SettingsFileDocument(Document):
    """A place where a settings file is looked for."""

    path: str
    exists: bool


class SettingsFilesDocument(Documents[SettingsFileDocument]):
    """Where settings files are looked for, nearest first."""

    def to_table(self, look: Look) -> str:
        """A line per place."""
        return look.text(f"{'read   ' if each.exists else 'missing'}  {each.path}" for each in self.root)


class TablesDocument(Document):
    """Which version modelctl's tables have, and what an upgrade would run."""

    database: str
    version: str | None
    """null: there are no tables yet."""
    newest: str
    pending: tuple[str, ...]
    foreign_tables: tuple[str, ...]
    """Tables with names of modelctl's that it did not create."""
    missing: tuple[str, ...] = ()
    """Tables and columns that somebody dropped."""

    def to_table(self, look: Look) -> str:
        """A line for each."""
        lines = [
            f"database  {self.database}",
            f"version   {self.version or 'no tables yet'} (newest: {self.newest})",
            f"pending   {', '.join(self.pending) or 'nothing'}",
        ]
        if self.foreign_tables:
            lines.append(f"foreign   {', '.join(self.foreign_tables)}: not modelctl's; set table_prefix or schema")
        if self.missing:
            lines.append(f"missing   {', '.join(self.missing)}: dropped by somebody; restore them from a backup")
        return look.text(lines)


MAX_FINDINGS = 10
"""Findings shown of one check; the rest is counted, and in the JSON."""

_CHECK_STYLES = {
    CheckStatus.OK: "green",
    CheckStatus.WARNINGS: "yellow",
    CheckStatus.FINDINGS: "red",
    CheckStatus.NOT_RUN: "yellow",
}


class CheckFindingDocument(Document):
    """One thing that is wrong, and what to do."""

    subject: str
    problem: str
    remedy: str
    is_warning: bool
    """Whether it is only worth knowing: nothing has to be done today."""


class CheckDocument(Document):
    """The outcome of one check."""

    name: CheckName
    status: CheckStatus
    reason: TextOrNull = Field(validation_alias="not_run")
    """Why the check could not be run."""
    note: TextOrNull
    findings: tuple[CheckFindingDocument, ...]

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.value.replace("_", " ")


class CheckupDocument(VersionedDocument):
    """All checks of `modelctl doctor`."""

    checked_at: datetime
    database: str
    ok: bool = Field(validation_alias="is_ok")
    """Whether everything could be looked at, and nothing was found."""
    checks: tuple[CheckDocument, ...]

    def to_table(self, look: Look) -> str:
        """A line for each check, its findings below."""
        width = max(len(check.title) for check in self.checks)
        lines = [*labelled("database", self.database, look), ""]
        for check in self.checks:
            lines += labelled(check.title.ljust(width), _state(check), look, style=_CHECK_STYLES[check.status])
            lines += _findings(check, look)
        return look.text([*lines, "", self._closing()])

    def _closing(self) -> str:
        found = [each for check in self.checks for each in check.findings]
        warned = sum(each.is_warning for each in found)
        not_run = sum(check.status is CheckStatus.NOT_RUN for check in self.checks)
        warnings = f", {counted(warned, 'warning')}" if warned else ""
        if self.ok:
            return f"all {len(self.checks)} checks are ok{warnings}"
        missed = f", {not_run} of {len(self.checks)} checks could not be run" if not_run else ""
        return f"{counted(len(found) - warned, 'finding')}{warnings}{missed}"


def _state(check: CheckDocument) -> str:
    note = f" ({one_line(check.note)})" if check.note else ""
    match check.status:
        case CheckStatus.OK:
            return f"ok{note}"
        case CheckStatus.NOT_RUN:
            return f"not run: {one_line(check.reason or '')}"
        case CheckStatus.WARNINGS:
            return f"{counted(len(check.findings), 'warning')}{note}"
        case CheckStatus.FINDINGS:
            return f"{counted(len(check.findings), 'finding')}{note}"


def _findings(check: CheckDocument, look: Look) -> Iterator[str]:
    remedy = ""
    for each in check.findings[:MAX_FINDINGS]:
        yield from labelled(one_line(each.subject), one_line(each.problem), look, indent=2)
        if each.remedy != remedy:  # the same for many: said once, below the first
            yield from labelled("→", one_line(each.remedy), look, indent=4, style="dim")
        remedy = each.remedy
    if (rest := len(check.findings) - MAX_FINDINGS) > 0:
        yield f"  and {rest:,} more (--format json has all)"


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
        names = [Cell(each.provider) for each in self.providers]
        columns = [Column(title="provider", cells=names, total=Cell("total", "bold"))]
        for count in _COUNTS:
            numbers = [getattr(each, count) for each in self.providers]
            cells = [Cell(shown(number), "" if number else "dim") for number in numbers]
            total = Cell(shown(sum(numbers)), "bold")
            columns.append(Column(title=count, right=True, cells=cells, total=total, rank=len(columns)))
        return look.text(table(columns, look))


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
    """Only the new state has it."""
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
