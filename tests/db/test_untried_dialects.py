"""A database without code of its own: it works in the general way, or is refused before a table is made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import query, sync
from tests.conftest import NOW, Result, Run
from tests.db import plain_dialect

__all__ = ["query", "sync"]

OF_XAI = ("--source", "catalog", "--provider", "xai")
WHY = {
    "folding": "GPT-4o, gpt-4o, 'gpt-4o ' and an id of 191 characters are not four keys",
    "rounding": "Decimal('999999.999999999')",
    "jsonless": "modelctl's tables cannot be made there",
    "keeping": "a transaction that fails is not rolled back",
}


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def test_a_database_that_nobody_has_tried_works_in_the_general_way(
    tmp_path: Path, run: Run, sync: Callable[..., Result]
) -> None:
    assert plain_dialect.PlainDialect.name == "plain"
    url = f"plain:///{tmp_path / 'plain.db'}"
    assert run("db", "upgrade", "--database", url).code == 0
    assert "ai_modelctl_probe" not in tables(tmp_path / "plain.db")
    first = sync(url, *OF_XAI)
    assert first.code == 0, first.stdout + first.stderr
    commands = (
        ["set", "xai/grok-4", "display_name=Mine"],
        ["sync", *OF_XAI],
        ["price", "set", "xai/grok-4", "--input", "7", "--source", "https://x.test"],
        ["plan", "anthropic", "--source", "catalog", "-o", str(tmp_path / "plan.json")],
        ["apply", str(tmp_path / "plan.json")],
        ["remove", "xai/grok-3"],
        ["runs", "undo", "last"],
        ["populate"],
        ["list"],
        ["show", "xai/grok-4"],
    )
    for minute, argv in enumerate(commands, 1):
        result = run(*argv, "--database", url, now=NOW + timedelta(minutes=minute))
        assert result.code == 0, (argv, result.stdout, result.stderr)
    later = NOW + timedelta(hours=1)
    assert run("sync", "--dry-run", "--exit-code", *OF_XAI, "--database", url, now=later).code == 0
    doctor = run("doctor", "--database", url)
    assert "permissions   ok" in doctor.stdout, doctor.stdout
    script = run("plan", "--format", "sql", "--database", url)
    assert (script.code, script.stdout) == (2, "")
    assert "there is no SQL script for plain" in script.stderr


@pytest.mark.parametrize("kind", WHY)
def test_one_that_would_lose_something_is_refused_and_left_as_it_was(kind: str, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "other.db"
    for argv in (["db", "upgrade"], ["sync", "--migrate", *OF_XAI]):
        result = run(*argv, "--database", f"{kind}:///{path}")
        assert (result.code, result.stdout) == (1, ""), argv
        assert result.stderr.count("\n") == 1
        assert WHY[kind] in result.stderr
        assert "docs/databases.md" in result.stderr
        assert tables(path) == set()
