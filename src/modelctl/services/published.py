"""What was published, or will be: checked beforehand, given back to modelctl, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from modelctl.catalog.load import catalogs_in_force
from modelctl.core.planning.target import (
    CellChange,
    LeftOut,
    PublishReport,
    RowChange,
    RowMemory,
    TablePlan,
    TargetAction,
    TargetRow,
    cell_of,
    key_text,
)
from modelctl.core.runs import PUBLISH, Author, HistoryEntry, named_run
from modelctl.core.text import counted, did_you_mean
from modelctl.db import history
from modelctl.db import target as tables
from modelctl.db.engine import Database
from modelctl.db.lease import Holder, writing_alone
from modelctl.errors import ModelctlError, StoreError, UsageError
from modelctl.publish.columns import column_of
from modelctl.publish.guess import SAMPLE_ROWS, Guessed, guessed
from modelctl.publish.mapping import TableMapping, Target
from modelctl.publish.rows import by_key
from modelctl.services.gather import QUIET
from modelctl.services.publish import (
    Known,
    PublishOptions,
    TargetWork,
    entity_key,
    known_of,
    tenants_of,
    write_audited,
)
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOVED = "has changed since"
GONE = "is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCheck:
    """What a trial of one table found; it was rolled back."""

    table: str
    tenant: str = ""
    wanted: int = 0
    """Rows that would be there."""
    findings: tuple[str, ...] = ()
    """What keeps rows from being written."""
    notices: tuple[str, ...] = ()


def guess_mapping(runtime: Runtime, application: Database, table: str) -> Guessed:
    """What stands in the columns of a table, as far as its names, its types and some of its rows tell. Reads only."""
    if application.is_missing_file:
        raise StoreError(f"{application.label} is not there", "name the database of your application with --database")
    catalogs = catalogs_in_force(runtime.settings.catalog_directory)
    stated = {key: record for catalog in reversed(catalogs) for key, record in catalog.snapshot.records.items()}

    def look(connection: Connection) -> Guessed:
        place = tables.reflect(connection, table)
        dialect = connection.dialect.name
        columns = {
            name: column_of(each, dialect, place.words.get(name, ()), is_key=place.primary_key == (name,))
            for name, each in place.columns.items()
        }
        return guessed(
            table,
            columns,
            tables.rows_of(connection, place, columns, limit=SAMPLE_ROWS),
            list(stated.values()),
            primary_key=place.primary_key,
            unique=place.unique,
            foreign_keys=place.foreign_keys,
        )

    return application.read(look)


class _RolledBack(Exception):
    """The end of a trial: nothing of it is kept."""


def check(
    runtime: Runtime, database: Database, application: Database, target: Target, author: Author
) -> list[TableCheck]:
    """Try a publish in a transaction that is rolled back, and say what stands in its way."""
    known = known_of(database)
    found: list[TableCheck] = []
    for tenant in tenants_of(application, target):
        checks: list[TableCheck] = []

        def trial(connection: Connection, tenant: str | None = tenant, checks: list[TableCheck] = checks) -> None:
            checks.clear()
            work = TargetWork(connection, target, known, PublishOptions(), author, tenant)
            checks += [_checked(work, mapping) for mapping in target.table]
            raise _RolledBack

        try:
            application.write(trial)
        except _RolledBack:
            pass
        except ModelctlError as error:
            table = target.table[len(checks)].table if len(checks) < len(target.table) else target.name
            checks.append(TableCheck(table=table, tenant=tenant or "", findings=(str(error),)))
        found += checks
    return found


def _checked(work: TargetWork, mapping: TableMapping) -> TableCheck:
    plan = work.planned(mapping, lock=True)
    work.write(mapping, plan)
    shape, place = work.shape_of(mapping)
    findings = [f"{each.model}: {each.reason} ({each.guard})" for each in plan.held]
    notices = list(plan.notices)
    if not any(unique <= set(mapping.key) for unique in place.unique):
        notices.append(f"no UNIQUE constraint forbids two rows with the same {', '.join(mapping.key)}")
    reasons = sorted({each.reason for each in plan.skipped})
    notices += [
        f"{counted(sum(s.reason == reason for s in plan.skipped), 'model')} left out: {reason}" for reason in reasons
    ]
    notices += [f"no source knows {each}" for each in plan.strangers]
    unmapped = [
        each.name
        for each in shape.columns.values()
        if each.name not in mapping.columns and not each.nullable and not each.has_default and not each.is_generated
    ]
    if unmapped and work.tenant is None:
        notices.append(f"not in the mapping, and without a default: {', '.join(unmapped)}")
    wanted = plan.unchanged + plan.count(TargetAction.CREATE) + plan.count(TargetAction.UPDATE)
    return TableCheck(
        table=mapping.table,
        tenant=work.tenant or "",
        wanted=wanted + len({each.key for each in plan.unowned}),
        findings=tuple(findings),
        notices=tuple(notices),
    )


def adopt(
    runtime: Runtime,
    database: Database,
    application: Database,
    target: Target,
    row: str,
    cells: Sequence[str],
    author: Author,
    on_wait: Callable[[Holder], None] = QUIET.wait,
) -> list[str]:
    """Give a person's cells of a row back to modelctl: the next publish writes them. All that differ unless named.

    `row`: its key, or the id of its model. The names of the cells that were given back. UsageError for a row or a cell
    that there is not.
    """
    tables.make_side_tables(application)
    given: list[str] = []
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait):
        for tenant in tenants_of(application, target):
            given += application.write(partial(_adopted, target, row, tuple(cells), author, tenant))
    if not given:
        raise UsageError(
            f"{target.name} has no row {row!r}", "name a row by its key, as `modelctl publish NAME` shows it"
        )
    return given


def _adopted(
    target: Target, row: str, cells: Sequence[str], author: Author, tenant: str | None, connection: Connection
) -> list[str]:
    work = TargetWork(connection, target, Known(models=(), providers=()), PublishOptions(), author, tenant)
    given = []
    for mapping, found, memories in _rows(work):
        for each in found.values():
            if row not in (key_text(each.key), each.model):
                continue
            names = list(cells) or list(mapping.columns)
            for name in names:
                if name not in mapping.columns and name.partition("/")[0] not in mapping.columns:
                    raise UsageError(
                        f"{mapping.table} has no mapped column {name}", did_you_mean(name, mapping.columns)
                    )
            memory = memories.get(each.key, RowMemory(written={}, created=False))
            written = dict(memory.written) | {name: cell_of(each.cells, name) for name in names}
            after = replace(memory, written=written)
            at = work.place_of(mapping)
            tables.remember(connection, at, {each.key: after}, memories, run=author.run, now=author.now)
            given += [f"{mapping.table}: {key_text(each.key)}: {name}" for name in names]
    return given


def _rows(work: TargetWork) -> Iterator[tuple[TableMapping, dict[str, TargetRow], dict[str, RowMemory]]]:
    for mapping in work.target.table:
        shape, place = work.shape_of(mapping)
        tenant = work.tenant_of(shape)
        raws = tables.rows_of(work.connection, place, shape.names(), dict([tenant]) if tenant else None, lock=True)
        yield (
            mapping,
            by_key(mapping.table, (shape.row(raw, place.primary_key) for raw in raws)),
            work.memories_of(mapping),
        )


def target_of_run(database: Database, name: str) -> str | None:
    """The target that a run published to; None where it was another run. As `named_run`."""
    run = named_run(name, database.read(lambda connection: history.runs(connection, database.tables)))
    providers = [each.provider for each in run.records]
    return next((each.partition(":")[2] for each in providers if each.startswith(f"{PUBLISH}:")), None)


def undo_publish(
    runtime: Runtime,
    database: Database,
    application: Database,
    target: Target,
    name: str,
    author: Author,
    *,
    dry_run: bool = False,
    on_wait: Callable[[Holder], None] = QUIET.wait,
) -> PublishReport:
    """Take a publish back, row by row where nobody has changed one since; what has moved is left out of it.

    A row that it made is deleted where nothing refers to it. What comes back counts as a person's.
    """

    def look(connection: Connection) -> list[HistoryEntry]:
        run = named_run(name, history.runs(connection, database.tables))
        return history.entries(connection, database.tables, run=run.name)

    entries = {each.key: each for each in database.read(look) if each.entity == PUBLISH}
    plans: list[TablePlan] = []
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        for tenant in tenants_of(application, target):
            work = partial(_undone, target, entries, author, tenant, dry_run)
            if dry_run:
                plans += application.read(work)
            else:
                plans += write_audited(fenced, database, application, target, work, author)
    return PublishReport(
        run=author.run, target=target.name, database=application.label, dry_run=dry_run, tables=tuple(plans)
    )


def _undone(
    target: Target,
    entries: dict[str, HistoryEntry],
    author: Author,
    tenant: str | None,
    dry_run: bool,
    connection: Connection,
) -> list[TablePlan]:
    work = TargetWork(connection, target, Known(models=(), providers=()), PublishOptions(), author, tenant)
    plans = []
    for mapping, rows, memories in _rows(work):
        prefix = entity_key(target.name, mapping.table, tenant or "", "")
        wanted = {key: each for key, each in entries.items() if key.startswith(prefix)}
        plan = TablePlan(table=mapping.table, tenant=tenant or "")
        changes, moved = [], []
        for row in rows.values():
            entry = wanted.pop(entity_key(target.name, mapping.table, tenant or "", row.key), None)
            if entry is None:
                continue
            change = _taken_back(row, entry, memories.get(row.key, RowMemory(written={}, created=False)))
            if change is None or not (dry_run or _written(work, mapping, change)):
                moved.append(LeftOut(model=key_text(row.key), reason=MOVED))
            else:
                changes.append(change)
        moved += [LeftOut(model=key.removeprefix(prefix), reason=GONE) for key in sorted(wanted)]
        plans.append(replace(plan, changes=tuple(changes), skipped=tuple(moved)))
    return plans


def _taken_back(row: TargetRow, entry: HistoryEntry, memory: RowMemory) -> RowChange | None:
    """What brings the row back to where it was; None where somebody has changed it since."""
    before, after = entry.entry.before, entry.entry.after
    if any(cell_of(row.cells, name) != value for name, value in after.items() if name in row.cells or "/" in name):
        return None
    made = entry.entry.action == TargetAction.CREATE.value
    cells = tuple(CellChange(name, value, before.get(name)) for name, value in after.items())
    action = TargetAction.REMOVE if made else TargetAction.UPDATE
    return RowChange(
        action=action, key=row.key, model=row.model or key_text(row.key), cells=cells, memory=memory, existing=row
    )


def _written(work: TargetWork, mapping: TableMapping, change: RowChange) -> bool:
    """Whether the change could be written: a row that something refers to stays."""
    _, place = work.shape_of(mapping)
    if change.action is TargetAction.REMOVE:
        assert change.existing is not None
        return tables.delete_row(work.connection, place, change.existing.primary_key)
    work.write(mapping, TablePlan(table=mapping.table, changes=(change,)))
    return True


def last_published(application: Database) -> list[dict[str, Any]]:
    """What was published into the database: target, table, tenant, rows, and when last."""

    def look(connection: Connection) -> list[tuple[str, str, str, int, datetime]]:
        return tables.targets_of(connection) if tables.has_side_tables(connection) else []

    names = ("target", "table", "tenant", "rows", "updated_at")
    return [dict(zip(names, each, strict=True)) for each in application.read(look)]
