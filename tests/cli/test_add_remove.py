"""Rows that a person adds and removes: one bad row writes none; the ledger and the audit stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import Result, Run

Sync = Callable[..., Result]

PROVIDER = ("--provider", "deepseek")
PRO, FLASH, OLD = "deepseek/deepseek-v4-pro", "deepseek/deepseek-flash", "deepseek/deepseek-v4-flash"
ROWS = "SELECT * FROM ai_models ORDER BY provider, model_id"
MIXTRAL = "together/mistralai/Mixtral-9x9B-Instruct-v0.9"


@pytest.fixture
def filled(synced_file: Callable[..., str]) -> str:
    """A database with one provider's models."""
    return synced_file(*PROVIDER)


def test_what_is_added_stays_a_persons_and_the_rest_is_the_catalogs(
    run: Run, sync: Sync, query: Query, database_url: str
) -> None:
    run("db", "upgrade", "--database", database_url)
    done = run("add", PRO, "context_window=64000", "max_output_tokens=8000", "--json", "--database", database_url)
    assert done.code == 0, done.stderr
    [result] = json.loads(done.stdout)["results"]
    assert (result["status"], result["key"], result["is_enabled"]) == ("created", PRO, True)
    added = query(database_url, ROWS)
    price = "SELECT input_price_per_mtok IS NOT NULL, context_window, is_enabled FROM ai_models"
    assert [tuple(map(int, row)) for row in query(database_url, price)] == [(1, 64000, 1)]
    assert query(database_url, "SELECT COUNT(*) FROM ai_model_prices")[0][0] > 0
    [(audited,)] = query(database_url, "SELECT after_values FROM ai_changes WHERE entity = 'model'")
    assert "pins" in str(audited)
    report = report_of(sync(database_url, *PROVIDER, "--json"))["providers"]["deepseek"]
    assert [each["field"] for each in report["protected"]] == ["context_window", "max_output_tokens"]
    kept = query(database_url, ROWS.replace("ORDER", "WHERE model_id = 'deepseek-v4-pro' ORDER"))
    assert kept == added, "a sync finds nothing to fill in"
    assert run("runs", "undo", json.loads(done.stdout)["run"], "--database", database_url).code == 0
    assert query(database_url, "SELECT 1 FROM ai_models WHERE model_id = 'deepseek-v4-pro'") == []


def test_a_model_that_nobody_knows_is_kept_by_every_sync(run: Run, sync: Sync, query: Query, sqlite_url: str) -> None:
    done = run("add", MIXTRAL, "type=chat", "--database", sqlite_url)
    assert "disabled: no complete price is known" in done.stderr
    before = query(sqlite_url, "SELECT * FROM ai_models")
    assert [row[1:4] for row in before] == [("together", "mistralai/Mixtral-9x9B-Instruct-v0.9", before[0][3])]
    assert sync(sqlite_url, "--provider", "together").code == 0
    assert query(sqlite_url, "SELECT * FROM ai_models WHERE model_id LIKE '%9x9B%'") == before
    checked = json.loads(run("doctor", "--json", "--database", sqlite_url).stdout)
    statuses = {each["name"]: each["status"] for each in checked["checks"]}
    assert statuses["unknown_rows"] == "ok", "a person accounts for it"
    assert run("add", f"{MIXTRAL}-free", "--enabled", "--database", sqlite_url).code == 0
    assert query(sqlite_url, "SELECT is_enabled FROM ai_models WHERE model_id LIKE '%v0.9-free'") == [(1,)]


