"""A connection that breaks, a server that is not there, a file that is locked: one line each, with the right advice."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, make_url

from tests.conftest import Result, Run
from tests.databases import SERVERS
from tools.torture.proxy import Cut, Proxy, When

Sync = Callable[..., Result]
MODEL = "xai/grok-4.3"
OF_XAI = ("--source", "catalog", "--provider", "xai")
ON_SERVERS = pytest.mark.parametrize(
    "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS], indirect=True
)


def through(proxy: Proxy, url: str) -> str:
    """The same database behind the proxy."""
    return make_url(url).set(port=proxy.own_port).render_as_string(hide_password=False)


class Ending(Proxy):
    """A server that goes away for good where the wire is cut."""

    def _sever(self, client: socket.socket, server: socket.socket, request: bytes) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing it alone lets one more in
        super()._sever(client, server, request)


@ON_SERVERS
@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
def test_a_server_that_goes_away_while_it_is_read_is_one_line(
    database_url: str, when: When, sync: Sync, run: Run
) -> None:
    assert sync(database_url, *OF_XAI).code == 0
    port = int(make_url(database_url).port or 0)
    with Proxy(port) as proxy:
        assert run("list", "--database", through(proxy, database_url)).code == 0
        turns = proxy.turns
    with Ending(port) as proxy:
        proxy.set(Cut(turns - 3, when))
        result = run("list", "--database", through(proxy, database_url))
        assert proxy.was_cut
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result
    assert result.stderr.endswith("; check the address and the permissions\n"), result.stderr


READING = (
    ("list",),
    ("show", MODEL),
    ("history",),
    ("runs", "list"),
    ("cost", MODEL, "--input", "1000"),
    ("provider", "show", "xai"),
    ("enable", MODEL, "--dry-run"),
)


@ON_SERVERS
@pytest.mark.parametrize("command", READING, ids=lambda command: " ".join(command[:2]))
@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
def test_a_command_that_loses_its_connection_while_it_reads_reads_anew(
    database_url: str, command: tuple[str, ...], when: When, sync: Sync, run: Run
) -> None:
    """Cut once, at each of its last turns, which are of statements that read: the answer is the same all the same."""
    assert sync(database_url, *OF_XAI).code == 0
    port, cuts = int(make_url(database_url).port or 0), 0
    with Proxy(port) as proxy:
        sound = run(*command, "--database", through(proxy, database_url))
        turns = proxy.turns
    assert sound.code == 0, sound.stderr
    for turn in range(turns - 3, turns):
        with Proxy(port) as proxy:  # one for each, or the farewell to the last one would count
            proxy.set(Cut(turn, when))
            assert run(*command, "--database", through(proxy, database_url)) == sound, f"cut at turn {turn} of {turns}"
            cuts += proxy.was_cut
    assert cuts > 1, "it was not cut where it reads"


KILL = {
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
    "mysql": "KILL CONNECTION_ID()",
}


@ON_SERVERS
@pytest.mark.parametrize("table", ["ai_modelctl_version", "ai_providers", "ai_leases", "ai_models"])
def test_a_sync_that_loses_its_connection_while_it_reads_goes_on(
    database_url: str, table: str, sync: Sync, run: Run
) -> None:
    """The server ends the connection that is about to read the table, once."""
    assert sync(database_url, *OF_XAI).code == 0
    killed: list[str] = []

    def kill(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if not killed and statement.startswith("SELECT") and f"FROM {table}" in statement:
            killed.append(statement)
            with suppress(connection.dialect.loaded_dbapi.Error):
                cursor.execute(KILL[connection.dialect.name])

    event.listen(Engine, "before_cursor_execute", kill)
    try:
        result = run("sync", *OF_XAI, "--database", database_url)
    finally:
        event.remove(Engine, "before_cursor_execute", kill)
    assert killed, f"a sync does not read {table}"
    assert result.code == 0, result.stderr


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_has_an_address_to_check(driver: str, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    result = run("list", "--database", f"{driver}://me@127.0.0.1:{port}/x")
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result
    assert result.stderr.endswith("; check the address and the permissions\n"), result.stderr


@pytest.mark.slow
def test_a_sqlite_file_that_another_program_writes_is_waited_for(tmp_path: Path, sync: Sync, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    assert sync(url, *OF_XAI).code == 0
    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = run("list", "--database", f"{url}?timeout=0.1")
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result
    advice = "another program writes to the file: wait for it, then run the command again"
    assert result.stderr.endswith(f"database is locked; {advice}\n"), result.stderr
    assert run("list", "--database", url).code == 0
