"""Empty databases for tests: a SQLite file, and databases of their own on PostgreSQL and MariaDB servers."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of database server, and where tests find one."""

    kind: str
    variable: str
    default_url: str

    @property
    def url(self) -> str:
        """URL of the server with a database that exists, in which others may be created."""
        return _URLS[self.kind]


SERVERS = {
    "postgresql": Server(
        "postgresql", "MODELCTL_TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
    ),
    "mariadb": Server("mariadb", "MODELCTL_TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306/test"),
}

# Read once, at import: the isolation of each test removes the variables.
_URLS = {kind: os.environ.get(server.variable) or server.default_url for kind, server in SERVERS.items()}

KINDS = ("sqlite", *SERVERS)


@cache
def why_unreachable(kind: str) -> str:
    """Empty when the server of that kind answers, else what it said, in one line."""
    try:
        with _administration(kind).connect() as connection:
            connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, ImportError) as error:
        lines = str(error.__cause__ or error).splitlines()
        return lines[0] if lines else type(error).__name__
    return ""


@contextmanager
def empty_database(kind: str, directory: Path) -> Iterator[str]:
    """The URL of a new empty database; on a server it is dropped afterwards, open connections or not."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'test.db'}"
        return
    name = f"modelctl_test_{uuid.uuid4().hex[:16]}"
    administration = _administration(kind)
    with administration.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(SERVERS[kind].url).set(database=name).render_as_string(hide_password=False)
    finally:
        with administration.connect() as connection:
            _drop(connection.engine, name)


def _administration(kind: str) -> Engine:
    seconds = {"connect_timeout": 5}
    return create_engine(SERVERS[kind].url, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=seconds)


def _drop(engine: Engine, name: str) -> None:
    """Drop a database. A connection that a failed test left open would block it for ever, so it is ended first."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            return
        left = connection.execute(
            text("SELECT id FROM information_schema.processlist WHERE db = :name"), {"name": name}
        )
        for (process,) in left.all():
            try:
                connection.execute(text(f"KILL {int(process)}"))
            except SQLAlchemyError:
                continue  # it ended by itself in between
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
