"""Opening the database that the settings name, for every command alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from modelctl.core.run import Author
    from modelctl.store.engine import Database
    from modelctl.store.lease import Holder


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


@contextmanager
def database_if_any(context: Context) -> Iterator[Database | None]:
    """The same for a command that can do without: None where no database is set, or nothing was ever written."""
    from modelctl.store.schema import is_readable

    if context.settings.database_url is None:
        yield None
        return
    with database_of(context) as database:
        yield database if is_readable(database) else None


@contextmanager
def writing_alone(
    context: Context, database: Database, author: Author, *, is_needed: bool = True
) -> Iterator[Database]:
    """The right to write: the database, every write of which makes sure of it first. Waits as the settings say.

    Not `is_needed`: a run that only shows waits for nobody. LockHeld where another run writes for too long.
    """
    if not is_needed:
        yield database
        return
    from modelctl.store.lease import held

    def tell(holder: Holder) -> None:
        context.say(f"waiting for the {holder.command} of {holder.actor}, begun {holder.since}")

    with held(database, author, wait_s=context.settings.lock_wait_s, on_wait=tell) as lease:
        yield database.fenced(lease.require)
