"""`provider test`: what each way to fail is called, when a key is proven, and what the row remembers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Query
from tests.conftest import Run
from tests.loopback import Behaviour, ProviderServer, drip, empty_list, html, openai_item, redirect, slow, status

Try = Callable[..., tuple[int, dict[str, Any]]]

KEY = {"LLM_KEY": "llm-test-key"}


@pytest.fixture
def url(run: Run, sqlite_url: str, provider_server: ProviderServer) -> str:
    """A database with the provider `llm`."""
    provider_server.models["llm"] = [openai_item("m1"), openai_item("m2"), openai_item("ft:m1:acme")]
    address = provider_server.base_url("llm")
    added = run("provider", "add", "llm", "--base-url", address, "--env", "LLM_KEY", "--database", sqlite_url)
    assert added.code == 0, added.stderr
    return sqlite_url


@pytest.fixture
def tried(run: Run, url: str) -> Try:
    """`tried()`: the exit code and what is said of `llm`."""

    def try_it(*argv: str, env: dict[str, str] = KEY) -> tuple[int, dict[str, Any]]:
        done = run("provider", "test", "llm", "--timeout", "2s", "--json", *argv, "--database", url, env=env)
        assert "llm-test-key" not in done.stdout + done.stderr
        [found] = json.loads(done.stdout)["providers"]
        return done.code, found

    return try_it


def test_a_key_is_proven_where_a_made_up_one_is_refused(
    tried: Try, url: str, query: Query, provider_server: ProviderServer
) -> None:
    provider_server.keys["llm"] = KEY["LLM_KEY"]
    code, found = tried()
    assert (code, found["health"], found["models"], found["skipped"], found["key_is_proven"]) == (0, "ok", 2, 1, True)
    assert 0 < found["latency_ms"] < 2000
    right, made_up = [each.headers["authorization"] for each in provider_server.asked("llm")]
    assert right == f"Bearer {KEY['LLM_KEY']}"
    assert made_up.startswith("Bearer modelctl-control-")
    health = "SELECT health_status, health_latency_ms, health_checked_at, created_at = updated_at FROM ai_providers"
    [(word, latency_ms, checked_at, is_untouched)] = query(url, health)
    assert (word, latency_ms, bool(is_untouched)) == ("ok", found["latency_ms"], True)
    assert str(checked_at).startswith("2026-11-21 12:00")


def test_a_server_that_lists_to_anybody_proves_no_key(tried: Try, provider_server: ProviderServer) -> None:
    provider_server.keys["llm"] = None
    code, found = tried()
    assert (code, found["health"], found["key_is_proven"]) == (3, "key_not_proven", False)
    assert "it also lists its models for a made-up key" in found["problem"]


def test_a_server_without_keys_is_asked_once_and_without_one(
    run: Run, tried: Try, url: str, provider_server: ProviderServer
) -> None:
    provider_server.keys["llm"] = None
    assert run("provider", "set", "llm", "--env", "", "--database", url).code == 0
    code, found = tried()
    assert (code, found["health"], found["key_is_proven"]) == (0, "ok", None)
    [seen] = provider_server.asked("llm")
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("word", [400, 401, 403, 422])
def test_each_way_to_refuse_the_made_up_key_proves_the_right_one(
    tried: Try, provider_server: ProviderServer, word: int
) -> None:
    provider_server.keys["llm"] = None
    refuse = status(word)
    calls = iter([lambda reply: reply, refuse.change])
    provider_server.fail("llm", Behaviour("refuses the second key", lambda reply: next(calls)(reply)))
    assert tried()[1]["key_is_proven"] is True


@pytest.mark.parametrize(
    ("behaviour", "health"),
    [
        (status(401), "unauthorized"),
        (status(403), "forbidden"),
        (status(404), "no_listing"),
        (status(429), "rate_limited"),
        (status(500), "failed"),
        (redirect("http://127.0.0.1:1/"), "failed"),
        (html(), "failed"),
        (empty_list(), "failed"),
        (slow(9), "timeout"),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_each_way_to_fail_has_a_word_and_a_remedy(
    tried: Try, url: str, query: Query, provider_server: ProviderServer, behaviour: Behaviour, health: str
) -> None:
    provider_server.fail("llm", behaviour)
    code, found = tried()
    assert (code, found["health"], found["models"]) == (3, health, None)
    assert found["problem"]
    assert found["remedy"]
    assert "nothing was changed" not in found["remedy"]
    assert query(url, "SELECT health_status, health_latency_ms FROM ai_providers") == [(health, None)]
    assert len(provider_server.asked("llm")) == 1  # no retries


def test_nobody_there_no_key_and_no_usable_key(run: Run, tried: Try, url: str) -> None:
    assert (tried(env={})[0], tried(env={})[1]["health"]) == (3, "no_key")
    assert tried(env={"LLM_KEY": "two words"})[1]["health"] == "failed"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert run("provider", "set", "llm", "--base-url", f"http://127.0.0.1:{port}/v1", "--database", url).code == 0
    assert tried()[1]["health"] == "unreachable"


def test_all_are_asked_at_once_and_who_has_no_key_does_not_count(
    run: Run, url: str, provider_server: ProviderServer
) -> None:
    provider_server.keys["llm"] = KEY["LLM_KEY"]
    for name in ("slow-1", "slow-2", "slow-3"):
        provider_server.models[name] = [openai_item("m")]
        provider_server.keys[name] = None
        provider_server.fail(name, slow(1.5))
        address = provider_server.base_url(name)
        assert run("provider", "add", name, "--base-url", address, "--database", url).code == 0
    began = time.monotonic()
    done = run("provider", "test", "--all", "--json", "--database", url, env=KEY)
    assert time.monotonic() - began < 4.5
    words = {each["provider"]: each["health"] for each in json.loads(done.stdout)["providers"]}
    assert {words.pop(name) for name in ("llm", "slow-1", "slow-2", "slow-3")} == {"ok"}
    assert set(words.values()) == {"no_key"}
    assert done.code == 0
    assert "not kept, because they have no rows yet: anthropic" in done.stderr


def test_a_listing_that_trickles_in_is_left_behind(
    tried: Try, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelctl.discovery.probe.SPARE_S", 0.0)
    provider_server.fail("llm", drip(0.2))
    code, found = tried()
    assert (code, found["health"]) == (3, "timeout")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("llm", "--all"), "--all and names of providers contradict each other"),
        (("llm", "--timeout", "soon"), "--timeout: 'soon' is not a duration"),
        (("llm", "--timeout", "0s"), "--timeout: must be above 0"),
    ],
)
def test_wrong_usage_is_said(run: Run, url: str, argv: tuple[str, ...], says: str) -> None:
    told = run("provider", "test", *argv, "--database", url)
    assert (told.code, says in told.stderr) == (2, True)


def test_nothing_that_can_be_asked_is_a_finding(run: Run) -> None:
    told = run("provider", "test", "--all")
    assert told.code == 3
    assert "set OPENAI_API_KEY" in told.stdout


def test_without_names_those_with_a_key_are_asked_and_get_their_rows(
    run: Run, sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    assert run("db", "upgrade", "--database", sqlite_url).code == 0
    nobody = run("provider", "test", "--database", sqlite_url)
    assert (nobody.code, "no provider has a key" in nobody.stderr) == (2, True)
    env = provider_server.env("openai", "anthropic")
    done = run("provider", "test", "--json", "--database", sqlite_url, env=env)
    assert done.code == 0, done.stderr
    assert [each["provider"] for each in json.loads(done.stdout)["providers"]] == ["anthropic", "openai"]
    rows = "SELECT name, health_status, api_base_url FROM ai_providers ORDER BY name"
    assert [row[:2] for row in query(sqlite_url, rows)] == [("anthropic", "ok"), ("openai", "ok")]
    assert run("sync", "openai", "--source", "catalog", "--database", sqlite_url).code == 0
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_providers") == [(2,)]
