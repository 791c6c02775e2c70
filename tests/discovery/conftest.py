"""A loopback server with the saved listings, and how to reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelctl.core.planning.merge import Snapshot
from modelctl.discovery.base import Access, Discovery
from modelctl.discovery.fetch import Request, collect_all
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.loopback import ProviderServer
from tests.loopback.fixture import provider_server

__all__ = ["provider_server"]

Reach = Callable[..., Access]


@pytest.fixture
def reach(provider_server: ProviderServer) -> Iterator[Reach]:
    """`reach("openai", api_key=…)`: access to the loopback server, with any field replaced."""

    def make(provider: str, **changes: Any) -> Access:
        fields = {
            "provider": provider,
            "api_key": provider_server.keys[provider] or "",
            "key_name": f"{provider.upper()}_API_KEY",
            "base_url": provider_server.base_url(provider),
            "timeout_s": 5.0,
            "now": NOW,
        }
        return Access(**(fields | changes))

    yield make


def collect(
    source: Discovery, access: Access, *, deadline_s: float, sleep: Callable[[float], object] | None = None
) -> Snapshot:
    """The provider's whole listing. SourceError when it cannot be had, or cannot be believed."""
    [(_, outcome)] = collect_all([Request(source=source, access=access, deadline_s=deadline_s, sleep=sleep)])
    if isinstance(outcome, SourceError):
        raise outcome
    return outcome