def test_many_are_added_at_once_or_none(run: Run, query: Query, filled: str) -> None:
    good = [
        {"model": "deepseek/one", "type": "chat", "context_window": 1000, "replacement": "two", "tags": ["a"]},
        {"provider": "deepseek", "model_id": "two", "is_enabled": True, "released_on": "2026-01-01", "family": None},
    ]
    bad = [
        '{"model": "deepseek/deepseek-flash"}',
        '{"model": "nope/x"}',
        '{"model": "deepseek/three", "contxt_window": 1}',
        '{"model": "deepseek/four", "context_window": "1"}',
        '{"model": "deepseek/five", "input_price_per_mtok": 1}',
        '{"model": "deepseek/one", "type": "chatty"}',
        '{"model": "deepseek/DeepSeek_V4.pro"}',
        '{"model": "six"}',
        '{"model": "deepseek/one", "model": "deepseek/two"}',
        '{"type": "chat"}',
        '{"model": "deepseek/seven", "replacement": "eight"}',
        '{"model": "deepseek/nine", "context_window": 5, "max_output_tokens": 6}',
        '{"model": "deepseek/ten", "is_enabled": "yes"}',
        '{"model": "deepseek/one"}',
        "[]",
        "no json",
    ]
    lines = [json.dumps(each) for each in good] + bad
    before = query(filled, ROWS)
    refused = run("add", "--from", "-", "--database", filled, stdin="\n".join(lines))
    assert (refused.code, refused.stdout) == (2, "")
    told = refused.stderr.splitlines()
    first = [f"line {number}" for number in range(3, 11)]
    assert [line.partition(":")[0] for line in told] == [*first, "and 8 more", "error"]
    others = run("add", "--from", "-", "--database", filled, stdin="\n".join(lines[:2] + bad[8:])).stderr.splitlines()
    assert [line.partition(":")[0] for line in others] == [*first, "error"]
    assert told[-1] == "error: nothing was written, because 16 of 18 rows have errors"
    wanted = (
        "there already",
        "no provider 'nope'",
        "did you mean context_window",
        "'1'",
        "modelctl price set",
        "chatty",
    )
    assert [word for word, line in zip(wanted, told, strict=False) if word not in line] == []
    assert "is spelled deepseek/deepseek-v4-pro" in told[6]
    assert query(filled, ROWS) == before
    Path("rows.json").write_text(json.dumps(good))
    assert run("add", "--from", "rows.json", "--dry-run", "--database", filled).code == 0
    assert query(filled, ROWS) == before
    assert run("add", "--from", "rows.json", "--database", filled).code == 0
    new = "SELECT model_id, is_enabled, replacement, family FROM ai_models WHERE model_id IN ('one', 'two')"
    assert sorted((name, bool(on), other, family) for name, on, other, family in query(filled, new)) == [
        ("one", False, "two", None),
        ("two", True, None, None),
    ]
    assert run("sync", *PROVIDER, "--dry-run", "--exit-code", "--database", filled).code == 0


def test_a_person_at_a_terminal_is_asked_about_a_near_miss(run: Run, query: Query, filled: str) -> None:
    count = "SELECT count(*) FROM ai_models WHERE model_id = 'gpt-4oo'"
    for answer, code, there_are in (("\n", 2, 0), ("n\n", 2, 0), ("", 2, 0), ("y\n", 0, 1)):
        result = run("add", "openai/gpt-4oo", "--database", filled, typed=answer)
        assert "is one letter from openai/gpt-4o: add it as it is written? [y/N]" in result.stderr.replace("\n", " ")
        assert (result.code, query(filled, count)) == (code, [(there_are,)]), answer
    other_version = run("add", "openai/gpt-7o", "--database", filled)
    assert other_version.code == 0, other_version.stderr


