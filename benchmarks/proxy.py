"""A TCP proxy that counts the round trips of its clients and can stand for a server that is far away."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import make_url

_Delayed = queue.SimpleQueue[tuple[float, bytes]]
_CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class Proxy:
    """In front of one server."""

    server: tuple[str, int]
    round_trip_s: float
    port: int = 0
    turns: int = 0
    """How often a client sent something after it had been answered: each costs one round trip, connecting too."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def url(self, direct: str) -> str:
        """The URL of a database, by way of this proxy."""
        return make_url(direct).set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    def serve(self, client: socket.socket) -> None:
        """Pass on one connection until either side ends it."""
        time.sleep(self.round_trip_s)  # the three-way handshake
        server = socket.create_connection(self.server)
        self._open += (client, server)
        last = [server]

        def note(sender: socket.socket) -> None:
            with self._lock:
                if sender is client and last[0] is not client:
                    self.turns += 1
                last[0] = sender

        for sender, receiver in ((client, server), (server, client)):
            line: _Delayed = queue.SimpleQueue()
            self.start(self._take, sender, line, note)
            self.start(_pass_on, line, receiver)

    def start(self, target: Callable[..., None], *args: object) -> None:
        """Do something beside everything else, until the end at most."""
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """End every connection."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def _take(self, sender: socket.socket, line: _Delayed, note: Callable[[socket.socket], None]) -> None:
        with suppress(OSError):
            while data := sender.recv(_CHUNK_BYTES):
                note(sender)
                line.put((time.monotonic() + self.round_trip_s / 2, data))
        line.put((time.monotonic() + self.round_trip_s / 2, b""))


def _pass_on(line: _Delayed, receiver: socket.socket) -> None:
    """Everything in its time: delayed, but as many at once as come, like a long line."""
    with suppress(OSError):
        while True:
            due_s, data = line.get()
            time.sleep(max(0.0, due_s - time.monotonic()))
            if not data:
                receiver.shutdown(socket.SHUT_WR)
                return
            receiver.sendall(data)


@contextmanager
def proxied(url: str, *, round_trip_s: float = 0.0) -> Iterator[Proxy]:
    """A running proxy in front of the server that the URL names."""
    at = make_url(url)
    listening = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy((str(at.host), int(at.port or 0)), round_trip_s, port=listening.getsockname()[1])

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                proxy.serve(client)

    proxy.start(accept)
    try:
        yield proxy
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # closing it alone would leave `accept` waiting
        listening.close()
        proxy.close()
