"""A sync: each provider's sources gathered, planned, guarded and written in a transaction of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.core.credentials import PLATFORM
from modelctl.core.edits.providers import setting_change_text
from modelctl.core.facts import ModelKey
from modelctl.core.planning.guards import (
    NO_PAST,
    Acceptance,
    Decisions,
    Past,
    Surroundings,
    check,
    listing_is_short,
    new_holds,
)
from modelctl.core.planning.merge import merge_sources
from modelctl.core.planning.ownership import Takeover, is_takeover, takeover_of, with_takeover
from modelctl.core.planning.plan import GuardName, Hold, Plan, Verdict, holds_after, key_hold, listing_hold
from modelctl.core.planning.planner import plan, with_due
from modelctl.core.planning.policy import Patterns, SourceChoice
from modelctl.core.planning.report import ProviderReport, SyncReport, outcome_of
from modelctl.core.runs import Author, Outcome
from modelctl.core.stored import StoredProvider
from modelctl.db import migrate as schema
from modelctl.db import read
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.history import past_of
from modelctl.db.lease import writing_alone
from modelctl.db.write import holds_of, keep_holds
from modelctl.errors import ModelctlError, StalePlan, StoreError
from modelctl.services.access import Chosen, Job, choose, jobs_of, with_keys
from modelctl.services.database import back_up_tables
from modelctl.services.gather import QUIET, Gathered, Observer, gather, without_listing
from modelctl.services.keys import keys_of
from modelctl.settings import Runtime, Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection


logger = logging.getLogger(__name__)

LARGE = 10_000
"""From so many models on, what modelctl wrote into them is read only where somebody asks for it: two kilobytes each.

For fewer, one way more to the server would cost more, and they are planned without holding a transaction open.
"""
TRIES_WHEN_STALE = 5
"""How often a provider is planned anew because somebody wrote the same rows meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What somebody wants synced, and what may happen. All else is as the settings say."""

    providers: tuple[str, ...] = ()
    """By name; `all` among them, or none at all, means all."""
    source: SourceChoice = SourceChoice.AUTO
    project: str = PLATFORM
    """Whose keys are used first."""
    max_age: timedelta | None = None
    """How old a listing may be that is used again."""
    acceptance: Acceptance = field(default_factory=Acceptance)
    takeover: Takeover = field(default_factory=Takeover)
    all_or_nothing: bool = False
    """Write nothing of a provider of which a guard holds a single row."""
    configured_only: bool = False
    """Leave out providers that have no key and are not named."""
    dry_run: bool = False
    migrate: bool = False
    """Create or upgrade the tables on a server, too."""
    backup: Path | None = None
    """A new file into which the tables are written first. A file that exists is a UsageError."""


def sync(
    runtime: Runtime, database: Database, options: SyncOptions, author: Author, observer: Observer = QUIET
) -> SyncReport:
    """Bring the database up to date with the sources, or with `dry_run` say what that would do.

    One provider's failure leaves its rows as they are and the others' alone. UsageError for an unknown provider or
    project, LockHeld where another run writes for longer than the settings wait.
    """
    if options.dry_run:
        present = schema.if_readable(database)
        chosen, jobs = asked(runtime, present, options)
        observer.begin(list(chosen.known), chosen.left_out)
        return run_jobs(database, jobs, options, runtime.settings, author, observer, has_tables=present is not None)
    if options.backup is not None:
        back_up_tables(database, options.backup)
    schema.ensure_current(database, migrate=options.migrate)
    chosen, jobs = asked(runtime, database, options)
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=observer.wait) as fenced:
        observer.begin(list(chosen.known), chosen.left_out)
        return run_jobs(fenced, jobs, options, runtime.settings, author, observer)


def asked(runtime: Runtime, present: Database | None, options: SyncOptions) -> tuple[Chosen, list[Job]]:
    """Whom a sync is about, and how each is asked. `present`: the database, or None where it has no tables yet."""
    chosen = choose(runtime, present, options.providers)
    configured_only = options.configured_only or runtime.settings.configured_only
    may_move_keys = any(each.doubt is not None for each in chosen.known.values())
    needs_keys = configured_only or options.project or options.source is not SourceChoice.CATALOG or may_move_keys
    keys = keys_of(runtime, present if needs_keys else None, options.project)
    if configured_only:
        chosen = with_keys(chosen, keys)
    return chosen, jobs_of(runtime, chosen, keys, source=options.source, max_age=options.max_age)


def run_jobs(
    database: Database,
    jobs: Sequence[Job],
    options: SyncOptions,
    settings: Settings,
    author: Author,
    observer: Observer = QUIET,
    *,
    has_tables: bool = True,
) -> SyncReport:
    """Bring each job's provider up to date. `has_tables`: false for a dry run on a database that is not there yet."""
    run = _RunInProgress(database, options, settings, author, has_tables, time.monotonic())
    reports = []
    for gathered in gather(jobs, deadline_s=settings.deadline_s):
        began_s = time.monotonic()
        report = run.one_provider(gathered)
        logger.info("%s: %s in %.0f ms", report.provider, report.outcome.value, (time.monotonic() - began_s) * 1000)
        observer.finish(report)
        reports.append(report)
    return SyncReport(
        run=author.run,
        dry_run=options.dry_run,
        database=database.label,
        started_at=author.now,
        providers=tuple(sorted(reports, key=lambda report: report.provider)),
    )


