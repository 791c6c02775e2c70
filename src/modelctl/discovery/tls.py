"""Whom the clients trust: loading the certificates of all authorities takes 40 ms, and every try makes a client."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from ssl import SSLContext
from threading import Lock

_lock = Lock()


def trust(create_ssl_context: Callable[[], SSLContext]) -> SSLContext:
    """What an HTTP library (httpx2, or httpx behind replicate) trusts by itself, made once for all of its clients."""
    with _lock:  # providers are asked at the same time
        return _made(create_ssl_context)


@cache
def _made(create_ssl_context: Callable[[], SSLContext]) -> SSLContext:
    return create_ssl_context()
