"""What can go wrong with an answer. A behaviour turns the right answer into the wrong one."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

_MARK, _AT_ONCE = "-MARK", 500


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, and how it is put on the wire."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    body: bytes = b""
    wait_s: float = 0.0
    """Before the first byte."""
    gate: threading.Event | None = None
    """Nothing is sent before it is set."""
    drip_s: float = 0.0
    """Between any two bytes of the body."""
    cut_after: int | None = None
    """Close the connection after so many bytes of the body; -1 = before any answer."""
    stream: Callable[[], Iterator[bytes]] | None = None
    """What is sent in place of the body, without a length, until it or the client ends."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A way to misbehave, for the first `times` requests (None = always) from page `on_page` on."""

    name: str
    change: Callable[[Reply], Reply]
    times: int | None = None
    on_page: int = 1


def slow(seconds: float, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer, late."""
    return Behaviour("slow", lambda reply: replace(reply, wait_s=seconds), times, on_page)


def gated(gate: threading.Event) -> Behaviour:
    """The right answer, when the gate is opened."""
    return Behaviour("gated", lambda reply: replace(reply, gate=gate))


def status(
    code: int, *, retry_after: float | str | None = None, text: str = "", times: int | None = None, on_page: int = 1
) -> Behaviour:
    """An error status with a JSON body, as the APIs send it."""
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    error = {"error": {"code": code, "message": text or f"status {code}", "type": "api_error"}, "detail": text}
    reply = Reply(code, headers, json.dumps(error).encode())
    return Behaviour(f"status {code}", lambda _: reply, times, on_page)


def redirect(to: str, *, status: int = 302, times: int | None = None, on_page: int = 1) -> Behaviour:
    """To another address."""
    return Behaviour("redirect", lambda _: Reply(status, {"location": to}), times, on_page)


def html(*, times: int | None = None, on_page: int = 1) -> Behaviour:
    """A proxy's page, with status 200."""
    page = Reply(200, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html><html><body>Sign in</body></html>")
    return Behaviour("html", lambda _: page, times, on_page)


def truncated(*, times: int | None = None, on_page: int = 1) -> Behaviour:
    """Half of the JSON, cleanly ended."""
    return Behaviour("truncated", lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2]), times, on_page)


def dropped(*, mid_body: bool = False, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The connection closed without an answer, or in the middle of it."""

    def change(reply: Reply) -> Reply:
        return replace(reply, cut_after=len(reply.body) // 2 if mid_body else -1)

    return Behaviour("dropped", change, times, on_page)


def drip(seconds_per_byte: float = 0.05, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer byte by byte: no single wait is long, the whole takes for ever."""
    return Behaviour("drip", lambda reply: replace(reply, drip_s=seconds_per_byte), times, on_page)


def empty_body(*, times: int | None = None, on_page: int = 1) -> Behaviour:
    """Status 200 and nothing."""
    return Behaviour("empty body", lambda reply: replace(reply, body=b""), times, on_page)


def empty_list(*, times: int | None = None, on_page: int = 1) -> Behaviour:
    """A listing of the right shape without a model in it."""

    def change(reply: Reply) -> Reply:
        body = json.loads(reply.body)
        emptied = {key: [] if isinstance(value, list) else value for key, value in body.items()}
        said = {name: value for name, value in {"has_more": False, "total_count": 0}.items() if name in body}
        return replace(reply, body=json.dumps(emptied | said).encode())

    return Behaviour("empty list", change, times, on_page)


def wrong_shape(body: object = None, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """Status 200 with JSON that is no listing; by default an error object."""
    wrong = {"error": {"message": "temporarily unavailable"}} if body is None else body
    return Behaviour("wrong shape", lambda reply: replace(reply, body=json.dumps(wrong).encode()), times, on_page)


def repeated_page() -> Behaviour:
    """Every page is the first one and says that more follow. For providers that page."""
    return Behaviour("repeated page", lambda reply: reply)


def endless(*, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer up to its first bracket, and then blanks for as long as somebody listens."""

    def change(reply: Reply) -> Reply:
        return replace(reply, stream=lambda: (b"[" if number == 0 else b" " * 65_536 for number in count()))

    return Behaviour("endless", change, times, on_page)


def huge(least_bytes: int, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer with so many more models in it that it is that long: whole and sound, but for its size."""
    return Behaviour("huge", lambda reply: replace(reply, stream=lambda: _padded(reply, least_bytes)), times, on_page)


def gzip_bomb(bytes_unpacked: int, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer behind so many blanks, packed into a thousandth of them."""

    def change(reply: Reply) -> Reply:
        headers = {**reply.headers, "content-encoding": "gzip"}
        return replace(reply, headers=headers, body=_blanks_packed(bytes_unpacked, reply.body))

    return Behaviour("gzip bomb", change, times, on_page)


def coded(coding: str, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """The right answer in gzip, which is said to be this coding."""

    def change(reply: Reply) -> Reply:
        headers = {**reply.headers, "content-encoding": coding}
        return replace(reply, headers=headers, body=_blanks_packed(0, reply.body))

    return Behaviour(f"coded {coding}", change, times, on_page)


@cache
def _blanks_packed(bytes_unpacked: int, body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    blanks = b" " * 2**20
    packed = [packer.compress(blanks) for _ in range(bytes_unpacked // len(blanks))]
    return b"".join([*packed, packer.compress(body), packer.flush()])


def _padded(reply: Reply, least_bytes: int) -> Iterator[bytes]:
    body: Any = json.loads(reply.body)
    name = "" if isinstance(body, list) else next(key for key, value in body.items() if isinstance(value, list))
    items: list[Any] = body[name] if name else body
    rest = {key: value for key, value in body.items() if key != name} if name else {}
    yield json.dumps(rest).encode().rstrip(b"}") + (b"," if rest else b"") + f'"{name}": ['.encode() if name else b"["
    marked = {key: value + _MARK if key in ("id", "name") else value for key, value in items[0].items()}
    one, sent = json.dumps(marked) + ",", 0
    for start in count(0, _AT_ONCE):
        piece = "".join(one.replace(_MARK, f"-{number}") for number in range(start, start + _AT_ONCE)).encode()
        sent += len(piece)
        yield piece
        if sent > least_bytes:
            break
    yield json.dumps(items).encode()[1:] + (b"}" if name else b"")