def unmatched(report: SyncReport, options: SyncOptions) -> Iterator[tuple[str, str]]:
    """What the options ask for and nothing in the report answers to: `accept`, `recreate` or `take`, and the word."""
    unknowable = {GuardName.SHORT_LISTING.value}  # once it is accepted, a report does not tell that it was needed
    for name in sorted(options.acceptance.names - unknowable - _stoppable(report)):
        yield "accept", name
    takeover = options.takeover
    changes = [each for provider in report.providers for each in provider.plan.proposed]
    for key in sorted(takeover.recreated):
        alone = Takeover(recreated=frozenset({key}))
        if not any(each.removed is not None and alone.recreates(each.key) for each in changes):
            yield "recreate", str(key)
    of_models = (f"{model}:{name}" for model, names in takeover.by_model.items() for name in names)
    for word in (*sorted(takeover.fields), *of_models):
        if not any(is_takeover(each, takeover_of([word])) for each in changes):
            yield "take", word


def _stoppable(report: SyncReport) -> set[str]:
    """Every name by which something can be accepted that a guard stops, or would have stopped."""
    names = set()
    for each in report.providers:
        for held in (*each.plan.held, *each.plan.waved, *each.plan.accepted):
            names |= {str(held.change.key), held.change.key.model_id, held.guard.value}
    return names


