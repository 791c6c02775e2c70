"""modelctl's own tables as a whole: how they stand, and bringing them to this version."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.db import migrate as schema
from modelctl.db.engine import Database


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
