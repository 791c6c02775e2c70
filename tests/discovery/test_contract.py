"""What holds for every discovery module: the registry is the list of cases."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import traceback
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelctl.catalog.load import load, shipped_directory
from modelctl.core.facts import ModelRecord, Skipped, Source
from modelctl.core.validation import check_record
from modelctl.discovery.base import Access, Discovery
from modelctl.discovery.registry import REGISTRY, SDK_KINDS
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import Reach, collect
from tests.loopback import (
    Behaviour,
    ProviderServer,
    dropped,
    empty_body,
    empty_list,
    html,
    redirect,
    repeated_page,
    slow,
    status,
    truncated,
    wrong_shape,
)
from tests.loopback.shapes import key_env_of, kind_of, saved_items
from tests.loopback.tls import Authority

DATA = Path(__file__).parent / "data"
SAVED = sorted(DATA.glob("*.json"))
KINDS = sorted(REGISTRY)
PAGED = sorted(kind for kind, module in REGISTRY.items() if any(each.cursor for each in module.ENDPOINTS))
OF_ONE_SELLER = sorted(kind for kind, module in REGISTRY.items() if module.BASE_URL)
"""The others are asked where their provider says, and with a key where it names one."""
WITH_KEY = sorted(kind for kind in OF_ONE_SELLER if not REGISTRY[kind].PUBLIC)
SDKS = {module.SDK for module in REGISTRY.values() if module.SDK}
ITEMS = {endpoint.items for module in REGISTRY.values() for endpoint in module.ENDPOINTS}
ACCESS = Access(provider="acme", api_key="", timeout_s=1, now=NOW)

BEHAVIOURS = {
    "401": (status(401), "HTTP 401"),
    "403": (status(403), "HTTP 403"),
    "404": (status(404), "HTTP 404"),
    "429": (status(429), "HTTP 429"),
    "500": (status(500), "HTTP 500"),
    "529": (status(529), "HTTP 529"),
    "an HTML page": (html(), "text/html"),
    "half of the JSON": (truncated(), "not whole JSON"),
    "an empty body": (empty_body(), "empty body"),
    "an empty list": (empty_list(), "listing is empty"),
    "an error with 200": (wrong_shape(), "not a model listing"),
    "a string": (wrong_shape("models"), "not a model listing"),
    "null items": (wrong_shape(dict.fromkeys(ITEMS)), "not a model listing"),
    "items that are no objects": (wrong_shape({key: ["a"] for key in ITEMS}), "not an object"),
    "items without an id": (wrong_shape({key: [{}] for key in ITEMS}), "has no"),
    "no answer": (dropped(), "no connection"),
    "half an answer": (dropped(mid_body=True), "no connection"),
    "a late answer": (slow(30), "did not answer within 0.2 s"),
    "a redirect": (redirect("http://127.0.0.1:1/elsewhere"), "redirect"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """A kind, and the provider of that name: each has a saved answer."""
    return str(request.param)


def renamed(kind: str, new: str) -> tuple[dict[str, Any], bool]:
    """A saved model with another id, and whether the id is more than that field (Replicate's has the owner, too)."""
    module = REGISTRY[kind]
    for item in saved_items(kind):
        taken = module.translate(item, ACCESS)
        if isinstance(taken, ModelRecord):
            key = module.ENDPOINTS[0].id
            before, is_whole = item[key].removesuffix(taken.key.model_id), item[key].endswith(taken.key.model_id)
            return item | {key: f"{before}{new}" if is_whole else new}, not is_whole
    raise AssertionError(f"every saved model of {kind} is skipped")


def failing(source: Discovery, access: Access, **options: Any) -> str:
    """The text of the SourceError, which must name the provider and hold nothing of the key."""
    with pytest.raises(SourceError) as caught:
        collect(source, access, **({"deadline_s": 20, "sleep": lambda _: None} | options))
    told = str(caught.value)
    everything = told + "".join(traceback.format_exception(caught.value))
    assert told.startswith(access.provider)
    assert "\n" not in told
    assert not access.api_key or access.api_key not in everything
    return told


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.stem)
def test_saved_listings_translate(saved: Path) -> None:
    body = json.loads(saved.read_text(encoding="utf-8"))
    items = body if isinstance(body, list) else body.get("data") or body["models"]
    module = REGISTRY[kind_of(saved)]
    assert isinstance(body, list) or {each.items for each in module.ENDPOINTS} & body.keys()
    translated = [module.translate(each, ACCESS) for each in items]
    records = [each for each in translated if isinstance(each, ModelRecord)]
    assert records
    assert len({each.key for each in records}) == len(records)
    assert all(each.key.provider == "acme" for each in records)
    assert all(each.reason for each in translated if isinstance(each, Skipped))
    for each in records:
        check_record(each)
        assert all(point.source == "api" and point.effective_from == NOW for point in each.prices)


