"""The command in a process of its own, which can be killed at any statement that it sends to the database.

The processes are forked from a server that has everything imported, so that one costs little. The shipped catalogs are
left out: to read them again and again would take most of the time, and the histories have their own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
KILLED = -signal.SIGKILL
PRELOADED = ("tests.torture.preloaded",)


@dataclass(frozen=True, slots=True)
class Kill:
    """When a process dies: at a statement, before or after the database answered it."""

    statement: int
    is_before: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a process."""

    code: int
    output: str
    statements: int


class Running:
    """One `modelctl` under way."""

    def __init__(
        self,
        directory: Path,
        argv: Sequence[str],
        env: Mapping[str, str],
        now: datetime,
        kill: Kill | None = None,
    ) -> None:
        context: Any = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        self._output = directory / f"{os.urandom(6).hex()}.out"
        self.process = context.Process(target=_run, args=(str(self._output), tuple(argv), dict(env), now, kill))
        self.process.start()

    def kill(self) -> None:
        """SIGKILL, from outside; one that has ended by itself is left alone."""
        self.process.kill()

    def ended(self) -> Ended:
        """Wait for the end."""
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None, "a sync did not end within a minute"
        counted = self._output.with_suffix(".count")
        statements = len(counted.read_bytes()) if counted.exists() else 0
        output = self._output.read_text(encoding="utf-8", errors="replace") if self._output.exists() else ""
        for path in (self._output, counted):
            path.unlink(missing_ok=True)
        code = self.process.exitcode
        self.process.close()
        return Ended(code, output, statements)


def _run(output: str, argv: tuple[str, ...], env: dict[str, str], now: datetime, kill: Kill | None) -> None:
    """In the child: nothing of the caller's environment, output into a file, the statements counted."""
    from modelctl.catalog import load
    from modelctl.cli.main import main

    shipped = Path(output).parent / "shipped"
    load.shipped_directory = lambda: shipped
    os.environ.clear()
    os.environ.update(env)
    file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.chdir(Path(output).parent)
    _count_statements(str(Path(output).with_suffix(".count")), kill)
    code = main(argv, now=now)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _count_statements(path: str, kill: Kill | None) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    count = 0

    def dies(*, before: bool) -> bool:
        return kill is not None and kill.is_before is before and kill.statement == count

    def begin(*_: Any) -> None:
        nonlocal count
        count += 1
        os.write(file, b".")
        if dies(before=True):
            os.kill(os.getpid(), signal.SIGKILL)

    def end(*_: Any) -> None:
        if dies(before=False):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    event.listen(Engine, "commit", begin)  # called before the commit is sent
