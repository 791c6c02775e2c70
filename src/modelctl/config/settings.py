"""The settings of one command as values. Reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelctl.core.database_url import MASK, masked
from modelctl.core.filters import Patterns
from modelctl.core.policy import GuardLimits, NewModels


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from: a flag, a variable, the path of a file, or `default`."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """What a person set for one provider."""

    enabled: bool = True
    """A provider that is switched off is left out of `--provider all`."""
    patterns: Patterns = field(default_factory=Patterns)


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
    new_models: NewModels
    timeout_s: float
    """For one request to a provider."""
    deadline_s: float
    """For the whole listing of one provider."""
    lock_wait_s: float
    """For another run that writes to the same database; 0: do not wait."""
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

    def shown(self) -> dict[str, Setting]:
        """Every setting with its origin, fit to be printed: the password and the master key are masked."""
        url, key = self.origins["database_url"], self.origins["secret_key"]
        return {
            **self.origins,
            "database_url": Setting(url.value and masked(url.value), url.origin),
            "secret_key": Setting(key.value and MASK, key.origin),
        }
