"""Publishing: an application's own tables brought up to date from modelctl's, one transaction for each tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from modelctl.core.models.query import select
from modelctl.core.planning.target import (
    PublishReport,
    RowChange,
    RowMemory,
    TablePlan,
    TableRules,
    TargetAction,
    TargetGuard,
    TargetRow,
    WantedRow,
    cell_path,
    key_text,
    plan_table,
    with_cell,
)
from modelctl.core.provider import Provider
from modelctl.core.runs import PUBLISH, Author, Outcome, RunRecord
from modelctl.core.stored import StoredModel
from modelctl.core.text import counted
from modelctl.db import migrate as schema
from modelctl.db import read
from modelctl.db import target as tables
from modelctl.db import write as writing
from modelctl.db.dialects import insert_rows
from modelctl.db.engine import Database
from modelctl.db.lease import Holder, writing_alone
from modelctl.db.script import script_of
from modelctl.errors import Refused, StoreError, UsageError
from modelctl.publish.columns import Kind, as_held, column_of
from modelctl.publish.mapping import Lookup, TableMapping, Target
from modelctl.publish.rows import PENDING, Pending, TableShape, by_key, wanted_rows, wrong_unit
from modelctl.publish.values import Item, RowContext, model_item, provider_item, slugs
from modelctl.services.gather import QUIET
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection

LIVE = ("preview", "active", "deprecated")
CHAT = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """What somebody wants published, and what may happen."""

    dry_run: bool = False
    adopts: bool = False
    """Rows that were there before modelctl become its own."""
    accepted: frozenset[str] = frozenset()
    """Guards, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What modelctl's own tables hold."""

    models: Sequence[StoredModel]
    providers: Sequence[Provider]

    def names(self) -> frozenset[str]:
        """Every id and every alias."""
        ids = {each.key.model_id for each in self.models}
        return frozenset(ids | {alias for each in self.models for alias in each.facts.aliases or ()})


def known_of(database: Database) -> Known:
    """All models with their prices, and all providers. StoreError where there are no tables yet."""
    if schema.if_readable(database) is None:
        raise StoreError(f"{database.label} has no models yet", "run `modelctl sync` to fill it")

    def look(connection: Connection) -> Known:
        providers = read.providers(connection, database.tables)
        return Known(
            models=read.models_with_ledgers(connection, database.tables),
            providers=[providers[name] for name in sorted(providers)],
        )

    return database.read(look)


def publish(
    runtime: Runtime,
    database: Database,
    application: Database,
    target: Target,
    options: PublishOptions,
    author: Author,
    on_wait: Callable[[Holder], None] = QUIET.wait,
) -> PublishReport:
    """Bring the tables of a target up to date, or with `dry_run` say what that would do.

    `application`: where the tables are; it may be modelctl's own database. Refused, and nothing written, where a guard
    doubts a whole table.
    """
    known = known_of(database)
    if options.dry_run:
        plans = [
            plan
            for tenant in tenants_of(application, target)
            for plan in application.read(partial(_plan_all, target, known, options, author, tenant))
        ]
        return _report(application, target, options, author, plans)
    tables.make_side_tables(application)
    with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
        plans = []
        for tenant in tenants_of(application, target):
            work = partial(_write_all, target, known, options, author, tenant)
            plans += write_audited(fenced, database, application, target, work, author)
    return _report(application, target, options, author, plans)


def script(
    database: Database, application: Database, target: Target, options: PublishOptions, author: Author
) -> dict[str, tuple[str, ...]]:
    """By tenant, the statements that a publish would execute; nothing is written. The side tables must be there."""
    known = known_of(database)
    if not application.look(tables.has_side_tables):
        raise StoreError(
            f"{application.label} has no record of what was published",
            f"run `modelctl publish {target.name}` once",
        )
    found = {}
    for tenant in tenants_of(application, target):
        work = partial(_write_all, target, known, options, author, tenant)

        def write(connection: Connection, work: Callable[[Connection], object] = work) -> None:
            work(connection)

        found[tenant or ""] = application.read(partial(script_of, work=write))
    return found


def _report(
    application: Database, target: Target, options: PublishOptions, author: Author, plans: Iterable[TablePlan]
) -> PublishReport:
    return PublishReport(
        run=author.run,
        target=target.name,
        database=application.label,
        dry_run=options.dry_run,
        tables=tuple(plans),
    )


def tenants_of(application: Database, target: Target) -> list[str | None]:
    """The tenants of a target; one None where it has none."""
    if target.tenants is None:
        return [None]
    if target.tenants.values is not None:
        return list(target.tenants.values)
    table, column = target.tenants.place or ("", "")

    def look(connection: Connection) -> list[str]:
        place = tables.reflect(connection, table)
        if column not in place.columns:
            raise StoreError(f"{table} has no column {column}, which the query for tenants names")
        return sorted({str(row[column]) for row in tables.rows_of(connection, place, [column])})

    return list(application.read(look))


