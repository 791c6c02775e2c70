"""Applying a plan that was made earlier: everything is compared first, then each provider is written on its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from modelctl import __version__
from modelctl.core.planning.guards import Acceptance, Decisions, Surroundings, check, new_holds
from modelctl.core.planning.plan import Action, Held, Hold, Plan, action_of, holds_after, model_after
from modelctl.core.planning.planner import due_changes, with_due
from modelctl.core.planning.report import (
    PlanFile,
    PlannedProvider,
    ProviderReport,
    SyncReport,
    bound,
    moved,
    outcome_of,
    planned,
)
from modelctl.core.planning.undo import Undo, removed_provider, undo
from modelctl.core.provider import Provider
from modelctl.core.runs import Author, HistoryEntry, Outcome, Run, RunRecord, named_run
from modelctl.core.stored import StoredProvider
from modelctl.core.text import counted
from modelctl.db import history, read
from modelctl.db import migrate as schema
from modelctl.db import write as writing
from modelctl.db.engine import Database
from modelctl.db.history import past_of
from modelctl.db.lease import Holder, writing_alone
from modelctl.db.script import script_of
from modelctl.db.write import holds_of, keep_holds
from modelctl.errors import ExitCode, ModelctlError, Refused, StalePlan, StoreError, UsageError, exit_code_of
from modelctl.services.gather import QUIET, Observer
from modelctl.services.sync import SyncOptions, asked, in_scope, run_jobs
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.tables.base import Tables


NAMED_WHEN_STALE = 5
_HINT = "make a new plan with `modelctl plan -o FILE`"


def make_plan(
    runtime: Runtime,
    database: Database,
    options: SyncOptions,
    author: Author,
    observer: Observer = QUIET,
    *,
    needs_tables: bool = False,
) -> tuple[SyncReport, PlanFile]:
    """What a sync would do, as it is shown and as `apply_plan` carries it out; writes nothing.

    `needs_tables`: StoreError where the database has none yet.
    """
    present = schema.if_readable(database)
    if present is None and needs_tables:
        raise StoreError(f"{database.label} has no modelctl tables yet", "run `modelctl db upgrade` first")
    chosen, jobs = asked(runtime, present, options)
    observer.begin(list(chosen.known), chosen.left_out)
    options = replace(options, dry_run=True)
    has_tables = present is not None
    report = run_jobs(database, jobs, options, runtime.settings, author, observer, has_tables=has_tables)
    stated = {job.provider.name: job.provider for job in jobs}
    file = PlanFile(
        modelctl=__version__,
        created_at=author.now,
        database=database.label,
        providers=_planned_providers(present, report, stated, all_or_nothing=options.all_or_nothing),
    )
    return report, file


def _planned_providers(
    database: Database | None, report: SyncReport, stated: Mapping[str, Provider], *, all_or_nothing: bool
) -> tuple[PlannedProvider, ...]:
    """What a dry run found, with what it rests on. `database`: None where there are no tables yet.

    `stated`: the providers as their rows should be.
    """
    rows: dict[str, Provider] = {}
    stored: dict[str, StoredProvider] = {}
    if database is not None:
        rows, stored = database.read(lambda connection: _rested_on(connection, database.tables, report))
    return tuple(
        planned(
            each,
            Outcome.FAILED
            if each.outcome is Outcome.FAILED
            else outcome_of(each.plan, all_or_nothing=all_or_nothing, api_failed=each.error is not None),
            stated=stated[each.provider],
            row=rows.get(each.provider),
            stored=stored.get(each.provider, StoredProvider()),
        )
        for each in report.providers
    )


def _rested_on(
    connection: Connection, tables: Tables, report: SyncReport
) -> tuple[dict[str, Provider], dict[str, StoredProvider]]:
    """The providers' rows, and all of those in which models were absent."""
    absent = [each.provider for each in report.providers if each.plan.absences]
    return read.providers(connection, tables), {name: read.models_of(connection, tables, name) for name in absent}


def require_unmoved(database: Database, file: PlanFile) -> None:
    """StalePlan, naming the first rows, where a row that the plan rests on has moved since it was made."""

    def work(connection: Connection) -> list[str]:
        return [row for each in file.providers for row in moved(each, *_present(connection, database, each))]

    if stale := database.read(work):
        raise _stale(stale)


def _require_believable(runtime: Runtime, database: Database, file: PlanFile, author: Author) -> None:
    """Refused, with the first of them, where guards stop changes that they let pass when the plan was made."""

    def work(connection: Connection) -> list[Held]:
        return [
            held
            for each in file.providers
            if each.report.is_written and each.report.plan.changes
            for held in _doubted(connection, runtime, database, each, author)
        ]

    if doubted := database.read(work):
        names = ", ".join(f"{each.change.key} ({each.guard}: {each.reason})" for each in doubted[:NAMED_WHEN_STALE])
        raise Refused(f"guards now hold {counted(len(doubted), 'change')} of the plan: {names}", _HINT)


