"""Databases to measure on, with modelctl's tables, and modelctl's own way to bring them up to date."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from benchmarks.drivers import Driver, driver_for
from benchmarks.models import NOW, PROVIDER
from modelctl.catalog.load import Catalog
from modelctl.config import resolve_settings
from modelctl.core.planning.policy import Patterns
from modelctl.core.planning.report import SyncReport
from modelctl.core.runs import Author
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.db.lease import writing_alone
from modelctl.services.access import Job
from modelctl.services.sync import SyncOptions, run_jobs
from tests.databases import empty_database

_RUNS = itertools.count(1)
_FILLED = ("ai_models", "ai_model_state", "ai_model_prices", "ai_changes", "ai_sync_runs", "ai_holds")
TABLES = (*_FILLED, "ai_leases", "ai_providers")


@dataclass(slots=True)
class Store:
    """One database of its own, which both modelctl and its driver alone write."""

    kind: str
    url: str
    database: Database
    driver: Driver
    directory: Path

    def empty(self) -> None:
        """Tables without a row, as on the first day; both stay connected."""
        if self.kind == "sqlite":
            self.database.engine.dispose()
            self.driver.close()
            shutil.copyfile(self.directory / "empty.db", self.directory / "test.db")
            self.driver = driver_for(self.kind, self.url)
            return
        names = ", ".join(TABLES)
        with self.database.engine.begin() as connection:
            if self.kind == "postgresql":
                connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
                return
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
            for name in TABLES:
                connection.execute(text(f"TRUNCATE {name}"))
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 1"))

    def settle(self) -> None:
        """What a server does by itself sooner or later, done now, so that it does not fall into somebody's time."""
        if self.kind == "postgresql":
            self.database.look(lambda connection: connection.execute(text("VACUUM ANALYZE")))

    def sync(self, source: Catalog) -> SyncReport:
        """The step of `modelctl sync` from gathered records in memory to the commit, its lease included."""
        author = Author(run=f"bench-{next(_RUNS):08d}", actor="bench", command="sync", now=NOW)
        job = Job(provider=PROVIDER, patterns=Patterns(), stated=(source.snapshot,))
        settings = resolve_settings({}, {}, working_directory=self.directory)
        with writing_alone(self.database, author, wait_s=0) as fenced:
            report = run_jobs(fenced, [job], SyncOptions(), settings, author)
        [each] = report.providers
        if not each.is_written or each.error is not None:
            raise AssertionError(f"the sync did not write: {each.outcome} {each.error}")
        return report


@contextmanager
def store(kind: str, directory: Path) -> Iterator[Store]:
    """An empty database of that kind with modelctl's tables; gone afterwards."""
    with empty_database(kind, directory) as url:
        database = Database(url)
        schema.upgrade(database)
        database.engine.dispose()
        if kind == "sqlite":
            shutil.copyfile(directory / "test.db", directory / "empty.db")
        made = Store(kind=kind, url=url, database=database, driver=driver_for(kind, url), directory=directory)
        try:
            yield made
        finally:
            made.driver.close()
            database.close()
