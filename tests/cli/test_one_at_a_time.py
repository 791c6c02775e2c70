"""Two syncs of one database come one after the other, and a run that ends, however it ends, blocks nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cli.conftest import Query
from tests.conftest import NOW, Result
from tests.loopback.behaviours import gated, slow
from tests.loopback.server import ProviderServer

Sync = Callable[..., Result]
PROVIDER = "cohere"
"""Its module loads no SDK, which takes longer than the rest of a sync."""
CATALOG = ("--source", "catalog", "--provider", PROVIDER)
LEASES = "SELECT COUNT(*) FROM ai_leases"


def started(url: str, *argv: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A sync in a process of its own."""
    command = [sys.executable, "-m", "modelctl", "sync", "--database", url, "--provider", PROVIDER, *argv]
    return subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def until(condition: Callable[[], Any]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.05)


def occupy(query: Query, url: str) -> None:
    """Another run, which lives as long as the test."""
    query(
        url,
        "INSERT INTO ai_leases (name, run, actor, command, acquired_at, beat_at, beat)"
        " VALUES ('write', 'r-1', 'ops', 'sync', :now, :now, 1)",
        now=NOW.replace(tzinfo=None).isoformat(" ") + ".000000",
    )


def test_who_may_not_wait_is_told_who_writes_and_since_when(database_url: str, sync: Sync, query: Query) -> None:
    assert sync(database_url, *CATALOG).code == 0
    before = query(database_url, "SELECT COUNT(*) FROM ai_sync_runs")
    occupy(query, database_url)
    result = sync(database_url, *CATALOG, env={"MODELCTL_LOCK_WAIT_S": "0"})
    assert result.code == 6
    assert "error: sync of ops (run r-1) has been writing to " in result.stderr
    assert "since 12:00:00 UTC; wait for it, or raise lock_wait_s" in result.stderr
    assert result.stdout == ""
    assert query(database_url, "SELECT COUNT(*) FROM ai_sync_runs") == before


def test_who_waits_says_so_once(sqlite_url: str, sync: Sync, query: Query) -> None:
    sync(sqlite_url, *CATALOG)
    occupy(query, sqlite_url)
    result = sync(sqlite_url, *CATALOG, env={"MODELCTL_LOCK_WAIT_S": "0.7"})
    assert result.code == 6
    assert result.stderr.count("waiting for the sync of ops, begun 12:00:00 UTC\n") == 1


def test_a_dry_run_waits_for_nobody(sqlite_url: str, sync: Sync, query: Query) -> None:
    sync(sqlite_url, *CATALOG)
    occupy(query, sqlite_url)
    result = sync(sqlite_url, *CATALOG, "--dry-run", env={"MODELCTL_LOCK_WAIT_S": "0"})
    assert (result.code, "waiting" in result.stderr) == (0, False)
    assert query(sqlite_url, LEASES) == [(1,)]


def test_the_second_waits_and_then_runs(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    answer = threading.Event()
    provider_server.fail(PROVIDER, gated(answer))
    sync(sqlite_url, *CATALOG)
    first = started(sqlite_url, env=provider_server.env(PROVIDER))
    until(lambda: provider_server.asked(PROVIDER))
    second = started(sqlite_url, "--source", "catalog", env={})
    assert second.stderr is not None
    assert b"waiting for the sync of " in second.stderr.readline()
    answer.set()
    for process in (first, second):
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert query(sqlite_url, LEASES) == [(0,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_leaves_no_lock_and_nothing_written(
    number: signal.Signals, sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    sync(sqlite_url, *CATALOG)
    runs = query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs")
    provider_server.fail(PROVIDER, slow(60))
    fetching = started(sqlite_url, env=provider_server.env(PROVIDER))
    until(lambda: query(sqlite_url, LEASES) == [(1,)] and provider_server.asked(PROVIDER))
    waiting = started(sqlite_url, env={})
    assert waiting.stderr is not None
    assert b"waiting for" in waiting.stderr.readline()
    for process, leases_after in ((waiting, 1), (fetching, 0)):
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
        assert (process.returncode, b"Traceback" in told) == (130, False), told
        assert query(sqlite_url, LEASES) == [(leases_after,)]
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs") == runs


def test_a_killed_run_blocks_nobody_for_long(
    database_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    sync(database_url, *CATALOG)
    provider_server.fail(PROVIDER, slow(60))
    killed = started(database_url, env=provider_server.env(PROVIDER))
    until(lambda: provider_server.asked(PROVIDER))
    killed.kill()
    killed.communicate(timeout=30)
    assert query(database_url, LEASES) == [(1,)]
    query(database_url, "UPDATE ai_leases SET beat_at = '2026-01-01 00:00:00.000000'")  # a minute later
    result = sync(database_url, *CATALOG, env={"MODELCTL_LOCK_WAIT_S": "0"})
    assert result.code == 0, result.stderr
    assert query(database_url, LEASES) == [(0,)]


def test_a_run_that_lost_its_lease_meanwhile_writes_nothing(
    database_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    sync(database_url, *CATALOG)
    written = query(database_url, "SELECT COUNT(*) FROM ai_sync_runs")
    answer = threading.Event()
    provider_server.fail(PROVIDER, gated(answer))
    late = started(database_url, env=provider_server.env(PROVIDER))
    until(lambda: provider_server.asked(PROVIDER))
    query(database_url, "UPDATE ai_leases SET run = 'thief'")
    answer.set()
    _, told = late.communicate(timeout=60)
    assert (late.returncode, b"another took the lock" in told) == (6, True), told
    assert query(database_url, "SELECT COUNT(*) FROM ai_sync_runs") == written
    assert query(database_url, "SELECT run FROM ai_leases") == [("thief",)]
