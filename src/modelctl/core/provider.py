"""A seller of models: what is needed to ask it, how it was found when it was tried, and all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from modelctl.core.facts import FactValue

HEADER_PREFIX = "header."
"""Of the settings that are headers: `header.X-Title`."""
FROM_VARIABLE = "env:"
"""Begins the value of a header that is read from an environment variable whenever the API is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One seller of models."""

    name: str
    """Slug and natural key, as in `openai/gpt-4o`."""
    display_name: str
    kind: str
    """Which discovery module lists its models; empty for a provider that has no listing."""
    api_base_url: str | None = None
    """As the vendor documents it; None = whatever the vendor's SDK uses."""
    auth_header_name: str | None = None
    auth_header_prefix: str | None = None
    """Put before the key, with a space between; empty = the bare key."""
    env_vars: tuple[str, ...] = ()
    """Environment variables that hold the API key; the first one that is set wins."""
    features: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    docs_url: str | None = None
    pricing_url: str | None = None
    models_url: str | None = None
    deprecations_url: str | None = None
    is_builtin: bool = False
    is_enabled: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """Headers that are sent with each request, by name: a plain value, or `env:VARIABLE`."""
        return {
            name.removeprefix(HEADER_PREFIX): value
            for name, value in sorted(self.settings.items())
            if name.startswith(HEADER_PREFIX)
        }


class Health(StrEnum):
    """What came of trying a provider. Anything but `ok` is a finding."""

    UNKNOWN = "unknown"  # never tried
    OK = "ok"  # it lists models, and to this key only, if there is one
    KEY_NOT_PROVEN = "key_not_proven"  # it lists models, but to a made-up key as well
    NO_KEY = "no_key"  # no variable holds a key, so it was not asked
    NO_LISTING = "no_listing"  # there is no listing to ask for, or none at this address
    UNAUTHORIZED = "unauthorized"  # the key is not accepted
    FORBIDDEN = "forbidden"  # the key may not list models
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no connection: name, port, network, certificate
    FAILED = "failed"  # it answered, but with no listing: an error, a redirect, a page


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHealth:
    """How a provider was found, and when. One that was never tried has no time."""

    status: str = Health.UNKNOWN.value
    """A word of `Health`; of a newer modelctl perhaps another one."""
    checked_at: datetime | None = None
    latency_ms: int | None = None
    """From the first request to the first model; None where none came."""


class KeyState(StrEnum):
    """Whether a provider can be asked, as far as its key decides it."""

    PRESENT = "present"
    MISSING = "missing"  # no variable of its holds a key: it is synced from its catalog
    UNUSABLE = "unusable"  # what the variable holds can be no key
    NOT_WANTED = "not_wanted"  # it names no variable: it is asked without a key
    NO_LISTING = "no_listing"  # it has no API to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCounts:
    """How many models of a provider the table has."""

    total: int = 0
    enabled: int = 0
    """By the application's own switch."""
    retired: int = 0

    def __add__(self, other: ModelCounts) -> ModelCounts:
        return ModelCounts(
            total=self.total + other.total,
            enabled=self.enabled + other.enabled,
            retired=self.retired + other.retired,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """One provider."""

    provider: Provider
    """As a sync would use it: what catalogs have moved since is in it."""
    is_stored: bool
    """False: only the catalogs know it, and the first sync makes its row."""
    in_catalogs: bool
    owners: Mapping[str, str] = field(default_factory=dict)
    """Setting -> who stated its present value: `person`, `overlay` or `catalog`."""
    offered: Mapping[str, FactValue] = field(default_factory=dict)
    """Setting of a person -> what the catalogs state, where that is something else."""
    switched_off_by: str = ""
    """What keeps it out of `sync --provider all`: its row, or a settings file; empty: nothing."""
    key: KeyState = KeyState.NO_LISTING
    key_name: str = ""
    """Where the key is: a variable, or `the stored key of …`; empty where there is none."""
    models: ModelCounts = field(default_factory=ModelCounts)
    health: ProviderHealth = field(default_factory=ProviderHealth)
    stored_keys: int = 0
    """Encrypted keys in the database."""