@dataclass(frozen=True, slots=True)
class _RunInProgress:
    """One run, under way."""

    database: Database
    options: SyncOptions
    settings: Settings
    author: Author
    has_tables: bool
    began_s: float
    """In `time.monotonic()`."""

    def one_provider(self, gathered: Gathered) -> ProviderReport:
        """Bring one provider up to date. Whatever fails here is this provider's failure: others may be written."""
        try:
            return self._planned_and_applied(gathered)
        except Exception as error:
            logger.debug("%s failed", gathered.job.provider.name, exc_info=True)
            report = _failed(gathered, error if isinstance(error, ModelctlError) else _unforeseen(error))
            with suppress(ModelctlError):  # a full disk takes the record of the failure no more than the rows
                self._remember(report)
            return report

    def _planned_and_applied(self, gathered: Gathered) -> ProviderReport:
        """One provider brought up to date; whatever was written is also recorded."""
        if gathered.error is not None and not gathered.sources:
            return self._remember(_failed(gathered, gathered.error))
        for tries_left in reversed(range(TRIES_WHEN_STALE)):
            try:
                report = self._decide(gathered)
                if report.outcome is Outcome.PLANNED or (report.outcome is Outcome.REFUSED and not report.plan.due):
                    return self._remember(report)
                return self._apply(report, gathered)
            except StalePlan as error:
                if not tries_left:
                    return self._remember(_failed(gathered, error))
        raise AssertionError("the last try returns")

    def _decide(self, gathered: Gathered) -> ProviderReport:
        """What would change, and what the guards say of it."""
        if not self.has_tables:
            return self._decided(gathered, StoredProvider(), None, (), lambda _plan: NO_PAST)
        tables, provider = self.database.tables, gathered.job.provider.name

        def know(connection: Connection) -> tuple[StoredProvider, int | None, tuple[Hold, ...]]:
            return read.models_of(connection, tables, provider), *self._remembered(connection, gathered)

        def decide(connection: Connection) -> ProviderReport:
            written = read.WrittenOnDemand(connection, tables, provider)
            remembered = self._remembered(connection, gathered)
            report = self._decided(gathered, written.models(), *remembered, partial(self._past, connection))
            if _rests_on_rows(report.plan):
                written.load()
            return report

        if sum(len(layer.records) for layer in gathered.layers) >= LARGE:
            return self.database.read(decide)
        return self._decided(
            gathered,
            *self.database.read(know),
            lambda made: self.database.read(lambda connection: self._past(connection, made)),
        )

    def _past(self, connection: Connection, plan: Plan) -> Past:
        """What guards must know of the days before."""
        return past_of(connection, self.database.tables, plan, now=self.author.now)

    def _remembered(self, connection: Connection, gathered: Gathered) -> tuple[int | None, tuple[Hold, ...]]:
        """How many models the last believed listing had, where there is a new one, and what guards have stopped."""
        tables, provider = self.database.tables, gathered.job.provider.name
        last_fetched = read.last_fetched(connection, tables, provider) if gathered.fetched is not None else None
        return last_fetched, holds_of(connection, tables, provider)

    def _decided(
        self,
        gathered: Gathered,
        stored: StoredProvider,
        last_fetched: int | None,
        holds: tuple[Hold, ...],
        past: Callable[[Plan], Past],
    ) -> ProviderReport:
        name, options = gathered.job.provider.name, self.options
        gathered, doubt, doubted = self._listing(gathered, last_fetched, holds)
        stored = in_scope(stored, gathered.job.patterns)
        owned = with_takeover(stored, options.takeover)
        wanted = merge_sources(gathered.layers, owned, gathered.job.patterns, today=self.author.now.date())
        made = plan(
            name,
            stored,
            wanted.records,
            consulted=gathered.consulted,
            new_models=self.settings.new_models(name),
            takeover=options.takeover,
            now=self.author.now,
        )
        is_first_listing = gathered.fetched is not None and last_fetched is None
        around = self._around(made, stored, past, is_first_listing=is_first_listing)
        checked = self._guarded(made, doubt, holds, around)
        checked = replace(
            checked,
            filtered=wanted.filtered,
            skipped=gathered.skipped,
            provider_settings=gathered.job.settings,
            key_doubt=_open_key_doubt(gathered.job),
        )
        stopped = doubted | self._key_hold(gathered.job) | new_holds(checked, self.author)
        kept = holds_after(holds, stopped, stored.models)
        outcome = outcome_of(checked, all_or_nothing=options.all_or_nothing, api_failed=gathered.error is not None)
        if checked.is_held:  # else every row was planned, and shows its prices of today
            checked = with_due(checked, stored, is_written=outcome is not Outcome.REFUSED, now=self.author.now)
        if options.dry_run:
            outcome = Outcome.PLANNED
        return replace(_report(gathered, outcome, checked), records=wanted.records, holds=kept, holds_before=holds)

    def _key_hold(self, job: Job) -> dict[tuple[ModelKey, str], Hold]:
        """What is remembered of a change of where the key goes, decided or not."""
        if job.key_doubt is None:
            return {}
        hold = key_hold(job.provider.name, job.key_doubt, self.author)
        return {(hold.key, hold.guard): hold}

    def _around(
        self, made: Plan, stored: StoredProvider, past: Callable[[Plan], Past], *, is_first_listing: bool
    ) -> Surroundings:
        """What the guards look at besides the plan. The past is asked only where a row that is there changes."""
        changes_rows = any(each.existing is not None for each in made.changes)
        return Surroundings(
            models=stored.models,
            past=past(made) if changes_rows else NO_PAST,
            is_first_listing=is_first_listing,
            now=self.author.now,
        )

    def _guarded(self, made: Plan, doubt: str | None, holds: Sequence[Hold], around: Surroundings) -> Plan:
        """What the guards leave of a plan."""
        limits, acceptance = self.settings.limits, self.options.acceptance
        return check(made, limits, acceptance, listing_doubt=doubt, decisions=Decisions(holds), around=around)

    def _listing(
        self, gathered: Gathered, last_fetched: int | None, holds: Sequence[Hold]
    ) -> tuple[Gathered, str | None, dict[tuple[ModelKey, str], Hold]]:
        """What counts of the listing, why it is not believed as a whole, and the hold to remember of it.

        One that somebody declined is left out, as if the API had not been asked. A project's listing is measured by
        nothing, and leaves what is held of the platform's as it is.
        """
        if gathered.job.project:
            return gathered, None, {(hold.key, hold.guard): hold for hold in holds if not hold.key.model_id}
        doubt = listing_is_short(gathered.fetched, last_fetched, self.settings.limits)
        if doubt is None:
            return gathered, None, {}
        hold = listing_hold(gathered.job.provider.name, gathered.fetched, last_fetched, doubt, self.author)
        remembered = {(hold.key, hold.guard): hold}
        match Decisions(holds).on(hold.key, hold.guard, hold.moves):
            case Verdict.ACCEPTED:
                return gathered, None, remembered
            case Verdict.DECLINED:
                return without_listing(gathered, f"{doubt}; somebody declined it, so it is left out"), None, remembered
            case None:
                return gathered, doubt, remembered

    def _apply(self, report: ProviderReport, gathered: Gathered) -> ProviderReport:
        """Write the plan, and the run that did it, in one transaction."""

        def write(connection: Connection) -> None:
            tables = self.database.tables
            writing.apply(connection, tables, report.written_plan, gathered.job.provider, self.author)
            self._record(connection, report)

        self.database.write(write, is_done=self._is_recorded(report))
        return report

    def _remember(self, report: ProviderReport) -> ProviderReport:
        """Keep the run of a provider that was not written; a dry run leaves no trace.

        A failure may be that of the answer alone: then the record is there already, and stands.
        """
        is_recorded = self._is_recorded(report)

        def write(connection: Connection) -> None:
            if not is_recorded(connection):
                self._record(connection, report)

        if not self.options.dry_run:
            self.database.write(write)
        return report

    def _is_recorded(self, report: ProviderReport) -> Callable[[Connection], bool]:
        return writing.is_recorded(self.database.tables, self.author.run, report.provider)

    def _record(self, connection: Connection, report: ProviderReport) -> None:
        """Remember the run and what guards stopped in it."""
        tables = self.database.tables
        elapsed = timedelta(seconds=round(time.monotonic() - self.began_s))
        writing.record_run(connection, tables, report.run_record(self.author, self.author.now + elapsed))
        if report.holds is not None:
            keep_holds(connection, tables, report.provider, report.holds_before, report.holds)


