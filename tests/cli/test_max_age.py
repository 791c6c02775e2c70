"""`sync --max-age`: the last whole listing again, which spares requests and proves nothing new."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result
from tests.loopback import ProviderServer, anthropic_item, openai_item, status

Sync = Callable[..., Result]
At = Callable[..., dict[str, Any]]


def listings() -> list[Path]:
    return [path for path in Path(os.environ["HOME"]).rglob("listings/*") if path.is_file()]


@pytest.fixture
def at(sqlite_url: str, sync: Sync, provider_server: ProviderServer) -> At:
    """`at(minutes, *argv)`: a sync of anthropic so many minutes later, and what it reports."""

    def sync_at(minutes: float, *argv: str, provider: str = "anthropic", **env: str) -> dict[str, Any]:
        result = sync(
            sqlite_url,
            "--provider",
            provider,
            *(() if "--source" in argv else ("--source", "api")),
            "--json",
            *argv,
            env=provider_server.env(provider) | env,
            now=NOW + timedelta(minutes=minutes),
        )
        assert result.code in (0, 1), result.stdout + result.stderr
        found: dict[str, Any] = report_of(result)["providers"][provider]
        return found

    return sync_at


def test_a_young_listing_is_used_again_and_says_so(at: At, provider_server: ProviderServer) -> None:
    at(0, "--source", "auto")
    asked = len(provider_server.asked("anthropic"))
    again = at(23, "--source", "auto", "--max-age", "1h")
    assert len(provider_server.asked("anthropic")) == asked
    assert again["notices"] == ["its listing of 12:00 UTC, 23 min old, is used again"]
    assert again["sources"] == ["api", "catalog"]
    assert again["outcome"] == "in_sync"


@pytest.mark.parametrize(
    ("minutes", "argv"), [(61, ["--max-age", "1h"]), (-5, ["--max-age", "1h"]), (1, [])], ids=["old", "future", "plain"]
)
def test_otherwise_the_provider_is_asked(
    minutes: float, argv: list[str], at: At, provider_server: ProviderServer
) -> None:
    at(0)
    asked = len(provider_server.asked("anthropic"))
    assert at(minutes, *argv)["notices"] == []
    assert len(provider_server.asked("anthropic")) > asked


def test_another_key_is_asked(at: At, provider_server: ProviderServer) -> None:
    at(0)
    provider_server.keys["anthropic"] = None
    asked = len(provider_server.asked("anthropic"))
    at(1, "--max-age", "1h", ANTHROPIC_API_KEY="another-test-key")
    assert len(provider_server.asked("anthropic")) > asked
    at(2, "--max-age", "1h")
    assert len(provider_server.asked("anthropic")) == asked + 1, "both keys' listings are kept"
    for path in listings():
        assert "test-key" not in path.name + path.read_text(encoding="utf-8")
    assert len(listings()) == 2


def test_a_listing_that_broke_off_is_not_kept(at: At, provider_server: ProviderServer) -> None:
    provider_server.page_size["anthropic"] = 2
    provider_server.fail("anthropic", status(401, on_page=3))
    assert at(0)["outcome"] == "failed"
    assert listings() == []
    provider_server.heal("anthropic")
    asked = len(provider_server.asked("anthropic"))
    assert at(1, "--max-age", "1h")["outcome"] == "applied"
    assert len(provider_server.asked("anthropic")) > asked


def test_a_failure_leaves_the_listing_before_in_place(at: At, provider_server: ProviderServer) -> None:
    at(0)
    provider_server.fail("anthropic", status(401))
    assert at(1)["outcome"] == "failed"
    assert at(2, "--max-age", "1h")["notices"] == ["its listing of 12:00 UTC, 2 min old, is used again"]


def test_the_same_listing_seen_twice_is_one_absence(
    at: At, sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    def absences() -> tuple[Any, ...]:
        [row] = query(
            sqlite_url,
            "SELECT m.status, s.absences, m.last_seen_at FROM ai_models m JOIN ai_model_state s"
            " ON s.provider = m.provider AND s.model_id = m.model_id WHERE m.model_id = 'claude-test-9'",
        )
        return row

    everything = list(provider_server.models["anthropic"])
    provider_server.models["anthropic"] = [*everything, anthropic_item("claude-test-9")]
    at(0)
    seen = absences()[2]
    provider_server.models["anthropic"] = everything
    at(10)
    assert absences() == ("active", 1, seen)
    for minutes in (20, 30):
        at(minutes, "--max-age", "1h")
        assert absences() == ("active", 1, seen)
    at(40)
    assert absences() == ("deprecated", 2, seen)


def test_a_listing_of_yesterday_moves_no_sighting_to_today(
    at: At, sqlite_url: str, query: Query, provider_server: ProviderServer
) -> None:
    at(0)
    seen = "SELECT DISTINCT last_seen_at FROM ai_models WHERE last_seen_at IS NOT NULL"
    before = query(sqlite_url, seen)
    report = at(24 * 60, "--max-age", "2d")
    assert report["notices"] == ["its listing of 2026-11-21 12:00 UTC, 24 h old, is used again"]
    assert query(sqlite_url, seen) == before
    at(24 * 60 + 1)
    assert query(sqlite_url, seen) != before


def test_a_listing_that_was_not_believed_is_not_believed_when_used_again(
    sqlite_url: str, sync: Sync, query: Query, provider_server: ProviderServer
) -> None:
    args = ("--provider", "openai")
    env = provider_server.env("openai")
    provider_server.models["openai"] = [openai_item(f"gpt-test-{number}") for number in range(20)]
    assert sync(sqlite_url, *args, env=env).code == 0
    provider_server.models["openai"] = [openai_item(f"gpt-other-{number}") for number in range(9)]
    assert sync(sqlite_url, *args, env=env).code == 4
    assert sync(sqlite_url, *args, "--max-age", "1h", env=env).code == 4
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE model_id LIKE 'gpt-other-%'") == [(0,)]


def test_a_broken_file_counts_as_none(at: At, sqlite_url: str, sync: Sync, provider_server: ProviderServer) -> None:
    at(0)
    [path] = listings()
    path.write_text("{", encoding="utf-8")
    asked = len(provider_server.asked("anthropic"))
    result = sync(
        sqlite_url, "--provider", "anthropic", "--max-age", "1h", "--debug", env=provider_server.env("anthropic")
    )
    assert result.code == 0
    assert len(provider_server.asked("anthropic")) > asked
    assert "the stored listing" in result.stderr
    assert "the stored listing" not in result.stdout


def test_a_cache_that_cannot_be_written_is_a_notice(at: At, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = at(0, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert report["outcome"] == "applied"
    assert any("could not be kept for --max-age" in each for each in report["notices"])


@pytest.mark.parametrize("text", ["1", "h", "-1h", "1.5h", "1y", "", "1h "])
def test_an_age_is_a_number_and_a_unit(text: str, sqlite_url: str, sync: Sync) -> None:
    result = sync(sqlite_url, "--max-age", text)
    assert result.code == 2
    assert f"--max-age: {text!r} is not a duration" in result.stderr
