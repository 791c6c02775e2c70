"""Empty databases for tests: a SQLite file, and databases of their own on PostgreSQL and MariaDB servers."""

from __future__ import annotations

import atexit
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError


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

    def url_of(self, database: str) -> str:
        """URL of another database of the server."""
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)


SERVERS = {
    "postgresql": Server(
        "postgresql", "MODELCTL_TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
    ),
    "mariadb": Server("mariadb", "MODELCTL_TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306/test"),
}

# Read once, at import: the isolation of each test removes the variables.
_URLS = {kind: os.environ.get(server.variable) or server.default_url for kind, server in SERVERS.items()}

KINDS = ("sqlite", *SERVERS)

_spare: list[str] = []
"""Databases on PostgreSQL that are empty again. To create one takes its server ten times as long as to empty one."""


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
    """The URL of an empty database with a new name; on a server it is gone afterwards, open connections or not."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'test.db'}"
        return
    name = f"modelctl_test_{uuid.uuid4().hex[:16]}"
    with _administration(kind).connect() as connection:
        _create(connection, name)
    try:
        yield SERVERS[kind].url_of(name)
    finally:
        with _administration(kind).connect() as connection:
            if kind == "postgresql" and _is_emptied(connection, name):
                _spare.append(name)
            else:
                _drop(connection, name)


@atexit.register
def drop_spare_databases() -> None:
    """Leave nothing behind on the servers, no connection either."""
    while _spare:
        with _administration("postgresql").connect() as connection:
            _drop(connection, _spare.pop())
    for kind in SERVERS:
        _administration(kind).dispose()


@cache
def _administration(kind: str) -> Engine:
    seconds = {"connect_timeout": 5}
    url = SERVERS[kind].url
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=seconds)


def _create(connection: Connection, name: str) -> None:
    if connection.dialect.name == "postgresql" and _spare:
        connection.execute(text(f"ALTER DATABASE {_spare.pop()} RENAME TO {name}"))
    else:
        connection.execute(text(f"CREATE DATABASE {name}"))


_EMPTY_SCHEMAS = """
DO $$ DECLARE schema name; BEGIN
  FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', schema);
  END LOOP;
  CREATE SCHEMA public AUTHORIZATION pg_database_owner;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$
"""
_IS_AS_CREATED = """
SELECT datacl IS NULL
  AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
  AND NOT EXISTS (SELECT FROM pg_default_acl) AND NOT EXISTS (SELECT FROM pg_event_trigger)
  AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)
  AND (SELECT count(*) FROM pg_extension) = 1
FROM pg_database WHERE datname = current_database()
"""


def _is_emptied(connection: Connection, name: str) -> bool:
    """Whether a database on PostgreSQL is as a new one again: its schemas are made anew, and nothing else was done."""
    if (connection.dialect.server_version_info or ()) < (15,):  # whose schema `public` has other rights
        return False
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"
    connection.execute(text(ended), {"name": name})
    inside = create_engine(SERVERS["postgresql"].url_of(name), isolation_level="AUTOCOMMIT")
    try:
        with inside.connect() as here:
            here.execute(text(_EMPTY_SCHEMAS))
            return bool(here.execute(text(_IS_AS_CREATED)).scalar())
    finally:
        inside.dispose()


def _drop(connection: Connection, name: str) -> None:
    """Drop a database. A connection that a failed test left open would block it for ever, so it is ended first."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        return
    left = connection.execute(text("SELECT id FROM information_schema.processlist WHERE db = :name"), {"name": name})
    for (process,) in left.all():
        try:
            connection.execute(text(f"KILL {int(process)}"))
        except SQLAlchemyError:
            continue  # it ended by itself in between
    connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