def _doubted(
    connection: Connection, runtime: Runtime, database: Database, each: PlannedProvider, author: Author
) -> list[Held]:
    """What guards stop of the planned changes, and did not when they were planned."""
    row, stored, holds = _present(connection, database, each)
    plan = bound(each, row, stored)
    for change in plan.changes:
        if change.existing is not None and change.action is not action_of(change.existing, change.fields):
            raise UsageError(
                f"the plan would {change.action.value} {change.key}, but its fields do not fit that", _HINT
            )
    tables, settings, fetched = database.tables, runtime.settings, each.report.fetched
    around = Surroundings(
        models=in_scope(stored, settings.provider(plan.provider).patterns).models,
        past=past_of(connection, tables, plan, now=author.now),
        is_first_listing=fetched is not None and read.last_fetched(connection, tables, plan.provider) is None,
        now=author.now,
    )
    anew = replace(plan, held=(), accepted=(), waved=(), declined=())
    checked = check(anew, settings.limits, Acceptance(), decisions=Decisions(holds), around=around)
    known = {(held.change.key, held.guard, held.moves) for held in (*plan.accepted, *plan.waved)}
    return [held for held in checked.held if (held.change.key, held.guard, held.moves) not in known]


def _stale(rows: Sequence[str]) -> StalePlan:
    more = f" and {len(rows) - NAMED_WHEN_STALE:,} more" if len(rows) > NAMED_WHEN_STALE else ""
    count = f"{len(rows):,} rows of the plan have" if len(rows) > 1 else "a row of the plan has"
    return StalePlan(f"{count} changed since it was made: {', '.join(rows[:NAMED_WHEN_STALE])}{more}", _HINT)


def apply_plan(
    runtime: Runtime,
    database: Database,
    file: PlanFile,
    author: Author,
    *,
    migrate: bool = False,
    any_database: bool = False,
    on_wait: Callable[[Holder], None] = QUIET.wait,
) -> SyncReport:
    """Write what the plan says, one transaction for each provider. StalePlan, and nothing written, if rows moved.

    `migrate`: create or upgrade the tables on a server, too. `any_database`: although it was made for another one,
    which is a UsageError otherwise. Refused where a guard stops what it let pass when the plan was made. LockHeld where
    another run writes for too long.
    """
    if not (any_database or database.is_at(file.database)):
        problem = f"the plan was made for {file.database}, and this is {database.label}"
        raise UsageError(problem, "name that database, or apply it to this one with --any-database")
    began_s = time.monotonic()

    def finished_at() -> datetime:
        return author.now + timedelta(seconds=round(time.monotonic() - began_s))

    schema.ensure_current(database, migrate=migrate)
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        require_unmoved(fenced, file)
        _require_believable(runtime, fenced, file, author)
        reports = [_apply_one(fenced, each, author, finished_at) for each in file.providers]
    return SyncReport(
        run=author.run, dry_run=False, database=database.label, started_at=author.now, providers=tuple(reports)
    )


def _apply_one(
    database: Database, each: PlannedProvider, author: Author, finished_at: Callable[[], datetime]
) -> ProviderReport:
    """One provider. What fails here, after everything was compared, fails for this provider alone."""

    def write(connection: Connection) -> ProviderReport:
        return _write(connection, database, each, author, finished_at())

    try:
        is_done = writing.is_recorded(database.tables, author.run, each.report.provider)
        return database.write(write, is_done=is_done)
    except ModelctlError as error:
        failed = replace(each.report, outcome=Outcome.FAILED, error=error)
        return replace(failed, plan=replace(failed.plan, changes=(), absences={}, provider_settings=()))


def _write(
    connection: Connection, database: Database, each: PlannedProvider, author: Author, finished_at: datetime
) -> ProviderReport:
    """All that is written of one provider; compares again, inside the transaction."""
    row, stored, holds = _present(connection, database, each)
    if stale := list(moved(each, row, stored, holds)):
        raise _stale(stale)
    plan = bound(each, row, stored)
    _require_agreement(plan, now=author.now)
    report = replace(each.report, plan=with_due(plan, stored, is_written=each.report.is_written, now=author.now))
    if each.report.is_written or report.plan.due:
        provider = row or each.row
        if provider is None:  # it had a row, which has gone: `moved` names it
            raise _stale([f"provider {report.provider}"])
        writing.apply(connection, database.tables, report.written_plan, provider, author)
    writing.record_run(connection, database.tables, report.run_record(author, finished_at))
    if report.outcome is not Outcome.FAILED:
        after = holds_after(holds, new_holds(plan, author), stored.models)
        keep_holds(connection, database.tables, report.provider, holds, after)
    return report


def _require_agreement(plan: Plan, *, now: datetime) -> None:
    """StalePlan where a planned row would not show the prices that its ledger has for today."""
    rows = {each.key: model_after(each, now=now) for each in plan.changes if each.action is not Action.REMOVE}
    if apart := due_changes(StoredProvider(models=rows), now=now):
        names = ", ".join(str(each.key) for each in apart[:NAMED_WHEN_STALE])
        raise StalePlan(f"the plan's prices of {names} are not those of today's ledger", _HINT)


