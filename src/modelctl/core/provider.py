"""How a provider was found when it was tried: the closed set of words in `ai_providers.health_status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
