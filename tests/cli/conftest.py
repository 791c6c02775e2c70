"""Front-door tests: the real command, a real database, a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tests.conftest import Result, Run, make_tables
from tests.loopback.fixture import provider_server

__all__ = ["provider_server"]

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def sync(run: Run) -> Callable[..., Result]:
    """`modelctl sync` on a database, its tables included: `sync(url, "--provider", "openai", env=...)`.

    Those of an empty one are made beforehand, for Alembic would take longer than the sync of a provider.
    """
    seen: set[str] = set()

    def sync_here(url: str, *argv: str, **kwargs: Any) -> Result:
        if url not in seen and is_empty(url):
            make_tables(url)
        seen.add(url)
        return run("sync", "--migrate", "--database", url, *argv, **kwargs)

    return sync_here


@pytest.fixture
def query() -> Iterator[Query]:
    """Plain SQL on a database, as an application would use it; a statement that returns nothing is committed."""
    engines = {}

    def run_sql(url: str, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        engine = engines.setdefault(url, create_engine(url))
        with engine.begin() as connection:
            result = connection.execute(text(sql), parameters)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield run_sql
    for engine in engines.values():
        engine.dispose()


def is_empty(url: str) -> bool:
    """Whether a database can be reached and has no tables."""
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names() == []
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def report_of(result: Result) -> dict[str, Any]:
    """The JSON report of a sync, by provider under `providers`."""
    report: dict[str, Any] = json.loads(result.stdout)
    return report | {"providers": {each["provider"]: each for each in report["providers"]}}
