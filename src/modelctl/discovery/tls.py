"""Whom the clients trust: loading the certificates of all authorities takes 40 ms, and every try makes a client."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from modelctl.errors import SourceError

if TYPE_CHECKING:
    from ssl import SSLContext

_lock = Lock()


def trust(create_ssl_context: Callable[[], SSLContext]) -> SSLContext:
    """What an HTTP library (httpx2, or httpx behind replicate) trusts by itself, made once for all of its clients.

    SourceError where the environment names certificates that cannot be loaded.
    """
    try:
        with _lock:  # providers are asked at the same time
            return _made(create_ssl_context)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceError(
            f"the certificates that are to be trusted cannot be loaded ({reason})", "check SSL_CERT_FILE, SSL_CERT_DIR"
        ) from None


@cache
def _made(create_ssl_context: Callable[[], SSLContext]) -> SSLContext:
    return create_ssl_context()
