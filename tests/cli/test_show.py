"""`modelctl show`: every fact with its source, prices over time, successors, changes; and how MODEL is understood."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from modelctl.core.models.query import COLUMNS
from tests.cli.conftest import Query
from tests.cli.shop import SHOP, fill, price, record
from tests.conftest import NOW, Result
from tests.databases import empty_database


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    with empty_database("sqlite", tmp_path_factory.mktemp("shop")) as found:
        fill(found)
        return found


@pytest.fixture
def show(run, url) -> Callable[..., Result]:
    return lambda *argv, **kwargs: run("show", "--database", url, *argv, **kwargs)


def squeezed(text: str) -> str:
    """The text with runs of blanks made one, so that alignment does not matter."""
    return re.sub(r" +", " ", text)


def test_every_fact_is_shown_with_its_source(show):
    result = show("openai/gpt-4o")
    assert (result.code, result.stderr) == (0, "")
    text = squeezed(result.stdout)
    assert text.startswith("openai/gpt-4o active, enabled\n")
    for line in (
        "display_name GPT-4o catalog",
        "vision yes catalog",
        "context_window 128,000 catalog",
        "tags smart, latest catalog",
        "tier premium rule:price",
        "input_price_per_mtok 2.5 catalog",
    ):
        assert f" {line}\n" in text
    assert re.search(r"unknown .*\bknowledge_cutoff\b", text)


def test_prices_are_grouped_by_time(show):
    now, rest = show("openai/gpt-4o").stdout.split("prices now\n")[1].split("prices announced\n")
    now, coming = squeezed(now), squeezed(rest.split("\n\n")[0])
    assert " input 2.5 USD per mtok from launch until 2026-12-01 https://openai.test/pricing\n" in now
    assert " input, batch 1.25 USD per mtok from launch\n" in now
    assert " input, prompt above 200,000 tokens 3 USD per mtok from 2024-05-13\n" in now
    assert coming == " input 5 USD per mtok (+100 %) from 2026-12-01\n source documented"


def test_the_chain_of_replacements_is_followed(show):
    text = squeezed(show("openai/o1-mini").stdout)
    assert "use gpt-3.5-turbo (retired) → gpt-4o (active)\n" in text
    found = json.loads(show("openai/o1-mini", "--json").stdout)
    assert found["replacement"] == {
        "end": "live",
        "path": ["gpt-3.5-turbo", "gpt-4o"],
        "providers": ["openai", "openai"],
        "live": "gpt-4o",
        "live_provider": "openai",
    }


def test_a_person_s_value_and_a_pin_are_told(run, query: Query, sqlite_url):
    fill(sqlite_url)
    query(
        sqlite_url, "UPDATE ai_models SET display_name = 'Ours', family = NULL, vision = NULL WHERE model_id = 'gpt-4o'"
    )
    query(sqlite_url, "UPDATE ai_model_state SET pins = '[\"tools\"]' WHERE model_id = 'gpt-4o'")
    text = squeezed(run("show", "openai/gpt-4o", "--database", sqlite_url).stdout)
    assert " display_name Ours person (modelctl wrote GPT-4o)\n" in text
    assert " tools yes catalog, pinned\n" in text
    assert " vision unknown (person (modelctl wrote yes))\n" in text
    found = json.loads(run("show", "openai/gpt-4o", "--database", sqlite_url, "--json").stdout)
    assert found["sources"]["display_name"] == "person"
    assert found["overruled"] == {
        "display_name": {"kept": "Ours", "written": "GPT-4o"},
        "vision": {"kept": None, "written": True},
    }
    assert found["pins"] == ["tools"]


def test_changes_are_told_newest_first(run, sqlite_url):
    fill(sqlite_url)
    later = record("openai/gpt-4o", price("input", "2"), display_name="GPT-4o", type="chat", status="active")
    later = replace(later, facts=SHOP[0].facts._replace(context_window=200_000), provenance=SHOP[0].provenance)
    fill(sqlite_url, [later], now=NOW + timedelta(hours=1), run="run-2")
    result = run("show", "openai/gpt-4o", "--database", sqlite_url, now=NOW + timedelta(hours=2))
    changes = squeezed(result.stdout).split("changes\n")[1]
    assert changes.startswith(" 2026-11-21 13:00Z update by alice with sync (run run-2)\n")
    assert " context_window 128,000 → 200,000\n" in changes
    assert " price input 2.5 USD → 2 USD per mtok from 2026-11-21T13:00:00+00:00\n" in changes
    assert changes.endswith(" 2026-11-21 12:00Z create by alice with sync (run run-1)\n")
    assert "past prices\n input 2.5 USD per mtok from launch until 2026-11-21 13:00Z" in squeezed(result.stdout)
    short = run("show", "openai/gpt-4o", "--database", sqlite_url, "--changes", "1").stdout
    assert "run-2" in short
    assert "run-1" not in short
    assert "changes\n" not in run("show", "openai/gpt-4o", "--database", sqlite_url, "--changes", "0").stdout


def test_json_has_the_columns_and_exact_prices(show):
    found = json.loads(show("openai/gpt-4o", "--format", "json").stdout, parse_float=Decimal)
    assert list(found["model"]) == list(COLUMNS)
    assert (found["version"], found["key"], found["resolved_by"]) == (1, "openai/gpt-4o", "exact")
    assert set(found["sources"]) | set(found["unknown"]) <= set(COLUMNS)
    assert [each["amount"] for each in found["prices"]["upcoming"]] == [5]
    assert found["prices"]["now"][0]["amount"] == Decimal("2.5")
    assert found["changes"][0]["action"] == "create"
    assert found["changes"][0]["after"]["input_price_per_mtok"] == "2.5"


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini", ""),
        ("gpt-4o", "openai/gpt-4o", "by its id, which only this provider has"),
        ("mistralai/Mixtral-8x7B", "together/mistralai/Mixtral-8x7B", "by its id"),
        ("together/mistralai/Mixtral-8x7B", "together/mistralai/Mixtral-8x7B", ""),
        ("gpt-4o-latest", "openai/gpt-4o", "by its alias"),
        ("openai/gpt-4o-latest", "openai/gpt-4o", "by its alias"),
        ("o1-mini-latest", "openai/o1-mini", "by its name without `-latest`"),
        ("gpt-4o-2024-08-06", "openai/gpt-4o", "without the date"),
        ("openai/gpt-4o-20240806", "openai/gpt-4o", "without the date"),
        ("gpt-4o@20240806", "openai/gpt-4o", "without the date"),
        ("通义千问", "qwen/通义千问", "by its id"),
    ],
)
def test_names(show, name, key, said):
    result = show(name, "--json")
    assert result.code == 0, result.stderr
    assert json.loads(result.stdout)["key"] == key
    assert said in result.stderr
    assert bool(said) == bool(result.stderr)


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("GPT-4o", "similar: openai/gpt-4o"),
        ("gpt-4", "similar: "),
        ("openai/gpt-4o-mi", "similar: openai/gpt-4o-mini"),
        ("gpt-4o-2024-02-30", ""),
        ("gpt-4o-20241350", ""),
        ("gpt-4o-2024", ""),
        ("o1-mini-newest", "similar: openai/o1-mini"),
        ("nothing-like-it", "modelctl list"),
        ("anthropic/gpt-4o", ""),
        ("", ""),
        ("x" * 10_000, ""),
        ("gpt\x1b[31m", ""),
    ],
)
def test_what_merely_looks_alike_is_suggested_not_taken(show, name, similar):
    result = show(name)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: no model is named ")
    assert similar in result.stderr
    assert len(result.stderr) < 400
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(("name", "what"), [("gpt-4o-mini", "id"), ("mini", "alias"), ("mini-20240806", "alias")])
def test_an_ambiguous_name_is_wrong_usage_that_lists_the_candidates(show, name, what):
    result = show(name)
    assert (result.code, result.stdout) == (2, "")
    assert f"is ambiguous: 2 models have that {what}" in result.stderr
    assert "say which one: mirror/" in result.stderr


def test_a_row_that_is_not_ours(run, query: Query, sqlite_url):
    fill(sqlite_url)
    query(sqlite_url, "DELETE FROM ai_model_state WHERE model_id = 'gpt-4o'")
    result = run("show", "gpt-4o", "--database", sqlite_url)
    assert result.code == 0
    assert "the row was there before modelctl" in result.stdout
    assert json.loads(run("show", "gpt-4o", "--database", sqlite_url, "--json").stdout)["is_ours"] is False


def test_every_database_shows_the_same(run, database_url, show):
    fill(database_url)
    assert run("show", "openai/gpt-4o", "--database", database_url) == show("openai/gpt-4o")


def test_no_database_yet(run, sqlite_url):
    result = run("show", "gpt-4o", "--database", sqlite_url)
    assert result.code == 1
    assert "run `modelctl sync`" in result.stderr
