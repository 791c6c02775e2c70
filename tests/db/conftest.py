"""The store on every kind of database, its tables made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.db.engine import Database
from tests.conftest import database_of_kind, make_tables
from tests.databases import SERVERS


@pytest.fixture
def bare(database_url: str) -> Iterator[Database]:
    """An empty database of each kind in turn."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def database(bare: Database, database_url: str) -> Database:
    """A database of each kind in turn, with modelctl's tables."""
    make_tables(database_url)
    return bare


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """A SQLite file with modelctl's tables."""
    make_tables(sqlite_url)
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database on each kind of server in turn."""
    yield from _empty(request.param, tmp_path)


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Database]:
    """An empty database on PostgreSQL."""
    yield from _empty("postgresql", tmp_path)


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Database]:
    """An empty database on MariaDB."""
    yield from _empty("mariadb", tmp_path)


def _empty(kind: str, directory: Path) -> Iterator[Database]:
    with database_of_kind(kind, directory) as url:
        database = Database(url)
        yield database
        database.close()
