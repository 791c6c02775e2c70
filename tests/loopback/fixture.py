"""The pytest fixture; import it in a conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.loopback.server import ProviderServer


@pytest.fixture
def provider_server() -> Iterator[ProviderServer]:
    """A running ProviderServer with the saved listings."""
    with ProviderServer() as server:
        yield server
