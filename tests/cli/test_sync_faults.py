"""A database or a listing that fails in the middle: whatever was written is told, and nothing is believed too early."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer, openai_item

Sync = Callable[..., Result]


def test_a_database_that_fails_for_one_provider_is_that_providers_failure(
    run: Run, sync: Sync, query: Query, sqlite_url: str
) -> None:
    run("db", "upgrade", "--database", sqlite_url)
    query(
        sqlite_url,
        "CREATE TRIGGER full BEFORE INSERT ON ai_models WHEN NEW.provider = 'google'"
        " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END",
    )
    providers = ("--provider", "anthropic", "--provider", "google", "--provider", "xai")
    result = sync(sqlite_url, "--source", "catalog", *providers, "--format", "json")
    assert result.code == 5, result.stderr
    outcomes = {name: each["outcome"] for name, each in report_of(result)["providers"].items()}
    assert outcomes == {"anthropic": "applied", "google": "failed", "xai": "applied"}
    assert "disk is full" in str(report_of(result)["providers"]["google"]["error"])
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE provider = 'google'") == [(0,)]
    assert query(sqlite_url, "SELECT outcome FROM ai_sync_runs WHERE provider = 'google'") == [("failed",)]


def test_a_short_listing_counts_no_absence_even_where_nothing_else_changes(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    everything = [openai_item(f"gpt-test-{number}") for number in range(60)]
    env = provider_server.env("openai")
    provider_server.models["openai"] = everything
    assert sync(sqlite_url, "--provider", "openai", env=env).code == 0
    provider_server.models["openai"] = everything[:26]
    for _ in range(3):
        result = sync(sqlite_url, "--provider", "openai", env=env)
        assert result.code == 4
        assert "--accept short-listing" in result.stdout
    ends = "SELECT COUNT(*) FROM ai_models WHERE model_id LIKE 'gpt-test-%' AND status <> 'active'"
    assert query(sqlite_url, ends) == [(0,)]
    assert query(sqlite_url, "SELECT MAX(absences) FROM ai_model_state") == [(0,)]
    accepted = sync(sqlite_url, "--provider", "openai", "--accept", "short-listing", env=env)
    assert accepted.code == 0, accepted.stdout


def test_half_of_the_live_models_do_not_end_unseen_behind_many_retired_ones(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    everything = [openai_item(f"gpt-test-{number}") for number in range(40)]
    env = provider_server.env("openai")
    provider_server.models["openai"] = everything
    assert sync(sqlite_url, "--provider", "openai", env=env).code == 0
    query(sqlite_url, "UPDATE ai_models SET status = 'retired' WHERE model_id NOT LIKE 'gpt-test-%'")
    provider_server.models["openai"] = everything[:22]
    codes = [sync(sqlite_url, "--provider", "openai", env=env).code for _ in range(2)]
    assert codes == [0, 4], "the first absence is only counted; the second would end 18 of 40"


def test_a_dry_run_refuses_what_the_run_would_refuse(sync: Sync, run: Run, query: Query, sqlite_url: str) -> None:
    query(sqlite_url, "CREATE TABLE ai_models (mine TEXT)")
    for arguments in (("--dry-run",), ()):
        result = sync(sqlite_url, "--source", "catalog", *arguments)
        assert result.code == 1
        assert "table_prefix" in result.stderr


@pytest.mark.parametrize("decision", ["accept", "decline"])
def test_a_short_listing_is_decided_by_the_providers_name(
    decision: str, run: Run, sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    everything = [openai_item(f"gpt-test-{number}") for number in range(60)]
    env = provider_server.env("openai")
    provider_server.models["openai"] = everything
    assert sync(sqlite_url, "--provider", "openai", env=env).code == 0
    provider_server.models["openai"] = everything[:26]
    assert sync(sqlite_url, "--provider", "openai", env=env).code == 4
    assert run("review", decision, "openai", "--database", sqlite_url).code == 0
    later = [NOW + timedelta(minutes=number) for number in (1, 2)]
    result = sync(sqlite_url, "--provider", "openai", "--json", env=env, now=later[0])
    assert result.code == 0, result.stderr
    absences = query(sqlite_url, "SELECT SUM(absences) FROM ai_model_state")
    assert absences == [(34 if decision == "accept" else 0,)]
    told = " ".join(report_of(result)["providers"]["openai"]["notices"])
    assert ("somebody declined it, so it is left out" in told) is (decision == "decline")
    provider_server.models["openai"] = everything[:25]
    moved = sync(sqlite_url, "--provider", "openai", env=env, now=later[1])
    assert moved.code == {"accept": 0, "decline": 4}[decision], "another size is another question"
    ended = query(
        sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE status = 'deprecated' AND model_id LIKE 'gpt-test-%'"
    )
    assert ended == [({"accept": 34, "decline": 0}[decision],)]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_loaded_say_which_variable_names_them(
    content: str | None, sqlite_url: str, run_process: Run, provider_server: ProviderServer, tmp_path: Path
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    env = {**provider_server.env("openai", "replicate"), "SSL_CERT_FILE": str(file)}
    asked = ("--provider", "openai", "--provider", "replicate", "--source", "api")
    result = run_process("sync", *asked, "--database", sqlite_url, env=env)
    assert result.code == 1, result.stderr
    assert result.stdout == "Nothing was written for 2 providers\n"
    assert result.stderr.count("the trusted certificates cannot be loaded") == 2
    assert result.stderr.count("check SSL_CERT_FILE, SSL_CERT_DIR") == 2
    assert provider_server.asked("openai") == provider_server.asked("replicate") == []
