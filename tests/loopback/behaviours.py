"""What can go wrong with an answer. A behaviour turns the right answer into the wrong one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace


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


def redirect(to: str, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """302 to another address."""
    return Behaviour("redirect", lambda _: Reply(302, {"location": to}), times, on_page)


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
        return replace(reply, body=json.dumps(emptied | ({"has_more": False} if "has_more" in body else {})).encode())

    return Behaviour("empty list", change, times, on_page)


def wrong_shape(body: object = None, *, times: int | None = None, on_page: int = 1) -> Behaviour:
    """Status 200 with JSON that is no listing; by default an error object."""
    wrong = {"error": {"message": "temporarily unavailable"}} if body is None else body
    return Behaviour("wrong shape", lambda reply: replace(reply, body=json.dumps(wrong).encode()), times, on_page)


def repeated_page() -> Behaviour:
    """Every page is the first one and says that more follow. For providers that page: anthropic, google."""
    return Behaviour("repeated page", lambda reply: reply)
