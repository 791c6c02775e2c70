"""Applying a plan that was made earlier: everything is compared first, then each provider is written on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from modelctl.core.guards import stopped
from modelctl.core.holds import Hold, holds_after
from modelctl.core.plan_binding import bound, moved
from modelctl.core.plan_file import PlanFile, PlannedProvider, planned
from modelctl.core.provider import Provider
from modelctl.core.report import ProviderReport, SyncReport, outcome_of
from modelctl.core.run import Author, Outcome
from modelctl.core.stored import StoredProvider
from modelctl.errors import ModelctlError, StalePlan
from modelctl.store import apply as writing
from modelctl.store import read
from modelctl.store.engine import Database
from modelctl.store.holds import holds_of, keep_holds
from modelctl.store.script import script_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.store.names import Tables

NAMED_WHEN_STALE = 5
_HINT = "make the plan anew with `modelctl plan -o FILE`"


def planned_providers(
    database: Database | None, report: SyncReport, stated: Mapping[str, Provider], *, hold: bool
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
            Outcome.FAILED if each.error is not None else outcome_of(each.plan, hold=hold),
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


def _stale(rows: Sequence[str]) -> StalePlan:
    more = f" and {len(rows) - NAMED_WHEN_STALE:,} more" if len(rows) > NAMED_WHEN_STALE else ""
    count = f"{len(rows):,} rows that the plan rests on have" if len(rows) > 1 else "a row that the plan rests on has"
    return StalePlan(f"{count} moved since it was made: {', '.join(rows[:NAMED_WHEN_STALE])}{more}", _HINT)


def apply_plan(database: Database, file: PlanFile, author: Author, finished_at: Callable[[], datetime]) -> SyncReport:
    """Write what the plan says, one transaction for each provider. StalePlan, and nothing written, if rows moved."""
    require_unmoved(database, file)
    reports = [_apply_one(database, each, author, finished_at) for each in file.providers]
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
    report = replace(each.report, plan=plan)
    if each.is_written:
        provider = row or each.row
        if provider is None:  # it had a row, which has gone: `moved` names it
            raise _stale([f"provider {report.provider}"])
        writing.apply(connection, database.tables, report.plan, provider, author)
    record = report.run_record(
        run=author.run,
        command=author.command,
        actor=author.actor,
        started_at=author.now,
        finished_at=finished_at,
    )
    writing.record_run(connection, database.tables, record)
    if report.outcome is not Outcome.FAILED:
        after = holds_after(holds, stopped(plan, author), stored.models)
        keep_holds(connection, database.tables, report.provider, holds, after)
    return report


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
