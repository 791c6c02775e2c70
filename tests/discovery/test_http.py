"""The HTTP client of the APIs without an SDK: what it sends, where it goes, and what it makes of broken answers."""

from __future__ import annotations

import gzip
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from modelctl import __version__
from modelctl.core.planning.merge import Snapshot
from modelctl.discovery import openai_compatible
from modelctl.discovery.base import Access
from modelctl.discovery.http import MOST_BYTES, PART_BYTES, proxy_of
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import collect

KEY = "sk-planted-0123456789"
URL = "https://llm.test/v1/models"
ACCESS = Access(
    provider="llm",
    api_key=KEY,
    key_name="LLM_API_KEY",
    base_url="https://llm.test/v1",
    timeout_s=3,
    now=NOW,
    headers={"X-Tenant": "shop"},
)
MODELS = {"data": [{"id": "one"}, {"id": "two"}]}


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """Answers in place of the network; whatever it was not told of is an error."""
    with respx.mock(assert_all_called=False) as router:
        yield router


def listed(access: Access = ACCESS, **options: Any) -> Snapshot:
    return collect(openai_compatible, access, **{"deadline_s": 20, "sleep": lambda _: None} | options)


def failing(access: Access = ACCESS, **options: Any) -> str:
    """What is told of a listing that cannot be had, which is never the key."""
    with pytest.raises(SourceError) as caught:
        listed(access, **options)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_nothing_is_sent_but_our_headers(
    server: respx.MockRouter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine llm.test login joe password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    route = server.get(URL).respond(json=MODELS)
    assert len(listed().records) == 2
    [call] = route.calls
    assert dict(call.request.headers) == {
        "host": "llm.test",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "connection": "keep-alive",
        "user-agent": f"modelctl/{__version__}",
        "x-tenant": "shop",
        "authorization": f"Bearer {KEY}",
    }


def test_a_user_of_the_address_takes_nothing_of_the_keys_place(server: respx.MockRouter) -> None:
    route = server.get(URL).respond(json=MODELS)
    assert listed(replace(ACCESS, base_url="https://joe:hunter2@llm.test/v1")).records
    assert route.calls[0].request.headers["authorization"] == f"Bearer {KEY}"


def test_a_cookie_is_not_brought_back(server: respx.MockRouter) -> None:
    more = {"links": {"next": "/v1/models?offset=2"}}
    cookie = {"set-cookie": "session=tracked; Path=/"}
    server.get(URL, params={"offset": "2"}).respond(json={"data": [{"id": "three"}]})
    server.get(URL).respond(json=MODELS | more, headers=cookie)
    assert len(listed().records) == 3
    assert len(server.calls) == 2
    assert all("cookie" not in call.request.headers for call in server.calls)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int, server: respx.MockRouter) -> None:
    elsewhere = server.get("https://elsewhere.test/models").respond(json=MODELS)
    server.get(URL).respond(status, headers={"location": "https://elsewhere.test/models?token=t0ps3cret"})
    told = failing()
    assert f"HTTP {status} from {URL}: it answers with a redirect, which is not followed" in told
    assert "t0ps3cret" not in told
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("error", "says", "tries"),
    [
        (httpx.ConnectTimeout("x"), "did not answer within 3 s", 4),
        (httpx.ReadTimeout("x"), "did not answer within 3 s", 4),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "no connection to", 4),
        (httpx.ProxyError("403 Forbidden"), "no connection to", 4),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "no connection to", 4),
        (httpx.LocalProtocolError("Illegal header value"), "cannot be asked", 1),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else None,
)
def test_each_way_to_lose_a_connection_is_told(
    error: Exception, says: str, tries: int, server: respx.MockRouter
) -> None:
    route = server.get(URL).mock(side_effect=error)
    told = failing()
    assert told.startswith("llm: ")
    assert URL in told
    assert says in told
    assert route.call_count == tries


def test_a_time_out_that_passes_is_believed(server: respx.MockRouter) -> None:
    server.get(URL).mock(side_effect=[httpx.ReadTimeout("x"), httpx.Response(200, json=MODELS)])
    assert len(listed().records) == 2


def _cut(error: Exception) -> Iterator[bytes]:
    yield b'{"data": [{"id": "one"},'
    raise error


