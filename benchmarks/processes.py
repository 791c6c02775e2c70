"""The real command and other programs in processes of their own: how long they take, and their peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
ROOT = PROGRAMS.parents[1]
ENTRY = "import sys; from modelctl.cli.main import run; sys.exit(run())"
"""What the installed script `modelctl` consists of."""
_WITH_PEAK = """import os, sys
from modelctl.cli.main import run
try:
    sys.exit(run())
finally:
    status = open("/proc/self/status").read()
    open(os.environ["BENCH_PEAK"], "w").write(status.split("VmHWM:")[1].split()[0])
"""
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a process did."""

    took_s: float
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Home:
    """An isolated home: no settings, no keys, only what is given."""

    directory: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def modelctl(self, *argv: str, **environ: str) -> Done:
        """Run the command. AssertionError where it fails: what did not happen was not fast."""
        return self.python("-c", ENTRY, *argv, codes=(0,), **environ)

    def peak_bytes(self, *argv: str) -> float:
        """Peak memory of the command, as Linux counts it for this program alone: `ru_maxrss` begins at its parent's."""
        note = self.directory / "peak"
        self.python("-c", _WITH_PEAK, *argv, BENCH_PEAK=str(note))
        return float(note.read_text(encoding="utf-8")) * 1024

    def python(self, *argv: str, codes: Collection[int] = (0,), **environ: str) -> Done:
        """Run the same interpreter as here. AssertionError where it ends otherwise than with one of the `codes`."""
        env = {name: value for name, value in os.environ.items() if name in _KEPT}
        env |= {"HOME": str(self.directory), "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
        began_s = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *argv],
            env={**env, **self.environ, **environ},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        took_s = time.perf_counter() - began_s
        if done.returncode not in codes:
            said = f"{done.stdout[-1000:]}\n{done.stderr[-1000:]}".strip()
            raise AssertionError(f"{argv[-3:]} ended with {done.returncode}: {said}")
        return Done(took_s=took_s, stdout=done.stdout, stderr=done.stderr)
