"""From a module's items to a snapshot: every record possible, every id once, something in it, or an error."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from modelctl.core.facts import ModelKey, ModelRecord, Skipped, Source, provenance_of
from modelctl.core.planning.merge import Snapshot
from modelctl.core.text import shorten
from modelctl.core.validation import check_key, check_record
from modelctl.errors import InvalidFact, SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one provider's API is reached."""

    provider: str
    api_key: str = field(repr=False)
    """Stripped and without control characters; empty for a server that wants none."""
    key_name: str = ""
    """Where the key came from, for messages: an environment variable, a stored credential."""
    base_url: str | None = None
    """None = the SDK's own variable (`BASE_URL_ENV`), or else its default."""
    timeout_s: float
    """For one request: connecting, and each wait for bytes."""
    now: datetime
    """When this listing is taken; stamped on what is observed."""
    auth_header_name: str | None = None
    auth_header_prefix: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """To be sent with each request besides the key's; some may hold secrets."""
    throttle: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """To be called before each request: returns when it may go out."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self.api_key, *self.headers.values())


class UnusableListing(ValueError):
    """An answer that is no listing, or not a whole one. Says what is wrong with it in words that may be shown."""


class KeyRefused(Exception):
    """An API's way to refuse a key, where its status alone does not say so."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an API lists models, and how its pages follow each other."""

    path: str = "/models"
    """Below the base URL."""
    query: str = ""
    """What is always asked with it, as `kind=all`."""
    items: str = "data"
    """The key under which the answer has the models."""
    id: str = "id"
    """The key of a model's id."""
    size: str = ""
    """The query parameter for the number of models on a page."""
    most: int = 0
    """What to put there: the most that the API gives at once."""
    cursor: str = ""
    """The query parameter that asks for a further page; empty: there is one page."""
    next_cursor: str = ""
    """The key under which the answer has what to put there."""
    has_more: str = ""
    """The key that says whether a page follows; empty: one does where there is a cursor."""


