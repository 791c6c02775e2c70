"""A plan as a file, written and read by the same classes: what is read is checked, and refused by its place."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from modelctl.core.credentials import masked
from modelctl.core.edits.providers import SETTINGS
from modelctl.core.facts import ModelKey, Skipped
from modelctl.core.planning.plan import FieldChange, Plan
from modelctl.core.planning.report import PlanFile, PlannedProvider, ProviderReport
from modelctl.core.provider import Provider
from modelctl.core.runs import Outcome
from modelctl.core.validation import check_provider_name
from modelctl.errors import InvalidFact, ModelctlError, UsageError
from modelctl.output.console import Look
from modelctl.output.format import one_line
from modelctl.output.plan_rows import (
    ChangePart,
    Digest,
    HeldPart,
    ModelId,
    Part,
    ProtectedPart,
    Stamp,
    Texts,
    encoded_fact,
)

VERSION = 1
_ANEW = "make a new plan with `modelctl plan -o FILE`"


class SettingPart(Part):
    """A setting of the provider's row that changes; passwords are masked."""

    name: Literal[*SETTINGS]  # type: ignore[valid-type]  # their names stand in the core
    old: str | Texts | None
    new: str | Texts | None
    source: str

    @model_validator(mode="after")
    def _fit(self) -> SettingPart:
        for value in (self.old, self.new):
            is_missing = value is None and self.name in ("display_name", "kind")
            if is_missing or isinstance(value, tuple) is not (self.name == "env_vars"):
                raise ValueError(f"is not a possible {self.name}")
        return self


class AbsencePart(Part):
    """A row whose count `absences` changes."""

    model_id: ModelId
    old: NonNegativeInt
    new: NonNegativeInt


class SeenPart(Part):
    """Rows that sources confirmed at one instant, and whether a listing showed them."""

    at: Stamp
    listed: bool
    model_ids: tuple[ModelId, ...]


class SkippedPart(Part):
    """An item that was left out, and why."""

    id: str = Field(validation_alias="item_id")
    reason: str

    model_config = ConfigDict(validate_by_name=True)


class ErrorPart(Part):
    """Why a provider failed."""

    message: str
    hint: str


class RowPart(Part):
    """The row that a provider gets which has none yet."""

    display_name: str
    kind: str
    api_base_url: str | None
    auth_header_name: str | None
    auth_header_prefix: str | None
    env_vars: Texts
    features: Texts
    settings: dict[str, str]
    is_builtin: bool
    is_enabled: bool

    def provider(self, name: str) -> Provider:
        """The core's value."""
        return Provider(name=name, **dict(self))


