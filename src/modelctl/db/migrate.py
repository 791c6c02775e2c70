"""Creating and upgrading the tables. Alembic does the work, under modelctl's own version table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, inspect, select
from sqlalchemy.exc import DBAPIError

from modelctl.core.text import counted, shorten
from modelctl.db.dialects import bound_lock_waits, will_pass
from modelctl.db.engine import MAX_RETRY_S, Database
from modelctl.errors import ModelctlError, StoreError

TRIES_AT_ONCE = 4
WAIT_FOR_OTHERS_S = 0.5
LOCK_WAIT_S = 10
"""For a table that somebody reads or writes, one time; it is asked for anew within a minute."""
TOLD_ROWS = 8
"""Of those that an upgrade refuses; the others are counted."""

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))
"""All of them, in order, by the names of their files: a look at the version does not load Alembic."""
HEAD = REVISIONS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """Which version the tables have, and what an upgrade would run."""

    version: str | None
    """None: there are no tables yet."""
    pending: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    """Tables with names of ours that modelctl did not create."""


def status(database: Database) -> SchemaStatus:
    """How the tables stand. Reads only: a file that is not there is not made."""
    if database.is_missing_file:
        return SchemaStatus(version=None, pending=REVISIONS)
    return database.look(lambda connection: _status(connection, database))


def missing(database: Database) -> tuple[str, ...]:
    """Tables and columns that are gone although the version says that they are there: somebody dropped them."""
    tables = database.tables

    def look(connection: Connection) -> tuple[str, ...]:
        inspector = inspect(connection)
        gone: list[str] = []
        for each in tables.classes():
            table = each.__table__
            if not inspector.has_table(table.name, schema=tables.schema):
                gone.append(f"table {table.name}")
                continue
            present = {column["name"] for column in inspector.get_columns(table.name, schema=tables.schema)}
            gone += [f"column {each}" for each in table.columns if each.name not in present]
        return tuple(gone)

    return database.look(look)


def is_readable(database: Database) -> bool:
    """Whether there are tables to read; false where nothing was created yet. Creates nothing. StoreError when old."""
    found = status(database)
    if found.foreign:
        raise _foreign_tables(database, found.foreign)
    if found.version is not None and found.pending:
        raise _outdated(database, found.version)
    return found.version is not None


def if_readable(database: Database) -> Database | None:
    """The database; None where there are no tables to read. As `is_readable`."""
    return database if is_readable(database) else None


def ensure_current(database: Database, *, migrate: bool = False) -> None:
    """Make sure that the tables are there in the version this program writes.

    A SQLite file is created and migrated by itself, a server only with `migrate`: StoreError says so.
    """
    database.make_directory()
    found = status(database)
    if found.foreign:
        raise _foreign_tables(database, found.foreign)
    if not found.pending:
        return
    if not (database.is_sqlite_file or migrate):
        raise _outdated(database, found.version)
    upgrade(database)


def ensure_created(database: Database) -> None:
    """The same, but tables that are not there at all are created on a server, too; old ones are StoreError."""
    database.make_directory()
    ensure_current(database, migrate=status(database).version is None)


def upgrade(database: Database) -> tuple[str, ...]:
    """Bring the tables to the newest version; the revisions that were run. Safe to repeat after a crash."""
    database.make_directory()
    found = status(database)
    if found.foreign:
        raise _foreign_tables(database, found.foreign)
    if found.version is None:
        from modelctl.db.probe import require_capable  # a new database only

        require_capable(database)
    elif found.pending:
        database.read(lambda connection: _require_possible(connection, database, found.pending))
    deadline_s = time.monotonic() + MAX_RETRY_S
    for tries_left in reversed(range(TRIES_AT_ONCE)):
        if not (present := status(database)).pending:
            break
        try:
            if present.version is not None:
                database.write(lambda connection: _forget_overtaken(connection, database))
            database.alter(lambda connection: _run_migrations(connection, database))
        except ModelctlError:  # perhaps another process is upgrading: then the next look finds less to do, or nothing
            if not tries_left or time.monotonic() > deadline_s:
                raise
            time.sleep(WAIT_FOR_OTHERS_S)
    database.write(lambda connection: _forget_overtaken(connection, database))
    return found.pending


def _status(connection: Connection, database: Database) -> SchemaStatus:
    tables = database.tables
    try:
        version = max(_versions(connection, database), default=None)
    except DBAPIError as error:  # mostly, the table is there: asking first would be one way more to the server
        if will_pass(error):
            raise
        connection.rollback()  # until then PostgreSQL answers nothing
        inspector = inspect(connection)
        if inspector.has_table(tables.version_table, schema=tables.schema):
            raise
        taken = sorted(tables.names().intersection(inspector.get_table_names(schema=tables.schema)))
        return SchemaStatus(version=None, pending=REVISIONS, foreign=tuple(taken))
    if version == HEAD:
        return SchemaStatus(version=version, pending=())
    return SchemaStatus(version=version, pending=_revisions_after(version, database))


def _versions(connection: Connection, database: Database) -> list[str]:
    """One; or two after upgrades at once where DDL is not transactional: the slower one noted a step already passed."""
    return list(connection.execute(select(_version_table(database).c.version_num)).scalars())


def _forget_overtaken(connection: Connection, database: Database) -> None:
    """Leave only the newest version, which is the true one: a step that is run again finds everything there."""
    table = _version_table(database)
    if overtaken := sorted(_versions(connection, database))[:-1]:
        connection.execute(delete(table).where(table.c.version_num.in_(overtaken)))


def _version_table(database: Database) -> Table:
    tables = database.tables
    return Table(tables.version_table, MetaData(), Column("version_num", String(32)), schema=tables.schema)


def _revisions_after(version: str | None, database: Database) -> tuple[str, ...]:
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError

    script = ScriptDirectory(str(MIGRATIONS))
    try:
        return tuple(reversed([each.revision for each in script.iterate_revisions("heads", version or "base")]))
    except RevisionError:
        raise StoreError(
            f"{database.label} has tables of version {version}, which this modelctl does not know",
            "upgrade modelctl: the tables were made by a newer one",
        ) from None


def _require_possible(connection: Connection, database: Database, pending: Sequence[str]) -> None:
    """StoreError that names rows which the new tables could not hold, before any table is altered."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS))
    modules = [script.get_revision(revision).module for revision in pending]
    looks = [module.impossible for module in modules if hasattr(module, "impossible")]
    tables = database.tables
    found = [row for look in looks for row in look(connection, tables.prefix, tables.schema)]
    if not found:
        return
    told = [f"{table} {key}: {column} = {shorten(repr(value))}" for table, key, column, value in found[:TOLD_ROWS]]
    more = f"; and {len(found) - TOLD_ROWS:,} more" if len(found) > TOLD_ROWS else ""
    raise StoreError(
        f"{database.label} was not upgraded, for it holds {counted(len(found), 'value')} that no row can have: "
        f"{'; '.join(told)}{more}",
        "nothing was altered: correct these rows (UPDATE … SET column = NULL where the value is not known, or DELETE), "
        "then run `modelctl db upgrade`",
    )


def _run_migrations(connection: Connection, database: Database) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.ddl.impl import DefaultImpl
    from alembic.util import CommandError

    name = connection.dialect.name
    bound_lock_waits(connection, LOCK_WAIT_S)
    try:
        DefaultImpl.get_by_dialect(connection.dialect)
    except KeyError:  # a dialect that brought nothing for Alembic: plain CREATE TABLE is all that is needed
        type("PlainImpl", (DefaultImpl,), {"__dialect__": name})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["tables"] = database.tables
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # the version moved between two of its steps
        raise StoreError(f"{database.label} is being upgraded by another process: {error}", "run it again") from None


def _outdated(database: Database, version: str | None) -> StoreError:
    state = "has no modelctl tables yet" if version is None else f"has tables of version {version}, not {HEAD}"
    return StoreError(f"{database.label} {state}", "run `modelctl db upgrade`, or add --migrate")


def _foreign_tables(database: Database, names: tuple[str, ...]) -> StoreError:
    return StoreError(
        f"{database.label} has a table {names[0]} that modelctl did not create; it was not touched",
        f"if it is your application's own, `modelctl publish init --table {names[0]}` maps onto it; "
        "modelctl's tables get other names by `table_prefix` or `schema`",
    )