class Discovery(Protocol):
    """What a discovery module has: what is true of its API, and two functions. See `openai.py` for the shortest."""

    @property
    def KIND(self) -> str:
        """Name in `ai_providers.kind` and in the catalogs' `[provider]` tables."""
        ...

    @property
    def DOCS(self) -> str:
        """Page that documents the listing."""
        ...

    @property
    def BASE_URL(self) -> str:
        """Where the API is unless the provider says otherwise; empty: each provider has to say it."""
        ...

    @property
    def BASE_URL_ENV(self) -> str:
        """The SDK's own variable for the base URL; empty where there is none."""
        ...

    @property
    def SDK(self) -> str:
        """The package that asks the API, and knows which header the key belongs into; empty: httpx does."""
        ...

    @property
    def PUBLIC(self) -> bool:
        """Whether the API lists its models to anybody: a key is for calling them."""
        ...

    @property
    def ENDPOINTS(self) -> tuple[Endpoint, ...]:
        """Where the models are listed; a listing is whole once all have answered."""
        ...

    @property
    def COMPLETE(self) -> bool:
        """Whether the listing shows every model that the key can call, so that absence means something."""
        ...

    def fetch(self, access: Access) -> Iterator[Mapping[str, Any]]:
        """The items of the listing, page after page, as the API sent them.

        Raises whatever the SDK raises; the runner turns it into a SourceError that names the provider.
        """
        ...

    def translate(self, item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
        """One item as a record, or the reason why it is not taken. Pure.

        Its provenance names only what a rule derived (`{"type": "rule:type"}`); everything else is the API's word.
        Raises KeyError, TypeError or ValueError where the item is not what the API documents.
        """
        ...


def read_listing(source: Discovery, access: Access, is_abandoned: Callable[[], bool]) -> Snapshot:
    """One try at the whole listing. Raises whatever went wrong; nothing of a listing that broke off is kept."""
    records: dict[ModelKey, ModelRecord] = {}
    skipped: dict[str, Skipped] = {}
    for item in source.fetch(access):
        if is_abandoned():
            raise UnusableListing("nobody waits for it any more")
        match _translate(source, item, access):
            case Skipped(item_id=item_id) as skip:
                _once(item_id, skipped)
                skipped[item_id] = skip
            case record:
                _once(record.key, records)
                records[record.key] = record
    if not records:
        raise _nothing(skipped)
    return Snapshot(
        source=Source.API,
        records=_without_listed_aliases(records),
        complete_for=frozenset({access.provider}) if source.COMPLETE else frozenset(),
        skipped=tuple(skipped.values()),
    )


def _translate(source: Discovery, item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    try:
        translated = source.translate(item, access)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = str(error) if isinstance(error, UnusableListing) else f"not what the API documents ({error!r})"
        raise UnusableListing(f"model {shorten(repr(item.get('id', item.get('name'))))}: {what}") from error
    model_id = translated.item_id if isinstance(translated, Skipped) else translated.key.model_id
    try:
        check_key(ModelKey(access.provider, model_id))
    except InvalidFact as error:
        return Skipped(shorten(repr(model_id)), f"its id cannot be one: {error.message}")
    if isinstance(translated, Skipped):
        return translated
    check_record(translated)
    stated = {name: Source.API.value for name, _ in translated.facts.known()}
    derived = {name: rule for name, rule in translated.provenance.items() if name in stated}
    return replace(translated, provenance=provenance_of(*(stated | derived).items()), listed_at=access.now)


def _without_listed_aliases(records: Mapping[ModelKey, ModelRecord]) -> dict[ModelKey, ModelRecord]:
    """An alias that the listing also shows by itself is a model of its own (Mistral lists every alias)."""
    ids = {key.model_id for key in records}
    return {
        key: replace(
            record,
            facts=record.facts._replace(
                aliases=tuple(each for each in record.facts.aliases if each not in ids) or None
            ),
        )
        if record.facts.aliases and not ids.isdisjoint(record.facts.aliases)
        else record
        for key, record in records.items()
    }


def _once(key: object, seen: Mapping[Any, object]) -> None:
    if key in seen:
        raise UnusableListing(f"{shorten(str(key))} is listed twice")


def _nothing(skipped: Mapping[str, Skipped]) -> Exception:
    if not skipped:
        return UnusableListing("the listing is empty")
    first = next(iter(skipped.values()))
    return SourceError(
        f"every one of the {len(skipped)} models listed was skipped, the first one as: {first.reason}",
        "does the base URL belong to this provider?",
    )


MAX_PAGES = 1000


class Page(NamedTuple):
    """One page: its items, and the cursor of the next one (None = this was the last)."""

    items: list[Mapping[str, Any]]
    next_cursor: str | None = None
    total: int | None = None
    """How many the whole listing has, where the answer says so."""


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
    count = 0
    for _ in range(MAX_PAGES):
        items, cursor, total = get_page(cursor)
        is_empty = not items
        count += len(items)
        items.reverse()
        while items:
            yield items.pop()
        if cursor is None:
            if total is not None and total > count:
                raise UnusableListing(
                    f"the listing is not complete: it says that there are {total:,}, and has {count:,}"
                )
            return
        if cursor in seen:
            raise UnusableListing("the listing points to a page that was already read")
        if is_empty:
            raise UnusableListing("a page of the listing is empty although it says that more follow")
        seen.add(cursor)
    raise UnusableListing(f"the listing has more than {MAX_PAGES} pages")


def json_of(answer: Answer) -> Any:
    """The body as JSON, of an answer that is all there is. UnusableListing where a header says that it goes on."""
    if next_link(answer):
        raise UnusableListing(f"{bare_url(answer.url)} says, in its Link header, that the listing goes on")
    return body_of(answer)


def next_link(answer: Answer) -> str:
    """Where the Link header says that a listing goes on (RFC 8288); empty where it does not."""
    for link in _LINK.finditer(answer.headers.get("link", "")):
        if "next" in link["rel"].lower().split():
            return link["target"]
    return ""


_LINK = re.compile(r"""<(?P<target>[^>]*)>[^,<]*?;\s*rel\s*=\s*"?(?P<rel>[^",;]*)"?""", re.IGNORECASE)


def body_of(answer: Answer) -> Any:
    """The body as JSON, decimal numbers exact. UnusableListing when it is something else, as a proxy's HTML page.

    A key that stands there twice is refused: of two lists of models one would be lost.
    """
    try:
        return json.loads(answer.content, parse_float=Decimal, object_pairs_hook=_without_doubles)
    except UnusableListing as error:
        raise UnusableListing(f"{bare_url(answer.url)} {error}") from None
    except RecursionError:
        raise UnusableListing(f"{bare_url(answer.url)} answered with JSON that is nested too deeply") from None
    except (ValueError, ArithmeticError):  # ArithmeticError: an exponent beyond Decimal's
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        what = "an empty body" if not answer.content else f"{kind or 'something'} that is not whole JSON"
        raise UnusableListing(f"{bare_url(answer.url)} answered with {what}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise UnusableListing(f"answered with JSON that has the key {shorten(repr(name))} twice")
    return found


def last_page(items: list[Mapping[str, Any]], body: object) -> Page:
    """The page of an answer that names no next one. UnusableListing where it says otherwise, in whatever words.

    What no API known today says is not taken for a whole listing either: a model that is missing from half of one
    must not be counted as gone.
    """
    total = None
    for where in _about_pages(body):
        for name, value in where.items():
            word = re.sub(r"[^a-z]", "", str(name).lower())
            if _goes_on(word, value, where):
                raise UnusableListing(f"the listing is not complete: it says {name} = {shorten(repr(value), 60)}")
            if _TOTAL.fullmatch(word) and isinstance(value, int):
                total = max(total or 0, value)
    return Page(items, total=total)


def _about_pages(body: object) -> Iterator[Mapping[str, Any]]:
    """The parts of an answer in which APIs say how their pages follow each other."""
    if isinstance(body, Mapping):
        yield body
        yield from (body[name] for name in _PARTS if isinstance(body.get(name), Mapping))


_PARTS = ("links", "_links", "link", "meta", "metadata", "page", "page_info", "pageInfo", "paging", "pagination")
_MORE = re.compile(r"errors?|more|(?!prev|start|end|self|first|last).*(next|cursor|pagetoken|continuation).*|hasmore.*")
_CUT = re.compile(r"(is)?(truncated|partial|incomplete)")
_LAST = re.compile(r"(is|has)?(last|lastpage|complete|done|final)")
_TOTAL = re.compile(r"total(count|items|models|results|elements)?")
_PAGES = re.compile(r"(total|last|num)pages?|pages|pagecount")


def _goes_on(word: str, value: object, where: Mapping[str, Any]) -> bool:
    if _LAST.fullmatch(word):
        return value is False
    if _PAGES.fullmatch(word) and isinstance(value, int):
        page = where.get("page", where.get("current_page", where.get("currentPage")))
        return isinstance(page, int) and value > page
    return bool(value) and (_MORE.fullmatch(word) or _CUT.fullmatch(word)) is not None


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
