"""Whose a field is: people keep what they set, give it back, and let the sources take it over knowingly."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import Result, Run

Sync = Callable[..., Result]

WINDOW = "SELECT context_window FROM ai_models WHERE model_id = 'gpt-4o'"
EDIT = "UPDATE ai_models SET context_window = 131072 WHERE model_id = 'gpt-4o'"
PROVIDER = ("--provider", "openai")


@pytest.fixture
def filled(synced_file: Callable[..., str]) -> str:
    """A database with one provider's models."""
    return synced_file(*PROVIDER)


def protected(run: Run, url: str) -> dict[str, list[str]]:
    found = json.loads(run("list", "--protected", "--json", "--database", url).stdout)
    return {each["model_id"]: each["protected"] for each in found}


def test_an_edit_is_kept_listed_and_taken_over_knowingly(run: Run, sync: Sync, query: Query, database_url: str) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    [(stated,)] = query(database_url, WINDOW)
    query(database_url, EDIT)
    kept = report_of(sync(database_url, *PROVIDER, "--json"))["providers"]["openai"]
    assert [(each["model_id"], each["kept"]) for each in kept["protected"]] == [("gpt-4o", 131072)]
    assert protected(run, database_url) == {"gpt-4o": ["context_window"]}
    assert sync(database_url, *PROVIDER, "--take", "gpt-4o-mini:context_window").code == 0
    assert query(database_url, WINDOW) == [(131072,)]
    assert sync(database_url, *PROVIDER, "--take", "openai/gpt-4o:context_window").code == 0
    assert query(database_url, WINDOW) == [(stated,)]
    assert protected(run, database_url) == {}
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0


@pytest.mark.parametrize("word", ["context_window", "all", "gpt-4o:all"])
def test_a_field_is_taken_from_all_models_or_all_fields_of_one(
    sync: Sync, query: Query, filled: str, word: str
) -> None:
    [(stated,)] = query(filled, WINDOW)
    query(filled, EDIT)
    assert sync(filled, *PROVIDER, "--take", word).code == 0
    assert query(filled, WINDOW) == [(stated,)]


def test_what_is_taken_knowingly_is_not_held_by_a_guard(sync: Sync, query: Query, filled: str) -> None:
    query(filled, "UPDATE ai_models SET context_window = 900000000 WHERE model_id = 'gpt-4o'")
    assert sync(filled, *PROVIDER, "--take", "gpt-4o:context_window").code == 0
    assert query(filled, WINDOW) != [(900000000,)]


def test_a_persons_date_that_is_taken_over_leaves_nothing_pending(sync: Sync, query: Query, filled: str) -> None:
    query(filled, "UPDATE ai_models SET retires_on = '2026-01-01' WHERE model_id = 'gpt-4o'")
    assert sync(filled, *PROVIDER).code == 0
    assert query(filled, "SELECT status FROM ai_models WHERE model_id = 'gpt-4o'") == [("retired",)]
    assert sync(filled, *PROVIDER, "--take", "gpt-4o:all").code == 0
    assert sync(filled, *PROVIDER, "--dry-run", "--exit-code").code == 0


def test_a_pinned_field_stays_until_it_is_given_back(run: Run, sync: Sync, query: Query, filled: str) -> None:
    [(stated,)] = query(filled, WINDOW)
    query(filled, EDIT)
    assert run("override", "pin", "openai/gpt-4o", "context_window", "family", "--database", filled).code == 0
    query(filled, f"UPDATE ai_models SET context_window = {stated} WHERE model_id = 'gpt-4o'")
    assert protected(run, filled) == {"gpt-4o": ["context_window", "family"]} or protected(run, filled) == {
        "gpt-4o": ["family", "context_window"]
    }
    assert run("override", "pin", "openai/gpt-4o", "family", "--database", filled).stdout == ""
    query(filled, EDIT)
    given = run("override", "unpin", "gpt-4o", "context_window", "--database", filled)
    assert given.stdout == "openai/gpt-4o: unpinned context_window\n"
    assert query(filled, WINDOW) == [(131072,)]
    assert sync(filled, *PROVIDER).code == 0
    assert query(filled, WINDOW) == [(stated,)]
    assert protected(run, filled) == {"gpt-4o": ["family"]}
    audited = query(filled, "SELECT command, before_values, after_values FROM ai_changes WHERE command LIKE '%pin'")
    assert len(audited) == 2


def test_a_row_from_before_modelctl_is_left_alone_until_it_is_adopted(
    run: Run, sync: Sync, query: Query, database_url: str
) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    [(stated,)] = query(database_url, WINDOW)
    query(database_url, "DELETE FROM ai_model_state WHERE model_id = 'gpt-4o'")
    query(database_url, EDIT)
    assert sync(database_url, *PROVIDER).code == 0
    assert query(database_url, WINDOW) == [(131072,)]
    refused = run("override", "pin", "gpt-4o", "context_window", "--database", database_url)
    assert refused.code == 2
    assert "modelctl override adopt openai/gpt-4o" in refused.stderr
    adopted = run("override", "adopt", "--provider", "openai", "--database", database_url)
    assert adopted.stdout == "openai/gpt-4o: adopted\n"
    assert sync(database_url, *PROVIDER, "--force").code == 0
    assert query(database_url, WINDOW) == [(stated,)]
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0
    assert "nothing to adopt" in run("override", "adopt", "--all", "--database", database_url).stderr


