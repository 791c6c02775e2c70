"""The HTTP side: routes a request to its provider, checks the key, logs it, and answers as told."""

from __future__ import annotations

import copy
import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tests.loopback.behaviours import Behaviour, Reply, status
from tests.loopback.shapes import COMPATIBLE, FOUR, SHAPES, Query, Shape, parse_query

DATA = Path(__file__).parent.parent / "discovery" / "data"
STEP_S = 0.05
"""The longest that a stopping server is waited for."""
_LONGEST_GATE_S = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in."""

    provider: str
    method: str
    path: str
    query: Query
    headers: dict[str, str]
    """Names in lower case."""
    at: float
    """In `time.monotonic()`."""


class ProviderServer:
    """See the package's docstring."""

    def __init__(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self.models: dict[str, list[Any]] = {name: saved_items(name) for name in SHAPES}
        self.page_size: dict[str, int] = defaultdict(lambda: 1000)
        self.keys: dict[str, str | None] = _Keys()
        self.missing: set[tuple[str, str]] = set()
        self.hidden: dict[tuple[str, str], set[str]] = {}
        self._behaviours: dict[str, tuple[Behaviour, int]] = {}
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._http = _Server(("127.0.0.1", port), self)
        self._scheme = "https" if tls is not None else "http"
        if tls is not None:  # shaken hands in the thread of each request: one that is refused blocks no other
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": STEP_S}, name="loopback", daemon=True
        )

    def __enter__(self) -> ProviderServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Of the server itself."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    def base_url(self, provider: str) -> str:
        """The base URL that this provider's SDK wants."""
        return f"{self.url}/{provider}{SHAPES.get(provider, COMPATIBLE).base_path}"

    def env(self, *providers: str) -> dict[str, str]:
        """Base URLs and keys, as environment variables, of the providers named (none = the four)."""
        variables: dict[str, str] = {}
        for name in providers or FOUR:
            shape = SHAPES[name]
            if shape.base_url_env:
                variables[shape.base_url_env] = self.base_url(name)
            variables[shape.key_env] = self.keys[name] or ""
        return variables

    def fail(self, provider: str, behaviour: Behaviour) -> None:
        """Misbehave from now on."""
        with self._lock:
            self._behaviours[provider] = (behaviour, 0)

    def heal(self, provider: str) -> None:
        """Behave again."""
        with self._lock:
            self._behaviours.pop(provider, None)

    def asked(self, provider: str) -> list[Seen]:
        """The requests of this provider so far."""
        with self._lock:
            return [each for each in self._seen if each.provider == provider]

    def reply(self, provider: str, seen: Seen, path: str) -> Reply:
        """What to answer to a request."""
        shape = SHAPES.get(provider, COMPATIBLE)
        with self._lock:
            self._seen.append(seen)
            behaviour, used = self._behaviours.get(provider, (None, 0))
        expected = self.keys[provider]
        where = (provider, path.removeprefix(shape.base_path))
        pages = shape.lists.get(where[1]) if path.startswith(shape.base_path) else None
        if pages is None or provider not in self.models or where in self.missing:
            return status(404).change(Reply())
        if expected is not None and shape.key_of(seen.headers) != expected:
            return _refusal(provider, shape, seen)
        repeats = behaviour is not None and behaviour.name == "repeated page"
        body, page = pages(self._shown(where), seen.query, self.page_size[provider], repeats)
        right = Reply(body=json.dumps(body).encode())
        if behaviour is None or page < behaviour.on_page or (behaviour.times is not None and used >= behaviour.times):
            return right
        with self._lock:
            self._behaviours[provider] = (behaviour, used + 1)
        return behaviour.change(right)

    def _shown(self, where: tuple[str, str]) -> list[Any]:
        hidden = self.hidden.get(where, set())
        return [each for each in self.models[where[0]] if not hidden or each["id"] not in hidden]


class _Keys(dict[str, str | None]):
    def __missing__(self, provider: str) -> str:
        return f"{provider}-test-key"


def saved_items(provider: str) -> list[Any]:
    """The items of the provider's saved response."""
    own = DATA / f"{provider}.json"
    saved = own if own.exists() else DATA / f"openai-compatible-{provider}.json"
    body = json.loads(saved.read_text(encoding="utf-8"))
    return copy.deepcopy(body if isinstance(body, list) else body.get("data") or body.get("models"))


def _refusal(provider: str, shape: Shape, seen: Seen) -> Reply:
    """A wrong key: 401, or Gemini's 400. Echoes the key, which clients must not pass on."""
    key = shape.key_of(seen.headers)
    if provider == "google" and key:
        return status(400, text=f"API key not valid: {key}. reason API_KEY_INVALID").change(Reply())
    return status(401, text=f"Incorrect API key provided: {key}").change(Reply())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], providers: ProviderServer) -> None:
        super().__init__(address, _Handler)
        self.providers = providers

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        provider, _, rest = parts.path.lstrip("/").partition("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(provider, self.command, parts.path, parse_query(parts.query), headers, time.monotonic())
        self._send(self.server.providers.reply(provider, seen, f"/{rest}"))

    def _send(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.gate is not None:
            reply.gate.wait(_LONGEST_GATE_S)
        if reply.cut_after == -1 or self.server.providers.stopping.wait(reply.wait_s):
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.stream is not None:
            return self._send_stream(reply.stream())
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if not reply.drip_s:
            self.wfile.write(reply.body[: reply.cut_after])
            return
        for position in range(len(reply.body)):
            self.wfile.write(reply.body[position : position + 1])
            if self.server.providers.stopping.wait(reply.drip_s):
                return

    def _send_stream(self, pieces: Iterator[bytes]) -> None:
        self.end_headers()
        for piece in pieces:
            if self.server.providers.stopping.is_set():
                return
            self.wfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `asked` is the log."""
