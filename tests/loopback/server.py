"""The HTTP side: routes a request to its provider, checks the key, logs it, and answers as told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from modelctl.discovery.base import Discovery
from modelctl.discovery.registry import REGISTRY, SDK_KINDS
from tests.loopback.behaviours import Behaviour, Reply, status
from tests.loopback.shapes import (
    SHOWN,
    Query,
    base_path_of,
    key_env_of,
    key_of,
    module_of,
    page_of,
    parse_query,
    saved_answers,
    saved_items,
)

STEP_S = 0.01
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
        self.models: dict[str, list[Any]] = {name: saved_items(name) for name in saved_answers()}
        self.kinds: dict[str, str] = {}
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
        return f"{self.url}/{provider}{base_path_of(provider, self._module_of(provider))}"

    def env(self, *providers: str) -> dict[str, str]:
        """Base URLs and keys, as environment variables, of the providers named (none = those that have an SDK)."""
        variables: dict[str, str] = {}
        for name in providers or sorted(SDK_KINDS):
            if variable := self._module_of(name).BASE_URL_ENV:
                variables[variable] = self.base_url(name)
            variables[key_env_of(name)] = self.keys[name] or ""
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
        module = self._module_of(provider)
        with self._lock:
            self._seen.append(seen)
            behaviour, used = self._behaviours.get(provider, (None, 0))
        expected = self.keys[provider]
        base = base_path_of(provider, module)
        endpoint = next((each for each in module.ENDPOINTS if base + each.path == path), None)
        where = (provider, path.removeprefix(base))
        if endpoint is None or provider not in self.models or where in self.missing:
            return status(404).change(Reply())
        if expected is not None and key_of(seen.headers) != expected:
            return _refusal(module.KIND, key_of(seen.headers))
        repeats = behaviour is not None and behaviour.name == "repeated page"
        items = SHOWN.get(module.KIND, _all)(self._shown(where), seen.query, endpoint.path)
        body, page = page_of(provider, endpoint, items, seen.query, self.page_size[provider], repeats=repeats)
        right = Reply(body=json.dumps(body).encode())
        if behaviour is None or page < behaviour.on_page or (behaviour.times is not None and used >= behaviour.times):
            return right
        with self._lock:
            self._behaviours[provider] = (behaviour, used + 1)
        return behaviour.change(right)

    def _module_of(self, provider: str) -> Discovery:
        return REGISTRY[self.kinds[provider]] if provider in self.kinds else module_of(provider)

    def _shown(self, where: tuple[str, str]) -> list[Any]:
        hidden = self.hidden.get(where, set())
        return [each for each in self.models[where[0]] if not hidden or each["id"] not in hidden]


class _Keys(dict[str, str | None]):
    def __missing__(self, provider: str) -> str:
        return f"{provider}-test-key"


def _all(items: list[Any], _query: Query, _path: str) -> list[Any]:
    return items


def _refusal(kind: str, key: str | None) -> Reply:
    """A wrong key: 401, or Gemini's 400. Echoes the key, which clients must not pass on."""
    if kind == "google" and key:
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