def _open_key_doubt(job: Job) -> str | None:
    doubt = job.key_doubt
    return doubt.reason if doubt is not None and doubt.verdict is None else None


def _rests_on_rows(plan: Plan) -> bool:
    """Whether there is a change, whatever becomes of it, of a row that is there or was."""
    changes = (*plan.proposed, *(each.change for each in plan.declined))
    return any(each.existing is not None or each.removed is not None for each in changes)


def _unforeseen(error: Exception) -> ModelctlError:
    """For what only a bug, or a value that nobody thought of, can bring about. Its text may hold anything."""
    hint = "run again with --debug, and report what it prints"
    return StoreError(f"modelctl has a bug, or a row holds what it cannot read ({type(error).__name__})", hint)


def _failed(gathered: Gathered, error: ModelctlError) -> ProviderReport:
    report = _report(gathered, Outcome.FAILED, Plan(provider=gathered.job.provider.name))
    return replace(report, sources=(), error=error)


def _report(gathered: Gathered, outcome: Outcome, checked: Plan) -> ProviderReport:
    job = gathered.job
    return ProviderReport(
        provider=job.provider.name,
        outcome=outcome,
        sources=gathered.sources,
        plan=checked,
        fetched=gathered.fetched,
        is_yardstick=not job.project,
        notices=(
            *(setting_change_text(each) for each in checked.provider_settings),
            *([job.notice] if job.notice else []),
        ),
        not_asked=job.not_asked,
        error=gathered.error,
    )


def in_scope(stored: StoredProvider, patterns: Patterns) -> StoredProvider:
    """Without the rows that the patterns leave out: they are neither changed nor missed."""
    models = {key: model for key, model in stored.models.items() if patterns.reason_against(key.model_id) is None}
    return replace(stored, models=models)
