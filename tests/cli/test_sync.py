"""The main job, end to end: catalogs and APIs into a database, and nothing the second time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Barrier

import pytest

from modelctl.catalog.load import load, shipped_directory
from tests.cli.conftest import Query, report_of
from tests.conftest import Result, Run
from tests.loopback import Behaviour, ProviderServer, openai_item
from tests.loopback.behaviours import Reply

Sync = Callable[..., Result]

EVERYTHING = "SELECT * FROM ai_models ORDER BY provider, model_id"


def test_the_first_sync_fills_every_kind_of_database_and_the_second_changes_nothing(
    database_url: str, run: Run, sync: Sync, query: Query
) -> None:
    first = run("sync", "--migrate", "--database", database_url, "--source", "catalog", "--format", "json")
    assert first.code == 0, first.stderr
    shipped = load(shipped_directory()).snapshot.records
    assert {(row[1], row[2]) for row in query(database_url, EVERYTHING)} == set(shipped)

    before = query(database_url, EVERYTHING), query(database_url, "SELECT * FROM ai_model_prices ORDER BY 1, 2, 3, 4")
    second = sync(database_url, "--source", "catalog", "--format", "json")
    assert second.code == 0, second.stderr
    after = query(database_url, EVERYTHING), query(database_url, "SELECT * FROM ai_model_prices ORDER BY 1, 2, 3, 4")
    assert before == after
    assert {each["outcome"] for each in report_of(second)["providers"].values()} == {"in_sync"}


def test_with_keys_the_apis_are_asked_as_well(
    database_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    provider_server.models["openai"].append(openai_item("gpt-7-brandnew"))
    provider_server.page_size["anthropic"] = 2
    provider_server.page_size["google"] = 2
    result = sync(database_url, "--format", "json", env=provider_server.env())
    assert result.code == 0, result.stdout + result.stderr
    for name in ("openai", "anthropic", "google", "replicate"):
        assert report_of(result)["providers"][name]["sources"] == ["api", "catalog"], name
    assert len(provider_server.asked("anthropic")) > 1
    [(enabled, seen)] = query(
        database_url, "SELECT is_enabled, last_seen_at FROM ai_models WHERE model_id = 'gpt-7-brandnew'"
    )
    assert not enabled, "nobody knows its price, so nobody can bill it"
    assert seen is not None

    again = sync(database_url, "--format", "json", env=provider_server.env())
    assert {each["outcome"] for each in report_of(again)["providers"].values()} == {"in_sync"}


def test_keys_that_come_and_go_do_not_make_facts_flap(
    sqlite_url: str, sync: Sync, provider_server: ProviderServer
) -> None:
    sync(sqlite_url)
    assert sync(sqlite_url, "--force", env=provider_server.env()).code == 0, "the listing halves an output limit"
    for env in ({}, provider_server.env(), {}):
        result = sync(sqlite_url, "--dry-run", "--exit-code", env=env)
        assert result.code == 0, result.stdout


def test_every_run_change_and_price_is_remembered(database_url: str, sync: Sync, query: Query) -> None:
    sync(database_url, "--source", "catalog", "--provider", "anthropic", env={"GITHUB_ACTOR": "octocat"})
    [(run, actor, created)] = query(database_url, "SELECT run, actor, created FROM ai_sync_runs")
    assert (actor, created) == ("octocat", query(database_url, "SELECT COUNT(*) FROM ai_models")[0][0])
    audited = "SELECT entity, COUNT(*) FROM ai_changes WHERE run = :run GROUP BY entity ORDER BY entity"
    assert query(database_url, audited, run=run) == [("model", created), ("provider", 1)]
    [(amount,)] = query(
        database_url,
        "SELECT amount FROM ai_model_prices WHERE model_id = 'claude-3-haiku-20240307' AND kind = 'input'"
        " AND service_tier = 'standard'",
    )
    assert float(amount) == 0.25


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    run: Run, sync: Sync, query: Query, sqlite_url: str, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh" / "models.db"
    shown = run("sync", "--dry-run", "--source", "catalog", "--database", f"sqlite:///{fresh}")
    assert shown.code == 0, shown.stderr
    assert not fresh.parent.exists()
    assert "nothing was written" in shown.stdout

    sync(sqlite_url, "--source", "catalog", "--provider", "anthropic")
    runs = query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs")
    pending = sync(sqlite_url, "--source", "catalog", "--dry-run", "--exit-code")
    assert pending.code == 3
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_sync_runs") == runs
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE provider = 'openai'") == [(0,)]
    done = sync(sqlite_url, "--source", "catalog", "--dry-run", "--exit-code", "--provider", "anthropic")
    assert done.code == 0


def test_without_a_key_the_line_says_which_variable_to_set(sqlite_url: str, sync: Sync) -> None:
    result = sync(sqlite_url, "--provider", "openai", "--provider", "google")
    assert result.code == 0
    assert "OPENAI_API_KEY" in result.stdout
    assert "GOOGLE_API_KEY or GEMINI_API_KEY" in result.stdout


def test_source_api_without_a_key_is_an_error(sqlite_url: str, sync: Sync, query: Query) -> None:
    result = sync(sqlite_url, "--provider", "openai", "--source", "api")
    assert result.code == 1
    assert "OPENAI_API_KEY" in result.stdout + result.stderr
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models") == [(0,)]


def test_all_providers_are_asked_at_the_same_time(sqlite_url: str, sync: Sync, provider_server: ProviderServer) -> None:
    names = ("openai", "anthropic", "google", "replicate")
    everybody = Barrier(len(names))

    def answer_when_all_have_asked(reply: Reply) -> Reply:
        everybody.wait(timeout=50)
        return reply

    for name in names:
        provider_server.fail(name, Behaviour("together", answer_when_all_have_asked))
    result = sync(sqlite_url, env=provider_server.env() | {"MODELCTL_TIMEOUT_S": "60"})
    assert result.code in (0, 4), result.stdout
    assert not everybody.broken, "one provider was asked only after another had answered"


def test_patterns_leave_models_out_and_explain_says_so(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    Path("modelctl.toml").write_text('[providers.openai]\ninclude = ["gpt-*", "o*"]\nexclude = ["gpt-3.5*"]\n')
    provider_server.models["openai"].append(openai_item("ft:gpt-4o:acme::1", owned_by="acme"))
    result = sync(sqlite_url, "--provider", "openai", "--format", "json", env=provider_server.env("openai"))
    assert result.code == 0, result.stderr
    ids = {model_id for (model_id,) in query(sqlite_url, "SELECT model_id FROM ai_models")}
    assert ids
    assert all(each.startswith(("gpt-", "o")) and not each.startswith("gpt-3.5") for each in ids)
    openai = report_of(result)["providers"]["openai"]
    assert openai["counts"]["filtered"] > 0
    assert openai["counts"]["skipped"] >= 1

    env = provider_server.env("openai")
    for model, reason in {
        "openai/gpt-3.5-turbo": "excluded by the pattern 'gpt-3.5*'",
        "whisper-1": "not among the included patterns",
        "ft:gpt-4o:acme::1": "skipped from the listing",
        "openai/gpt-4o": "  lists it",
    }.items():
        explained = sync(sqlite_url, "--provider", "openai", "--explain", model, env=env)
        assert explained.code == 0, explained.stderr
        assert reason in explained.stdout
    unknown = sync(sqlite_url, "--provider", "openai", "--explain", "gpt-nope", env=env)
    assert unknown.code == 2
    assert "gpt-nope" in unknown.stderr


def test_github_actions_gets_a_step_summary(sqlite_url: str, sync: Sync, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    sync(sqlite_url, "--source", "catalog", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert "| openai |" in summary.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["table", "json", "markdown"])
def test_stdout_is_the_answer_and_stderr_is_quiet_when_all_is_well(sqlite_url: str, sync: Sync, format: str) -> None:
    result = sync(sqlite_url, "--source", "catalog", "--format", format)
    assert result.code == 0
    assert "openai" in result.stdout
    assert result.stderr == ""
