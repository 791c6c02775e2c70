"""How a provider was found when it was tried: the closed set of words in `ai_providers.health_status`."""

from __future__ import annotations

from dataclasses import dataclass
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
