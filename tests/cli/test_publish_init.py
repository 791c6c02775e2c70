"""A first mapping is told by names, types and values; what is not certain is asked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.cli.conftest import Query
from tests.cli.test_publish import WORDS
from tests.conftest import Run

TABLE = """
CREATE TABLE ai_models (
  id {serial}, name VARCHAR(191) NOT NULL, model_id VARCHAR(191) NOT NULL, provider VARCHAR(64) NOT NULL,
  context_window INTEGER, max_tokens INTEGER, input_price DECIMAL(12,8), output_price DECIMAL(12,8),
  supports_vision BOOLEAN NOT NULL DEFAULT FALSE, is_active BOOLEAN DEFAULT TRUE, owner VARCHAR(64) NOT NULL)
"""
KNOWN = (("gpt-4o", "2.5", "10"), ("gpt-4o-mini", "0.15", "0.6"), ("gpt-4.1", "2", "8"))


def columns_after_init(run: Run, url: str, *argv: str) -> dict[str, Any]:
    result = run("publish", "init", "--table", "ai_models", "--name", "shop", "--database", url, *argv)
    assert result.code == 0, result.stderr
    [table] = tomllib.loads(Path("publish/shop.toml").read_text(encoding="utf-8"))["table"]
    return table


def filled(url: str, query: Query, rows: int, factor: int) -> None:
    query(url, TABLE.format(**WORDS[make_url(url).get_backend_name()]))
    for model_id, first, second in KNOWN[:rows]:
        query(
            url,
            "INSERT INTO ai_models (name, model_id, provider, input_price, output_price, owner)"
            " VALUES (:id, :id, 'openai', :first, :second, 'us')",
            id=model_id,
            first=float(first) / factor,
            second=float(second) / factor,
        )


@pytest.mark.parametrize(("factor", "unit"), [(1, "mtok"), (1_000, "ktok"), (1_000_000, "tok")])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_values_decide_the_unit_of_a_price(run: Run, database_url: str, query: Query, factor: int, unit: str) -> None:
    filled(database_url, query, 3, factor)
    columns = columns_after_init(run, database_url)["columns"]
    assert columns["input_price"] == {"price": "input", "per": unit}
    assert columns["output_price"] == {"price": "output", "per": unit}


def test_a_mapping_is_begun_and_publishes_once_its_questions_are_answered(
    run: Run, database_url: str, query: Query
) -> None:
    filled(database_url, query, 3, 1)
    told = run("sync", "openai", "--source", "catalog", "--migrate", "--database", database_url)
    assert (told.code, "modelctl publish init --table ai_models" in told.stderr) == (1, True)
    table = columns_after_init(run, database_url)
    assert table["key"] == ["provider", "model_id"]
    assert table["columns"] == {
        "name": "model_id",
        "model_id": "model_id",
        "provider": "provider",
        "context_window": "context_window",
        "max_tokens": "max_output_tokens",
        "input_price": {"price": "input", "per": "mtok"},
        "output_price": {"price": "output", "per": "mtok"},
        "supports_vision": {"from": "vision", "unknown": False},
        "is_active": {"from": "is_enabled", "own": "insert"},
        "owner": "?",
    }
    assert run("sync", "openai", "--source", "catalog", "--migrate", "--database", database_url).code == 0
    refused = run("publish", "shop", "--database", database_url)
    assert (refused.code, "(owner)" in refused.stderr) == (2, True)
    path = Path("publish/shop.toml")
    answered = path.read_text(encoding="utf-8").replace('owner = "?"', 'owner = { const = "us" }')
    path.write_text(answered, encoding="utf-8")
    done = run("publish", "shop", "--adopt", "--database", database_url)
    assert done.code == 0, done.stderr
    assert query(database_url, "SELECT context_window FROM ai_models WHERE model_id = 'gpt-4o'") == [(128_000,)]
    assert run("publish", "shop", "--exit-code", "--database", database_url).code == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_fewer_than_three_known_rows_are_asked_and_a_file_is_never_written_over(
    run: Run, database_url: str, query: Query
) -> None:
    filled(database_url, query, 2, 1_000)
    columns = columns_after_init(run, database_url)["columns"]
    assert (columns["input_price"], columns["name"]) == ("?", "?")
    again = run("publish", "init", "--table", "ai_models", "--name", "shop", "--database", database_url)
    assert (again.code, "not touched" in again.stderr) == (2, True)
    missing = run("publish", "init", "--table", "nope", "--database", database_url)
    assert (missing.code, "there is no table nope" in missing.stderr) == (1, True)
