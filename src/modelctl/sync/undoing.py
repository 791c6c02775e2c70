"""Taking a run back, each provider on its own: planned from the audit trail, applied as a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from modelctl.core.history import HistoryEntry, Run
from modelctl.core.plan import Action, Plan
from modelctl.core.provider import Provider
from modelctl.core.run import Author, Outcome, RunRecord
from modelctl.core.undo import Undo, undo
from modelctl.core.undo_provider import removed_provider
from modelctl.errors import ExitCode, ModelctlError, StalePlan, StoreError
from modelctl.store import apply as writing
from modelctl.store import history, read
from modelctl.store.engine import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    """The run that is taken back."""
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
        failed = [each for each in self.providers if each.error is not None]
        if failed and not self.taken_back:
            return ExitCode.FAILED
        if failed or (self.moved and self.taken_back):
            return ExitCode.PARTIAL
        return ExitCode.STALE if self.moved else ExitCode.OK


def take_back(database: Database, run: Run, author: Author, *, dry_run: bool) -> UndoReport:
    """Undo the run row by row where nothing has moved since. Each provider is one transaction."""
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
