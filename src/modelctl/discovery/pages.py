"""Paging, once for every provider: follows cursors, and believes a listing only when each page is one.

SDKs turn an answer of another shape into an empty page, and follow a cursor that never moves for ever (seen with
openai 3.52, anthropic 2.11 and google-genai 3.4 on 2026-11-21). So the modules read each page as the API sent it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from modelctl.discovery.source import UnusableListing

MAX_PAGES = 1000


class Page(NamedTuple):
    """One page: its items, and the cursor of the next one (None = this was the last)."""

    items: list[Mapping[str, Any]]
    next_cursor: str | None = None


class Answer(Protocol):
    """What httpx and httpx2 responses share."""

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def url(self) -> object: ...


def follow(get_page: Callable[[str | None], Page]) -> Iterator[Mapping[str, Any]]:
    """All items of all pages, each let go once it was taken: as JSON they take more memory than as records.

    UnusableListing at a repeated cursor, or after 1,000 pages.
    """
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        items, cursor = get_page(cursor)
        is_empty = not items
        items.reverse()
        while items:
            yield items.pop()
        if cursor is None:
            return
        if cursor in seen:
            raise UnusableListing("the listing points to a page that it has already given")
        if is_empty:
            raise UnusableListing("a page of the listing is empty although it says that more follow")
        seen.add(cursor)
    raise UnusableListing(f"the listing has more than {MAX_PAGES} pages")


def json_of(answer: Answer) -> Any:
    """The body as JSON, decimal numbers exact. UnusableListing when it is something else, as a proxy's HTML page."""
    try:
        return json.loads(answer.content, parse_float=Decimal)
    except RecursionError:
        raise UnusableListing(f"{bare_url(answer.url)} answered with JSON that is nested too deeply") from None
    except (ValueError, ArithmeticError):  # ArithmeticError: an exponent beyond Decimal's
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        what = "an empty body" if not answer.content else f"{kind or 'something'} that is not whole JSON"
        raise UnusableListing(f"{bare_url(answer.url)} answered with {what}") from None


def list_at(body: object, key: str) -> list[Mapping[str, Any]]:
    """The objects under `key`. UnusableListing when there is no list of them, as in `{"error": …}` with status 200."""
    items = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        raise UnusableListing(f"the answer has no list under {key!r}: it is not a model listing")
    return objects(items)


def objects(items: list[Any]) -> list[Mapping[str, Any]]:
    """The items, each of which must be an object."""
    for item in items:
        if not isinstance(item, Mapping):
            raise UnusableListing(f"an item of the listing is a {type(item).__name__}, not an object")
    return items


def kept_page(ask: Callable[[], object], pages: list[Page]) -> Page:
    """The page that a hook added to `pages` while an SDK asked for it.

    For SDKs that do not give out what was sent. Their own classes lag behind the APIs (replicate 1.0.7 refuses the
    prediction status `aborted`, and each model brings an example prediction), so what they then make of it is nothing.
    """
    try:
        ask()
    except ValueError:
        if not pages:
            raise
    return pages.pop()


def bare_url(url: object) -> str:
    """The address without user, password, query and fragment, any of which may hold a secret."""
    parts = urlsplit(str(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