def _plan_all(
    target: Target, known: Known, options: PublishOptions, author: Author, tenant: str | None, connection: Connection
) -> list[TablePlan]:
    work = TargetWork(connection, target, known, options, author, tenant)
    return [work.planned(mapping) for mapping in target.table]


def _write_all(
    target: Target, known: Known, options: PublishOptions, author: Author, tenant: str | None, connection: Connection
) -> list[TablePlan]:
    work = TargetWork(connection, target, known, options, author, tenant)
    plans = []
    for mapping in target.table:  # a table may look up what was written into the one before
        plan = work.planned(mapping, lock=True)
        work.write(mapping, plan)
        plans.append(plan)
    return plans


@dataclass(slots=True)
class TargetWork:
    """A target within one transaction, for one tenant."""

    connection: Connection
    target: Target
    known: Known
    options: PublishOptions
    author: Author
    tenant: str | None
    shapes: dict[str, TableShape] = field(default_factory=dict)
    places: dict[str, tables.TargetTable] = field(default_factory=dict)
    memories: dict[str, dict[str, RowMemory]] = field(default_factory=dict)
    contracts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    pending: dict[str, list[WantedRow]] = field(default_factory=dict)
    """Rows of earlier tables that a dry run does not make, by table."""
    has_memory: bool = False

    def __post_init__(self) -> None:
        """What the tenant sees, for this transaction."""
        settings = {
            name: (self.tenant or "") if value == "$tenant" else value for name, value in self.target.session.items()
        }
        tables.set_session(self.connection, settings)
        self.has_memory = tables.has_side_tables(self.connection)

    def planned(self, mapping: TableMapping, *, lock: bool = False) -> TablePlan:
        """The plan for one table. Refused where a guard doubts all of it."""
        shape, place = self.shape_of(mapping)
        notices = self._doubts(mapping, shape, place)
        tenant = self.tenant_of(shape)
        found = tables.rows_of(self.connection, place, shape.names(), dict([tenant]) if tenant else None, lock=lock)
        rows = by_key(mapping.table, (shape.row(raw, place.primary_key) for raw in found))
        around = RowContext(now=self.author.now, lookups=self._lookups(mapping))
        wanted = wanted_rows(shape, self._items(mapping, rows), around, tenant)
        if (doubt := wrong_unit(shape, wanted.rows, rows)) is not None:
            raise Refused(doubt, "correct `per` or `times` of that column")
        memories = self.memories_of(mapping)
        plan = plan_table(
            mapping.table,
            wanted.rows,
            rows,
            memories,
            self._rules(mapping, shape),
            known=self.known.names() if mapping.rows == "models" else frozenset(rows),  # anybody may add a provider
            tenant=self.tenant or "",
        )
        made = [each for each in wanted.rows if each.key not in rows]
        self.pending[mapping.table] = [] if lock else made
        notices += [f"{name} rounds {counted(count, 'price')}" for name, count in sorted(wanted.rounded.items())]
        return replace(plan, notices=tuple(notices))

    def shape_of(self, mapping: TableMapping) -> tuple[TableShape, tables.TargetTable]:
        """The table as it is. Refused where a column of the mapping is not there."""
        if mapping.table not in self.shapes:
            place = tables.reflect(self.connection, mapping.table)
            name = self.connection.dialect.name
            columns = {each: column_of(found, name, place.words.get(each, ())) for each, found in place.columns.items()}
            shape = TableShape(mapping=mapping, columns=columns, dialect=name)
            if gone := [each for each in shape.names() if each not in columns]:
                raise Refused(
                    f"{mapping.table} has no column {gone[0]}, which the mapping names",
                    f"correct publish/{self.target.name}.toml, or the table",
                )
            self.shapes[mapping.table], self.places[mapping.table] = shape, place
        return self.shapes[mapping.table], self.places[mapping.table]

    def write(self, mapping: TableMapping, plan: TablePlan) -> None:
        """Write the plan, and remember what was written."""
        shape, place = self.shapes[mapping.table], self.places[mapping.table]
        created = [each for each in plan.changes if each.action is TargetAction.CREATE]
        if any(isinstance(cell.new, Pending) for each in created for cell in each.cells):
            raise UsageError(f"{mapping.table} refers to rows that do not exist yet, which SQL text cannot name")
        tables.insert_rows(self.connection, place, [_new_row(shape, each) for each in created])
        changed = [each for each in plan.changes if each.existing is not None and each.cells]
        tables.update_rows(self.connection, place, [_changed_row(shape, each) for each in changed if each.existing])
        author = self.author
        if not self.has_memory:
            return  # a trial: what remembers is not made for it
        if plan.changes:
            memories = {each.key: each.memory for each in plan.changes}
            had = self.memories[mapping.table]
            tables.remember(self.connection, self.place_of(mapping), memories, had, run=author.run, now=author.now)
        declared = _contract(shape)
        if declared != self.contract_of(mapping):
            tables.keep_contract(
                self.connection, self.target.name, mapping.table, declared, run=author.run, now=author.now
            )
            self.contracts[mapping.table] = declared

    def _rules(self, mapping: TableMapping, shape: TableShape) -> TableRules:
        return TableRules(
            creates=mapping.mode != "update",
            updates=mapping.mode != "insert",
            adopts=mapping.existing == "adopt" or (self.options.adopts and mapping.existing != "leave"),
            absent_set=shape.switched(mapping.absent),
            strangers_set=shape.switched(mapping.strangers),
            accepted=self.options.accepted,
        )

    def _doubts(self, mapping: TableMapping, shape: TableShape, place: tables.TargetTable) -> list[str]:
        """What is to be told of the table. Refused where it cannot be written safely."""
        if place.has_row_security and not self.target.session:
            raise Refused(
                f"{mapping.table} has row-level security, which may silently hide rows from this role",
                'name the tenant, as session = { "app.org" = "$tenant" }, or use a role that bypasses it',
            )
        for name in mapping.columns:
            column = shape.columns[name]
            if column.is_generated:
                raise Refused(f"{mapping.table}.{name} is made by the database", "leave it out of the mapping")
            if column.kind is Kind.OTHER:
                raise Refused(f"{mapping.table}.{name} is {column.declared}, which cannot be written")
        notices = [f"triggers will run: {', '.join(place.triggers)}"] if place.triggers else []
        before = self.contract_of(mapping)
        moved = {name: now for name, now in _contract(shape).items() if before.get(name, now) != now}
        accepted = TargetGuard.SCHEMA_DRIFT in self.options.accepted or self.target.contract == "evolve"
        if moved and not accepted:
            name = min(moved)
            raise Refused(
                f"{mapping.table}.{name} was {before[name]} and is {moved[name]} now",
                "check the mapping, then run it with --accept schema-drift",
            )
        return notices

    def tenant_of(self, shape: TableShape) -> tuple[str, Any] | None:
        """The column and the value that tell the tenant's rows; None where the table has none."""
        if self.target.tenants is None or self.target.tenants.column not in shape.columns:
            return None
        return self.target.tenants.column, self.tenant

    def contract_of(self, mapping: TableMapping) -> Mapping[str, str]:
        """The table's columns as they were at the last publish; none before the first."""
        if mapping.table not in self.contracts:
            known = tables.contract_of(self.connection, self.target.name, mapping.table) if self.has_memory else None
            self.contracts[mapping.table] = known or {}
        return self.contracts[mapping.table]

    def place_of(self, mapping: TableMapping) -> tuple[str, str, str]:
        """Where the table's rows are remembered: target, table and tenant."""
        return self.target.name, mapping.table, self.tenant or ""

    def memories_of(self, mapping: TableMapping) -> dict[str, RowMemory]:
        """What is remembered of the table's rows."""
        if mapping.table not in self.memories:
            at = self.place_of(mapping)
            self.memories[mapping.table] = tables.memories_of(self.connection, *at) if self.has_memory else {}
        return self.memories[mapping.table]

    def _items(self, mapping: TableMapping, rows: Mapping[str, TargetRow]) -> list[Item]:
        """What should have a row: what `where` names; else the live chat models of the providers that the table has."""
        if mapping.rows == "providers":
            return [provider_item(each) for each in self.known.providers]
        named, now = slugs(self.known.models), self.author.now
        return [model_item(each, now, named[each.key]) for each in self._chosen(mapping, rows)]

    def _chosen(self, mapping: TableMapping, rows: Mapping[str, TargetRow]) -> Sequence[StoredModel]:
        wanted = mapping.filter()
        if wanted is not None:
            return select(self.known.models, wanted).models
        there = {row.model for row in rows.values()}
        providers = {each.key.provider for each in self.known.models if each.key.model_id in there}
        return [
            each
            for each in self.known.models
            if each.facts.type == CHAT
            and each.facts.status in LIVE
            and each.is_enabled
            and (not providers or each.key.provider in providers)
        ]

    def _lookups(self, mapping: TableMapping) -> dict[str, dict[tuple[Any, ...], Any]]:
        """By column, what each look-up finds, by what it is looked for."""
        return {name: self._looked_up(form) for name, form in mapping.columns.items() if isinstance(form, Lookup)}

    def _looked_up(self, form: Lookup) -> dict[tuple[Any, ...], Any]:
        named, wanted = form.place
        place = tables.reflect(self.connection, named)
        if gone := [each for each in (wanted, *form.by) if each not in place.columns]:
            raise Refused(f"{named} has no column {gone[0]}, which a look-up names", "correct the mapping")
        dialect = self.connection.dialect.name
        columns = {each: column_of(place.columns[each], dialect) for each in (wanted, *form.by)}
        tenants = self.target.tenants
        where = {tenants.column: self.tenant} if tenants is not None and tenants.column in place.columns else None
        found: dict[tuple[Any, ...], Any] = {}
        for pending in self.pending.get(named, ()):
            found[tuple(pending.cells.get(each) for each in form.by)] = PENDING
        for raw in tables.rows_of(self.connection, place, columns, where):
            key = tuple(as_held(columns[each], raw[each]) for each in form.by)
            found[key] = as_held(columns[wanted], raw[wanted])
        return found


