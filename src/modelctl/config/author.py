"""Who does what is done, for the audit."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from modelctl.core.run import Author
from modelctl.core.units import to_seconds


class Occasion(Protocol):
    """When, and in which environment."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables."""

    @property
    def now(self) -> datetime:
        """UTC."""


def author_of(occasion: Occasion, command: str, *, actor: str | None = None) -> Author:
    """A new run of a command, by `actor`, else the GitHub actor, else the user that this process runs as."""
    now = to_seconds(occasion.now)
    name = actor or occasion.environ.get("GITHUB_ACTOR") or _user()
    return Author(run=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", actor=name[:255], command=command, now=now)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
