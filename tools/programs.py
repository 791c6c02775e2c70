"""Where the programs of database servers are on this machine, which Debian keeps off the PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

DIRECTORIES = ("/usr/sbin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
"""Besides those on the PATH, and after them."""


def missing(names: Iterable[str]) -> list[str]:
    """Those of these programs that are not installed."""
    return [name for name in names if _place(name) is None]


def program(name: str) -> str:
    """Where this program is, which must be installed."""
    found = _place(name)
    assert found is not None, f"{name} is not installed"
    return found


def _place(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *DIRECTORIES)))
