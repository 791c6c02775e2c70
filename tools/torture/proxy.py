"""A wire between a command and its database that can be cut at any turn of the talk, or made to break altogether."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

POLL_S = 0.05
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a socket that is closed with this sends a reset."""


class When(Enum):
    """On which side of a request the wire is cut."""

    BEFORE = "before the request goes out"
    AFTER = "after the request, before its answer comes in"


@dataclass(frozen=True, slots=True)
class Cut:
    """At which turn, counted over all connections from when it is set; a turn begins with a request."""

    turn: int
    when: When


class Proxy:
    """Passes on every byte to `port` on loopback, and counts the turns."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.turns = 0
        self.was_cut = False
        self._cut: Cut | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._listener.close()

    def set(self, cut: Cut | None) -> None:
        """Count from now on, and cut there; once."""
        with self._lock:
            self._cut, self.turns, self.was_cut = cut, 0, False

    def _begins_turn(self) -> When | None:
        with self._lock:
            self.turns += 1
            if self._cut is None or self.was_cut or self.turns != self._cut.turn:
                return None
            self.was_cut = True
            return self._cut.when

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as server:
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        is_request = False
        while not self._closing.is_set():
            ready, _, _ = select.select([client, server], [], [], POLL_S)
            for source in ready:
                data = source.recv(65_536)
                when = self._begins_turn() if source is client and data and not is_request else None
                is_request = source is client
                if when is not None:
                    self._sever(client, server, data if when is When.AFTER else b"")
                    return
                if not data:
                    return
                (server if source is client else client).sendall(data)

    def _sever(self, client: socket.socket, server: socket.socket, request: bytes) -> None:
        """Reset the client's side. What the server was still sent, it has answered by then."""
        if request:
            server.sendall(request)
            select.select([server], [], [], 5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
