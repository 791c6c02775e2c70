"""How often a sync waits for its server: not once more than it must, for a server may be far away."""

from __future__ import annotations

import pytest

from benchmarks.proxy import proxied
from tests.conftest import Run
from tests.databases import SERVERS

OF_XAI = ("--source", "catalog", "--provider", "xai")


@pytest.mark.parametrize(
    "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS], indirect=True
)
def test_a_sync_that_finds_nothing_to_do_asks_few_questions(database_url: str, run: Run) -> None:
    """Connecting, the looks for schema, clock, providers, their audit and the lease, four reads, record, ends."""
    assert run("db", "upgrade", "--database", database_url).code == 0
    with proxied(database_url) as first:
        assert run("sync", "--migrate", *OF_XAI, "--database", first.url(database_url)).code == 0
    assert first.turns <= 26
    with proxied(database_url) as again:
        assert run("sync", "--migrate", *OF_XAI, "--database", again.url(database_url)).code == 0
    assert again.turns <= 20
