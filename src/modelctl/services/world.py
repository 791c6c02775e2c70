"""What every service is given, whoever calls it: a command line, or a program."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from modelctl.config import Settings


class World(Protocol):
    """The settings, the environment, and the time."""

    @property
    def settings(self) -> Settings:
        """In force. May raise UsageError."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables, the providers' keys among them."""

    @property
    def now(self) -> datetime:
        """UTC; nothing else asks the clock."""

    @property
    def confidential(self) -> set[str]:
        """Secrets that were read on the way, to be blanked out of whatever is printed."""
