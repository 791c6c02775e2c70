"""Listings that are kept for `--max-age`: without loss, per key and address, and never in the way."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Skipped, Source
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.price import PricePoint
from modelctl.discovery.base import Access
from modelctl.discovery.cache import ListingCache, key_fingerprint
from modelctl.discovery.fetch import REQUESTS_PER_SECOND, RateLimiter
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer, status

KEY = "sk-planted-0123456789"
ACME = Access(provider="acme", api_key=KEY, base_url="https://user:hunter2@acme.test/v1", timeout_s=1, now=NOW)
HOUR = timedelta(hours=1)

FACTS = (
    "display_name",
    "type",
    "vision",
    "context_window",
    "input_modalities",
    "aliases",
    "released_on",
    "input_price_per_mtok",
)
RECORD = ModelRecord(
    key=ModelKey("acme", "Größe/one:free"),
    facts=ModelFacts(
        display_name="One",
        type="chat",
        vision=False,
        context_window=128_000,
        input_modalities=("text", "image"),
        aliases=(),
        released_on=date(2026, 1, 2),
        input_price_per_mtok=Decimal("0.123456789"),
    ),
    prices=(
        PricePoint(kind="input", amount=Decimal("0.123456789"), effective_from=NOW, basis="observed", source="api"),
        PricePoint(
            kind="output", amount=Decimal(3), context_above=200_000, effective_to=datetime(2027, 1, 1, tzinfo=UTC)
        ),
    ),
    provenance={**dict.fromkeys(FACTS, "api"), "type": "rule:type"},
    stated_none=frozenset({"retires_on"}),
    known_to=frozenset({"api"}),
    listed_at=NOW,
)
LISTING = Snapshot(
    source=Source.API,
    records={RECORD.key: RECORD},
    complete_for=frozenset({"acme"}),
    skipped=(Skipped("ft:mine", "private: a fine-tuned model of one account"),),
)


@pytest.fixture
def cache(tmp_path: Path) -> ListingCache:
    return ListingCache(directory=tmp_path / "cache" / "listings", max_age=HOUR)


def later(**elapsed: float) -> Access:
    return replace(ACME, now=NOW + timedelta(**elapsed))


def files(cache: ListingCache) -> list[Path]:
    return sorted(cache.directory.iterdir()) if cache.directory.exists() else []


def test_a_listing_comes_back_as_it_was(cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    found = cache.load("openai-compatible", later(minutes=60))
    assert found is not None
    assert (found.snapshot, found.fetched_at) == (LISTING, NOW)


@pytest.mark.parametrize("name", ["anthropic", "openai", "google", "replicate", "cohere", "xai", "mistral", "together"])
def test_every_provider_s_listing_comes_back_as_it_was(
    name: str, cache: ListingCache, reach: Reach, provider_server: ProviderServer
) -> None:
    kind = name if name in REGISTRY else "openai-compatible"
    access = reach(name)
    listing = collect(REGISTRY[kind], access, deadline_s=20)
    cache.store(kind, access, listing)
    found = cache.load(kind, access)
    assert found is not None
    assert found.snapshot == listing


@pytest.mark.parametrize(
    "access",
    [
        replace(ACME, api_key="sk-another-0123456789"),
        replace(ACME, api_key=""),
        replace(ACME, base_url="https://other.test/v1"),
        replace(ACME, base_url=None),
        replace(ACME, provider="acme-2"),
        replace(ACME, auth_header_name="x-api-key"),
        later(minutes=61),
        later(seconds=-1),
    ],
)
def test_the_listing_of_another_key_address_or_time_is_not_used(access: Access, cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    assert cache.load("openai-compatible", access) is None
    assert cache.load("openai", ACME) is None
    assert replace(cache, max_age=None).load("openai-compatible", ACME) is None


def test_a_file_holds_no_secret_and_is_its_owner_s_alone(cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    [path] = files(cache)
    held = path.name + path.read_text(encoding="utf-8")
    for secret in (KEY, KEY[3:12], "hunter2", "acme.test"):
        assert secret not in held
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_listing_that_repeats_the_key_is_not_kept(cache: ListingCache) -> None:
    echoing = replace(LISTING, skipped=(Skipped("x", f"private: owned by {KEY}"),))
    cache.store("openai-compatible", ACME, echoing)
    assert files(cache) == []


@pytest.mark.parametrize(
    ("said", "meddled"),
    [('"vision": false', '"vision": "no"'), ('"vision": false', '"vision": 0'), (": 128000", ": true")],
)
def test_a_file_with_a_fact_of_another_type_is_not_used(said: str, meddled: str, cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    [path] = files(cache)
    text = path.read_text(encoding="utf-8")
    assert said in text
    path.write_text(text.replace(said, meddled, 1), encoding="utf-8")
    assert cache.load("openai-compatible", ACME) is None


def test_only_whole_listings_are_kept(cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, replace(LISTING, complete_for=frozenset()))
    assert files(cache) == []


def test_a_fingerprint_tells_keys_apart_and_gives_none_away() -> None:
    assert key_fingerprint(KEY) != key_fingerprint(KEY + "0")
    assert len(key_fingerprint(KEY)) == 16


def _without(name: str) -> Any:
    return lambda document: {key: value for key, value in document.items() if key != name}


def _first_record(**changes: Any) -> Any:
    return lambda document: {**document, "records": [{**document["records"][0], **changes}]}


BROKEN = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "no object": lambda _: "[1]",
    "deep": lambda _: "[" * 100_000,
    "binary": lambda _: "\0\ud7ff",
}
DAMAGED = {
    "another format": lambda document: {**document, "format": 2},
    "another version": lambda document: {**document, "written_by": "0.0.0"},
    "another identity": lambda document: {**document, "identity": "0" * 64},
    "no time": _without("fetched_at"),
    "naive time": lambda document: {**document, "fetched_at": "2026-11-21T12:00:00"},
    "another time": lambda document: {**document, "fetched_at": "2026-11-21T12:30:00+00:00"},
    "no records": lambda document: {**document, "records": []},
    "twice": lambda document: {**document, "records": document["records"] * 2},
    "unknown fact": _first_record(facts={"colour": "red"}),
    "impossible fact": _first_record(facts={"context_window": -1}),
    "amount": _first_record(facts={"input_price_per_mtok": "much"}),
    "no provenance": _first_record(provenance={}),
    "price": _first_record(prices=[{"kind": "input"}]),
    "skipped": lambda document: {**document, "skipped": [1]},
}


@pytest.mark.parametrize("damage", [*BROKEN.values(), *DAMAGED.values()], ids=[*BROKEN, *DAMAGED])
def test_a_broken_or_foreign_file_is_no_listing(damage: Any, cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    [path] = files(cache)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        damage(text) if damage in BROKEN.values() else json.dumps(damage(json.loads(text))), encoding="utf-8"
    )
    assert cache.load("openai-compatible", ACME) is None
    cache.store("openai-compatible", ACME, LISTING)
    assert cache.load("openai-compatible", ACME) is not None


def test_a_file_that_is_no_text_or_no_file_is_no_listing(cache: ListingCache) -> None:
    cache.store("openai-compatible", ACME, LISTING)
    [path] = files(cache)
    path.write_bytes(b"\xff\xfe")
    assert cache.load("openai-compatible", ACME) is None
    path.unlink()
    path.mkdir()
    assert cache.load("openai-compatible", ACME) is None
    with pytest.raises(OSError, match=path.name):
        cache.store("openai-compatible", ACME, LISTING)
    assert files(cache) == [path], "nothing half-written is left"


@given(
    pauses_s=st.lists(st.floats(0, 3), max_size=80),
    per_second=st.sampled_from([1.0, 4.0, REQUESTS_PER_SECOND]),
    burst=st.integers(1, 12),
)
@settings(deadline=None)
def test_in_no_window_are_there_more_requests_than_the_pace_allows(
    pauses_s: list[float], per_second: float, burst: int
) -> None:
    clock = [0.0]

    def wait(seconds: float) -> None:
        assert seconds > 0
        clock[0] += seconds

    throttle = RateLimiter(wait, per_second=per_second, burst=burst, clock=lambda: clock[0])
    sent: list[float] = []
    for pause_s in [*pauses_s, *[0.0] * 30]:
        clock[0] += pause_s
        throttle()
        sent.append(clock[0])
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + (sent[last] - sent[first]) * per_second + 1e-6
    assert sent[-1] <= sum(pauses_s) + len(sent) / per_second, "and nobody waits for longer than that takes"


def test_all_tries_of_a_listing_wait_in_one_line() -> None:
    waits_s: list[float] = []
    tries: list[int] = []

    def fetch(access: Access) -> Iterator[Any]:
        tries.append(len(tries))
        for _page in range(200):
            access.throttle()
        if len(tries) == 1:
            raise TimeoutError
        yield {}

    source: Any = SimpleNamespace(COMPLETE=True, fetch=fetch, translate=lambda _item, _access: RECORD)
    collect(source, ACME, deadline_s=60, sleep=waits_s.append)
    assert len(tries) == 2
    one_try_s = 200 / REQUESTS_PER_SECOND
    assert max(waits_s) > 1.5 * one_try_s, "nobody really waited, so the line is as long as both tries' pages"


@pytest.mark.parametrize("name", ["anthropic", "openai", "google", "replicate", "cohere", "xai", "mistral"])
def test_a_module_keeps_the_pace_before_each_request(name: str, reach: Reach, provider_server: ProviderServer) -> None:
    provider_server.page_size[name] = 2
    called: list[str] = []
    access = reach(name, throttle=lambda: called.append(name))
    list(REGISTRY[name if name in REGISTRY else "openai-compatible"].fetch(access))
    assert len(called) == len(provider_server.asked(name)) > 0


def test_a_listing_that_broke_off_is_an_error_not_half_a_listing(reach: Reach, provider_server: ProviderServer) -> None:
    provider_server.page_size["anthropic"] = 2
    provider_server.fail("anthropic", status(401, on_page=3))
    with pytest.raises(SourceError):
        collect(REGISTRY["anthropic"], reach("anthropic"), deadline_s=20)
