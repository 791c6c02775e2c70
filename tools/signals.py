"""Ctrl-C and SIGTERM end a long run once: what it has started is cleaned up, however often somebody asks."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
_received: list[int] = []


def stop_when_asked() -> None:
    """From now on the first of these signals raises KeyboardInterrupt, and those that follow do nothing."""
    for number in ASKED:
        signal.signal(number, _stop)


def is_stopping() -> bool:
    """Whether somebody has asked: nothing is to be mended any more, only ended."""
    return bool(_received)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is done here is done to its end, and then one may be asked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def ending_children() -> Iterator[None]:
    """Commands that are still under way are ended before what they work on is taken away."""
    try:
        yield
    finally:
        for child in multiprocessing.active_children():
            child.kill()
            child.join()


def _stop(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1:
        raise KeyboardInterrupt