def _contract(shape: TableShape) -> dict[str, str]:
    return {
        name: shape.columns[name].declared + ("" if shape.columns[name].nullable else " NOT NULL")
        for name in shape.names()
    }


def _new_row(shape: TableShape, change: RowChange) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for cell in change.cells:
        if cell.new is not None:
            with_cell(columns, cell.name, cell.new)
    columns |= change.touched
    return {name: shape.to_driver(name, value) for name, value in columns.items()}


def _changed_row(shape: TableShape, change: RowChange) -> tuple[dict[str, Any], dict[str, Any]]:
    """What names the row, and its new values."""
    row = change.existing
    assert row is not None
    columns = dict(row.cells)
    for cell in change.cells:
        with_cell(columns, cell.name, cell.new)
    names = {cell_path(cell.name)[0] for cell in change.cells}
    values = {name: columns[name] for name in names} | dict(change.touched)
    return dict(row.primary_key), {name: shape.to_driver(name, value) for name, value in sorted(values.items())}


def write_audited(
    fenced: Database,
    database: Database,
    application: Database,
    target: Target,
    work: Callable[[Connection], list[TablePlan]],
    author: Author,
) -> list[TablePlan]:
    """Do the work with its audit in one transaction; where the application has another database, in one after it.

    `fenced`: modelctl's own database, as the lease gives it.
    """
    if application is database:
        return fenced.write(partial(_audited, database=fenced, target=target, work=work, author=author))
    plans = application.write(work)
    fenced.write(partial(audit, database=fenced, target=target, plans=plans, author=author))
    return plans


