"""`verify`: after a sync, whether the table can be used as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.loopback import ProviderServer, openai_item, status

KEY = {"LLM_KEY": "llm-test-key"}


def checks_of(result: Result) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(result.stdout)["checks"]}


def test_a_fresh_sync_is_verified_without_a_key(run: Run, synced_file: Callable[..., str]) -> None:
    url = synced_file("--provider", "deepseek")
    result = run("verify", "--database", url)
    assert (result.code, result.stderr) == (0, ""), result.stdout
    assert "live         ok (no provider with a key: none was asked)" in result.stdout
    few = run("verify", "deepseek", "--expect-min", "500", "--database", url)
    assert few.code == 3
    assert "at least 500 are expected" in few.stdout


def test_what_would_bill_or_call_wrongly_is_found(run: Run, synced_file: Callable[..., str], query: Query) -> None:
    url = synced_file("--provider", "deepseek")
    recommended = "SELECT model_id FROM ai_models WHERE recommended AND is_enabled ORDER BY model_id"
    [name] = query(url, recommended)[0]
    query(url, "UPDATE ai_models SET input_price_per_mtok = 99, status = 'retired' WHERE model_id = :name", name=name)
    result = run("verify", "--json", "--database", url)
    found = checks_of(result)
    assert result.code == 3
    assert [each["subject"] for each in found["recommended"]["findings"]] == [f"deepseek/{name}"]
    assert any("99" in each["problem"] for each in found["ledger"]["findings"])


@pytest.fixture
def url(run: Run, sqlite_url: str, provider_server: ProviderServer) -> str:
    """A database with the provider `llm` and its two models, switched on."""
    provider_server.models["llm"] = [openai_item("m1"), openai_item("m2")]
    address = provider_server.base_url("llm")
    assert run("provider", "add", "llm", "--base-url", address, "--env", "LLM_KEY", "--database", sqlite_url).code == 0
    assert run("sync", "llm", "--database", sqlite_url, env={**KEY, "MODELCTL_ENABLE_NEW": "all"}).code == 0
    return sqlite_url


def test_a_provider_with_a_key_is_asked_once_whether_it_has_the_sample(
    run: Run, url: str, provider_server: ProviderServer
) -> None:
    before = len(provider_server.asked("llm"))
    live = checks_of(run("verify", "--json", "--database", url, env=KEY))["live"]
    assert (live["status"], live["note"]) == ("ok", "1 of 1 provider asked")
    assert len(provider_server.asked("llm")) == before + 1
    provider_server.models["llm"] = [openai_item("m2")]
    result = run("verify", "--json", "--database", url, env=KEY)
    assert [each["subject"] for each in checks_of(result)["live"]["findings"]] == ["llm/m1"]
    assert checks_of(run("verify", "--sample", "0", "--json", "--database", url, env=KEY))["live"]["note"] == "left out"
    provider_server.fail("llm", status(401))
    refused = run("verify", "--json", "--database", url, env=KEY)
    assert refused.code == 3
    assert [each["subject"] for each in checks_of(refused)["live"]["findings"]] == ["llm"]
    assert "llm-test-key" not in refused.stdout + refused.stderr


def test_what_cannot_be_verified_is_an_error(run: Run, sqlite_url: str) -> None:
    empty = run("verify", "--database", sqlite_url)
    assert (empty.code, empty.stdout) == (1, "")
    assert "has no models yet" in empty.stderr
    assert run("verify", "nobody", "--database", sqlite_url).code in (1, 2)
