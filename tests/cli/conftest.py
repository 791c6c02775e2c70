"""Front-door tests: the real command, a real database, a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import Result, Run
from tests.loopback.fixture import provider_server

__all__ = ["provider_server"]

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def sync(run: Run) -> Callable[..., Result]:
    """`modelctl sync` on a database, its tables included: `sync(url, "--provider", "openai", env=...)`."""

    def sync_here(url: str, *argv: str, **kwargs: Any) -> Result:
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


def report_of(result: Result) -> dict[str, Any]:
    """The JSON report of a sync, by provider under `providers`."""
    report: dict[str, Any] = json.loads(result.stdout)
    return report | {"providers": {each["provider"]: each for each in report["providers"]}}