def _audited(
    connection: Connection,
    database: Database,
    target: Target,
    work: Callable[[Connection], list[TablePlan]],
    author: Author,
) -> list[TablePlan]:
    plans = work(connection)
    audit(connection, database, target, plans, author)
    return plans


def audit(
    connection: Connection, database: Database, target: Target, plans: Sequence[TablePlan], author: Author
) -> None:
    """An entry for each row, and the run's own record where something was written or held."""
    entries = [
        read.entry_row(
            PUBLISH,
            entity_key(target.name, plan.table, plan.tenant, each.key),
            each.action.value,
            None if each.existing is None else {cell.name: cell.old for cell in each.cells},
            {cell.name: cell.new for cell in each.cells},
            author,
        )
        for plan in plans
        for each in plan.changes
        if each.cells
    ]
    insert_rows(connection, database.tables.changes.__table__, entries)
    record = run_record(target, plans, author)
    if entries or record.held:
        writing.record_run(connection, database.tables, record)


def entity_key(target: str, table: str, tenant: str, key: str) -> str:
    """How the audit names a row of an application's; with an empty key, how all of the table begin."""
    of_tenant = f"{tenant}:" if tenant else ""
    return f"{target}:{table}:{of_tenant}{key_text(key) if key else ''}"[:256]


def run_record(target: Target, plans: Sequence[TablePlan], author: Author) -> RunRecord:
    """The record of a run for a target."""
    counts = {action: sum(each.count(action) for each in plans) for action in TargetAction}
    held = sum(len(each.held) for each in plans)
    return RunRecord(
        run=author.run,
        provider=f"{PUBLISH}:{target.name}",
        command=author.command,
        actor=author.actor,
        sources=(),
        started_at=author.now,
        finished_at=author.now,
        outcome=Outcome.HELD if held else Outcome.APPLIED,
        created=counts[TargetAction.CREATE],
        updated=counts[TargetAction.UPDATE],
        retired=counts[TargetAction.SWITCH_OFF] + counts[TargetAction.REMOVE],
        unchanged=sum(each.unchanged for each in plans),
        held=held,
        protected=sum(len(each.protected) for each in plans),
    )
