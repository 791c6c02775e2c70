"""The command in a process of its own, which can be struck at any statement that it sends to the database.

The processes are forked from a server that has everything imported, so that one costs little. The shipped catalogs are
left out: to read them again and again would take most of the time, and the histories have their own.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

PATIENCE_S = 150.0
"""More than the deadline of a listing and the wait for the lock, which a run may use up on a busy machine."""
LOOKS = 3
"""So often a process is given that time while it works, or would if the machine let it."""
WORKED_S = 1.0
"""More than a heartbeat and a look at the lock cost."""
STACKS_S = 3.0
KILLED = -signal.SIGKILL
INTERRUPTED = 130
ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM)
PRELOADED = "tools.torture.preloaded"
_SENT, _STRUCK = b".", b"!"


@dataclass(frozen=True, slots=True)
class Blow:
    """A signal that a process gets at one of its statements, before or after the database answered it.

    Or its clock steps there: by `step_s`, and no signal comes.
    """

    statement: int
    is_before: bool = True
    number: signal.Signals = signal.SIGKILL
    step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a process."""

    argv: tuple[str, ...]
    code: int
    output: str
    statements: int
    was_struck: bool
    """It reached the statement at which it was to be struck."""


class Running:
    """One `modelctl` under way."""

    def __init__(
        self,
        directory: Path,
        argv: Sequence[str],
        env: Mapping[str, str],
        now: datetime,
        blow: Blow | None = None,
    ) -> None:
        self._argv = tuple(argv)
        self._output = directory / f"{os.urandom(6).hex()}.out"
        arguments = (str(self._output), self._argv, dict(env), now, blow)
        self.process = _context().Process(target=_run, args=arguments)
        self.process.start()

    def send(self, number: signal.Signals) -> None:
        """A signal from outside, once the command is under way: what comes before strikes the server that forks it.

        A process that has ended by itself is left alone.
        """
        while self.process.exitcode is None and not self._output.exists():
            time.sleep(0.001)
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)

    def ended(self) -> Ended:
        """Wait for the end. One that does not come is an error that shows where every thread stood."""
        hangs = self._hangs()
        if hangs:
            self.send(signal.SIGUSR1)
            self.process.join(STACKS_S)
            self.process.kill()
            self.process.join()
        counted = self._output.with_suffix(".count")
        marks = counted.read_bytes() if counted.exists() else b""
        output = self._output.read_text(encoding="utf-8", errors="replace") if self._output.exists() else ""
        for path in (self._output, counted):
            path.unlink(missing_ok=True)
        assert not hangs, f"{' '.join(self._argv)} hangs ({hangs}):\n{output}"
        code = self.process.exitcode
        self.process.close()
        return Ended(self._argv, code, output, marks.count(_SENT), _STRUCK in marks)

    def _hangs(self) -> str:
        """Why this is called a hang: empty when the process ends. A busy machine is no hang, if it is not for ever."""
        used_s = 0.0
        for _ in range(LOOKS):
            self.process.join(PATIENCE_S)
            if self.process.exitcode is not None:
                return ""
            state, now_s = _progress_of(self.process.pid)
            if state not in ("R", "D") and now_s - used_s < WORKED_S:
                break
            used_s = now_s
        return f"state {state}, {now_s:.1f} s of a processor used"


def _context() -> Any:
    """Its server runs. It looks for what it is to import where it is started, and says nothing if that is not there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    with contextlib.chdir(Path(__file__).parents[2]):
        forkserver.ensure_running()
    return context


def _progress_of(pid: int) -> tuple[str, float]:
    """Its state (R: it runs or would, D: it waits for a disk, S: for a lock or a socket), and its seconds so far."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run(output: str, argv: tuple[str, ...], env: dict[str, str], now: datetime, blow: Blow | None) -> None:
    """In the child: nothing of the caller's environment, output into a file, the statements counted."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_STOP)
    from modelctl.catalog import load
    from modelctl.cli.main import main

    assert PRELOADED in sys.modules, "the server of processes did not import what it is to have"
    shipped = Path(output).parent / "shipped"
    load.shipped_directory = lambda: shipped
    os.environ.clear()
    os.environ.update(env)
    file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.chdir(Path(output).parent)
    faulthandler.register(signal.SIGUSR1, file=sys.stderr, all_threads=True)
    _count_statements(str(Path(output).with_suffix(".count")), blow)
    for number in ASKED_TO_STOP:  # as `run`, the program's entry, has it
        signal.signal(number, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED_TO_STOP)
        code = int(main(argv, now=now))
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_STOP)
    except KeyboardInterrupt:  # before `main` began, or after it ended
        code = INTERRUPTED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _count_statements(path: str, blow: Blow | None) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    count, clock = 0, time.time

    def strike(*, before: bool) -> None:
        if blow is not None and blow.is_before is before and blow.statement == count:
            os.write(file, _STRUCK)
            if blow.step_s:
                time.time = lambda: clock() + blow.step_s
            else:
                os.kill(os.getpid(), blow.number)

    def begin(*_: Any) -> None:
        nonlocal count
        count += 1
        os.write(file, _SENT)
        strike(before=True)

    def end(*_: Any) -> None:
        strike(before=False)

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    event.listen(Engine, "commit", begin)  # called before the commit is sent
