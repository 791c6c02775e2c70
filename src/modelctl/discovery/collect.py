"""Asks providers for their listings: one deadline each, retries, all at the same time; whole listings or an error.

One request at a time goes to each provider, at the pace of `pace.py`, and `AT_ONCE` at most to all of them together.
Whatever a module or its SDK raises becomes a SourceError that names the provider and holds no secret. Each provider
is asked in a daemon thread: a server that hangs is left behind at the deadline and never keeps the process alive.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from modelctl.core.snapshot import Snapshot
from modelctl.discovery.attempts import Outcome, Patience, attempt
from modelctl.discovery.failure import TRY_LATER
from modelctl.discovery.source import Access, Discovery
from modelctl.errors import SourceError

AT_ONCE = 32
"""More than there are providers, so that all are asked at once; a bound for whoever adds a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One provider to ask."""

    source: Discovery
    access: Access
    deadline_s: float
    """For the whole listing: all pages, all tries, all waiting."""
    sleep: Callable[[float], object] | None = None
    """How to wait between tries; None = until the time is up or nobody waits for the listing any more."""
    ask: Callable[[Discovery, Access, Patience], Outcome] = attempt
    """How it is asked; a probe asks once and measures."""


@dataclass(slots=True)
class _Running:
    """A provider that is being asked."""

    request: Request
    patience: Patience


_Done: TypeAlias = queue.SimpleQueue[tuple[_Running, Outcome | BaseException]]


def collect(
    source: Discovery, access: Access, *, deadline_s: float, sleep: Callable[[float], object] | None = None
) -> Snapshot:
    """The provider's whole listing. SourceError when it cannot be had, or cannot be believed."""
    [(_, outcome)] = collect_all([Request(source=source, access=access, deadline_s=deadline_s, sleep=sleep)])
    if isinstance(outcome, SourceError):
        raise outcome
    return outcome


def collect_all(requests: Iterable[Request], *, at_once: int = AT_ONCE) -> Iterator[tuple[str, Outcome]]:
    """Each provider's name with its listing or its error, as they finish; the slowest one sets the total time.

    They are being asked as soon as this is called, before the first answer is waited for. Closing the iterator, or
    Ctrl-C while it waits, leaves at once.
    """
    waiting = deque(requests)
    running: dict[str, _Running] = {}
    done: _Done = queue.SimpleQueue()
    _start_waiting(waiting, running, done, at_once)
    return _finished(waiting, running, done, at_once)


def _finished(
    waiting: deque[Request], running: dict[str, _Running], done: _Done, at_once: int
) -> Iterator[tuple[str, Outcome]]:
    try:
        while waiting or running:
            _start_waiting(waiting, running, done, at_once)
            next_end = min(each.patience.ends_at for each in running.values())
            try:
                finished, outcome = done.get(timeout=max(0.0, next_end - time.monotonic()))
            except queue.Empty:
                yield from _overdue(running)
                continue
            if finished.patience.abandoned.is_set():
                continue
            del running[finished.request.access.provider]
            if not isinstance(outcome, Snapshot | SourceError):
                raise outcome
            yield finished.request.access.provider, outcome
    finally:
        for each in running.values():
            each.patience.abandoned.set()


def _start_waiting(waiting: deque[Request], running: dict[str, _Running], done: _Done, at_once: int) -> None:
    while waiting and len(running) < at_once:
        _start(waiting.popleft(), running, done)


def _start(request: Request, running: dict[str, _Running], done: _Done) -> None:
    provider = request.access.provider
    if provider in running:
        raise ValueError(f"{provider} is asked twice")
    patience = Patience(time.monotonic() + request.deadline_s, sleep=request.sleep)
    me = running[provider] = _Running(request, patience)

    def run() -> None:
        try:
            done.put((me, request.ask(request.source, request.access, me.patience)))
        except BaseException as error:
            done.put((me, error))

    threading.Thread(target=run, name=f"list-{provider}", daemon=True).start()


def _overdue(running: dict[str, _Running]) -> Iterator[tuple[str, SourceError]]:
    now = time.monotonic()
    for provider, each in list(running.items()):
        if each.patience.ends_at <= now:
            each.patience.abandoned.set()
            del running[provider]
            seconds = each.request.deadline_s
            yield provider, SourceError(f"{provider}: no whole listing within {seconds:g} s", TRY_LATER)
