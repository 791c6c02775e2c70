"""What is set up, and whether it is well: stored keys and the one in use, settings, tables, and what `doctor` found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import Field, RootModel
from pydantic import WithJsonSchema as JsonSchema

from modelctl.core.credentials import Credential, CredentialState, KeySource, owner_text
from modelctl.core.doctor import CheckName, CheckStatus
from modelctl.core.text import counted
from modelctl.output.console import PLAIN, Cell, Look, aligned, columns_of, labelled, total_width
from modelctl.output.document import Document, Documents, Number, Printed, TextOrNull, VersionedDocument
from modelctl.output.format import one_line, shown

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
        """A line per key; where that is too wide, whose it is as a label and the rest as text that is wrapped."""
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
        )
        if look.width is None or total_width(columns) <= look.width:
            return look.text(aligned(columns, look))
        lines = []
        for provider, project, fingerprint, key_id, state, updated in zip(
            *(each.cells for each in columns), strict=True
        ):
            text = f"fingerprint {fingerprint.text}, master key {key_id.text}, updated {updated.text}"
            text = f"{look.paint(state.text, state.style)}, {text}"
            lines += labelled(f"{provider.text} {project.text}", text, look, style="bold")
        return look.text(lines)


class CredentialInUseDocument(VersionedDocument):
    """The key that a provider is asked with."""

    provider: str
    project: str | None
    source: KeySource
    name: str
    """The environment variable, or which stored key."""
    fingerprint: str | None
    """null without a master key, under which alone it means something."""

    def to_table(self, look: Look) -> str:
        """One sentence."""
        told = f", fingerprint {self.fingerprint}" if self.fingerprint is not None else ""
        return f"{owner_text(self.provider, self.project or '')}: the {self.source}'s, in {self.name}{told}"


class CredentialTestDocument(CredentialInUseDocument):
    """What came of asking a provider with its key."""

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
        return look.text(aligned(columns, PLAIN))


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

    def to_table(self, look: Look) -> str:
        """A line for each."""
        lines = [
            f"database  {self.database}",
            f"version   {self.version or 'no tables yet'} (newest: {self.newest})",
            f"pending   {', '.join(self.pending) or 'nothing'}",
        ]
        if self.foreign_tables:
            lines.append(f"foreign   {', '.join(self.foreign_tables)}: not modelctl's; set table_prefix or schema")
        return look.text(lines)


MAX_FINDINGS = 10
"""Findings shown of one check; the rest is counted, and in the JSON."""

_CHECK_STYLES = {CheckStatus.OK: "green", CheckStatus.FINDINGS: "red", CheckStatus.NOT_RUN: "yellow"}


class CheckFindingDocument(Document):
    """One thing that is wrong, and what to do."""

    subject: str
    problem: str
    remedy: str


class CheckDocument(Document):
    """What came of one look."""

    name: CheckName
    status: CheckStatus
    reason: TextOrNull = Field(validation_alias="not_run")
    """Why it could not be looked at."""
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
        findings = sum(len(check.findings) for check in self.checks)
        not_run = sum(check.status is CheckStatus.NOT_RUN for check in self.checks)
        if self.ok:
            return f"all {len(self.checks)} checks are ok"
        missed = f", {not_run} of {len(self.checks)} checks could not be run" if not_run else ""
        return f"{counted(findings, 'finding')}{missed}"


def _state(check: CheckDocument) -> str:
    note = f" ({one_line(check.note)})" if check.note else ""
    match check.status:
        case CheckStatus.OK:
            return f"ok{note}"
        case CheckStatus.NOT_RUN:
            return f"not run: {one_line(check.reason or '')}"
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
