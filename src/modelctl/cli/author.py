"""Who is running this command, for the audit."""

from __future__ import annotations

import getpass
import os
import secrets

from modelctl.cli.context import Context
from modelctl.core.run import Author
from modelctl.core.units import to_seconds


def author_of(context: Context, command: str) -> Author:
    """A new run of a command, by the person (or the GitHub actor) that this process runs for."""
    now = to_seconds(context.now)
    actor = context.environ.get("GITHUB_ACTOR") or _user()
    return Author(run=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", actor=actor[:255], command=command, now=now)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
