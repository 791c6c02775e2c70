"""One cluster for all scenarios, whole again before each; a database of its own for each."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result, _isolated
from tools.cluster.galera import Cluster, Node, started, why_impossible
from tools.cluster.tables import UP_TO_DATE
from tools.cluster.wire import Gate, Wire
from tools.signals import is_stopping, stop_when_asked
from tools.torture import sources
from tools.torture.truth import Truth, truth_in

__all__ = ["_isolated"]  # for every scenario, as for every test

TALLY: Counter[str] = Counter()
"""What was done and counted in all scenarios, told at the end."""
ENDS_S = pytest.StashKey[float]()
"""When the time is up, by the monotonic clock."""
_COUNTED = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
PATIENCE_S = 120.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and from which seed, where chance has a part."""
    parser.addoption("--seconds", type=float, default=600, help="after which no scenario and no history begins")
    parser.addoption("--seed", type=int, default=0, help="of the first history")


def pytest_sessionstart(session: pytest.Session) -> None:
    """The servers are to end with the run, however it ends."""
    stop_when_asked()
    session.config.stash[ENDS_S] = time.monotonic() + session.config.getoption("--seconds")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A scenario that cannot begin in time is told as not tried; one always is."""
    if TALLY["scenarios"] and time.monotonic() > item.config.stash[ENDS_S]:
        TALLY["scenarios NOT TRIED: the time was up"] += 1
        pytest.skip("the time is up: give it more with SECONDS=")
    TALLY["scenarios"] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the scenarios have counted."""
    told = ", ".join(f"{count} {name}" for name, count in sorted(TALLY.items()))
    terminalreporter.write_line(f"counted: {told}")


@pytest.fixture(scope="session")
def _running() -> Iterator[Cluster]:
    if reason := why_impossible():
        pytest.fail(reason, pytrace=False)
    with started() as cluster:
        yield cluster


@pytest.fixture
def cluster(_running: Cluster) -> Iterator[Cluster]:
    """Three nodes, all synced; what a scenario killed or set is mended after it."""
    _running.heal()
    before = _counts(_running)
    yield _running
    if is_stopping():
        return
    _running.heal()
    for key, count in _counts(_running).items():
        TALLY[key[1]] += count - before.get(key, 0)


def _counts(cluster: Cluster) -> Counter[tuple[int, str]]:
    """Certification failures, by process: a node that was started anew counts from 0."""
    found: Counter[tuple[int, str]] = Counter()
    for node in cluster.nodes:
        assert node.process is not None
        for name in _COUNTED:
            found[node.process.pid, name] = int(node.status(name))
    return found


@dataclass(slots=True)
class Site:
    """A database on the cluster, sources, and the command."""

    cluster: Cluster
    truth: Truth
    directory: Path
    database: str = field(default_factory=lambda: f"modelctl_{uuid.uuid4().hex[:12]}")
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def url(self, node: int) -> str:
        """Of the database on one node."""
        return self.cluster.nodes[node].url(self.database)

    def start(self, target: int | str, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A command under way, through a node or a URL. An empty variable is left out."""
        url = self.url(target) if isinstance(target, int) else target
        TALLY[f"commands of {argv[0]}"] += 1
        given = {**os.environ, **self.truth.env(url), **(env or {})}
        process = subprocess.Popen(
            [sys.executable, "-m", "modelctl", *argv],
            env={name: value for name, value in given.items() if value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
        )
        self.started.append(process)
        return process

    def start_up_to(self, statement: str, wire: Wire, *argv: str, nth: int = 1) -> tuple[Gate, subprocess.Popen[bytes]]:
        """A command through the wire that has come to the n-th statement that begins like this, and stands there."""
        gate = wire.gate(statement, nth=nth)
        process = self.start(wire.url(self.database), *argv)
        gate.arrived()
        return gate, process

    def run(self, target: int | str, *argv: str, env: Mapping[str, str] | None = None) -> Result:
        """A command, to its end."""
        return ended(self.start(target, *argv, env=env))

    def sql(self, node: int, statement: str) -> list[tuple[Any, ...]]:
        """A person's statement through a node, or a question of the test."""
        return self.cluster.nodes[node].sql(statement, database=self.database)

    def seen(self, node: int, statement: str) -> list[tuple[Any, ...]]:
        """What a node answers when it has caught up with the others."""
        return self.cluster.nodes[node].sql(statement, database=self.database, is_up_to_date=True)

    def checks_url(self, node: int) -> str:
        """The same node for a test's own look."""
        return self.url(node) + UP_TO_DATE


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    """An empty database, which is on every node."""
    with truth_in(tmp_path) as truth:
        made = Site(cluster, truth, tmp_path)
        cluster.nodes[0].sql(f"CREATE DATABASE {made.database}")
        yield made
        for process in made.started:
            process.kill()
            process.communicate()
        if is_stopping():
            return
        cluster.heal()
        cluster.nodes[0].sql(f"DROP DATABASE {made.database}")


@pytest.fixture
def wire(site: Site) -> Iterator[Wire]:
    """Before node 0."""
    with Wire(site.cluster.nodes[0].port) as made:
        yield made


def sync_of(*providers: str) -> tuple[str, ...]:
    """The command that syncs these."""
    return ("sync", "--force", *(part for name in providers for part in ("--provider", name)))


def moved_on(site: Site, draw: random.Random, *providers: str) -> Site:
    """These providers in sync, and then their catalogs moved: every row of theirs is to be written."""
    sources.first_models(site.truth, draw)
    assert site.run(0, *sync_of(*providers), "--migrate").code == 0
    for (provider, _), entry in site.truth.catalog.items():
        if provider in providers:
            entry.context_window += 1
    site.truth.publish()
    return site


def ended(process: subprocess.Popen[bytes]) -> Result:
    """How a command ended. None of them may take long, print a traceback, or tell an error in several lines."""
    out, err = process.communicate(timeout=PATIENCE_S)
    result = Result(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in result.stderr, result.stderr
    return result


def error_of(result: Result) -> str:
    """The one line that tells the error."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def synced(nodes: list[Node]) -> None:
    """Every node has what the others have committed until now."""
    for node in nodes:
        node.sql("SELECT 1 FROM information_schema.schemata LIMIT 1", is_up_to_date=True)