class ProviderPart(Part):
    """What is to become of one provider, and what that rests on."""

    provider: str
    outcome: Outcome
    error: ErrorPart | None
    sources: Texts
    notices: Texts
    not_asked: str | None
    remarks: Texts
    fetched: NonNegativeInt | None
    kept: NonNegativeInt
    unchanged: NonNegativeInt
    existing: NonNegativeInt
    alive: NonNegativeInt
    rests_on: Digest | None
    row: RowPart | None
    settings: tuple[SettingPart, ...]
    changes: tuple[ChangePart, ...]
    listing_doubt: str | None
    key_doubt: str | None
    decisions: Digest | None
    held: tuple[HeldPart, ...]
    accepted: tuple[HeldPart, ...]
    waved: tuple[HeldPart, ...]
    declined: tuple[HeldPart, ...]
    protected: tuple[ProtectedPart, ...]
    absences: tuple[AbsencePart, ...]
    seen: tuple[SeenPart, ...]
    needs_review: tuple[ModelId, ...]
    not_created: tuple[ModelId, ...]
    removed_by_hand: tuple[ModelId, ...]
    unowned: tuple[ModelId, ...]
    filtered: tuple[SkippedPart, ...]
    skipped: tuple[SkippedPart, ...]

    @field_validator("provider")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        try:
            check_provider_name(name)
        except InvalidFact as error:
            raise ValueError(f"cannot be: {error.message}") from None
        return name

    @field_validator("changes")
    @classmethod
    def _each_once(cls, changes: tuple[ChangePart, ...]) -> tuple[ChangePart, ...]:
        if len({each.model_id for each in changes}) != len(changes):
            raise ValueError("changes a model twice")
        return changes

    @model_validator(mode="after")
    def _can_be(self) -> ProviderPart:
        needs_error = self.outcome in (Outcome.FAILED, Outcome.PARTIAL)
        forbids_error = self.outcome in (Outcome.APPLIED, Outcome.IN_SYNC)
        if self.outcome is Outcome.PLANNED or (needs_error if self.error is None else forbids_error):
            raise ValueError("has an outcome that no plan can have")
        if (self.row is None) is (self.rests_on is None):
            raise ValueError("must have a row where `rests_on` is null, and only there")
        return self

    @classmethod
    def of(cls, planned: PlannedProvider) -> ProviderPart:
        """Of the core's value."""
        report, plan, error = planned.report, planned.report.plan, planned.report.error
        key_lists = ("needs_review", "not_created", "removed_by_hand", "unowned")
        ids: dict[str, Any] = {name: tuple(key.model_id for key in getattr(plan, name)) for name in key_lists}
        return cls.model_construct(
            provider=report.provider,
            outcome=report.outcome,
            error=None if error is None else ErrorPart(message=error.message, hint=error.hint),
            sources=report.sources,
            notices=report.notices,
            not_asked=report.not_asked,
            remarks=plan.notices,
            fetched=report.fetched,
            kept=len(report.records) or report.kept,
            unchanged=plan.unchanged,
            existing=plan.existing,
            alive=plan.alive,
            rests_on=planned.rests_on,
            row=None if planned.row is None else RowPart.model_validate(planned.row),
            settings=tuple(_setting(each) for each in plan.provider_settings),
            changes=tuple(ChangePart.of(each, planned.digests.get(each.key)) for each in plan.changes),
            listing_doubt=plan.listing_doubt,
            key_doubt=plan.key_doubt,
            decisions=planned.decisions,
            **_stopped(plan),
            absences=tuple(
                AbsencePart.model_construct(model_id=key.model_id, old=planned.absences_before[key], new=count)
                for key, count in sorted(plan.absences.items())
            ),
            seen=tuple(_seen(plan)),
            filtered=tuple(map(SkippedPart.model_validate, plan.filtered)),
            skipped=tuple(map(SkippedPart.model_validate, plan.skipped)),
            **ids,
        )

    def planned(self) -> PlannedProvider:
        """The core's value."""
        return PlannedProvider(
            report=ProviderReport(
                provider=self.provider,
                outcome=self.outcome,
                sources=self.sources,
                plan=self._plan(),
                fetched=self.fetched,
                notices=self.notices,
                not_asked=self.not_asked,
                error=None if self.error is None else ModelctlError(self.error.message, self.error.hint),
                kept=self.kept,
            ),
            row=None if self.row is None else self.row.provider(self.provider),
            rests_on=self.rests_on,
            digests={self._key(each.model_id): each.rests_on for each in self.changes},
            absences_before={self._key(each.model_id): each.old for each in self.absences},
            decisions=self.decisions,
        )

    def _plan(self) -> Plan:
        name = self.provider
        return Plan(
            provider=name,
            changes=tuple(each.change(name) for each in self.changes),
            provider_settings=tuple(FieldChange(each.name, each.old, each.new, each.source) for each in self.settings),
            held=tuple(each.held(name) for each in self.held),
            accepted=tuple(each.held(name) for each in self.accepted),
            waved=tuple(each.held(name) for each in self.waved),
            declined=tuple(each.held(name) for each in self.declined),
            listing_doubt=self.listing_doubt,
            key_doubt=self.key_doubt,
            protected=tuple(each.protected(name) for each in self.protected),
            unchanged=self.unchanged,
            existing=self.existing,
            alive=self.alive,
            absences={self._key(each.model_id): each.new for each in self.absences},
            seen={self._key(model_id): each.at for each in self.seen for model_id in each.model_ids},
            listed=frozenset(self._key(model_id) for each in self.seen if each.listed for model_id in each.model_ids),
            needs_review=self._keys(self.needs_review),
            not_created=self._keys(self.not_created),
            removed_by_hand=self._keys(self.removed_by_hand),
            unowned=self._keys(self.unowned),
            filtered=tuple(Skipped(each.id, each.reason) for each in self.filtered),
            skipped=tuple(Skipped(each.id, each.reason) for each in self.skipped),
            notices=self.remarks,
        )

    def _key(self, model_id: str) -> ModelKey:
        return ModelKey(self.provider, model_id)

    def _keys(self, model_ids: Iterable[str]) -> tuple[ModelKey, ...]:
        return tuple(map(self._key, model_ids))


