"""`modelctl provider models`: the APIs' word alone, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Query
from tests.conftest import Run
from tests.loopback import ProviderServer, openai_item, status

TWO = ("anthropic", "openai")


def by_provider(text: str) -> dict[str, Any]:
    return {each["provider"]: each for each in json.loads(text)["providers"]}


def test_it_shows_what_is_listed_and_skipped_and_writes_no_database(run: Run, provider_server: ProviderServer) -> None:
    result = run("provider", "models", env=provider_server.env(*TWO))
    assert result.code == 0, result.stderr
    assert "anthropic/claude-opus-4-8" in result.stdout
    assert "complete listing of 2026-11-21 12:00Z" in result.stdout
    assert "skipped  1: private: owned by acme-corp (acme-internal-gpt)" in result.stdout
    assert "test-key" not in result.stdout + result.stderr
    assert not list(Path.home().rglob("*.db"))


def test_as_json_it_has_every_fact_with_who_stated_it(run: Run, provider_server: ProviderServer) -> None:
    provider_server.keys["xai"] = None
    result = run("provider", "models", *TWO, "--json", env=provider_server.env(*TWO))
    assert result.code == 0, result.stderr
    found = by_provider(result.stdout)
    assert list(found) == list(TWO)
    assert found["openai"]["whole"] is True
    assert found["openai"]["reused"] is False
    assert found["openai"]["listed_at"] == "2026-11-21T12:00:00Z"
    assert {each["id"] for each in found["openai"]["skipped"]} >= {"acme-internal-gpt"}
    models = {each["model_id"]: each for each in found["openai"]["models"]}
    assert models["gpt-4o"]["facts"] == {"type": "chat", "released_on": "2024-05-10", "retires_on": "2027-02-14"}
    assert models["gpt-4o"]["by_rule"]["type"] == "rule:type"
    opus = next(each for each in found["anthropic"]["models"] if each["model_id"] == "claude-opus-4-8")
    assert opus["facts"]["context_window"] == 1_000_000


def test_prices_that_an_api_states_are_exact(run: Run, provider_server: ProviderServer, tmp_path: Path) -> None:
    (tmp_path / "local.toml").write_text(
        f'[provider]\ndisplay_name = "Local"\nkind = "openai-compatible"\n'
        f'api_base_url = "{provider_server.base_url("local")}"\n'
        '[[model]]\nid = "one"\ntype = "chat"\nverified_on = 2026-11-01\n'
    )
    provider_server.keys["local"] = None
    provider_server.models["local"] = [
        openai_item("one", pricing={"prompt": "0.00000015", "completion": "0.0000006"}, context_length=1000)
    ]
    result = run("provider", "models", "local", "--catalog", str(tmp_path), "--format", "jsonl")
    assert result.code == 0, result.stderr
    [model] = map(json.loads, result.stdout.splitlines())
    assert {each["kind"]: each["amount"] for each in model["prices"]} == {"input": 0.15, "output": 0.6}
    table = run("provider", "models", "local", "--catalog", str(tmp_path)).stdout
    assert "0.15" in table


def test_max_age_spares_the_request_and_another_command_s_listing_counts(
    run: Run, sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    env = provider_server.env("openai")
    run("sync", "--database", sqlite_url, "--provider", "openai", env=env)
    runs = query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs")
    asked = len(provider_server.asked("openai"))
    result = run("provider", "models", "openai", "--max-age", "30m", "--json", "--database", sqlite_url, env=env)
    assert result.code == 0
    assert len(provider_server.asked("openai")) == asked
    assert by_provider(result.stdout)["openai"]["reused"] is True
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs") == runs


def test_a_failure_is_told_and_the_others_are_shown(run: Run, provider_server: ProviderServer) -> None:
    provider_server.fail("openai", status(401, text="Incorrect API key provided: openai-test-key"))
    result = run("provider", "models", env=provider_server.env(*TWO))
    assert result.code == 5
    assert "anthropic/claude-opus-4-8" in result.stdout
    assert "error: openai: HTTP 401" in result.stderr
    assert "openai-test-key" not in result.stdout + result.stderr
    alone = run("provider", "models", "openai", "--json", env=provider_server.env(*TWO))
    assert alone.code == 1
    assert "HTTP 401" in by_provider(alone.stdout)["openai"]["error"]["message"]


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["openai"], 1, "set OPENAI_API_KEY"),
        ([], 1, "no provider has a key"),
        (["opnai"], 2, "did you mean openai?"),
        (["openai", "--max-age", "soon"], 2, "is not a duration"),
    ],
)
def test_what_cannot_be_asked_says_what_to_do(argv: list[str], code: int, words: str, run: Run) -> None:
    result = run("provider", "models", *argv)
    assert result.code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
