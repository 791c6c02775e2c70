"""A disk that can be filled up and made read-only without harm to anybody else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.signals import undisturbed


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[bool]:
    """A file system in memory of that size at a directory; False, and nothing done, where nobody lets us."""
    if shutil.which("mount") is None:
        yield False
        return
    try:
        with undisturbed():
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "modelctl", str(at)],
                capture_output=True,
                check=False,
            )
        yield done.returncode == 0
    finally:
        with undisturbed():
            if at.is_mount():
                subprocess.run(["umount", "--lazy", str(at)], capture_output=True, check=False)
