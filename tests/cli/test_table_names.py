"""`table_prefix` and `schema`: every name that is taken works on every database, any other is refused before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.cli.conftest import Query
from tests.conftest import Run

OF_XAI = ("--source", "catalog", "--provider", "xai")
LONGEST_PREFIX = "a_prefix_of_as_many_letters_as_fit_" + "_"
PREFIXES = ["", "select_", "Order_", LONGEST_PREFIX]


def works(url: str, run: Run, **settings: str) -> None:
    """A sync, an edit that is kept, an empty plan, and a shell that completes the names."""
    lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
    Path("modelctl.toml").write_text("".join(lines), encoding="utf-8")
    first = run("sync", "--migrate", "--database", url, *OF_XAI)
    assert first.code == 0, first.stdout + first.stderr
    assert run("set", "xai/grok-4", "display_name=Mine", "--database", url).code == 0
    assert run("sync", "--migrate", "--database", url, *OF_XAI).code == 0
    assert run("sync", "--dry-run", "--exit-code", *OF_XAI, "--database", url).code == 0
    assert run("db", "status", "--exit-code", "--database", url).code == 0
    words = {"_MODELCTL_COMPLETE": "complete_bash", "COMP_WORDS": "modelctl show xai/grok-4", "COMP_CWORD": "2"}
    assert "xai/grok-4" in run("show", env={**words, "DATABASE_URL": url}).stdout.split()


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_works_on_every_database(prefix: str, database_url: str, run: Run, query: Query) -> None:
    works(database_url, run, table_prefix=prefix)
    quote = "`" if database_url.startswith("mysql") else '"'
    assert query(database_url, f"SELECT COUNT(*) FROM {quote}{prefix}models{quote}") != [(0,)]


@pytest.mark.parametrize("prefix", [LONGEST_PREFIX + "x", "x-", "1x", "é_", "x.y_", "x y", '"'])
def test_a_prefix_that_some_database_would_cut_or_refuse_is_refused(prefix: str, run: Run, sqlite_url: str) -> None:
    result = run("db", "upgrade", "--database", sqlite_url, env={"MODELCTL_TABLE_PREFIX": prefix})
    assert result.code == 2
    assert "table_prefix" in result.stderr.lower()
    assert "36 letters, digits and underscores" in result.stderr
    assert not Path(str(make_url(sqlite_url).database)).exists()


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
@pytest.mark.parametrize("schema", ["billing", "user", "Mixed", "my-shop 2", "модели", "s" * 63])
def test_a_schema_may_need_quotes(schema: str, database_url: str, run: Run, query: Query) -> None:
    query(database_url, f'CREATE SCHEMA "{schema}"')
    works(database_url, run, schema=schema)
    inside = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = :name"
    assert query(database_url, inside, name=schema) == [(10,)]
    assert query(database_url, inside, name="public") == [(0,)]


@pytest.mark.parametrize("schema", ["s" * 64, 'a"b', "a.b", "a;b", " a", "a`b", "a'b", "a\nb"])
def test_what_is_no_name_of_a_schema_is_refused(schema: str, run: Run, sqlite_url: str) -> None:
    result = run("db", "upgrade", "--database", sqlite_url, env={"MODELCTL_SCHEMA": schema})
    assert result.code == 2
    assert result.stderr.count("\n") == 1
    assert "schema" in result.stderr.lower()


def test_a_schema_that_is_not_there_is_one_line(database_url: str, run: Run) -> None:
    for argv in (["db", "upgrade"], ["sync", "--migrate", *OF_XAI]):
        result = run(*argv, "--database", database_url, env={"MODELCTL_SCHEMA": "nowhere"})
        assert (result.code, result.stdout) == (1, ""), argv
        assert result.stderr.count("\n") == 1
        assert "nowhere" in result.stderr
        assert "correct the setting `schema`" in result.stderr
