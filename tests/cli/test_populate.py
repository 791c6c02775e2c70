"""Default models into a fresh or an existing database: tables included, existing rows skipped, no guess."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from modelctl.catalog.load import load, shipped_directory
from modelctl.core.models.lifecycle import ENDED
from modelctl.core.planning.merge import merge
from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run

Sync = Callable[..., Result]

PURPOSES = ("default", "chat", "embedding", "image", "audio", "video", "rerank", "moderation")
ROWS = "SELECT * FROM ai_models ORDER BY provider, model_id"


def test_one_command_seeds_a_fresh_database_and_the_second_skips_all(
    run: Run, sync: Sync, query: Query, database_url: str
) -> None:
    first = run("populate", "--json", "--database", database_url)
    assert first.code == 0, first.stderr
    report = json.loads(first.stdout)
    assert set(report) == {"message", "summary", "results"}
    ids = {(each["provider"], each["model_id"]): each["id"] for each in report["results"]}
    rows = query(database_url, "SELECT id, provider, model_id, is_enabled FROM ai_models")
    assert ids == {(provider, name): row_id for row_id, provider, name, _ in rows}
    assert all(enabled for *_, enabled in rows), "each has a price to bill with"
    assert report["summary"] == {"created": len(rows), "skipped": 0, "total": len(rows)}
    assert {each["status"] for each in report["results"]} == {"created"}

    before = query(database_url, ROWS), query(database_url, "SELECT COUNT(*) FROM ai_model_prices")
    second = json.loads(run("populate", "--json", "--database", database_url).stdout)
    assert second["summary"] == {"created": 0, "skipped": len(rows), "total": len(rows)}
    assert {(each["status"], each["reason"]) for each in second["results"]} == {("skipped", "exists")}
    assert (query(database_url, ROWS), query(database_url, "SELECT COUNT(*) FROM ai_model_prices")) == before

    done = query(database_url, "SELECT provider, command, outcome FROM ai_sync_runs ORDER BY outcome, provider")
    assert {(command, outcome) for _, command, outcome in done} == {("populate", "applied"), ("populate", "in_sync")}
    providers = [word for each in {provider for provider, *_ in done} for word in ("--provider", each)]
    report = json.loads(sync(database_url, *providers, "--json", "--dry-run").stdout)
    assert {each["counts"]["updated"] for each in report["providers"]} == {0}, "what is seeded is what a sync states"


def test_a_seeding_leaves_people_and_patterns_alone_and_can_be_undone(run: Run, query: Query, sqlite_url: str) -> None:
    here = ("--database", sqlite_url)
    shown = run("populate", "--dry-run", *here)
    assert "would be created, 0 skipped" in shown.stderr
    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()
    assert run("add", "openai/gpt-6-luna", "family=mine", *here).code == 0
    Path("modelctl.toml").write_text('[providers.google]\nexclude = ["gemini-4-*"]\n')
    assert run("populate", "--provider", "openai", "--provider", "google", *here).code == 0
    assert run("remove", "gpt-6.1-sol", *here).code == 0
    again = json.loads(run("populate", "--json", *here).stdout)
    reasons = {each["model_id"]: each.get("reason") for each in again["results"]}
    assert reasons["gpt-6.1-sol"] == "removed by hand"
    assert reasons["gpt-6-luna"] == "exists"
    assert query(sqlite_url, "SELECT family FROM ai_models WHERE model_id = 'gpt-6-luna'") == [("mine",)]
    assert reasons["gemini-4-argon"] == "excluded by the pattern 'gemini-4-*'"
    assert reasons["claude-opus-5-5"] is None
    [(name,)] = query(sqlite_url, "SELECT DISTINCT run FROM ai_sync_runs WHERE provider = 'anthropic'")
    assert run("runs", "undo", name, *here).code == 0
    assert query(sqlite_url, "SELECT 1 FROM ai_models WHERE provider = 'anthropic'") == []


def test_a_set_of_ones_own_is_laid_over_the_shipped_ones(run: Run, query: Query, sqlite_url: str) -> None:
    mine = Path("mine")
    mine.mkdir()
    (mine / "openai.toml").write_text(
        '[[model]]\nid = "gpt-6-luna"\nsets = ["support"]\n[[model]]\nid = "gpt-6.1-sol"\nsets = []\n'
    )
    done = run("populate", "--set", "support", "--catalog", "mine", "--json", "--database", sqlite_url)
    assert [each["model_id"] for each in json.loads(done.stdout)["results"]] == ["gpt-6-luna"]
    done = run("populate", "--catalog", "mine", "--provider", "openai", "--json", "--database", sqlite_url)
    assert [each["model_id"] for each in json.loads(done.stdout)["results"]] == ["text-embedding-3-small"]
    for argv, message in {
        ("--set", "defualt"): "did you mean default?",
        ("--provider", "opnai"): "did you mean openai?",
    }.items():
        refused = run("populate", *argv, "--database", sqlite_url)
        assert (refused.code, refused.stderr.count("\n")) == (2, 1)
        assert message in refused.stderr
    nothing = run("populate", "--set", "rerank", "--provider", "openai", "--database", sqlite_url)
    assert (nothing.code, nothing.stdout) == (0, "")
    assert "no default model fits" in nothing.stderr


def test_a_default_model_that_has_retired_since_is_skipped(run: Run, sqlite_url: str) -> None:
    mine = Path("mine")
    mine.mkdir()
    (mine / "openai.toml").write_text('[[model]]\nid = "gpt-6-luna"\nretires_on = 2026-12-01\n')
    late = NOW + timedelta(days=30)
    argv = ("populate", "--provider", "openai", "--catalog", "mine", "--json", "--database", sqlite_url)
    reasons = {each["model_id"]: each.get("reason") for each in json.loads(run(*argv, now=late).stdout)["results"]}
    assert reasons["gpt-6-luna"] == "retired"
    linted = run("catalog", "lint", "--catalog", "mine", now=late)
    assert "model gpt-6-luna: sets: the model is retired" in linted.stdout
    assert linted.code == 3
    early = run("catalog", "lint", "--catalog", "mine")
    assert "warning: model gpt-6-luna: sets: its retirement is announced" in early.stdout
    assert early.code == 0


@pytest.mark.parametrize("name", PURPOSES)
def test_every_purpose_has_live_models_with_a_price(name: str) -> None:
    shipped = load(shipped_directory())
    wanted = [key for key, sets in shipped.sets.items() if name in sets]
    assert wanted
    records = merge([shipped.snapshot.only(wanted)], today=date(2026, 11, 21))
    assert [key for key, record in records.items() if record.facts.status in ENDED or not record.prices] == []
    others = {"chat": "chat", "embedding": "embedding", "rerank": "rerank", "image": "image"}
    assert {record.facts.type for record in records.values()} <= {others.get(name)} or name not in others
