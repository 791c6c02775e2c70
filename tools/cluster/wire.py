"""A TCP proxy before the nodes that reads the client's statements: it can stop one on its way, or lose its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from tools.cluster.galera import HOST

COM_QUERY = 3
PATIENCE_S = 60.0


class Gate:
    """Stops the first statement that matches, until it is opened."""

    def __init__(self, matches: Callable[[str], bool], *, nth: int = 1) -> None:
        self._matches = matches
        self._left = nth
        self.reached = threading.Event()
        self._open = threading.Event()
        self.loses_answer = False

    def stops(self, statement: str) -> bool:
        """Whether this is the one; each statement is asked about once."""
        if self._left == 0 or not self._matches(statement):
            return False
        self._left -= 1
        return self._left == 0

    def wait(self) -> None:
        """In the proxy: until it is opened."""
        self.reached.set()
        self._open.wait(PATIENCE_S)

    def arrived(self) -> None:
        """In the test: until the statement is here."""
        assert self.reached.wait(PATIENCE_S), "the statement never came"

    def open(self, *, lose_answer: bool = False) -> None:
        """Let it pass. `lose_answer`: the node gets it, and then the connection breaks."""
        self.loses_answer = lose_answer
        self._open.set()


class Wire:
    """Forwards connections to the port that is `target` when they are made."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.connections = 0
        self._gates: list[Gate] = []
        self._listener = socket.create_server((HOST, 0))
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gate in self._gates:
            gate.open()
        _close(self._listener, *self._open)

    def url(self, database: str) -> str:
        """Of one database behind the proxy."""
        return f"mysql+pymysql://root@{HOST}:{self._listener.getsockname()[1]}/{database}"

    def gate(self, start: str, *, nth: int = 1) -> Gate:
        """Stop the n-th statement from now on that begins like this."""
        made = Gate(lambda statement: statement.startswith(start), nth=nth)
        self._gates.append(made)
        return made

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                try:
                    server = socket.create_connection((HOST, self.target), timeout=5)
                except OSError:
                    _close(client)
                    continue
                server.settimeout(None)
                self._open |= {client, server}
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                threading.Thread(target=_answer, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while (packet := _packet(client)) is not None:
                gate = self._gate_for(packet)
                if gate is not None:
                    gate.wait()
                if gate is not None and gate.loses_answer:
                    _shut(client)  # before the node can answer
                    server.sendall(packet)
                    server.shutdown(socket.SHUT_WR)  # it works off what it has been sent
                    return
                server.sendall(packet)
        _close(client, server)

    def _gate_for(self, packet: bytes) -> Gate | None:
        if len(packet) < 5 or packet[4] != COM_QUERY:
            return None
        statement = packet[5:].decode(errors="replace").lstrip()
        return next((gate for gate in self._gates if gate.stops(statement)), None)


def _packet(client: socket.socket) -> bytes | None:
    head = _exactly(client, 4)
    if head is None:
        return None
    body = _exactly(client, int.from_bytes(head[:3], "little"))
    return None if body is None else head + body


def _exactly(source: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = source.recv(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _answer(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while part := server.recv(65536):
            client.sendall(part)
    _shut(client)


def _shut(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _close(*sockets: socket.socket) -> None:
    _shut(*sockets)
    for each in sockets:
        each.close()
