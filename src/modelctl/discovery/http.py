"""How providers are asked over HTTP: the client of the APIs without an SDK, and what holds for the SDKs' own as well.

No redirect carries a key, no answer is longer than a listing can be, and no header is sent but ours.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address, ip_network
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from modelctl import __version__
from modelctl.discovery.base import (
    Access,
    Endpoint,
    Page,
    UnusableListing,
    bare_url,
    body_of,
    follow,
    last_page,
    list_at,
    next_link,
)
from modelctl.discovery.fields import flag, required_id, text
from modelctl.errors import SourceError

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx
    import httpx2


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
        raise SourceError(f"the key in {name} holds {problem}", "set it again: copied text often has such characters")
    return cleaned


def required_key(access: Access) -> str:
    """The key. SourceError without one, because an SDK would then look for another in the environment."""
    if not access.api_key:
        raise SourceError(f"{access.provider}: no API key", f"set {access.key_name or 'one'}")
    return access.api_key


_lock = Lock()


def trust() -> SSLContext:
    """What the SDKs' library trusts by itself, the system's certificates, made once for all clients.

    SourceError where the environment names certificates that cannot be loaded.
    """
    try:
        with _lock:  # providers are asked at the same time
            return _context()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceError(
            f"the trusted certificates cannot be loaded ({reason})", "check SSL_CERT_FILE, SSL_CERT_DIR"
        ) from None


@cache
def _context() -> SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


def sdk_client() -> httpx2.Client:
    """For an SDK that takes a client of httpx2: it follows no redirect, which would carry the key along."""
    import httpx2

    return httpx2.Client(follow_redirects=False, verify=trust(), event_hooks=ResponseLimit(httpx2.ByteStream).hooks)


def http_client(address: str, **options: Any) -> httpx.Client:
    """A client of httpx for the server of this address, as bound as those of the SDKs and past the same proxy."""
    import httpx

    return httpx.Client(
        follow_redirects=False,
        trust_env=False,
        proxy=proxy_of(address),
        verify=trust(),
        event_hooks=ResponseLimit(httpx.ByteStream).hooks,
        **options,
    )


HEADER, PREFIX = "Authorization", "Bearer"
USER_AGENT = f"modelctl/{__version__}"


class Fetched(NamedTuple):
    """An answer: its JSON, and the address that gave it."""

    body: Any
    url: str
    next_link: str = ""
    """Where the Link header says that the listing goes on."""


@contextmanager
def json_api(access: Access, base_url: str) -> Iterator[Callable[[str], Fetched]]:
    """A function that gets a path below `base_url`, or a whole address. UnusableListing for what is no JSON."""
    import httpx

    headers = httpx.Headers({"Accept": "application/json", "User-Agent": USER_AGENT, **access.headers})
    headers.update(_key_header(access))
    with http_client(
        base_url,
        base_url=base_url,
        headers=headers,
        auth=httpx.Auth(),  # none: a user of the address does not take the place of the key
        timeout=access.timeout_s,
    ) as client:

        def get(path: str) -> Fetched:
            access.throttle()
            answer = client.get(path).raise_for_status()
            client.cookies.clear()
            return Fetched(body_of(answer), str(answer.url), next_link(answer))

        yield get


def list_models(get: Callable[[str], Fetched], endpoint: Endpoint) -> Iterator[Mapping[str, Any]]:
    """All models of an endpoint, page after page; `get` is that of `json_api`."""
    size = {endpoint.size: endpoint.most} if endpoint.size else {}

    def get_page(cursor: str | None) -> Page:
        which = urlencode(size if cursor is None else {**size, endpoint.cursor: cursor})
        query = "&".join(filter(None, (endpoint.query, which)))
        fetched = get(f"{endpoint.path}?{query}" if query else endpoint.path)
        page = page_of(fetched.body, endpoint)
        if fetched.next_link and page.next_cursor is None:
            raise UnusableListing("the listing goes on, as its Link header says")
        return page

    return follow(get_page)


def page_of(body: Any, endpoint: Endpoint) -> Page:
    """What an answer of an endpoint holds. UnusableListing where it is of another shape."""
    items = list_at(body, endpoint.items)
    if endpoint.has_more and flag(body, endpoint.has_more):
        return Page(items, required_id(body, endpoint.next_cursor))
    if not endpoint.has_more and endpoint.next_cursor and (cursor := text(body, endpoint.next_cursor)):
        return Page(items, cursor)
    return last_page(items, body)


def next_address(url: str, link: str) -> str:
    """Where a link to the next page leads. UnusableListing where that is another server, which would get the key."""
    following = urljoin(url, link)
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise UnusableListing("the listing goes on at another server")
    return following


def retry_after_s(error: Exception) -> float | None:
    """Seconds that the answer in an error asks to wait, said as a number or a date; None where it does not say.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    headers = getattr(getattr(error, "response", None), "headers", None)
    value = str(headers.get("retry-after", "")).strip() if headers is not None else ""
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def proxy_of(url: str) -> str | None:
    """The network's proxy for an address, as the SDKs' library finds it; None where the address is asked directly.

    Left to itself, httpx (0.28) knows neither `10.0.0.0/8` nor `*.example.com` in NO_PROXY, and fails at `fd00::/8`.
    """
    from urllib.request import getproxies, proxy_bypass  # it loads TLS

    proxies, parts = getproxies(), urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    exceptions = [each.strip() for each in proxies.get("no", "").split(",")]
    if not proxy or proxy_bypass(parts.netloc) or any(_covers(each, host) for each in exceptions):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(exception: str, host: str) -> bool:
    """Whether an entry of NO_PROXY is a network that holds the host, or the `*.` of its domain."""
    try:
        return ip_address(host) in ip_network(exception.strip("[]"), strict=False)
    except ValueError:
        return exception == "*" or (exception.startswith("*.") and host.endswith(exception[1:].lower()))


def _key_header(access: Access) -> dict[str, str]:
    """The key in the header that the provider wants; nothing for a server without keys."""
    if not access.api_key:
        return {}
    prefix = PREFIX if access.auth_header_prefix is None else access.auth_header_prefix
    return {access.auth_header_name or HEADER: f"{prefix} {access.api_key}".strip()}
