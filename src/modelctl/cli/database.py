"""Opening the database that the settings name, for every command alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.errors import StoreError

if TYPE_CHECKING:
    from modelctl.store.engine import Database


@contextmanager
def database_of(context: Context) -> Iterator[Database]:
    """The database of the settings; connects when it is first used, and closes at the end."""
    from modelctl.store.engine import Database

    settings = context.settings
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
