"""What came of a run, provider by provider; why a model is as it is; and what a plan rests on, as digests of rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from modelctl.core.credentials import masked
from modelctl.core.edits.providers import SETTINGS, settings_of
from modelctl.core.facts import ModelKey, ModelRecord, encode
from modelctl.core.planning.plan import Action, Change, Held, Hold, Plan
from modelctl.core.prices.price import PricePoint
from modelctl.core.provider import Provider
from modelctl.core.runs import Author, Outcome, RunRecord
from modelctl.core.stored import RemovedModel, RowState, StoredModel, StoredProvider
from modelctl.errors import ExitCode, ModelctlError, UsageError, exit_code_of

_key = attrgetter("key")


def outcome_of(plan: Plan, *, all_or_nothing: bool, api_failed: bool) -> Outcome:
    """What applying a plan comes to: a guard on a row stops that row, one on many rows or on a listing the provider.

    `all_or_nothing`: one row that is held stops the provider, too. `api_failed`: the plan rests on catalogs alone.
    """
    if plan.is_held:
        stops_all = all_or_nothing or any(held.guard.holds_provider for held in plan.held)
        return Outcome.REFUSED if stops_all else Outcome.HELD
    if api_failed:
        return Outcome.PARTIAL
    return Outcome.IN_SYNC if plan.is_empty else Outcome.APPLIED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """The outcome for one provider."""

    provider: str
    outcome: Outcome
    sources: tuple[str, ...] = ()
    """Which were read: `api`, `overlay`, `catalog`."""
    plan: Plan
    fetched: int | None = None
    """Models that the provider's API listed; None when it was not asked, or the listing failed."""
    is_yardstick: bool = True
    """Whether later listings are measured by this one's size: not by what one project sees."""
    notices: tuple[str, ...] = ()
    """What a person should know: no key, an API that lists nothing, and the like."""
    not_asked: str | None = None
    """Which of these says why no API was asked, where there is no key for it."""
    error: ModelctlError | None = None
    """What kept the provider from being planned, or, where it was, its API from being asked."""
    holds: tuple[Hold, ...] | None = field(default=None, repr=False)
    """What is to be remembered of what guards stopped; None where no plan was made."""
    holds_before: tuple[Hold, ...] = field(default=(), repr=False)
    """What was remembered when the plan was made, decisions included."""
    records: Mapping[ModelKey, ModelRecord] = field(default_factory=dict, repr=False)
    """What the sources state, merged; for `--explain`."""
    kept: int = 0
    """How many models they state, where `records` are not at hand: in a plan that was read from a file."""

    @property
    def is_written(self) -> bool:
        """Whether the plan's changes are in the database now."""
        return self.outcome in (Outcome.APPLIED, Outcome.IN_SYNC, Outcome.PARTIAL, Outcome.HELD)

    @property
    def written_plan(self) -> Plan:
        """What is written of the plan: where a guard holds the provider, only what time brings."""
        if self.is_written:
            return replace(self.plan, changes=tuple(sorted((*self.plan.changes, *self.plan.due), key=_key)))
        return Plan(provider=self.provider, changes=self.plan.due)

    def run_record(self, author: Author, finished_at: datetime) -> RunRecord:
        """The row that remembers it: what was written, and what was not and why."""
        plan = replace(self.plan, changes=self.written_plan.changes)
        return RunRecord(
            run=author.run,
            provider=self.provider,
            command=author.command,
            actor=author.actor,
            sources=self.sources,
            started_at=author.now,
            finished_at=finished_at,
            outcome=self.outcome,
            # only a believed listing of the platform's is a yardstick
            fetched=self.fetched if plan.listing_doubt is None and self.is_yardstick else None,
            kept=len(self.records) or self.kept,
            filtered=len(plan.filtered),
            skipped=len(plan.skipped),
            created=plan.count(Action.CREATE),
            updated=plan.count(Action.UPDATE),
            unchanged=plan.unchanged,
            deprecated=plan.count(Action.DEPRECATE),
            retired=plan.count(Action.RETIRE),
            reactivated=plan.count(Action.REACTIVATE),
            held=len({held.change.key for held in plan.held}),
            protected=len(plan.protected),
            error=str(self.error) if self.error else plan.listing_doubt or plan.key_doubt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What came of a run."""

    run: str
    dry_run: bool
    database: str
    """As it may be shown."""
    started_at: datetime
    providers: tuple[ProviderReport, ...]

    @property
    def is_pending(self) -> bool:
        """Whether rows differ from what the sources state: always false after a run that applied everything."""
        return any(not each.plan.is_empty or each.plan.is_held for each in self.providers) and self.dry_run

    def exit_code(self, *, pending_counts: bool) -> ExitCode:
        """By the table: failures first, then what guards held, then (if asked) what is pending."""
        failed = [each for each in self.providers if each.error is not None]
        if failed and all(each.outcome is Outcome.FAILED for each in self.providers):
            return exit_code_of(each.error.exit_code for each in failed if each.error is not None)
        if failed:
            return ExitCode.PARTIAL
        if any(each.plan.is_held for each in self.providers):
            return ExitCode.REFUSED
        return ExitCode.PENDING if pending_counts and self.is_pending else ExitCode.OK


class NotifyOn(StrEnum):
    """Which syncs a webhook is told of."""

    FAILURE = "failure"  # something failed, or waits for a person
    CHANGE = "change"  # that, or rows were written
    ALWAYS = "always"

    def includes(self, report: SyncReport) -> bool:
        """Whether the webhook is told of this sync."""
        if self is NotifyOn.ALWAYS or report.exit_code(pending_counts=False) is not ExitCode.OK:
            return True
        return self is NotifyOn.CHANGE and any(each.plan.changes for each in report.providers)


_POINT_FIELDS = PricePoint._fields


def model_digest(row: StoredModel | RemovedModel | None) -> str | None:
    """The digest of a row, or of what is left of one; None where there is neither. The row's number does not count."""
    if row is None:
        return None
    stated: dict[str, Any] = {"prices": sorted(_point(each) for each in row.prices), "state": _state(row.state)}
    if isinstance(row, StoredModel):
        stated["facts"] = {name: encode(value) for name, value in row.facts.known()}
        stated["is_enabled"] = row.is_enabled
    return _digest(stated)


def provider_digest(row: Provider | None) -> str | None:
    """The digest of a provider's row; a password that its address holds does not count."""
    if row is None:
        return None
    settings: dict[str, Any] = {name: encode(getattr(row, name)) for name in SETTINGS}
    if row.api_base_url:
        settings["api_base_url"] = masked(row.api_base_url)
    return _digest({**settings, "is_enabled": row.is_enabled})


def decisions_digest(holds: Iterable[Hold]) -> str | None:
    """The digest of what people decided about holds; None where nobody has decided anything."""
    decided = [
        [str(each.key), each.guard, [list(move) for move in each.moves], each.verdict]
        for each in holds
        if each.verdict is not None
    ]
    return _digest({"decided": sorted(decided, key=str)}) if decided else None


def _state(state: RowState | None) -> dict[str, Any] | None:
    """Without the count of absences, which has its own place in a plan."""
    if state is None:
        return None
    written = {name: [encode(value), source] for name, (value, source) in state.written.items()}
    return {"written": written, "pins": sorted(state.pins)}


def _point(point: PricePoint) -> list[str]:
    return [str(encode(getattr(point, name))) for name in _POINT_FIELDS]


def _digest(stated: Mapping[str, Any]) -> str:
    text = json.dumps(stated, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProvider:
    """What is to become of one provider, and what that rests on."""

    report: ProviderReport
    """Its outcome is the one that applying will have."""
    row: Provider | None = None
    """The row that a provider gets which has none yet."""
    rests_on: str | None = None
    """Digest of the provider's row."""
    digests: Mapping[ModelKey, str | None] = field(default_factory=dict)
    """Digest of each row that a change rests on; None for a creation from nothing."""
    absences_before: Mapping[ModelKey, int] = field(default_factory=dict)
    """Counts of absences from which the plan's counts were reached."""
    decisions: str | None = None
    """Digest of what people had decided about what guards hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """All that one `plan` found."""

    modelctl: str
    """The version that made it."""
    created_at: datetime
    database: str
    """As it may be shown."""
    providers: tuple[PlannedProvider, ...]


def planned(
    report: ProviderReport, outcome: Outcome, *, stated: Provider, row: Provider | None, stored: StoredProvider
) -> PlannedProvider:
    """What a file says of one provider. `row` and `stored` are what the database holds, `stated` what it should.

    UsageError where it would have to hold a password: an address with one cannot be written from a file.
    """
    plan = report.plan
    addresses = [each.new for each in plan.provider_settings if each.name == "api_base_url"]
    for address in [stated.api_base_url] if row is None else addresses:
        if isinstance(address, str) and masked(address) != address:
            raise UsageError(f"{stated.name}: its address holds a password, and no plan does", "use `modelctl sync`")
    return PlannedProvider(
        report=replace(report, outcome=outcome),
        row=stated if row is None else None,
        rests_on=provider_digest(row),
        digests={each.key: model_digest(each.existing or each.removed) for each in plan.changes},
        absences_before={key: _absences(stored, key) for key in plan.absences},
        decisions=decisions_digest(report.holds_before),
    )


def _absences(stored: StoredProvider, key: ModelKey) -> int:
    model = stored.models.get(key)
    return model.state.absences if model is not None and model.state is not None else 0


def moved(
    planned: PlannedProvider, row: Provider | None, stored: StoredProvider, holds: Sequence[Hold]
) -> Iterator[str]:
    """The rows that are not as they were when the plan was made. A provider that is not written rests on none."""
    if not planned.report.is_written:
        return
    plan = planned.report.plan
    if provider_digest(row) != planned.rests_on:
        yield f"provider {plan.provider}"
    if decisions_digest(holds) != planned.decisions:
        yield f"{plan.provider} (what was decided about its held values)"
    for change in plan.changes:
        present = stored.models.get(change.key) or stored.removed_by_hand.get(change.key)
        was_there = change.key in stored.models
        if model_digest(present) != planned.digests.get(change.key) or was_there is (change.action is Action.CREATE):
            yield str(change.key)
    for key in plan.absences:
        model = stored.models.get(key)
        state = model.state if model is not None else None
        if state is None or state.absences != planned.absences_before[key]:
            yield f"{key} (how often listings lacked it)"


def bound(planned: PlannedProvider, row: Provider | None, stored: StoredProvider) -> Plan:
    """The plan with the rows that it rests on; nothing of them must have moved."""
    plan = planned.report.plan
    present = settings_of(row) if row is not None else {}
    return replace(
        plan,
        changes=tuple(_bound(each, stored) for each in plan.changes),
        held=_bound_held(plan.held, stored),
        accepted=_bound_held(plan.accepted, stored),
        waved=_bound_held(plan.waved, stored),
        declined=_bound_held(plan.declined, stored),
        provider_settings=tuple(
            each._replace(old=present.get(each.name, each.old)) for each in plan.provider_settings
        ),  # the file masks passwords
        seen={key: at for key, at in plan.seen.items() if _is_news(plan, key, stored.models.get(key))},
    )


def _bound_held(held: Sequence[Held], stored: StoredProvider) -> tuple[Held, ...]:
    return tuple(replace(each, change=_bound(each.change, stored)) for each in held)


def _bound(change: Change, stored: StoredProvider) -> Change:
    existing = stored.models.get(change.key)
    removed = stored.removed_by_hand.get(change.key) if existing is None else None
    return replace(change, existing=existing, removed=removed)


def _is_news(plan: Plan, key: ModelKey, model: StoredModel | None) -> bool:
    """Whether a sighting tells more than the row: a sync may have come in between, which changed nothing else."""
    if model is None:
        return True  # a creation; of a row that is gone there is nothing to update
    at = plan.seen[key]
    newer = model.last_verified_at is None or model.last_verified_at < at
    return newer or (key in plan.listed and (model.last_seen_at is None or model.last_seen_at < at))
