"""Database servers of one's own: with a data directory, a port and a password of theirs, to be killed and filled up."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tools.programs import missing, program
from tools.signals import undisturbed

START_S = 90
USERS = {"postgresql": "postgres", "mariadb": "mysql"}
"""Who runs a server where the tests run as root."""
PROGRAMS = {"postgresql": ("initdb", "postgres"), "mariadb": ("mariadb-install-db", "mariadbd")}


def why_missing(kind: str) -> str:
    """Empty where a server of this kind can be started here."""
    names = missing(PROGRAMS[kind])
    return f"{', '.join(names)} not installed" if names else ""


@dataclass(slots=True)
class OwnServer:
    """One server. `directory` is its own; `password` is that of its only user, `tester`."""

    kind: str
    directory: Path
    password: str
    port: int = field(default_factory=lambda: _free_port())
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "test", *, port: int | None = None) -> str:
        """The URL of a database in it; `port` of a proxy before it."""
        driver = "postgresql+psycopg" if self.kind == "postgresql" else "mysql+pymysql"
        return f"{driver}://tester:{self.password}@127.0.0.1:{port or self.port}/{database}"

    @property
    def data(self) -> Path:
        """Where its tables are."""
        return self.directory / "data"

    @property
    def first(self) -> Path:
        """What a MariaDB executes at its first start."""
        return self.directory / "first.sql"

    def start(self) -> None:
        """Start it, and wait until it lets somebody in."""
        log = (self.directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            self._command(), stdout=log, stderr=log, start_new_session=True, user=_user(self.kind), cwd=self.directory
        )
        log.close()
        self.wait()
        self.first.unlink(missing_ok=True)

    def wait(self) -> None:
        """Until it answers."""
        ends = time.monotonic() + START_S
        while (problem := self._problem()) is not None:
            assert self.process is not None
            assert self.process.poll() is None and time.monotonic() < ends, f"{problem}\n{self.log()[-3000:]}"
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as when the machine is switched off."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def revive(self) -> bool:
        """Start it if it has stopped by itself; whether it had."""
        if self.process is None or self.process.poll() is None:
            return False
        self.start()
        return True

    def log(self) -> str:
        """What it has written itself."""
        return (self.directory / "server.log").read_text(encoding="utf-8", errors="replace")

    def execute(self, statement: str, database: str | None = None) -> None:
        """One statement of an administrator, outside of a transaction."""
        url = self.url(database or ("postgres" if self.kind == "postgresql" else "mysql"))
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _problem(self) -> str | None:
        try:
            self.execute("SELECT 1")
        except SQLAlchemyError as error:
            return str(error)
        return None

    def _command(self) -> list[str]:
        if self.kind == "postgresql":
            options = {
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
                "fsync": "off",
                "max_wal_size": "32MB",
                "shared_buffers": "16MB",
            }
            given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
            return [program("postgres"), "-D", str(self.data), "-p", str(self.port), *given]
        return [
            *(program("mariadbd"), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}"),
            *(f"--socket={self.directory}/server.sock", "--bind-address=127.0.0.1", "--skip-log-bin"),
            *("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=1"),
            *("--skip-name-resolve", f"--pid-file={self.directory}/server.pid", "--max-connections=200"),
            *([f"--init-file={self.first}"] if self.first.exists() else []),
        ]


@contextmanager
def own_server(kind: str, directory: Path, password: str) -> Iterator[OwnServer]:
    """A running server in an empty directory, with an empty database `test`; killed in the end."""
    server = OwnServer(kind, directory, password)
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == os.geteuid() and parent.stat().st_mode & 0o055 != 0o055 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)  # pytest's directories are their owner's alone
    server.data.mkdir(exist_ok=True)
    if (user := _user(kind)) is not None:
        shutil.chown(directory, user)
        shutil.chown(server.data, user)
    (_make_postgresql if kind == "postgresql" else _make_mariadb)(server)
    try:
        server.start()
        server.execute("CREATE DATABASE test")
        yield server
    finally:
        with undisturbed():
            server.kill()


def _make_postgresql(server: OwnServer) -> None:
    secret = server.directory / "password"
    secret.write_text(server.password, encoding="utf-8")
    _run(
        *(program("initdb"), "-D", str(server.data), "-U", "tester", "-A", "scram-sha-256", "-E", "UTF8"),
        *("--no-sync", "--wal-segsize=1", "-X", str(server.directory / "wal"), f"--pwfile={secret}", "--locale=C"),
        kind=server.kind,
    )
    secret.unlink()


def _make_mariadb(server: OwnServer) -> None:
    """Its user comes with the first start, from a file: no password stands in an argument."""
    user = _user(server.kind)
    _run(
        *(program("mariadb-install-db"), "--no-defaults", f"--datadir={server.data}", "--skip-test-db"),
        *("--auth-root-authentication-method=normal", "--innodb-log-file-size=8M", "--skip-name-resolve"),
        *([f"--user={user}"] if user else []),
    )
    server.first.write_text(
        f"CREATE USER tester@'%' IDENTIFIED BY '{server.password}';\nGRANT ALL ON *.* TO tester@'%';\n",
        encoding="utf-8",
    )


def _run(*command: str, kind: str | None = None) -> None:
    done = subprocess.run(command, capture_output=True, user=_user(kind) if kind else None, cwd="/", check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-3000:]


def _user(kind: str) -> str | None:
    return USERS[kind] if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