def scripts(database: Database, file: PlanFile, author: Author) -> dict[str, tuple[str, ...]]:
    """By provider, the statements that applying the plan would execute; nothing is written."""
    found = {}
    for each in file.providers:

        def work(connection: Connection, each: PlannedProvider = each) -> None:
            _write(connection, database, each, author, author.now)

        found[each.report.provider] = database.read(partial(script_of, work=work))
    return found


def _present(
    connection: Connection, database: Database, each: PlannedProvider
) -> tuple[Provider | None, StoredProvider, tuple[Hold, ...]]:
    tables, name = database.tables, each.report.provider
    row = read.providers(connection, tables).get(name)
    return row, read.models_of(connection, tables, name), holds_of(connection, tables, name)


TRIES_WHEN_STALE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUndo:
    """What came of taking a run back for one provider."""

    provider: str
    undo: Undo
    error: ModelctlError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoReport:
    """What came of it all."""

    undone: str
    """The run that is undone."""
    run: str
    dry_run: bool
    providers: tuple[ProviderUndo, ...]

    @property
    def taken_back(self) -> int:
        """How many rows go back, a provider's own row counted as one."""
        done = [each.undo.plan for each in self.providers if each.error is None]
        return sum(len(plan.changes) + bool(plan.provider_settings or plan.provider_action) for plan in done)

    @property
    def moved(self) -> int:
        """How many rows are left alone because somebody has changed them since."""
        return sum(len(each.undo.moved) for each in self.providers)

    @property
    def exit_code(self) -> ExitCode:
        """STALE where everything has moved, PARTIAL where something has, or a provider failed."""
        failed = [each.error.exit_code for each in self.providers if each.error is not None]
        if failed and not self.taken_back:
            return exit_code_of(failed)
        if failed or (self.moved and self.taken_back):
            return ExitCode.PARTIAL
        return ExitCode.STALE if self.moved else ExitCode.OK


def undo_run(
    runtime: Runtime,
    database: Database,
    name: str,
    author: Author,
    *,
    dry_run: bool = False,
    on_wait: Callable[[Holder], None] = QUIET.wait,
) -> UndoReport:
    """Take a run back row by row where nothing has moved since. Each provider is one transaction.

    `name`: the run's id, the beginning of one, or `last`. UsageError for a run that there is not.
    """
    if not dry_run:
        schema.ensure_current(database)
    run = named_run(name, database.read(lambda connection: history.runs(connection, database.tables)))
    if dry_run:
        return _undo_run(database, run, author, dry_run=True)
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        return _undo_run(fenced, run, author, dry_run=False)


def _undo_run(database: Database, run: Run, author: Author, *, dry_run: bool) -> UndoReport:
    entries = database.read(lambda connection: history.entries(connection, database.tables, run=run.name))
    by_provider = attrgetter("provider")
    reports = [
        _one_provider(database, provider, list(group), author, dry_run=dry_run)
        for provider, group in groupby(sorted(entries, key=by_provider), key=by_provider)
    ]
    return UndoReport(undone=run.name, run=author.run, dry_run=dry_run, providers=tuple(reports))


def _one_provider(
    database: Database, provider: str, entries: Sequence[HistoryEntry], author: Author, *, dry_run: bool
) -> ProviderUndo:
    is_done = writing.is_recorded(database.tables, author.run, provider)
    for tries_left in reversed(range(TRIES_WHEN_STALE)):
        made = Undo(plan=Plan(provider=provider))
        try:
            made, write = _planned(database, provider, entries, author)
            if not dry_run and not made.plan.is_empty:
                database.write(write, is_done=is_done)
            return ProviderUndo(provider=provider, undo=made)
        except StalePlan as error:
            if not tries_left:
                return ProviderUndo(provider=provider, undo=made, error=error)
        except StoreError as error:
            return ProviderUndo(provider=provider, undo=made, error=error)
    raise AssertionError("the last try returns")


def _planned(
    database: Database, provider: str, entries: Sequence[HistoryEntry], author: Author
) -> tuple[Undo, Callable[[Connection], None]]:
    """What is to be taken back, and the work that does it."""
    tables = database.tables

    def look(connection: Connection) -> tuple[Undo, Provider]:
        row = read.providers(connection, tables).get(provider)
        written = row or removed_provider(entries)
        if written is None:
            raise StoreError(f"the database has no provider {provider!r} any more")
        stored = read.models_of(connection, tables, provider)
        ledger = history.recorded_points(connection, tables, provider)
        return undo(provider, row, stored, entries, ledger), written

    made, written = database.read(look)

    def write(connection: Connection) -> None:
        writing.apply(connection, tables, made.plan, written, author)
        writing.record_run(connection, tables, _record(made.plan, author))

    return made, write


def _record(plan: Plan, author: Author) -> RunRecord:
    return RunRecord(
        run=author.run,
        provider=plan.provider,
        command=author.command,
        actor=author.actor,
        sources=(),
        started_at=author.now,
        finished_at=author.now,
        outcome=Outcome.APPLIED,
        created=plan.count(Action.CREATE),
        updated=plan.count(Action.UPDATE),
    )
