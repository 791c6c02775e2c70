"""`modelctl runs list`, `history` and `undo`: what was done, by whom, and taking it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run

Sync = Callable[..., Result]

ROWS = "SELECT model_id, display_name, context_window, output_price_per_mtok, is_enabled FROM ai_models ORDER BY 1"
GROK = "SELECT display_name, context_window FROM ai_models WHERE model_id = 'grok-4'"
OF_XAI = ("--source", "catalog", "--provider", "xai")
ACME = '[provider]\ndisplay_name = "Acme"\n\n[[model]]\nid = "acme-1"\ncontext_window = {}\n'
WRITTEN = "UPDATE ai_model_state SET written = REPLACE(written, :new, :old) WHERE model_id = 'grok-4'"


def minute(number: int):
    return NOW + timedelta(minutes=number)


def outdated(url: str, query: Query) -> None:
    """Make it so that an earlier sync wrote other values, which the next one corrects."""
    query(url, "UPDATE ai_models SET context_window = 200000 WHERE model_id = 'grok-4'")
    query(url, WRITTEN, new='"context_window":[256000', old='"context_window":[200000')


@pytest.fixture
def corrected(sqlite_url: str, sync: Sync, query: Query) -> str:
    """A database with two runs: all rows created, then one corrected."""
    sync(sqlite_url, *OF_XAI, now=minute(0))
    outdated(sqlite_url, query)
    sync(sqlite_url, *OF_XAI, now=minute(1))
    return sqlite_url


def test_an_undone_run_stays_undone_on_every_database(database_url: str, run: Run, sync: Sync, query: Query) -> None:
    sync(database_url, *OF_XAI, now=minute(0))
    outdated(database_url, query)
    before = query(database_url, ROWS)
    sync(database_url, *OF_XAI, now=minute(1))
    synced = query(database_url, ROWS)
    assert before != synced

    shown = run("runs", "undo", "last", "--dry-run", "--database", database_url, now=minute(2))
    assert (shown.code, query(database_url, ROWS)) == (0, synced)
    assert "context_window  256,000 → 200,000" in shown.stdout
    done = run("runs", "undo", "last", "--json", "--database", database_url, now=minute(2))
    assert done.code == 0, done.stderr
    assert [each["key"] for each in json.loads(done.stdout)["providers"][0]["taken_back"]] == ["xai/grok-4"]
    assert query(database_url, ROWS) == before

    [again] = json.loads(sync(database_url, *OF_XAI, "--json", now=minute(3)).stdout)["providers"]
    assert again["outcome"] == "in_sync"
    assert "context_window" in json.dumps(again["protected"])
    assert query(database_url, ROWS) == before

    newest = json.loads(run("runs", "list", "--json", "--database", database_url).stdout)["runs"]
    assert [each["command"] for each in newest] == ["sync", "runs undo", "sync", "sync"]
    redone = run("runs", "undo", newest[1]["run"], "--database", database_url, now=minute(4))
    assert (redone.code, query(database_url, ROWS)) == (0, synced)


def test_a_second_undo_finds_everything_moved(corrected: str, run: Run) -> None:
    name = json.loads(run("runs", "list", "--json", "--database", corrected).stdout)["runs"][0]["run"]
    assert run("runs", "undo", name, "--database", corrected, now=minute(2)).code == 0
    again = run("runs", "undo", name, "--database", corrected, now=minute(3))
    assert again.code == 6
    assert "moved  xai/grok-4: changed since: context_window" in again.stdout


def test_created_rows_are_removed_unless_somebody_has_touched_them(
    corrected: str, run: Run, sync: Sync, query: Query
) -> None:
    first = json.loads(run("runs", "list", "--json", "--database", corrected).stdout)["runs"][-1]["run"]
    query(corrected, "UPDATE ai_models SET display_name = 'Mine' WHERE model_id = 'grok-3'")
    before = query(corrected, ROWS)
    done = run("runs", "undo", first, "--database", corrected, now=minute(2))
    assert done.code == 5
    assert "1 left alone because they have changed since" in done.stderr
    assert query(corrected, "SELECT model_id FROM ai_models") == [("grok-3",)]
    sync(corrected, *OF_XAI, now=minute(3))
    assert query(corrected, "SELECT model_id FROM ai_models") == [("grok-3",)]
    gone = run("history", "xai/grok-4", "--limit", "1", "--database", corrected)
    assert gone.code == 0
    assert "not a row of the table any more" in gone.stderr
    undone = json.loads(run("runs", "list", "--json", "--database", corrected).stdout)["runs"][1]["run"]
    assert run("runs", "undo", undone, "--database", corrected, now=minute(4)).code == 0
    assert query(corrected, ROWS) == before


def test_a_price_goes_back_by_a_new_revision(corrected: str, run: Run, sync: Sync, query: Query) -> None:
    query(corrected, "UPDATE ai_model_prices SET amount = 14 WHERE model_id = 'grok-4' AND kind = 'output'")
    query(corrected, "UPDATE ai_models SET output_price_per_mtok = 14 WHERE model_id = 'grok-4'")
    query(corrected, WRITTEN, new='"output_price_per_mtok":["15"', old='"output_price_per_mtok":["14"')
    before, ledger = query(corrected, ROWS), "SELECT COUNT(*) FROM ai_model_prices WHERE model_id = 'grok-4'"
    sync(corrected, *OF_XAI, now=minute(2))
    assert query(corrected, ROWS) != before
    [(points,)] = query(corrected, ledger)
    done = run("runs", "undo", "last", "--database", corrected, now=minute(3))
    assert (done.code, query(corrected, ROWS)) == (0, before), done.stderr
    assert query(corrected, ledger)[0][0] > points
    sync(corrected, *OF_XAI, now=minute(4))
    assert query(corrected, ROWS) == before


def test_nothing_to_undo_is_no_error(corrected: str, run: Run, sync: Sync) -> None:
    sync(corrected, *OF_XAI, now=minute(2))
    done = run("runs", "undo", "last", "--database", corrected, now=minute(3))
    assert (done.code, done.stdout) == (0, "")
    assert "nothing to undo" in done.stderr


def test_last_is_the_last_of_eight_syncs_in_one_second(database_url: str, run: Run, sync: Sync, query: Query) -> None:
    """Whole seconds are what the tables keep of a run's time; its id keeps the rest."""
    Path("mine").mkdir()
    where = ("--catalog", "mine", "--database", database_url)

    def moment(number: int):
        return NOW + timedelta(milliseconds=number)

    for number in range(8):
        Path("mine", "acme.toml").write_text(ACME.format(1000 + number))
        done = sync(database_url, "acme", "--catalog", "mine", "--source", "catalog", now=moment(number))
        assert done.code == 0, done.stderr
    listed = json.loads(run("runs", "list", "--json", *where).stdout)["runs"]
    assert [each["run"] for each in listed] == sorted((each["run"] for each in listed), reverse=True)
    assert len({each["started_at"] for each in listed}) == 1
    for number, left in ((8, 1006), (9, 1007)):
        done = run("runs", "undo", "last", "--json", *where, now=moment(number))
        assert (done.code, query(database_url, "SELECT context_window FROM ai_models")) == (0, [(left,)])
        assert number == 9 or json.loads(done.stdout)["undone"] == listed[0]["run"]
