"""modelctl's own tables as a whole: how they stand, bringing them to this version, a backup, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelctl.core.runs import Author
from modelctl.db import backup
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.db.lease import Holder, writing_alone
from modelctl.settings import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesState:
    """How the tables of a database stand."""

    database: str
    """Its URL, as it may be shown."""
    version: str | None
    """None: there are no tables yet."""
    newest: str
    pending: tuple[str, ...]
    """Revisions that an upgrade would run."""
    foreign: tuple[str, ...]
    """Tables with names of ours that modelctl did not create."""
    missing: tuple[str, ...]
    """Tables and columns that somebody dropped."""


def tables_state(database: Database) -> TablesState:
    """How the tables stand. Reads only."""
    found = schema.status(database)
    return TablesState(
        database=database.label,
        version=found.version,
        newest=schema.HEAD,
        pending=found.pending,
        foreign=found.foreign,
        missing=schema.missing(database) if found.version is not None and not found.pending else (),
    )


def upgrade_tables(database: Database) -> tuple[str, bool]:
    """The version that the tables have now, and whether anything had to be done for it. StoreError when it cannot."""
    done = schema.upgrade(database)
    return schema.HEAD, bool(done)


def back_up_tables(database: Database, file: Path) -> bool:
    """Write a backup into a new file; false where there is nothing yet that could be lost.

    UsageError where the file exists, StoreError for tables on a server that are not of this version.
    """
    found = schema.status(database)
    if found.version is None:
        return False
    if not database.is_sqlite_file:
        schema.is_readable(database)
    backup.back_up(database, file)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What taking back a backup comes to: rows by table, whose names are without their prefix."""

    before: Mapping[str, int]
    after: Mapping[str, int]


def restore_tables(
    runtime: Runtime,
    database: Database,
    file: Path,
    author: Author,
    on_wait: Callable[[Holder], None],
    *,
    dry_run: bool,
) -> Restored:
    """Put the rows of a backup in place of all that modelctl's tables hold, in one transaction; tables are created.

    UsageError for what is no whole backup of this version, StoreError for tables that are not of it.
    """
    rows = backup.backup_rows(database, file)
    if not dry_run:
        schema.ensure_created(database)
    before = backup.row_counts(database) if schema.is_readable(database) else {}
    if not dry_run:
        with writing_alone(database, author, wait_s=runtime.settings.lock_wait_s, on_wait=on_wait) as fenced:
            fenced.write(lambda connection: backup.restore(fenced, connection, rows))
    return Restored(before=before, after={name: len(found) for name, found in rows.items()})