def _stopped(plan: Plan) -> dict[str, Any]:
    """What guards, people's decisions and people's values keep from being written."""
    return {
        "held": tuple(map(HeldPart.of, plan.held)),
        "accepted": tuple(map(HeldPart.of, plan.accepted)),
        "waved": tuple(map(HeldPart.of, plan.waved)),
        "declined": tuple(map(HeldPart.of, plan.declined)),
        "protected": tuple(
            ProtectedPart.model_construct(
                model_id=each.key.model_id,
                name=each.name,
                kept=encoded_fact(each.kept),
                offered=encoded_fact(each.offered),
                source=each.source,
            )
            for each in plan.protected
        ),
    }


def _setting(change: FieldChange) -> SettingPart:
    old, new = (
        masked(each) if change.name == "api_base_url" and isinstance(each, str) else each
        for each in (change.old, change.new)
    )
    return SettingPart.model_validate({"name": change.name, "old": old, "new": new, "source": change.source})


def _seen(plan: Plan) -> Iterator[SeenPart]:
    """The rows that sources confirmed, by instant and whether a listing showed them."""
    groups: dict[tuple[datetime, bool], list[str]] = {}
    for key, at in sorted(plan.seen.items()):
        groups.setdefault((at, key in plan.listed), []).append(key.model_id)
    for (at, listed), ids in sorted(groups.items()):
        yield SeenPart.model_construct(at=at, listed=listed, model_ids=tuple(ids))


class PlanDocument(Part):
    """All that one `plan` found, which `apply` applies."""

    version: int
    modelctl: str
    """The version that made it."""
    created_at: Stamp
    database: str
    """As it may be shown."""
    digest: Digest
    """SHA-256 of all the rest but the seal, as this class writes it."""
    seal: Digest | None
    """The digest under the master key; null where there was none."""
    providers: tuple[ProviderPart, ...]

    @field_validator("version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version != VERSION:
            raise ValueError(f"is {version}, and this modelctl reads version {VERSION}")
        return version

    @field_validator("providers")
    @classmethod
    def _each_once(cls, providers: tuple[ProviderPart, ...]) -> tuple[ProviderPart, ...]:
        if len({each.provider for each in providers}) != len(providers):
            raise ValueError("names a provider twice")
        return providers

    @model_validator(mode="after")
    def _is_as_it_was_made(self) -> PlanDocument:
        if self.digest != self._digest():
            raise ValueError("was edited after it was made: its digest does not fit its content")
        return self

    @classmethod
    def of(cls, file: PlanFile, seal: Callable[[str], str | None] = lambda _digest: None) -> PlanDocument:
        """Of the core's value. `seal`: what the master key makes of a digest; None where there is no master key."""
        made = cls.model_construct(
            version=VERSION,
            modelctl=file.modelctl,
            created_at=file.created_at,
            database=file.database,
            digest="",
            seal=None,
            providers=tuple(map(ProviderPart.of, file.providers)),
        )
        digest = made._digest()
        return made.model_copy(update={"digest": digest, "seal": seal(digest)})

    @classmethod
    def read(cls, text: str, name: str) -> PlanDocument:
        """The plan in the text of a file called `name`. UsageError, which names the place, for what is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise _refusal(error.errors(include_url=False)[0], name) from None

    def require(self, digest: str | None, seal: Callable[[str], str | None], name: str) -> None:
        """UsageError where the plan is not the one of that digest, or without one, not under this master key's seal."""
        if digest is not None:
            if self.digest != digest:
                raise UsageError(f"{name}: its digest is {self.digest}, not the one of --digest", _ANEW)
            return
        wanted = seal(self.digest)
        if wanted is not None and not hmac.compare_digest(self.seal or "", wanted):
            problem = "is not sealed with the master key" if self.seal is None else "is under another master key's seal"
            raise UsageError(f"{name}: {problem}", f"if you trust it: --digest {self.digest}")

    def file(self) -> PlanFile:
        """The core's value."""
        return PlanFile(
            modelctl=self.modelctl,
            created_at=self.created_at,
            database=self.database,
            providers=tuple(each.planned() for each in self.providers),
        )

    def _digest(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"digest", "seal"}).encode()).hexdigest()

    def to_json(self, look: Look) -> str:
        """The text of the file, without the newline at its end."""
        return self.model_dump_json(indent=None if look.width is None else 1, ensure_ascii=not look.unicode)


def _refusal(error: ErrorDetails, name: str) -> UsageError:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    what = error["msg"].removeprefix("Value error, ")
    return UsageError(one_line(f"{name}{where}: {what}"[:500]), _ANEW)
