"""Syncs through different nodes at the same moment: nothing is lost or doubled, and all nodes end alike."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.databases import empty_database
from tools.cluster.conftest import TALLY, Site, ended, sync_of
from tools.cluster.tables import require_equal_nodes, require_same_facts
from tools.torture import sources
from tools.torture.truth import PROVIDERS

SYNC = sync_of(*PROVIDERS)
SHIPPED = ("anthropic", "openai", "google", "mistral", "groq", "cohere")


def test_the_tables_are_made_once_when_three_nodes_are_asked_for_them_at_once(site: Site) -> None:
    running = [site.start(node, "db", "upgrade") for node in range(3)]
    results = [ended(each) for each in running]
    assert [each.code for each in results] == [0, 0, 0], results
    require_equal_nodes(site.cluster, site.database)
    for node in range(3):
        assert site.run(node, "db", "status").code == 0


def test_different_providers_through_different_nodes_end_as_on_one_server(site: Site, tmp_path: Path) -> None:
    shipped = {"MODELCTL_CATALOG_DIRECTORY": ""}
    site.run(0, "db", "upgrade", env=shipped)
    running = [
        site.start(number % 3, "sync", "--source", "catalog", "--provider", name, env=shipped)
        for number, name in enumerate(SHIPPED)
    ]
    results = [ended(each) for each in running]
    assert {each.code for each in results} == {0}, results
    require_equal_nodes(site.cluster, site.database)
    with empty_database("mariadb", tmp_path) as lone:
        for name in SHIPPED:
            argv = ("sync", "--migrate", "--source", "catalog", "--provider", name)
            assert site.run(lone, *argv, env=shipped).code == 0
        require_same_facts(site.checks_url(1), lone)
    again = site.run(2, "sync", "--source", "catalog", "--dry-run", "--exit-code", *_each(SHIPPED), env=shipped)
    assert again.code == 0, again.stdout


def test_the_same_provider_through_three_nodes_is_written_once(site: Site, seed: int, tmp_path: Path) -> None:
    """Each round the sources move, three syncs start at once, and a lone server gets one sync for the three."""
    draw = random.Random(seed)
    sources.first_models(site.truth, draw)
    with empty_database("mariadb", tmp_path) as lone:
        for target in (0, lone):
            assert site.run(target, *SYNC, "--migrate").code == 0
        for _ in range(4):
            for _ in range(4):
                sources.edit_catalog(site.truth, draw, date.today())
                sources.edit_listing(site.truth, draw)
            results = [ended(each) for each in [site.start(node, *SYNC) for node in range(3)]]
            assert {each.code for each in results} == {0}, results
            TALLY["rounds of three syncs at once"] += 1
            require_equal_nodes(site.cluster, site.database)
            for _ in range(3):  # a second whole listing that misses a model marks it
                assert site.run(lone, *SYNC).code == 0
            require_same_facts(site.checks_url(2), lone)
        again = site.run(1, *SYNC, "--dry-run", "--exit-code")
        assert again.code == 0, again.stdout


def test_people_write_through_every_node_while_syncs_run(site: Site, seed: int) -> None:
    """Every edit that was acknowledged is there at the end, and is the person's: protected from every sync."""
    draw = random.Random(seed)
    sources.first_models(site.truth, draw)
    assert site.run(0, *SYNC, "--migrate").code == 0
    keys = sorted(site.truth.catalog)
    edits: dict[tuple[str, str], str] = {}
    for number in range(8):
        for _ in range(6):
            sources.edit_catalog(site.truth, draw, date.today())
        running = [site.start(node, *SYNC) for node in draw.sample(range(3), 2)]
        while any(each.poll() is None for each in running):
            key = draw.choice(keys)
            value = f"a person's {number}-{len(edits)}-{draw.randrange(10**6)}"
            if _edited(site, draw.randrange(3), key, value):
                edits[key] = value
                TALLY["edits meanwhile"] += 1
        results = [ended(each) for each in running]
        assert {each.code for each in results} == {0}, results
    require_equal_nodes(site.cluster, site.database)
    shown = site.seen(0, "SELECT provider, model_id, display_name FROM ai_models")
    assert {(provider, model): name for provider, model, name in shown if (provider, model) in edits} == edits


def _edited(site: Site, node: int, key: tuple[str, str], value: str) -> bool:
    """A person's UPDATE, which the cluster may refuse in favour of another's: then it was not acknowledged."""
    import pymysql

    text = value.replace("'", "''")
    try:
        site.sql(
            node, f"UPDATE ai_models SET display_name = '{text}' WHERE provider = '{key[0]}' AND model_id = '{key[1]}'"
        )
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1213, error
        TALLY["edits refused with 1213"] += 1
        return False
    return True


def _each(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for name in names for part in ("--provider", name))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Of everything that is drawn."""
    number: Any = request.config.getoption("--seed")
    return int(number)