def test_a_whole_listing_becomes_a_snapshot(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    snapshot = collect(REGISTRY[kind], reach(kind), deadline_s=20)
    assert snapshot.source is Source.API
    assert snapshot.complete_for == ({kind} if REGISTRY[kind].COMPLETE else set())
    assert len(snapshot.records) + len(snapshot.skipped) == len(provider_server.models[kind])
    for key, record in snapshot.records.items():
        assert record.key == key
        assert record.listed_at == NOW
        assert set(record.provenance) == {name for name, _ in record.facts.known()}
        assert all(who == "api" or who.startswith("rule:") for who in record.provenance.values())


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_every_failure_names_the_provider_and_never_the_key(
    kind: str, case: str, provider_server: ProviderServer, reach: Reach
) -> None:
    behaviour, expected = BEHAVIOURS[case]
    provider_server.fail(kind, behaviour)
    access = reach(kind, timeout_s=0.2 if case == "a late answer" else 5.0)
    assert expected in failing(REGISTRY[kind], access)


def test_a_refused_key_is_named_by_its_place(kind: str, reach: Reach) -> None:
    told = failing(REGISTRY[kind], reach(kind, api_key="sk-planted-0123456789", key_name="THE_KEY"))
    assert "the key in THE_KEY is not accepted" in told


@pytest.mark.parametrize(
    "model_id", ["x" * 10_000, "new\nline", "bell\x07", " outer", "outer ", "", "\ud800", "z\u200b"]
)
def test_an_id_that_can_be_no_key_is_left_out_and_named(
    kind: str, model_id: str, provider_server: ProviderServer, reach: Reach
) -> None:
    item, has_more_parts = renamed(kind, model_id)
    before = collect(REGISTRY[kind], reach(kind), deadline_s=20)
    provider_server.models[kind].append(item)
    listing = collect(REGISTRY[kind], reach(kind), deadline_s=20)
    if has_more_parts and model_id in (" outer", ""):
        assert len(listing.records) == len(before.records) + 1, "a blank inside an id is a part of it"
        return
    assert listing.records.keys() == before.records.keys()
    assert listing.complete_for == before.complete_for
    [left_out] = [each for each in listing.skipped if each not in before.skipped]
    assert "its id cannot be one: " in left_out.reason
    assert len(left_out.item_id + left_out.reason) < 250
    assert (left_out.item_id + left_out.reason).isprintable()


def test_a_model_listed_twice_is_an_error(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    items = provider_server.models[kind]
    items.append(items[0])
    assert "listed twice" in failing(REGISTRY[kind], reach(kind))


def test_a_server_that_recovers_is_believed(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail(kind, status(503, times=2))
    waits: list[float] = []
    assert collect(REGISTRY[kind], reach(kind), deadline_s=20, sleep=waits.append).records
    assert len(provider_server.asked(kind)) == 2 + len(REGISTRY[kind].ENDPOINTS)
    assert len(waits) == 2


@pytest.mark.parametrize(("code", "requests"), [(401, 1), (403, 1), (404, 1), (400, 1), (429, 4), (500, 4), (504, 4)])
def test_only_what_may_pass_is_tried_again_and_no_sdk_retries(
    kind: str, code: int, requests: int, provider_server: ProviderServer, reach: Reach
) -> None:
    provider_server.fail(kind, status(code))
    failing(REGISTRY[kind], reach(kind))
    assert len(provider_server.asked(kind)) == requests


@pytest.mark.parametrize("provider", PAGED)
def test_pages_are_followed_to_the_end(provider: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.page_size[provider] = 2
    whole = collect(REGISTRY[provider], reach(provider), deadline_s=20)
    total = len(provider_server.models[provider])
    assert len(whole.records) + len(whole.skipped) == total
    assert len(provider_server.asked(provider)) == (total + 1) // 2


@pytest.mark.parametrize("provider", PAGED)
@pytest.mark.parametrize(
    "behaviour",
    [status(500, on_page=2), html(on_page=2), wrong_shape(on_page=2), empty_body(on_page=2), truncated(on_page=2)],
    ids=lambda each: each.name,
)
def test_a_listing_that_breaks_off_is_no_listing(
    provider: str, behaviour: Behaviour, provider_server: ProviderServer, reach: Reach
) -> None:
    provider_server.page_size[provider] = 3
    provider_server.fail(provider, behaviour)
    failing(REGISTRY[provider], reach(provider))
    assert len(provider_server.asked(provider)) > 1


@pytest.mark.parametrize("provider", PAGED)
def test_a_page_that_repeats_ends_in_an_error(provider: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail(provider, repeated_page())
    assert "listed twice" in failing(REGISTRY[provider], reach(provider))
    assert len(provider_server.asked(provider)) == 2


@pytest.mark.parametrize("provider", sorted(SDK_KINDS))
def test_without_a_base_url_the_sdk_reads_its_own_variable(
    provider: str, provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REGISTRY[provider].BASE_URL_ENV, provider_server.base_url(provider))
    assert collect(REGISTRY[provider], reach(provider, base_url=None), deadline_s=20).records


@pytest.mark.parametrize("provider", WITH_KEY)
def test_a_key_in_the_environment_is_never_used_instead(
    provider: str, provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in provider_server.env(provider).items():
        monkeypatch.setenv(name, value)
    assert "no API key" in failing(REGISTRY[provider], reach(provider, api_key=""))
    assert not provider_server.asked(provider)


@pytest.mark.parametrize("provider", sorted(set(KINDS) - set(WITH_KEY)))
def test_what_needs_no_key_is_asked_without_one(
    provider: str, provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key_env_of(provider), "planted-0123456789")
    provider_server.keys[provider] = None
    assert collect(REGISTRY[provider], reach(provider, api_key=""), deadline_s=20).records
    assert all("planted" not in "".join(each.headers.values()) for each in provider_server.asked(provider))


@pytest.mark.parametrize("provider", OF_ONE_SELLER)
def test_a_module_and_its_catalog_speak_of_the_same_server(provider: str) -> None:
    module, shipped = REGISTRY[provider], load(shipped_directory()).providers[provider]
    assert shipped.kind == provider
    assert shipped.env_vars, "a sync without a key asks no API of its own accord"
    assert urlsplit(shipped.api_base_url or "").netloc == urlsplit(module.BASE_URL).netloc


def test_a_module_says_what_its_api_is_like(kind: str) -> None:
    module = REGISTRY[kind]
    assert (DATA / f"{kind}.json").is_file()
    assert module.DOCS.startswith("https://")
    assert not module.BASE_URL.endswith("/")
    assert all(each.path.startswith("/") for each in module.ENDPOINTS)
    assert all(bool(each.cursor) == bool(each.next_cursor) for each in module.ENDPOINTS)
    assert not module.SDK or find_spec(module.SDK) is not None


def test_importing_the_modules_loads_no_sdk() -> None:
    code = "import sys, modelctl.discovery.registry, modelctl.discovery.fetch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))
    slow = {*SDKS, "httpx", "httpx2", "pydantic", "tenacity"}
    assert not slow & set(done.stdout.decode().split())


def test_the_proxy_of_the_network_is_used(
    kind: str, reach: Reach, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = reach(kind)
    nowhere = access.base_url.replace(provider_server.url, "http://listing.test")
    monkeypatch.setenv("HTTP_PROXY", provider_server.url)
    assert collect(REGISTRY[kind], replace(access, base_url=nowhere), deadline_s=20).records


def test_what_the_network_excepts_from_its_proxy_is_asked_directly(
    kind: str, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "fd00::/8,127.0.0.0/8")
    assert collect(REGISTRY[kind], reach(kind), deadline_s=20).records


def test_a_server_whose_certificate_nobody_signed_is_not_told_the_key(kind: str, reach: Reach, tmp_path: Path) -> None:
    with ProviderServer(tls=Authority(tmp_path).context("")) as stranger:
        access = reach(kind, base_url=stranger.base_url(kind))
        assert "name its certificate in SSL_CERT_FILE" in failing(REGISTRY[kind], access)
        assert stranger.asked(kind) == []


def test_the_certificates_of_authorities_are_loaded_once(
    kind: str, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 40 ms, and every try at a listing makes a client."""
    access = reach(kind)
    collect(REGISTRY[kind], access, deadline_s=20)
    loaded: list[object] = []
    for name in ("load_verify_locations", "load_default_certs"):
        monkeypatch.setattr(ssl.SSLContext, name, lambda *_, **__: loaded.append(1))
    collect(REGISTRY[kind], access, deadline_s=20)
    assert loaded == []


ASKING = """
import json, os, sys
from datetime import UTC, datetime
import httpx, tenacity
from modelctl.discovery.fetch import Request, collect_all
from modelctl.discovery.registry import REGISTRY
from modelctl.discovery.base import Access

for kind, url in json.loads(sys.argv[1]).items():
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, kind
        continue
    now = datetime.now(UTC).replace(microsecond=0)
    access = Access(provider=kind, api_key=f"{kind}-test-key", base_url=url, timeout_s=5, now=now)
    [(_, listing)] = collect_all([Request(source=REGISTRY[kind], access=access, deadline_s=20)])
    assert listing.records
    print(json.dumps([kind, list(sys.modules)]), flush=True)
    os._exit(0)
"""
"""Each kind in a process of its own, forked from one that has what all of them load, and no SDK."""


def test_asking_one_provider_loads_no_other_sdk(provider_server: ProviderServer) -> None:
    addresses = json.dumps({kind: provider_server.base_url(kind) for kind in KINDS})
    done = subprocess.run([sys.executable, "-c", ASKING, addresses], capture_output=True, check=True)
    loaded = dict(json.loads(line) for line in done.stdout.splitlines())
    assert {kind: SDKS & {*names} for kind, names in loaded.items()} == {
        kind: {REGISTRY[kind].SDK} - {""} for kind in KINDS
    }
