"""A connection that breaks, a server that is not there, a file that is locked: one line each, with the right advice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import Result, Run
from tests.databases import SERVERS
from tests.torture.proxy import Cut, Proxy, When

Sync = Callable[..., Result]
OF_XAI = ("--source", "catalog", "--provider", "xai")
ON_SERVERS = pytest.mark.parametrize(
    "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS], indirect=True
)


def through(proxy: Proxy, url: str) -> str:
    """The same database behind the proxy."""
    return make_url(url).set(port=proxy.own_port).render_as_string(hide_password=False)


@ON_SERVERS
@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
def test_a_connection_lost_while_reading_is_one_line(database_url: str, when: When, sync: Sync, run: Run) -> None:
    """Cut at the last turns of `list`, which are statements: the first ones are the greeting."""
    assert sync(database_url, *OF_XAI).code == 0
    with Proxy(int(make_url(database_url).port or 0)) as proxy:
        url = through(proxy, database_url)
        assert run("list", "--database", url).code == 0
        turns = proxy.turns
        told: list[Result] = []
        for turn in range(max(1, turns - 4), turns + 1):
            proxy.set(Cut(turn, when))
            result = run("list", "--database", url)
            if result.code != 0:  # what is cut at the farewell has been read
                told.append(result)
    assert told, "nothing was cut"
    for result in told:
        assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result
        assert result.stderr.endswith("; the connection was lost: run the command again\n"), result.stderr


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_has_an_address_to_check(driver: str, run: Run) -> None:
    with Proxy(1) as proxy:
        port = proxy.own_port
    result = run("list", "--database", f"{driver}://me@127.0.0.1:{port}/x")
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result
    assert result.stderr.endswith("; check the address and the permissions\n"), result.stderr


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
