"""What a sync must never do: undo a person, believe a broken source, write half of something."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import Result
from tests.loopback import (
    Behaviour,
    ProviderServer,
    anthropic_item,
    dropped,
    empty_body,
    empty_list,
    html,
    openai_item,
    slow,
    status,
    truncated,
    wrong_shape,
)

Sync = Callable[..., Result]

OPENAI_ROWS = "SELECT * FROM ai_models WHERE provider = 'openai' ORDER BY model_id"

FAILURES = {
    "401": status(401, text="Incorrect API key provided: openai-test-key"),
    "403": status(403),
    "404": status(404),
    "429 for an hour": status(429, retry_after=3600),
    "HTML": html(),
    "truncated JSON": truncated(),
    "empty body": empty_body(),
    "empty list": empty_list(),
    "wrong shape": wrong_shape(),
}


@pytest.mark.parametrize("behaviour", FAILURES.values(), ids=list(FAILURES))
def test_a_failing_provider_keeps_its_rows_and_the_others_are_applied(
    behaviour: Behaviour, sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "openai")
    before = query(sqlite_url, OPENAI_ROWS)
    provider_server.fail("openai", behaviour)
    result = sync(sqlite_url, "--provider", "openai", "--provider", "google", env=provider_server.env())
    assert result.code == 5, result.stdout
    assert query(sqlite_url, OPENAI_ROWS) == before
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE provider = 'google'") > [(0,)]
    [(outcome, error)] = query(
        sqlite_url, "SELECT outcome, error FROM ai_sync_runs WHERE provider = 'openai' AND error IS NOT NULL"
    )
    assert outcome == "partial"
    assert "openai" in error
    everything = result.stdout + result.stderr + error
    assert "openai-test-key" not in everything
    assert "Traceback" not in everything


def test_passing_failures_are_retried(sqlite_url: str, sync: Sync, provider_server: ProviderServer) -> None:
    provider_server.fail("openai", status(500, times=1))
    provider_server.fail("google", status(429, retry_after=0.1, times=1))
    provider_server.fail("anthropic", dropped(times=1))
    assert sync(sqlite_url, env=provider_server.env("openai", "google", "anthropic")).code == 0


def test_what_the_catalog_knows_is_applied_where_the_api_fails(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer, tmp_path: Path
) -> None:
    """The rows are those that a sync without any key makes, whatever the API did."""
    without_key = f"sqlite:///{tmp_path / 'without_key.db'}"
    sync(without_key, "--provider", "openai")
    provider_server.fail("openai", status(401))
    result = sync(sqlite_url, "--provider", "openai", env=provider_server.env())
    assert result.code == 5
    assert "401" in result.stdout + result.stderr
    rows = query(sqlite_url, OPENAI_ROWS)
    assert len(rows) > 100
    assert rows == query(without_key, OPENAI_ROWS)
    run = "SELECT outcome, sources, fetched, created FROM ai_sync_runs"
    assert query(sqlite_url, run) == [("partial", '["catalog"]', None, len(rows))]


@pytest.mark.parametrize("options", [("--dry-run",), ("--dry-run", "--exit-code"), ()], ids=" ".join)
def test_an_api_that_fails_is_told_by_the_exit_code_whatever_the_catalog_changes(
    options: tuple[str, ...], sqlite_url: str, sync: Sync, provider_server: ProviderServer
) -> None:
    provider_server.fail("openai", status(401))
    for _ in range(2):  # the second time there is nothing to apply
        assert sync(sqlite_url, "--provider", "openai", *options, env=provider_server.env()).code == 5


def test_when_every_provider_fails_and_no_catalog_may_speak_nothing_is_written(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    provider_server.fail("openai", status(401))
    result = sync(sqlite_url, "--provider", "openai", "--source", "api", env=provider_server.env())
    assert result.code == 1
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models") == [(0,)]


@pytest.mark.parametrize("model_id", ["x" * 10_000, "gpt\x1b[2J", "gpt\n4", " gpt", ""], ids=str.__repr__)
def test_an_impossible_id_is_left_out_by_name_and_the_rest_of_the_listing_counts(
    model_id: str, sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    provider_server.models["openai"].append(openai_item(model_id))
    result = sync(sqlite_url, "--provider", "openai", "--details", env=provider_server.env())
    assert result.code == 0
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE last_seen_at IS NOT NULL") != [(0,)]
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE model_id = :id", id=model_id) == [(0,)]
    assert "its id cannot be one" in result.stdout
    assert len(max((result.stdout + result.stderr).splitlines(), key=len)) < 1000
    assert "\x1b[2J" not in result.stdout + result.stderr


def test_a_key_with_a_newline_inside_is_named_by_its_variable(sqlite_url: str, sync: Sync) -> None:
    result = sync(sqlite_url, "--provider", "openai", env={"OPENAI_API_KEY": "sk-first\nsk-second"})
    assert result.code == 5
    assert "OPENAI_API_KEY" in result.stdout + result.stderr
    assert "sk-first" not in result.stdout + result.stderr


def test_a_key_with_a_newline_at_its_end_works(sqlite_url: str, sync: Sync, provider_server: ProviderServer) -> None:
    env = provider_server.env("openai")
    result = sync(sqlite_url, "--provider", "openai", env=env | {"OPENAI_API_KEY": env["OPENAI_API_KEY"] + "\n"})
    assert result.code == 0, result.stdout


def test_what_a_person_set_stays_and_is_shown_as_protected(database_url: str, sync: Sync, query: Query) -> None:
    sync(database_url, "--source", "catalog", "--provider", "anthropic")
    query(
        database_url,
        "UPDATE ai_models SET display_name = 'Our Claude', input_price_per_mtok = 99"
        " WHERE model_id = 'claude-opus-4-1'",
    )
    result = sync(database_url, "--source", "catalog", "--provider", "anthropic", "--format", "json")
    assert result.code == 0, result.stderr
    [(name, price)] = query(
        database_url, "SELECT display_name, input_price_per_mtok FROM ai_models WHERE model_id = 'claude-opus-4-1'"
    )
    assert (name, float(price)) == ("Our Claude", 99.0)
    protected = report_of(result)["providers"]["anthropic"]["protected"]
    assert {each["field"] for each in protected} == {"display_name", "input_price_per_mtok"}


def test_a_row_that_a_person_deleted_stays_deleted(sqlite_url: str, sync: Sync, query: Query) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "anthropic")
    query(sqlite_url, "DELETE FROM ai_models WHERE model_id = 'claude-opus-4-1'")
    result = sync(sqlite_url, "--source", "catalog", "--provider", "anthropic", "--format", "json")
    assert report_of(result)["providers"]["anthropic"]["removed_by_hand"] == ["claude-opus-4-1"]
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE model_id = 'claude-opus-4-1'") == [(0,)]


def test_a_guard_holds_what_is_implausible_until_it_is_accepted(
    sqlite_url: str, sync: Sync, query: Query, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    catalog = overlay / "acme.toml"
    text = (
        '[provider]\ndisplay_name = "Acme"\n[[model]]\nid = "one"\ntype = "chat"\nverified_on = 2026-11-01\n'
        'prices = [{ input = %s, output = 2, source = "https://acme.test" }]\n[[model]]\nid = "two"\n'
        'type = "chat"\ncontext_window = %s\nverified_on = 2026-11-01\n'
    )
    args = ("--source", "catalog", "--provider", "acme")
    env = {"MODELCTL_CATALOG_DIRECTORY": str(overlay)}
    catalog.write_text(text % ("1", "1000"))
    assert sync(sqlite_url, *args, env=env).code == 0
    catalog.write_text(text % ("5", "2000"))

    refused = sync(sqlite_url, *args, "--all-or-nothing", env=env)
    assert refused.code == 4
    assert "acme/one" in refused.stdout
    assert "--accept" in refused.stdout
    state = "SELECT model_id, input_price_per_mtok, context_window FROM ai_models ORDER BY model_id"
    assert query(sqlite_url, state) == [("one", 1, None), ("two", None, 1000)]

    held = sync(sqlite_url, *args, env=env)
    assert held.code == 4
    assert "acme/one" in held.stdout
    assert query(sqlite_url, state) == [("one", 1, None), ("two", None, 2000)]

    accepted = sync(sqlite_url, *args, "--accept", "acme/one", env=env)
    assert accepted.code == 0, accepted.stdout
    assert query(sqlite_url, state) == [("one", 5, None), ("two", None, 2000)]


def test_only_the_second_whole_absence_marks_a_model_and_its_return_reactivates_it(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    def sync_and_see() -> str:
        result = sync(sqlite_url, "--provider", "anthropic", env=provider_server.env("anthropic"))
        assert result.code in (0, 5), result.stdout
        [(status_now,)] = query(sqlite_url, "SELECT status FROM ai_models WHERE model_id = 'claude-test-9'")
        return str(status_now)

    everything = list(provider_server.models["anthropic"])
    provider_server.models["anthropic"] = [*everything, anthropic_item("claude-test-9")]
    assert sync_and_see() == "active"
    provider_server.models["anthropic"] = everything
    assert sync_and_see() == "active"
    provider_server.fail("anthropic", status(401))
    assert sync_and_see() == "active"
    provider_server.heal("anthropic")
    assert sync_and_see() == "deprecated"
    assert sync_and_see() == "deprecated"
    provider_server.models["anthropic"] = [*everything, anthropic_item("claude-test-9")]
    assert sync_and_see() == "active"


def test_a_listing_of_half_the_usual_size_is_not_believed(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    provider_server.models["openai"] = [openai_item(f"gpt-test-{number}") for number in range(20)]
    sync(sqlite_url, "--provider", "openai", env=provider_server.env("openai"))
    provider_server.models["openai"] = [openai_item(f"gpt-other-{number}") for number in range(9)]
    result = sync(sqlite_url, "--provider", "openai", env=provider_server.env("openai"))
    assert result.code == 4
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE model_id LIKE 'gpt-other-%'") == [(0,)]
    assert query(sqlite_url, "SELECT MAX(absences) FROM ai_model_state") == [(0,)]


def test_announced_prices_and_ends_come_into_force_by_themselves(sqlite_url: str, sync: Sync, query: Query) -> None:
    args = ("--source", "catalog", "--provider", "google")
    sync(sqlite_url, *args)
    price = "SELECT input_price_per_mtok FROM ai_models WHERE model_id = 'gemini-4-argon'"
    assert query(sqlite_url, price) == [(2,)]
    ledger = query(sqlite_url, "SELECT * FROM ai_model_prices ORDER BY 1, 2, 3")
    december = datetime(2026, 12, 2, tzinfo=UTC)
    result = sync(sqlite_url, *args, now=december)
    assert result.code == 0, result.stdout
    assert query(sqlite_url, price) == [(4,)]
    assert query(sqlite_url, "SELECT * FROM ai_model_prices ORDER BY 1, 2, 3") == ledger
    assert sync(sqlite_url, *args, "--dry-run", "--exit-code", now=december + timedelta(days=1)).code == 0


def test_sigterm_rolls_back_and_exits_130(sqlite_url: str, provider_server: ProviderServer, query: Query) -> None:
    import os

    provider_server.fail("openai", slow(30))
    process = subprocess.Popen(
        [sys.executable, "-m", "modelctl", "sync", "--database", sqlite_url, "--provider", "openai"],
        env={**os.environ, **provider_server.env("openai")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not provider_server.asked("openai") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models") == [(0,)]


def test_an_unknown_provider_is_a_usage_error_with_a_near_miss(sqlite_url: str, sync: Sync) -> None:
    result = sync(sqlite_url, "--provider", "opnai")
    assert result.code == 2
    assert "openai" in result.stderr


def test_a_broken_overlay_changes_nothing(sqlite_url: str, sync: Sync, query: Query, tmp_path: Path) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "openai")
    before = query(sqlite_url, "SELECT * FROM ai_models"), query(sqlite_url, "SELECT * FROM ai_sync_runs")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "acme.toml").write_text(
        '[provider]\ndisplay_name = "Acme"\n[[model]]\nid = "x"\nprices = [{input=-1}]\n'
    )
    result = sync(sqlite_url, env={"MODELCTL_CATALOG_DIRECTORY": str(overlay)})
    assert result.code == 1
    assert "acme.toml:5" in result.stderr
    assert "model x" in result.stderr
    assert before == (query(sqlite_url, "SELECT * FROM ai_models"), query(sqlite_url, "SELECT * FROM ai_sync_runs"))


def test_a_server_is_not_migrated_without_being_asked(database_url: str, run: Callable[..., Result]) -> None:
    result = run("sync", "--source", "catalog", "--database", database_url)
    if database_url.startswith("sqlite"):
        assert result.code == 0
    else:
        assert result.code == 1
        assert "db upgrade" in result.stderr
        upgraded = run("db", "upgrade", "--database", database_url)
        assert upgraded.code == 0, upgraded.stderr
        assert run("sync", "--source", "catalog", "--database", database_url).code == 0
    assert run("db", "status", "--exit-code", "--database", database_url).code == 0
