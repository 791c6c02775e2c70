"""`catalog export` and `catalog diff` through the front door: export, edit, sync is a round trip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.facts import FACT_FIELDS
from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.loopback import ProviderServer

Sync = Callable[..., Result]

FACTS = f"SELECT provider, model_id, {', '.join(FACT_FIELDS)} FROM ai_models ORDER BY provider, model_id"
LEDGER = (
    "SELECT provider, model_id, kind, unit, context_above, service_tier, hours_utc, effective_from, amount, currency,"
    " effective_to, basis, source FROM ai_model_prices"
    " ORDER BY provider, model_id, kind, unit, context_above, service_tier, hours_utc, effective_from"
)
PROVIDERS = (
    "SELECT name, display_name, kind, api_base_url, auth_header_name, auth_header_prefix, env_vars FROM ai_providers"
    " ORDER BY name"
)


@pytest.fixture
def export(run: Run) -> Callable[..., Result]:
    """`export(url, "out")`: the database as catalog files."""

    def export_here(url: str, directory: str, *argv: str, **kwargs: Any) -> Result:
        return run("catalog", "export", directory, "--database", url, *argv, **kwargs)

    return export_here


def texts(directory: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(directory).iterdir())}


@pytest.mark.slow
def test_all_shipped_catalogs_survive_the_way_out_and_back(
    database_url: str, tmp_path: Path, sync: Sync, query: Query, export: Callable[..., Result]
) -> None:
    sync(database_url, "--source", "catalog")
    exported = export(database_url, "out")
    assert exported.code == 0, exported.stderr
    assert exported.stderr == ""

    same = sync(database_url, "--source", "catalog", "--catalog", "out", "--dry-run", "--exit-code")
    assert same.code == 0, same.stdout
    before = texts("out")
    assert "unchanged" in export(database_url, "out").stdout
    assert texts("out") == before

    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    assert sync(fresh, "--source", "catalog", "--catalog", "out").code == 0
    export(fresh, "again", "--catalog", "out")
    assert texts("again") == before
    if database_url.startswith("sqlite"):
        for rows in (FACTS, LEDGER, PROVIDERS):
            assert query(fresh, rows) == query(database_url, rows)


@pytest.mark.slow
def test_what_people_and_apis_said_is_exported_too(
    sqlite_url: str,
    tmp_path: Path,
    sync: Sync,
    query: Query,
    export: Callable[..., Result],
    provider_server: ProviderServer,
) -> None:
    names = ("openai", "anthropic", "google", "replicate")
    wanted = [word for name in names for word in ("--provider", name)]
    sync(sqlite_url, "--source", "catalog", *wanted)
    sync(sqlite_url, "--force", *wanted, env=provider_server.env())
    query(sqlite_url, "UPDATE ai_models SET context_window = 5, vision = NULL, tags = '[]' WHERE model_id = 'gpt-4o'")
    query(sqlite_url, "UPDATE ai_providers SET env_vars = '[\"OUR_KEY\"]' WHERE name = 'openai'")
    assert export(sqlite_url, "out").code == 0
    openai = Path("out/openai.toml").read_text(encoding="utf-8")
    assert 'env_vars = ["OUR_KEY"]' in openai
    assert 'unset = ["vision"]' in openai
    for env in ({}, provider_server.env()):
        again = sync(sqlite_url, "--catalog", "out", "--dry-run", "--exit-code", *wanted, env=env)
        assert again.code == 0, again.stdout

    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    sync(fresh, "--source", "catalog", "--catalog", "out", *wanted)
    of_ours = "SELECT context_window, vision, tags FROM ai_models WHERE model_id = 'gpt-4o'"
    assert query(fresh, of_ours) == [(5, None, "[]")]
    assert query(fresh, PROVIDERS) == query(sqlite_url, PROVIDERS)


def test_an_edited_file_reaches_the_database_and_is_not_overwritten_unasked(
    sqlite_url: str, sync: Sync, query: Query, export: Callable[..., Result]
) -> None:
    only = ("--source", "catalog", "--provider", "cohere")
    sync(sqlite_url, *only)
    export(sqlite_url, "out")
    path = Path("out/cohere.toml")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("context_window = 128_000", "context_window = 129_000", 1), encoding="utf-8")
    refused = export(sqlite_url, "out")
    assert refused.code == 1
    assert "out/cohere.toml was edited since it was exported (41 models" in refused.stderr
    assert "--force overwrites" in refused.stderr
    sync(sqlite_url, *only, "--catalog", "out")
    assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models WHERE context_window = 129000") == [(1,)]
    assert "unchanged" in export(sqlite_url, "out").stdout, "the database says now what the file says"


def test_an_export_of_one_provider_writes_one_file(sqlite_url: str, sync: Sync, export: Callable[..., Result]) -> None:
    sync(sqlite_url, "--source", "catalog")
    result = export(sqlite_url, "out", "--provider", "groq", "--json")
    assert json.loads(result.stdout) == {
        "version": 1,
        "files": [{"file": str(Path("out/groq.toml")), "provider": "groq", "models": 50, "outcome": "written"}],
        "notes": [],
    }
    assert [*texts("out")] == ["groq.toml"]
    unknown = export(sqlite_url, "out", "--provider", "gorq")
    assert unknown.code == 2
    assert "groq" in unknown.stderr


def test_an_export_says_what_it_leaves_alone_and_cannot_say(
    sqlite_url: str, sync: Sync, query: Query, export: Callable[..., Result]
) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "deepseek")
    query(sqlite_url, "UPDATE ai_models SET input_price_per_mtok = 77 WHERE model_id = 'deepseek-flash'")
    Path("out").mkdir()
    Path("out/acme.toml").write_text("")
    result = export(sqlite_url, "out")
    assert result.code == 0
    assert "note: deepseek/deepseek-flash: input_price_per_mtok was set to 77 in the row alone" in result.stderr
    assert "note: left as they are: acme.toml" in result.stderr


def test_without_a_database_there_is_nothing_to_export(run: Run) -> None:
    result = run("catalog", "export", "out", "--database", "sqlite:///none.db")
    assert result.code == 1
    assert "has no models yet" in result.stderr
    assert not Path("out").exists()


OLD = """\
[provider]
display_name = "Acme"

