"""The contract of a discovery module: what it is given, what it gives back, what it must not do.

A discovery module is a plain module with the attributes of `Discovery`. It imports its SDK inside `fetch`, never
retries (the runner in `collect.py` does, for all alike), never writes, prints or reads the environment, and never
guesses: what the API does not say is absent from the record. It makes one request after the other, each after
`access.pace()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from modelctl.core.model import ModelRecord, Skipped
from modelctl.discovery.pace import unhurried


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one provider's API is reached."""

    provider: str
    api_key: str = field(repr=False)
    """Stripped and without control characters; empty for a server that wants none."""
    key_name: str = ""
    """Where the key came from, for messages: an environment variable, a stored credential."""
    base_url: str | None = None
    """None = the SDK's own variable (`BASE_URL_ENV`), or else its default."""
    timeout_s: float
    """For one request: connecting, and each wait for bytes."""
    now: datetime
    """When this listing is taken; stamped on what is observed."""
    auth_header_name: str | None = None
    auth_header_prefix: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """To be sent with each request besides the key's; some may hold secrets."""
    pace: Callable[[], None] = field(default=unhurried, repr=False, compare=False)
    """To be called before each request: returns when it may go out."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self.api_key, *self.headers.values())


class UnusableListing(ValueError):
    """An answer that is no listing, or not a whole one. Says what is wrong with it in words that may be shown."""


class Discovery(Protocol):
    """What a discovery module has. A module satisfies this; see `openai.py` for the shortest."""

    @property
    def KIND(self) -> str:
        """Name in `ai_providers.kind` and in the catalogs' `[provider]` tables."""
        ...

    @property
    def DOCS(self) -> str:
        """Page that documents the listing."""
        ...

    @property
    def BASE_URL_ENV(self) -> str:
        """The SDK's own variable for the base URL; empty where there is none."""
        ...

    @property
    def COMPLETE(self) -> bool:
        """Whether the listing shows every model that the key can call, so that absence means something."""
        ...

    def fetch(self, access: Access) -> Iterator[Mapping[str, Any]]:
        """The items of the listing, page after page, as the API sent them.

        Raises whatever the SDK raises; the runner turns it into a SourceError that names the provider.
        """
        ...

    def translate(self, item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
        """One item as a record, or the reason why it is not taken. Pure.

        Its provenance names only what a rule derived (`{"type": "rule:type"}`); everything else is the API's word.
        Raises KeyError, TypeError or ValueError where the item is not what the API documents.
        """
        ...


ATTRIBUTES = ("KIND", "DOCS", "BASE_URL_ENV", "COMPLETE", "fetch", "translate")
"""What a module of another package is checked for, when it is loaded."""
