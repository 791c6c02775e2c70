"""The settings in force, and what else a use case is told of the process that it runs in: values; opens nothing.

Where each setting comes from, `config` decides.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelctl.core.credentials import MASK, masked
from modelctl.core.planning.policy import CreateNew, EnableNew, GuardLimits, NewModels, Patterns
from modelctl.core.text import to_seconds

if TYPE_CHECKING:
    from modelctl.core.runs import Author


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from: a flag, a variable, the path of a file, or `default`."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """What a person set for one provider."""

    enabled: bool = True
    """A provider that is switched off is left out where all are synced."""
    patterns: Patterns = field(default_factory=Patterns)
    enable_new: EnableNew | None = None
    create_new: CreateNew | None = None
    """None: as for every provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings in force. `origins` has an entry for each, providers' too, as `providers.openai.include`."""

    database_url: str | None = field(repr=False)
    """With its driver; None: none is set, and the user has no home for the default file.

    May hold a password: people are shown `shown()` instead.
    """
    schema: str | None
    table_prefix: str
    catalog_directory: Path | None
    """Directory of the user's own catalogs, laid over the shipped ones."""
    enable_new: EnableNew
    create_new: CreateNew
    configured_only: bool
    """Whether a sync of all providers leaves out those that have no key."""
    env_files: bool
    """Whether keys are looked for in `.env` and `.env.local` of the working directory, too."""
    timeout_s: float
    """For one request to a provider."""
    deadline_s: float
    """For the whole listing of one provider."""
    lock_wait_s: float
    """For another run that writes to the same database; 0: do not wait."""
    clock_skew_s: float
    """How far this machine's clock may be from the database's, or behind the newest run, before a write is refused."""
    secret_key: str | None = field(repr=False)
    """The master key of stored API keys, as base64; never shown."""
    secret_key_file: Path | None
    """A file that holds it; None for a user who has no home. The default one need not exist."""
    limits: GuardLimits
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    origins: Mapping[str, Setting] = field(default_factory=dict, repr=False)

    def provider(self, name: str) -> ProviderSettings:
        """What is set for the provider of that name; the defaults where nothing is."""
        return self.providers.get(name, ProviderSettings())

    def new_models(self, provider: str) -> NewModels:
        """What happens to models of that provider that have no row yet."""
        own = self.provider(provider)
        return NewModels(enable=own.enable_new or self.enable_new, create=own.create_new or self.create_new)

    def shown(self) -> dict[str, Setting]:
        """Every setting with its origin, fit to be printed: the password and the master key are masked."""
        url, key = self.origins["database_url"], self.origins["secret_key"]
        return {
            **self.origins,
            "database_url": Setting(url.value and masked(url.value), url.origin),
            "secret_key": Setting(key.value and MASK, key.origin),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a use case is given beside its options and a database."""

    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    """Variables of the process, the providers' keys among them."""
    env_files: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    """Variables of `.env` and `.env.local` for keys, where the settings allow these files."""
    now: datetime
    """UTC; nothing else asks the clock."""
    confidential: set[str] = field(default_factory=set, repr=False)
    """Secrets that were read on the way, to be blanked out of whatever is printed."""
    actor: str | None = None
    """Who is written into the audit; None: the GitHub actor, else the user that this process runs as."""

    def author(self, command: str) -> Author:
        """A new run of a command. Its id sorts by the instant at which it began, to the microsecond."""
        from modelctl.core.runs import Author  # which nothing that only reads needs

        now = to_seconds(self.now)
        name = self.actor or self.environ.get("GITHUB_ACTOR") or _user()
        # chance besides the microsecond: a program's clock may stand still
        run = f"{now:%Y%m%dT%H%M%SZ}-{self.now.microsecond:05x}{secrets.token_hex(3)}"
        return Author(run=run, actor=name[:255], command=command, now=now)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
