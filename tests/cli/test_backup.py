"""`sync --backup` and `db restore`: what a sync changed is taken back, all of it or nothing."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run

Sync = Callable[..., Result]
TABLES = ("providers", "models", "model_prices", "model_state", "sync_runs", "changes")
OF_XAI = ("--source", "catalog", "--provider", "xai")


def rows_of(query: Query, url: str) -> dict[str, list[str]]:
    return {name: sorted(map(str, query(url, f"SELECT * FROM ai_{name}"))) for name in TABLES}


def test_a_backup_brings_back_every_row_on_each_database(
    run: Run, sync: Sync, query: Query, database_url: str, tmp_path: Path
) -> None:
    backup = tmp_path / "before"
    assert sync(database_url, *OF_XAI).code == 0
    before = rows_of(query, database_url)
    assert sync(database_url, *OF_XAI, "--provider", "cerebras", "--backup", str(backup)).code == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    query(database_url, "UPDATE ai_models SET context_window = 1")
    after = rows_of(query, database_url)
    shown = run("db", "restore", str(backup), "--database", database_url)
    assert (shown.code, rows_of(query, database_url)) == (3, after)
    done = run("db", "restore", str(backup), "--yes", "--database", database_url)
    assert (done.code, done.stderr) == (0, "")
    assert rows_of(query, database_url) == before
    again = sync(database_url, "--source", "catalog", "--provider", "cerebras", "--json")
    assert again.code == 0, "new rows get ids of their own"


def test_a_backup_is_taken_before_anything_and_never_over_a_file(run: Run, sync: Sync, sqlite_url: str) -> None:
    first = run("sync", "xai", "--source", "catalog", "--backup", "b.db", "--database", sqlite_url)
    assert (first.code, "there were no tables to back up yet" in first.stderr, Path("b.db").exists()) == (
        0,
        True,
        False,
    )
    Path("b.db").write_text("mine", encoding="utf-8")
    refused = sync(sqlite_url, "cerebras", "--source", "catalog", "--backup", "b.db")
    assert (refused.code, refused.stdout) == (2, "")
    assert "b.db: exists already" in refused.stderr
    assert Path("b.db").read_text(encoding="utf-8") == "mine"
    assert "cerebras" not in run("list", "--json", "--database", sqlite_url).stdout
    assert run("sync", "--dry-run", "--backup", "c.db", "--database", sqlite_url).code == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a backup of modelctl's tables"),
        ("hello", "is not a backup of modelctl's tables"),
        (json.dumps({"modelctl_backup": 1, "version": "0001"}), "is a backup of tables of version 0001"),
        ("HEAD", "is not complete"),
        ('HEAD\n{"table": "models", "row": {"id": 1}}', "is not a backup of modelctl's tables"),
        ('HEAD\n{"rows": 5}', "is not complete"),
        ("SQLite format 3\0", "b.jsonl"),
    ],
)
def test_what_is_no_whole_backup_of_this_version_changes_nothing(
    run: Run, query: Query, synced_file: Callable[..., str], text: str, told: str
) -> None:
    from modelctl.db.migrate import HEAD as version

    url = synced_file("--provider", "deepseek")
    before = rows_of(query, url)
    head = json.dumps({"modelctl_backup": 1, "version": version})
    Path("b.jsonl").write_text(text.replace("HEAD", head), encoding="utf-8")
    result = run("db", "restore", "b.jsonl", "--yes", "--database", url)
    assert (result.code, result.stdout) == (2, "")
    assert told in result.stderr
    assert rows_of(query, url) == before
    assert run("db", "restore", "nowhere", "--yes", "--database", url).code == 2
