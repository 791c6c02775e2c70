"""How much a listing may be: a server that sends without end, or packs much into little, is refused in time.

For the clients of both HTTP libraries: httpx2, and httpx behind replicate.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from modelctl.discovery.base import Access, UnusableListing, bare_url, json_of
from modelctl.errors import SourceError

if TYPE_CHECKING:
    from ssl import SSLContext


MOST_BYTES = 128 * 2**20
"""Of all pages together, unpacked: a million models in OpenAI's words are 90 MB, the longest listing known is 2 MB."""
PART_BYTES = 2**20
GZIP = 31
"""zlib's `wbits` for gzip with its header."""


class ResponseLimit:
    """Reads the answers of one try at a listing, and no more of them than `MOST_BYTES`.

    `stream_of`: the library's `ByteStream`, for what was read.
    """

    def __init__(self, stream_of: Callable[[bytes], Any]) -> None:
        self._stream_of = stream_of
        self._left = MOST_BYTES

    @property
    def hooks(self) -> dict[str, list[Callable[[Any], None]]]:
        """A client's event hooks that keep the limit."""
        return {"request": [self.prepare], "response": [self.read]}

    def prepare(self, request: Any) -> None:
        """Ask for gzip alone: other codings, which a client may know as well, cannot be unpacked in parts here."""
        request.headers["accept-encoding"] = "gzip"

    def read(self, response: Any) -> None:
        """Read the whole answer. UnusableListing where it is too long, or packed in a way that was not asked for."""
        address = bare_url(response.request.url)
        coding = response.headers.pop("content-encoding", "identity").strip().lower()
        pieces = self._counted(response.stream, address)
        if coding in ("gzip", "x-gzip"):
            pieces = self._counted(_unpacked(pieces, address), address)
        elif coding not in ("", "identity"):
            raise UnusableListing(f"{address} answered in the coding {coding!r:.40}, which was not asked for")
        content = b"".join(pieces)
        response.stream.close()
        response.stream = self._stream_of(content)

    def _counted(self, pieces: Iterable[bytes], address: str) -> Iterator[bytes]:
        for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                raise UnusableListing(
                    f"{address} sends more than {MOST_BYTES // 2**20} MB: no listing of models is so long"
                )
            yield piece


def _unpacked(pieces: Iterable[bytes], address: str) -> Iterator[bytes]:
    """What is packed in gzip, a part at a time: a bomb goes off in small portions."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        for piece in pieces:
            while piece:
                yield unpacker.decompress(piece, PART_BYTES)
                piece = unpacker.unconsumed_tail
    except zlib.error:
        raise UnusableListing(f"{address} answered with broken gzip") from None


def clean_key(key: str, name: str) -> str:
    """The key without outer blanks. SourceError naming `name` when what is left can be no key.

    A newline or a control character inside would end up in the SDKs as "Connection error." (openai 3.52).
    """
    cleaned = key.strip()
    if not cleaned.isascii() or not cleaned.isprintable() or " " in cleaned:
        problem = "a blank, a line break, a control character or a letter outside ASCII"
        raise SourceError(f"the key in {name} holds {problem}", "set it again: copied text often brings such along")
    return cleaned


def required_key(access: Access) -> str:
    """The key. SourceError without one, because an SDK would then look for another in the environment."""
    if not access.api_key:
        raise SourceError(f"{access.provider}: no API key", f"set {access.key_name or 'one'}")
    return access.api_key


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


HEADER, PREFIX = "Authorization", "Bearer"
SENT_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "user-agent"})


class Fetched(NamedTuple):
    """An answer: its JSON, and the address that gave it."""

    body: Any
    url: str


@contextmanager
def json_api(access: Access, base_url: str) -> Iterator[Callable[[str], Fetched]]:
    """A function that gets a path below `base_url`, or a whole address. UnusableListing for what is no JSON."""
    import httpx  # noqa: F401 - openai (3.52) looks into that module while replicate's thread is still loading it
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    headers = {**access.headers, **_key_header(access)}

    def send_only_ours(request: httpx2.Request) -> None:
        # The SDK adds OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and its own key header: none of this server's business.
        for name in request.headers.keys() - SENT_HEADERS - {name.lower() for name in headers}:
            del request.headers[name]

    limit = ResponseLimit(httpx2.ByteStream)
    with OpenAI(
        api_key="none",  # wanted by the SDK; the key goes into the provider's own header
        admin_api_key="",
        base_url=base_url,
        timeout=access.timeout_s,
        max_retries=0,
        # No redirects: the SDK would carry the key along.
        http_client=DefaultHttpxClient(
            follow_redirects=False,
            verify=trust(httpx2.create_ssl_context),
            event_hooks={"request": [send_only_ours, limit.prepare], "response": [limit.read]},
        ),
    ) as client:

        def get(path: str) -> Fetched:
            access.throttle()
            answer = client.get(path, cast_to=httpx2.Response, options={"headers": headers})
            return Fetched(json_of(answer), str(answer.url))

        yield get


def _key_header(access: Access) -> dict[str, str]:
    """The key in the header that the provider wants; nothing for a server without keys."""
    if not access.api_key:
        return {}
    name = access.auth_header_name or HEADER
    prefix = PREFIX if access.auth_header_prefix is None else access.auth_header_prefix
    return {HEADER if name.lower() == HEADER.lower() else name: f"{prefix} {access.api_key}".strip()}