def test_an_id_that_looks_misspelt_is_refused_with_the_right_one(run: Run, query: Query, filled: str) -> None:
    refusals = {
        "deepseek/DeepSeek-Flash": "is spelled deepseek/deepseek-flash",
        "deepseek/deepseekflash": "is spelled deepseek/deepseek-flash",
        "openai/GPT-4o": "is spelled openai/gpt-4o",
        "openai/gpt-4oo": "is one letter from openai/gpt-4o",
        "openai/gtp-4o": "is one letter from openai/gpt-4o",
        "openai/GPT-99": "has an upper-case letter, which no id of OpenAI has",
        "google/models/gemini-99": "is a resource name",
        "depseek/x": "did you mean deepseek?",
        "gpt-4o": "write it as provider/model_id",
        "deepseek/": "is empty",
        "deepseek/x\ty": "control",
    }
    for name, message in refusals.items():
        refused = run("add", name, "--database", filled)
        assert refused.code in (1, 2), name
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert run("add", "deepseek/DeepSeek-Flash", "--exact", "--database", filled).code == 0
    for argv, message in {
        (): "add needs a model, or --from",
        (PRO, "--from", "-"): "add needs a model, or --from",
        ("--from", "nowhere.json"): "nowhere.json",
        ("--from", "-"): "there is no row to add",
        ("--from", "-", "--enabled"): "go with a named model",
    }.items():
        refused = run("add", *argv, "--database", filled)
        assert message in refused.stderr
        assert refused.code in (1, 2)


def test_a_removed_row_stays_removed_until_it_is_added(run: Run, sync: Sync, query: Query, database_url: str) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    ledger = query(database_url, "SELECT COUNT(*) FROM ai_model_prices")
    row = query(database_url, "SELECT context_window FROM ai_models WHERE model_id = 'deepseek-v4-pro'")
    query(database_url, "DELETE FROM ai_model_state WHERE model_id = 'deepseek-coder'")
    removed = run("remove", PRO, "deepseek-coder", "--json", "--database", database_url)
    assert removed.code == 0, removed.stderr
    assert {each["status"] for each in json.loads(removed.stdout)["results"]} == {"removed"}
    said = report_of(sync(database_url, *PROVIDER, "--json"))["providers"]["deepseek"]
    assert said["removed_by_hand"] == ["deepseek-coder", "deepseek-v4-pro"]
    assert query(database_url, "SELECT COUNT(*) FROM ai_model_prices") == ledger
    assert query(database_url, "SELECT action FROM ai_changes WHERE command = 'remove'") == [("remove",)] * 2
    assert run("add", PRO, "--database", database_url).code == 0
    assert query(database_url, "SELECT context_window FROM ai_models WHERE model_id = 'deepseek-v4-pro'") == row
    assert query(database_url, "SELECT COUNT(*) FROM ai_model_prices") == ledger
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0
    assert run("runs", "undo", json.loads(removed.stdout)["run"], "--database", database_url).code == 5
    assert query(database_url, "SELECT COUNT(*) FROM ai_models") == [(7,)]


def test_what_is_written_to_is_never_a_name_without_its_date(run: Run, query: Query, filled: str) -> None:
    before = query(filled, ROWS)
    for name in ("deepseek-v4-pro-2026-01-01", f"{PRO}-latest"):
        assert run("show", name, "--database", filled).code == 0
        refused = run("remove", name, "--database", filled)
        assert (refused.code, f"if you mean {PRO}, write that" in refused.stderr) == (2, True)
    assert query(filled, ROWS) == before


def test_a_row_that_others_point_at_goes_only_with_the_pointers(
    run: Run, sync: Sync, query: Query, filled: str
) -> None:
    before = query(filled, ROWS)
    refused = run("remove", OLD, "deepseek-flash", "--database", filled)
    assert refused.code == 2
    assert "deepseek/deepseek-v4-flash: deepseek/deepseek-chat" in refused.stderr
    assert "--cascade" in refused.stderr
    assert query(filled, ROWS) == before
    assert "deepseek/deepseek-chat  set" in run("remove", OLD, "--cascade", "--dry-run", "--database", filled).stdout
    assert query(filled, ROWS) == before
    done = run("remove", OLD, "--cascade", "--database", filled)
    assert done.code == 0
    pointing = "SELECT COUNT(*) FROM ai_models WHERE replacement = 'deepseek-v4-flash'"
    for _ in range(2):
        assert query(filled, pointing) == [(0,)]
        assert sync(filled, *PROVIDER).code == 0
    both = run("remove", FLASH, "deepseek-v4-flash-vision-exp", "--database", filled)
    assert both.code == 0, "what points goes as well"
    assert "no model is named" in run("remove", FLASH, "--database", filled).stderr