def test_a_deleted_row_comes_back_only_when_asked(run: Run, sync: Sync, query: Query, database_url: str) -> None:
    assert sync(database_url, *PROVIDER).code == 0
    ledger = query(database_url, "SELECT count(*) FROM ai_model_prices")
    query(database_url, "DELETE FROM ai_models WHERE model_id IN ('gpt-4o', 'gpt-4o-mini')")
    said = report_of(sync(database_url, *PROVIDER, "--json"))["providers"]["openai"]
    assert said["removed_by_hand"] == ["gpt-4o", "gpt-4o-mini"]
    assert sync(database_url, *PROVIDER, "--recreate", "openai/gpt-4o").code == 0
    there = "SELECT model_id, is_enabled FROM ai_models WHERE model_id IN ('gpt-4o', 'gpt-4o-mini')"
    assert [(name, bool(on)) for name, on in query(database_url, there)] == [("gpt-4o", True)]
    assert sync(database_url, *PROVIDER, "--recreate", "all").code == 0
    assert len(query(database_url, there)) == 2
    assert query(database_url, "SELECT count(*) FROM ai_model_prices") == ledger
    assert sync(database_url, *PROVIDER, "--dry-run", "--exit-code").code == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("sync", "--take", "contxt_window"), "context_window"),
        (("sync", "--take", "gpt-4o:is_enabled"), "is_enabled is set on creation only"),
        (("override", "pin", "gpt-4o", "recommended"), "recommended is set on creation only"),
        (("override", "pin", "gpt-9", "family"), "gpt-9"),
        (("override", "adopt"), "adopt needs models"),
        (("override", "adopt", "gpt-4o", "--all"), "--all and PROVIDER|MODEL contradict each other"),
    ],
)
def test_what_cannot_be_claimed_is_said_in_one_line(
    run: Run, filled: str, command: tuple[str, ...], message: str
) -> None:
    refused = run(*command, "--database", filled)
    assert refused.code in (1, 2)
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_what_was_to_be_taken_and_could_not_be_is_said(sync: Sync, filled: str) -> None:
    result = sync(filled, *PROVIDER, "--take", "gpt-4o:context_window", "--take", "tags", "--recreate", "gpt-4o")
    assert result.code == 0
    assert [line for line in result.stderr.splitlines() if line.startswith("note: ")] == [
        "note: --recreate gpt-4o matched nothing",
        "note: --take tags matched nothing",
        "note: --take gpt-4o:context_window matched nothing",
    ]


def test_all_that_people_keep_is_listed_with_what_it_replaced(run: Run, query: Query, filled: str) -> None:
    """Pinned, edited in the database, and entered as a price, of whatever tier."""
    here = ("--database", filled)
    assert run("override", "list", *here).stderr == "there is no override\n"
    assert run("override", "pin", "openai/gpt-4o", "display_name", *here).code == 0
    query(filled, EDIT)
    entered = (
        "price",
        "set",
        "openai/gpt-4o-mini",
        "--input",
        "3",
        "--service-tier",
        "batch",
        "--source",
        "contract 7",
    )
    assert run(*entered, *here).code == 0
    listed = json.loads(run("override", "list", "openai", "--json", *here).stdout)
    assert [(each["model_id"], each["field"], each["how"], each["value"], each["replaced"]) for each in listed] == [
        ("gpt-4o", "context_window", "edited", 131072, 128000),
        ("gpt-4o", "display_name", "pinned", "GPT-4o", "GPT-4o"),
        ("gpt-4o-mini", "batch input price per mtok", "price", 3, None),
    ]
    assert listed[0]["source"] == "catalog"
    one = run("override", "list", "gpt-4o-mini", *here)
    assert (one.code, one.stdout.count("openai/"), one.stderr) == (0, 1, "1 override of 1 model\n")
    assert "no model is named 'no-such'" in run("override", "list", "no-such", *here).stderr


LISTS = [("override", "list"), ("provider", "list"), ("runs", "list"), ("history",), ("review", "list")]


def test_every_list_is_printed_row_by_row_too(run: Run, synced_file: Callable[..., str]) -> None:
    url = synced_file("--provider", "openai")
    assert run("set", "openai/gpt-4o", "tags=a,b", "family=", "--database", url).code == 0
    for words in LISTS:
        document = json.loads(run(*words, "--json", "--database", url).stdout)
        rows = document if isinstance(document, list) else document[{"history": "entries"}.get(words[0], "runs")]
        lines = run(*words, "--format", "jsonl", "--database", url).stdout.splitlines()
        assert [json.loads(line) for line in lines] == rows, words
        read = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv", "--database", url).stdout)))
        assert [list(row) for row in read] == [list(row) for row in rows], words
    fields = csv.DictReader(io.StringIO(run("override", "list", "--format", "csv", "--database", url).stdout))
    assert {each["field"]: each["value"] for each in fields} == {"tags": "a;b", "family": ""}
    refused = run("doctor", "--format", "csv", "--database", url)
    assert (refused.code, refused.stdout) == (2, "") and "'csv' is not one of 'table', 'json'" in refused.stderr
