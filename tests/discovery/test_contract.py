"""What holds for every discovery module: the registry is the list of cases."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord, Skipped, Source
from modelctl.core.validation import check_record
from modelctl.discovery.base import Access, Discovery
from modelctl.discovery.fetch import collect
from modelctl.discovery.registry import REGISTRY
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import Reach
from tests.loopback import (
    Behaviour,
    ProviderServer,
    anthropic_item,
    cohere_item,
    dropped,
    empty_body,
    empty_list,
    google_item,
    html,
    openai_item,
    redirect,
    repeated_page,
    replicate_item,
    slow,
    status,
    truncated,
    wrong_shape,
)
from tests.loopback.shapes import FOUR
from tests.loopback.tls import Authority

DATA = Path(__file__).parent / "data"
SAVED = sorted(DATA.glob("*.json"))
KINDS = sorted(REGISTRY)
SDKS = {"openai", "anthropic", "google.genai", "replicate", "httpx", "httpx2", "pydantic", "tenacity"}
MAKERS = {"anthropic": anthropic_item, "cohere": cohere_item, "google": google_item, "replicate": replicate_item}

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
    "null items": (wrong_shape({"data": None, "models": None}), "not a model listing"),
    "items that are no objects": (wrong_shape({"data": ["a"], "models": ["a"]}), "not an object"),
    "items without an id": (wrong_shape({"data": [{}], "models": [{}]}), "has no"),
    "no answer": (dropped(), "no connection"),
    "half an answer": (dropped(mid_body=True), "no connection"),
    "a late answer": (slow(30), "did not answer within 0.2 s"),
    "a redirect": (redirect("http://127.0.0.1:1/elsewhere"), "redirect"),
}


def provider_of(kind: str) -> str:
    return "local-llm" if kind == "openai-compatible" else kind


def item(kind: str, model_id: str, **more: Any) -> Any:
    return MAKERS.get(kind, openai_item)(model_id, **more)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, provider_server: ProviderServer) -> str:
    provider_server.models["local-llm"] = [openai_item("local-model")]
    return str(request.param)


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
    kind = next(name for name in sorted(KINDS, key=len, reverse=True) if saved.stem.startswith(name))
    access = Access(provider="acme", api_key="", timeout_s=1, now=NOW)
    translated = [REGISTRY[kind].translate(each, access) for each in items]
    records = [each for each in translated if isinstance(each, ModelRecord)]
    assert records
    assert len({each.key for each in records}) == len(records)
    assert all(each.key.provider == "acme" for each in records)
    assert all(each.reason for each in translated if isinstance(each, Skipped))
    for each in records:
        check_record(each)
        assert all(point.source == "api" and point.effective_from == NOW for point in each.prices)


def test_a_whole_listing_becomes_a_snapshot(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider = provider_of(kind)
    snapshot = collect(REGISTRY[kind], reach(provider), deadline_s=20)
    assert snapshot.source is Source.API
    assert snapshot.complete_for == {provider}
    assert len(snapshot.records) + len(snapshot.skipped) == len(provider_server.models[provider])
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
    provider_server.fail(provider_of(kind), behaviour)
    access = reach(provider_of(kind), timeout_s=0.2 if case == "a late answer" else 5.0)
    assert expected in failing(REGISTRY[kind], access)


def test_a_refused_key_is_named_by_its_place(kind: str, reach: Reach) -> None:
    told = failing(REGISTRY[kind], reach(provider_of(kind), api_key="sk-planted-0123456789", key_name="THE_KEY"))
    assert "the key in THE_KEY is not accepted" in told


@pytest.mark.parametrize(
    "model_id", ["x" * 10_000, "new\nline", "bell\x07", " outer", "outer ", "", "\ud800", "z\u200b"]
)
def test_an_id_that_can_be_no_key_is_refused(
    kind: str, model_id: str, provider_server: ProviderServer, reach: Reach
) -> None:
    if kind == "replicate":
        model_id = f"owner/{model_id}".replace("owner/ outer", " owner/x").replace("owner/outer ", "owner/x ")
    provider_server.models[provider_of(kind)].append(item(kind, model_id))
    if model_id == "owner/":
        return
    told = failing(REGISTRY[kind], reach(provider_of(kind)))
    assert len(told) < 250
    assert told.isprintable()


def test_a_model_listed_twice_is_an_error(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    items = provider_server.models[provider_of(kind)]
    items.append(items[0])
    assert "listed twice" in failing(REGISTRY[kind], reach(provider_of(kind)))


def test_a_server_that_recovers_is_believed(kind: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider = provider_of(kind)
    provider_server.fail(provider, status(503, times=2))
    waits: list[float] = []
    assert collect(REGISTRY[kind], reach(provider), deadline_s=20, sleep=waits.append).records
    assert len(provider_server.asked(provider)) == 2 + (4 if kind == "xai" else 1)
    assert len(waits) == 2


@pytest.mark.parametrize(("code", "requests"), [(401, 1), (403, 1), (404, 1), (400, 1), (429, 4), (500, 4), (504, 4)])
def test_only_what_may_pass_is_tried_again_and_no_sdk_retries(
    kind: str, code: int, requests: int, provider_server: ProviderServer, reach: Reach
) -> None:
    provider = provider_of(kind)
    provider_server.fail(provider, status(code))
    failing(REGISTRY[kind], reach(provider))
    assert len(provider_server.asked(provider)) == requests


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "google"])
def test_pages_are_followed_to_the_end(provider: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.page_size[provider] = 2
    whole = collect(REGISTRY[provider], reach(provider), deadline_s=20)
    total = len(provider_server.models[provider])
    assert len(whole.records) + len(whole.skipped) == total
    assert len(provider_server.asked(provider)) == (total + 1) // 2


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "google"])
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


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "google"])
def test_a_page_that_repeats_ends_in_an_error(provider: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.fail(provider, repeated_page())
    assert "listed twice" in failing(REGISTRY[provider], reach(provider))
    assert len(provider_server.asked(provider)) == 2


@pytest.mark.parametrize("provider", FOUR)
def test_without_a_base_url_the_sdk_reads_its_own_variable(
    provider: str, provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REGISTRY[provider].BASE_URL_ENV, provider_server.base_url(provider))
    assert collect(REGISTRY[provider], reach(provider, base_url=None), deadline_s=20).records


@pytest.mark.parametrize("provider", sorted(set(REGISTRY) - {"openai-compatible"}))
def test_a_key_in_the_environment_is_never_used_instead(
    provider: str, provider_server: ProviderServer, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in provider_server.env(provider).items():
        monkeypatch.setenv(name, value)
    assert "no API key" in failing(REGISTRY[provider], reach(provider, api_key=""))
    assert not provider_server.asked(provider)


def test_importing_the_modules_loads_no_sdk() -> None:
    code = "import sys, modelctl.discovery.registry, modelctl.discovery.fetch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))
    assert not SDKS & set(done.stdout.decode().split())


def test_the_proxy_of_the_network_is_used(
    kind: str, reach: Reach, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = reach(provider_of(kind))
    nowhere = access.base_url.replace(provider_server.url, "http://listing.test")
    monkeypatch.setenv("HTTP_PROXY", provider_server.url)
    assert collect(REGISTRY[kind], replace(access, base_url=nowhere), deadline_s=20).records


def test_what_the_network_excepts_from_its_proxy_is_asked_directly(
    kind: str, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "fd00::/8,127.0.0.0/8")
    assert collect(REGISTRY[kind], reach(provider_of(kind)), deadline_s=20).records


def test_a_server_whose_certificate_nobody_signed_is_not_told_the_key(kind: str, reach: Reach, tmp_path: Path) -> None:
    provider = provider_of(kind)
    with ProviderServer(tls=Authority(tmp_path).context("")) as stranger:
        access = reach(provider, base_url=stranger.base_url(provider))
        assert "name its certificate in SSL_CERT_FILE" in failing(REGISTRY[kind], access)
        assert stranger.asked(provider) == []


def test_the_certificates_of_authorities_are_loaded_once(
    kind: str, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take 40 ms, and every try at a listing makes a client."""
    access = reach(provider_of(kind))
    collect(REGISTRY[kind], access, deadline_s=20)
    loaded: list[object] = []
    for name in ("load_verify_locations", "load_default_certs"):
        monkeypatch.setattr(ssl.SSLContext, name, lambda *_, **__: loaded.append(1))
    collect(REGISTRY[kind], access, deadline_s=20)
    assert loaded == []


@pytest.mark.parametrize("provider", ["openai", "replicate"])
def test_asking_one_provider_loads_no_other_sdk(provider: str, provider_server: ProviderServer) -> None:
    code = f"""
import sys
from datetime import UTC, datetime
from modelctl.discovery.fetch import collect
from modelctl.discovery.registry import REGISTRY
from modelctl.discovery.base import Access
url = {provider_server.base_url(provider)!r}
access = Access(provider="{provider}", api_key="{provider}-test-key", base_url=url, timeout_s=5, now=datetime.now(UTC))
assert collect(REGISTRY["{provider}"], access, deadline_s=20).records
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))
    assert not ({"openai", "anthropic", "google.genai", "replicate"} - {provider}) & set(done.stdout.decode().split())