[[model]]
id = "gone"
type = "chat"

[[model]]
id = "stays"
type = "chat"
context_window = 1000
capabilities = ["vision"]
prices = [{ input = 2, output = 8 }]
"""
NEW = """\
[provider]
display_name = "Acme Inc."

[[model]]
id = "comes"
type = "chat"

[[model]]
id = "stays"
type = "chat"
context_window = 2000
lacks = ["vision"]
verified_on = 2026-11-21
prices = [{ input = 2, output = 9, source = "https://acme.test" }, { from = 2026-12-01, input = 1.5 }]
"""


@pytest.fixture
def two() -> None:
    """The directories `old` and `new`."""
    for name, text in (("old", OLD), ("new", NEW)):
        Path(name).mkdir()
        Path(name, "acme.toml").write_text(text)


def test_a_diff_names_every_model_field_and_price(run: Run, two: None) -> None:
    result = run("catalog", "diff", "new", "--against", "old", "--exit-code")
    assert result.code == 3
    assert result.stdout.splitlines() == [
        "acme  1 added, 1 removed, 1 changed",
        "  display_name  Acme → Acme Inc.",
        "  + comes  Comes, chat, active",
        "  - gone  Gone, chat, active",
        "  ~ stays",
        "      vision  yes → no",
        "      context_window  1,000 → 2,000",
        "      price input  not stated → 1.5 USD from 2026-12-01",
        "      price output  8 USD → 9 USD from launch",
    ]
    assert result.stderr == "1 provider differs: 1 model added, 1 removed, 1 changed\n"


def test_a_diff_as_json(run: Run, two: None) -> None:
    result = run("catalog", "diff", "new", "--against", "old", "--json")
    assert result.code == 0
    [acme] = json.loads(result.stdout)["providers"]
    assert (acme["added"], acme["removed"]) == (["comes"], ["gone"])
    [stays] = acme["changed"]
    assert stays["fields"] == [
        {"name": "vision", "old": True, "new": False},
        {"name": "context_window", "old": 1000, "new": 2000},
    ]
    assert [(each["kind"], each["effective_from"]) for each in stays["prices"]] == [
        ("input", "2026-12-01T00:00:00Z"),
        ("output", "1970-01-01T00:00:00Z"),
    ]
    assert [each["old"] and each["old"]["amount"] for each in stays["prices"]] == [None, 8]
    assert [each["new"]["amount"] for each in stays["prices"]] == [1.5, 9]


def test_the_same_differs_in_nothing(run: Run, two: None) -> None:
    result = run("catalog", "diff", "old", "--against", "old", "--exit-code")
    assert (result.code, result.stdout, result.stderr) == (0, "", "no difference\n")


def test_an_export_does_not_differ_from_the_catalogs_it_came_from(
    run: Run, sqlite_url: str, sync: Sync, export: Callable[..., Result]
) -> None:
    sync(sqlite_url, "--source", "catalog")
    export(sqlite_url, "out")
    result = run("catalog", "diff", "out", "--exit-code")
    assert result.code == 0, result.stdout


def test_a_diff_with_ones_own_catalogs_shows_what_they_change(run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/openai.toml").write_text('[[model]]\nid = "gpt-4o"\ncontext_window = 7\n')
    shipped = run("catalog", "path").stdout.strip()
    result = run("--catalog", "mine", "catalog", "diff", shipped)
    assert "~ gpt-4o" in result.stdout
    assert "context_window  7 → 128,000" in result.stdout
    assert result.stderr == "1 provider differs: 0 models added, 0 removed, 1 changed\n"
    only = run("--catalog", "mine", "catalog", "diff", shipped, "--provider", "google")
    assert only.stderr == "no difference\n"
    assert run("catalog", "diff", shipped, "--provider", "gogle").code == 2
