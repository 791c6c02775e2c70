"""`modelctl runs list` and `modelctl history`: who, when, with what, from which source, before → after."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.conftest import NOW, Result
from tests.databases import empty_database


@pytest.fixture
def told(sqlite_url: str, sync: Callable[..., Result], run: Callable[..., Result]) -> Callable[..., Result]:
    """A command on a database with two runs of one provider, a day apart."""
    for days in (1, 0):
        sync(sqlite_url, "--source", "catalog", "--provider", "xai", now=NOW - timedelta(days=days))
    return lambda *argv, **kwargs: run(*argv, "--database", sqlite_url, **kwargs)


def test_runs_come_newest_first_with_their_counts(told: Callable[..., Result]) -> None:
    runs = json.loads(told("runs", "list", "--json").stdout)["runs"]
    assert [each["providers"][0]["outcome"] for each in runs] == ["in_sync", "applied"]
    assert {"held", "protected", "skipped", "filtered", "unchanged"} <= runs[0]["providers"][0].keys()
    text = told("runs", "list").stdout.splitlines()
    assert len(text) == 3
    assert "created" in text[2]


def test_one_run_is_shown_by_a_unique_prefix(told: Callable[..., Result]) -> None:
    name = json.loads(told("runs", "list", "--json").stdout)["runs"][1]["run"]
    shown = told("runs", "show", name[:10])
    assert shown.code == 0
    assert "context_window  256,000 (catalog)" in shown.stdout
    assert told("runs", "show", "2026").code == 2
    assert "is ambiguous: 2 runs begin so" in told("runs", "show", "2026").stderr
    assert told("runs", "show", "nope").code == 2
    assert "the run changed nothing" in told("runs", "show", "last").stderr


def test_history_of_a_model_names_the_source_of_each_field(told: Callable[..., Result]) -> None:
    [entry] = json.loads(told("history", "xai/grok-4", "--json").stdout)["entries"]
    assert (entry["action"], entry["command"]) == ("create", "sync")
    assert entry["sources"]["context_window"] == "catalog"
    assert entry["prices"]
    lines = told("history", "--format", "jsonl", "--limit", "3").stdout.splitlines()
    assert [json.loads(line)["command"] for line in lines] == ["sync"] * 3
    assert "sources" not in told("show", "xai/grok-4").stdout.split("\nchanges\n")[1]


def test_filtered_to_nothing_is_not_nothing(told: Callable[..., Result]) -> None:
    filtered = told("history", "--since", "1h", "--json")
    assert json.loads(filtered.stdout)["empty_because"] == "filtered"
    assert "none of the " in filtered.stderr
    assert json.loads(told("history", "--since", "2d", "--json").stdout)["empty_because"] is None
    assert told("history", "--since", "soon").code == 2
    assert told("history", "no-such-model").code == 2
    assert told("runs", "list", "--provider", "no-such").code == 2


def test_nothing_was_done_yet(run: Callable[..., Result], tmp_path) -> None:
    with empty_database("sqlite", tmp_path) as url:
        run("db", "upgrade", "--database", url)
        for command, words in (("runs list", "there was no run yet"), ("history", "nothing was changed yet")):
            result = run(*command.split(), "--json", "--database", url)
            assert (result.code, json.loads(result.stdout)["empty_because"]) == (0, "nothing")
            assert words in result.stderr