@pytest.mark.parametrize(
    "error",
    [
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ReadError("Connection reset by peer"),
        httpx.ReadTimeout("x"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_body_that_breaks_off_is_tried_again_and_never_kept(error: Exception, server: respx.MockRouter) -> None:
    route = server.get(URL).mock(side_effect=lambda _: httpx.Response(200, stream=_Pieces(_cut(error))))
    failing()
    assert route.call_count == 4
    route.mock(side_effect=[httpx.Response(200, stream=_Pieces(_cut(error))), httpx.Response(200, json=MODELS)])
    assert len(listed().records) == 2


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b'{"data": [{"id": "one"}', "application/json", "application/json that is not whole JSON"),
        (b"", "application/json", "an empty body"),
        (b"<!doctype html>", "text/html; charset=utf-8", "text/html that is not whole JSON"),
        (b"\xff\xfe\x00", "application/octet-stream", "application/octet-stream that is not whole JSON"),
        (b"[" * 100_000, "application/json", "nested too deeply"),
    ],
)
def test_what_is_no_json_is_named(content: bytes, kind: str, says: str, server: respx.MockRouter) -> None:
    route = server.get(URL).respond(content=content, headers={"content-type": kind})
    assert says in failing()
    assert route.call_count == 1


def _endless() -> Iterator[bytes]:
    while True:
        yield b" " * PART_BYTES


def _bomb() -> Iterator[bytes]:
    yield gzip.compress(b" " * (MOST_BYTES + 1))


@pytest.mark.parametrize(("pieces", "coding"), [(_endless, "identity"), (_bomb, "gzip")], ids=["endless", "bomb"])
def test_a_huge_body_is_left_as_soon_as_it_is_too_long(pieces: Any, coding: str, server: respx.MockRouter) -> None:
    stream = _Pieces(pieces())
    route = server.get(URL).mock(
        side_effect=lambda _: httpx.Response(200, stream=stream, headers={"content-encoding": coding})
    )
    assert "sends more than 128 MB" in failing()
    assert route.call_count == 1
    assert stream.read <= MOST_BYTES + 2 * PART_BYTES
    assert stream.is_closed


def test_a_wait_is_as_long_as_the_server_asks(server: respx.MockRouter) -> None:
    server.get(URL).mock(
        side_effect=[httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(200, json=MODELS)]
    )
    waits: list[float] = []
    assert listed(sleep=waits.append).records
    assert len(waits) == 1
    assert waits[0] >= 7


def test_a_wait_beyond_the_deadline_is_told(server: respx.MockRouter) -> None:
    route = server.get(URL).respond(429, headers={"retry-after": "3600"})
    assert "it asks to wait 3600 s, longer than this listing may take" in failing()
    assert route.call_count == 1


def test_the_key_in_an_error_of_the_server_is_not_repeated(server: respx.MockRouter) -> None:
    server.get(URL).respond(401, json={"error": {"message": f"Incorrect API key provided: {KEY}"}})
    assert "HTTP 401 from https://llm.test/v1/models: the key in LLM_API_KEY is not accepted" in failing()


PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("exceptions", "is_proxied"),
    [
        ("", True),
        ("10.0.0.0/8", False),
        ("192.168.0.0/16, 10.1.2.3", False),
        ("192.168.0.0/16", True),
        ("fd00::/8,[::1]", True),
        ("*", False),
        ("some.test, *", False),
        ("not a network/8,,", True),
    ],
)
def test_the_proxy_is_left_out_where_the_network_says_so(
    exceptions: str, is_proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_of("http://10.1.2.3:8000/v1") == (PROXY if is_proxied else None)


@pytest.mark.parametrize(
    ("exceptions", "is_proxied"),
    [
        ("llm.test", False),
        (".test", False),
        ("*.test", False),
        ("*.TEST", False),
        ("test", False),
        ("m.test", True),
        ("fd00::/8", True),
    ],
)
def test_names_are_excepted_by_their_end(exceptions: str, is_proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy_of("https://llm.test/v1") == (PROXY if is_proxied else None)


@pytest.mark.parametrize("address", ["http://[fd00::1]:8000/v1", "http://[::1]/v1", "http://localhost/v1"])
def test_this_network_is_excepted_by_its_numbers(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "localhost,fd00::/8,[::1]")
    assert proxy_of(address) is None


def test_without_a_proxy_everything_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    assert proxy_of("https://llm.test/v1") is None


class _Pieces(httpx.SyncByteStream):
    """A body as it comes over the wire, piece by piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.read = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.read += len(piece)
            yield piece

    def close(self) -> None:
        self.is_closed = True
