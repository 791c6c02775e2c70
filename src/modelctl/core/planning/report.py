"""Why a model is in the table as it is, or why it is not: one sentence per reason, from a sync's report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from modelctl.core.facts import ModelKey, ModelRecord, encode
from modelctl.core.planning.plan import Action, Change, Hold, Plan
from modelctl.core.runs import Outcome, RunRecord
from modelctl.errors import ExitCode, ModelctlError


def outcome_of(plan: Plan, *, hold: bool) -> Outcome:
    """What applying a plan comes to. `hold`: what no guard stopped is written although others were stopped."""
    if plan.is_held:
        return Outcome.HELD if hold else Outcome.REFUSED
    return Outcome.IN_SYNC if plan.is_empty else Outcome.APPLIED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """What came of one provider."""

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
    error: ModelctlError | None = None
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
        return self.outcome in (Outcome.APPLIED, Outcome.IN_SYNC, Outcome.HELD)

    def run_record(
        self, *, run: str, command: str, actor: str, started_at: datetime, finished_at: datetime
    ) -> RunRecord:
        """The row that remembers it: what was written, and what was not and why."""
        plan = self.plan if self.is_written else replace(self.plan, changes=())
        return RunRecord(
            run=run,
            provider=self.provider,
            command=command,
            actor=actor,
            sources=self.sources,
            started_at=started_at,
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
            error=str(self.error) if self.error else plan.listing_doubt,
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
        failed = [each for each in self.providers if each.outcome is Outcome.FAILED]
        if failed and len(failed) == len(self.providers):
            codes = {each.error.exit_code for each in failed if each.error is not None}
            return codes.pop() if len(codes) == 1 else ExitCode.FAILED
        if failed:
            return ExitCode.PARTIAL
        if any(each.plan.is_held for each in self.providers):
            return ExitCode.REFUSED
        return ExitCode.PENDING if pending_counts and self.is_pending else ExitCode.OK


def explain(report: SyncReport, name: str) -> tuple[str, ...]:
    """What the run found out about the model `name` (`provider/model_id`, or an id in any provider)."""
    return tuple(
        f"{each.provider}/{model_id}: {line}"
        for each in report.providers
        for model_id in [_id_in(each.provider, name)]
        for line in _lines(each, ModelKey(each.provider, model_id))
    )


def _id_in(provider: str, name: str) -> str:
    return name.removeprefix(f"{provider}/")


def _lines(report: ProviderReport, key: ModelKey) -> Iterator[str]:
    plan = report.plan
    yield from (f"filtered: {each.reason}" for each in plan.filtered if each.item_id == key.model_id)
    yield from (f"skipped from the listing: {each.reason}" for each in plan.skipped if each.item_id == key.model_id)
    if key in plan.removed_by_hand:
        yield "somebody removed its row; a sync does not bring it back"
    if key in plan.not_created:
        yield "new, and not created: the setting new_models is `skip`"
    if key in plan.unowned:
        yield "its row was there before modelctl and is left alone"
    yield from _facts(report, key)
    yield from (_described(change) for change in plan.changes if change.key == key)
    yield from (
        f"held by the guard {held.guard}: {held.reason}; --accept {key} lets it pass"
        for held in plan.held
        if held.change.key == key
    )
    yield from (
        f"{each.name} is a person's: kept {_text(each.kept)}, {each.source} says {_text(each.offered)}"
        for each in plan.protected
        if each.key == key
    )
    if key in plan.absences:
        yield f"absent from {plan.absences[key]} whole listing(s) in a row"
    if report.error is not None and (not report.records or key in report.records):
        yield f"nothing was done for this provider: {report.error.message}"


def _facts(report: ProviderReport, key: ModelKey) -> Iterator[str]:
    record = report.records.get(key)
    if record is None:
        return
    if record.listed_at is not None:
        yield "the provider's API lists it"
    if record.verified_on is not None:
        yield f"a catalog states it, verified on {record.verified_on.isoformat()}"
    for name, value in record.facts.known():
        yield f"{name} = {_text(value)} (from {record.provenance.get(name, 'the price ledger')})"
    if not any(change.key == key for change in report.plan.changes):
        yield "nothing to change"


def _described(change: Change) -> str:
    verb = change.action.value
    fields = ", ".join(f"{each.name} {_text(each.old)} → {_text(each.new)}" for each in change.fields)
    return f"would {verb}" if change.existing is None else f"would {verb}: {fields or 'prices only'}"


def _text(value: object) -> str:
    encoded = encode(value)  # type: ignore[arg-type]  # values of facts only
    if encoded is None:
        return "unknown"
    return ", ".join(encoded) if isinstance(encoded, list) else str(encoded)
