"""Opening the database that the settings name, for every command alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.store.engine import Database


@contextmanager
def database_of(context: Context) -> Iterator[Database]:
    """The database of the settings; connects when it is first used, and closes at the end.

    UsageError where no database is set and there is no home for the default one.
    """
    from modelctl.store.engine import Database

    settings = context.settings
    if settings.database_url is None:
        raise UsageError("there is no home directory for the default database", "set HOME, DATABASE_URL or --database")
    database = Database(settings.database_url, prefix=settings.table_prefix, schema=settings.schema)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def readable_database(context: Context) -> Iterator[Database]:
    """The same for a command that only reads: StoreError where nothing was ever written."""
    from modelctl.store.schema import is_readable

    with database_of(context) as database:
        if not is_readable(database):
            raise StoreError(f"{database.label} has no models yet", "run `modelctl sync` to fill it")
        yield database
