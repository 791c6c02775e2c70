"""What is wrong with one provider is its own trouble: the others are applied, and the report is whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from modelctl.errors import ExitCode
from modelctl.tables import Model, ModelPrice, ModelState, Provider
from tests.conftest import Run

CATALOG = """
[provider]
display_name = "{name}"
kind = "openai-compatible"
api_base_url = "http://127.0.0.1:9/v1"
env_vars = ["{name}_API_KEY"]

[[model]]
id = "one"
type = "chat"
context_window = {window}
input_modalities = ["text"]
released_on = 2026-01-02
prices = [{{ input = 1, output = 2 }}]
"""
NAMES = ("acme", "beta", "zeta")
JUNK = ("\x1b[2J\x00x", "[1, null]", 10**18, 1.5, b"\xff\xfe", "")
KEYS = ("provider", "name", "model_id")


def write_catalogs(window: int) -> None:
    Path("mine").mkdir(exist_ok=True)
    for name in NAMES:
        Path(f"mine/{name}.toml").write_text(CATALOG.format(name=name, window=window))


def cells() -> Iterator[tuple[str, str, str]]:
    """Every column of what is stored of a provider, and the column that names the provider."""
    for table, key in ((Provider, "name"), (Model, "provider"), (ModelPrice, "provider"), (ModelState, "provider")):
        for column in table.__table__.columns:
            if column.name not in KEYS:
                yield table.__tablename__, column.name, key


def spoilt(whole: Path, table: str, column: str, key: str, junk: Any) -> Path | None:
    """A copy of the database with the junk in acme's cells; None where the table's constraints refuse it."""
    copy = whole.with_name("spoilt.db")
    shutil.copy(whole, copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = 'acme'", (junk,))
        except (sqlite3.Error, OverflowError):
            return None
        connection.commit()
    return copy


@pytest.mark.parametrize("junk", JUNK, ids=ascii)
def test_no_cell_of_one_provider_keeps_another_from_its_sync(junk: Any, run: Run, tmp_path: Path) -> None:
    write_catalogs(1000)
    whole = tmp_path / "whole.db"
    argv = ("sync", *NAMES, "--source", "catalog", "--catalog", "mine", "--json", "--database")
    assert run(*argv, f"sqlite:///{whole}").code == 0
    write_catalogs(2000)
    tried = 0
    for table, column, key in cells():
        if (path := spoilt(whole, table, column, key, junk)) is None:
            continue
        tried += 1
        place = (table, column)
        done = run(*argv, f"sqlite:///{path}")
        assert done.code in (ExitCode.OK, ExitCode.REFUSED, ExitCode.PARTIAL), (place, done.stderr)
        document = json.loads(done.stdout)
        assert [each["provider"] for each in document["providers"]] == [*NAMES], place
        assert "\x1b" not in done.stdout + done.stderr, place
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT context_window FROM ai_models WHERE provider <> 'acme'").fetchall()
        assert rows == [(2000,), (2000,)], place
    assert tried > 10
