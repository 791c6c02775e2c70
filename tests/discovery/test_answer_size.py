"""No answer is read without end, however it is packed, and what is packed as was asked for is understood."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from modelctl.discovery.http import MOST_BYTES
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import SourceError
from tests.discovery.conftest import Reach, collect
from tests.loopback import Behaviour, ProviderServer, coded, endless, gzip_bomb
from tests.loopback.behaviours import Reply

KINDS = sorted(REGISTRY)
TOO_LONG = f"sends more than {MOST_BYTES // 2**20} MB: no listing of models is so long"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def behave(kind: str, behaviour: Behaviour, server: ProviderServer, reach: Reach) -> Any:
    server.fail(kind, behaviour)
    return collect(REGISTRY[kind], reach(kind), deadline_s=60)


@pytest.mark.parametrize("behaviour", [endless(), gzip_bomb(2 * MOST_BYTES)], ids=lambda each: each.name)
@pytest.mark.parametrize("kind", ["openai", "replicate"], indirect=True)  # one for each HTTP library
def test_what_is_too_long_is_refused_at_once(
    kind: str, behaviour: Behaviour, provider_server: ProviderServer, reach: Reach
) -> None:
    began_s = time.monotonic()
    with pytest.raises(SourceError, match=TOO_LONG):
        behave(kind, behaviour, provider_server, reach)
    assert time.monotonic() - began_s < 30
    assert len(provider_server.asked(kind)) == 1, "it would end the same again"


def test_a_coding_that_was_not_asked_for_is_refused(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    with pytest.raises(SourceError, match="answered in the coding 'br', which was not asked for"):
        behave(kind, coded("br"), provider_server, reach)


def test_gzip_is_asked_for_and_understood(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    packed = behave(kind, coded("gzip"), provider_server, reach)
    assert len(packed.records) + len(packed.skipped) == len(provider_server.models[kind])
    asked = {each.headers["accept-encoding"] for each in provider_server.asked(kind)}
    assert asked == {"gzip"}


@pytest.mark.parametrize("kind", ["openai", "replicate"], indirect=True)
def test_broken_gzip_is_named(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    def broken(reply: Reply) -> Reply:
        packed = coded("gzip").change(reply)
        return replace(packed, body=b"no gzip" + packed.body)

    with pytest.raises(SourceError, match="answered with broken gzip"):
        behave(kind, Behaviour("broken gzip", broken), provider_server, reach)
