"""What every test gets: an isolated environment, the command in process, and databases of three kinds."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Dialect, create_engine, event, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from tests.databases import KINDS, SERVERS, empty_database, why_unreachable

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""The instant at which every test runs unless it says otherwise."""

IN_CI = bool(os.environ.get("CI"))

_QUICK: dict[str, Any] = {"deadline": None, "max_examples": 30, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", derandomize=IN_CI, **_QUICK)
settings.register_profile("many", deadline=None, max_examples=1000, suppress_health_check=list(HealthCheck))
if settings.get_current_profile_name() in ("default", "ci"):  # Hypothesis's own
    settings.load_profile("quick")  # `make laws` tries the other one

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # `make test &`: what a test starts must be interruptible
    signal.signal(signal.SIGINT, signal.default_int_handler)

_REMOVED_PREFIXES = ("MODELCTL_", "XDG_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "REPLICATE_", "GITHUB_")
_REMOVED_SUFFIXES = ("_API_KEY", "_API_TOKEN", "_AUTH_TOKEN", "_BASE_URL", "_PROXY")
_REMOVED = {"DATABASE_URL", "CI", "FORCE_COLOR", "CLICOLOR_FORCE", "LINES", "HF_TOKEN"}

_NOT_TESTED = "database not tested: "


@dataclass(frozen=True, slots=True)
class Result:
    """What one command did."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary home and working directory; no keys, no settings, no colour, no network but loopback."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(_REMOVED_PREFIXES) or upper.endswith(_REMOVED_SUFFIXES) or upper in _REMOVED:
            monkeypatch.delenv(name)
    monkeypatch.setenv(
        "MODELCTL_CLOCK_SKEW_S", "36500d"
    )  # the clock of a test stands at NOW, that of a server does not
    home = tmp_path / "home"
    home.mkdir()
    for variable, value in {"HOME": str(home), "USERPROFILE": str(home), "COLUMNS": "100", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(variable, value)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(socket.socket, "connect", _only_loopback(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", _only_loopback(socket.socket.connect_ex))


def _only_loopback(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else "localhost"  # a Unix socket's address is a path
        if host not in {"::1", "localhost"} and not str(host).startswith("127."):
            self.close()
            raise AssertionError(f"a test tried to reach {host}: tests talk to loopback only")
        return connect(self, address)

    return guarded


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process: `run("list", "--format", "json", env={...}, stdin="...", now=...)`.

    `typed`: what a person answers at a terminal, which then gets the talk.
    """

    def run_here(
        *argv: str,
        stdin: str = "",
        typed: str | None = None,
        env: Mapping[str, str] | None = None,
        now: datetime | None = NOW,
    ) -> Result:
        from modelctl.cli.main import main

        kind = io.TextIOWrapper if typed is None else _Terminal
        source = kind(io.BytesIO((stdin if typed is None else typed).encode()), encoding="utf-8")
        written, told = io.BytesIO(), io.BytesIO()
        out = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
        err = kind(told, encoding="utf-8", write_through=True)
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", source)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(argv, now=now)
        return Result(code, written.getvalue().decode(), told.getvalue().decode())

    return run_here


@pytest.fixture
def run_process() -> Run:
    """The command as a process of its own: `run_process("sync", env={...})`. Slower; for signals, pipes and imports."""

    def run_there(*argv: str, stdin: str = "", env: Mapping[str, str] | None = None, timeout_s: float = 60) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "modelctl", *argv],
            input=stdin.encode(),
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run_there


@pytest.fixture(
    params=[pytest.param(kind, marks=pytest.mark.server if kind in SERVERS else ()) for kind in KINDS],
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind in turn, gone after the test."""
    with database_of_kind(request.param, tmp_path) as url:
        yield url


class _CompiledOnce(dict[Any, Any]):
    """Compiled statements by kind of database. SQLAlchemy keeps them by engine, and each command makes a new one."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_by_kind(*key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= 2_000:  # tables that a test made, and texts
            self.clear()
        super().__setitem__(_by_kind(*key), compiled)


_OF_A_KIND = ("driver", "server_version_info", "is_mariadb", "_json_serializer", "_json_deserializer")


def _by_kind(dialect: Dialect, *statement: Any) -> tuple[Any, ...]:
    return (type(dialect), *(getattr(dialect, name, None) for name in _OF_A_KIND), *statement)


_compiled = _CompiledOnce()


@event.listens_for(Engine, "engine_connect")
def _compile_once(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)


_sent: dict[str, list[tuple[str, Any]]] = {}
"""What `db upgrade` sends to an empty database of each kind, but for what it asks."""


def make_tables(url: str) -> None:
    """modelctl's tables in an empty database, by `db upgrade`; later ones by what that sent the first time.

    Alembic takes 50 ms for what is always the same.
    """
    from modelctl.db import migrate
    from modelctl.db.engine import Database

    kind = make_url(url).get_backend_name()
    if kind in _sent:
        with closing(create_engine(url, poolclass=NullPool).raw_connection()) as connection:
            cursor = connection.cursor()
            for statement, parameters in _sent[kind]:
                cursor.execute(statement, parameters)
            connection.commit()
        return
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.split()[0] in {"CREATE", "ALTER", "DROP", "PRAGMA", "COMMENT", "INSERT", "UPDATE", "DELETE"}:
            sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    with closing(Database(url)) as database:
        migrate.upgrade(database)
    event.remove(Engine, "before_cursor_execute", keep)
    _sent[kind] = sent


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty SQLite file, where the kind of database does not matter."""
    with empty_database("sqlite", tmp_path) as url:
        yield url


@pytest.fixture
def synced_file(run: Run, sqlite_url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`synced_file("--provider", "openai")`: a SQLite file after that sync, which is run once and its file copied."""

    def synced(*argv: str) -> str:
        path = Path(make_url(sqlite_url).database or "")
        if argv in _synced:
            shutil.copy(_synced[argv], path)
        else:
            result = run("sync", *argv, "--database", sqlite_url)
            assert result.code == 0, result.stdout + result.stderr
            _synced[argv] = Path(shutil.copy(path, tmp_path_factory.mktemp("synced")))
        return sqlite_url

    return synced


_synced: dict[tuple[str, ...], Path] = {}


def database_of_kind(kind: str, directory: Path) -> Any:
    """A context manager with the URL of an empty database. Skips without the server, but in CI it fails."""
    if kind in SERVERS and (reason := why_unreachable(kind)):
        variable = SERVERS[kind].variable
        message = f"{_NOT_TESTED}{kind} (no server answers; set {variable}): {reason}"
        if IN_CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return empty_database(kind, directory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process waits for another at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What has been imported and collected lives to the end: the collector of garbage need not look at it again.

    It looks at the rest less often, too, which saves an eighth of the time of tests that use a database.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line that says which databases were not tested, so that a green run is not taken for more than it is."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    missing = [kind for kind in SERVERS if any(f"{_NOT_TESTED}{kind}" in reason for reason in reasons)]
    if missing:
        hints = ", ".join(f"{kind} (set {SERVERS[kind].variable})" for kind in missing)
        terminalreporter.write_line(f"NOT TESTED on: {hints}", yellow=True)
