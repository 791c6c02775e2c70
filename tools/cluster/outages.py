"""Nodes that die, stand still, lose the others or take no statements: waited for, or told in one line, never half."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.conftest import Result
from tools.cluster.conftest import TALLY, Site, ended, error_of, moved_on, sync_of
from tools.cluster.tables import UP_TO_DATE, dump, require_equal_nodes
from tools.cluster.wire import Gate, Wire
from tools.torture.truth import PROVIDERS

SYNC = sync_of(*PROVIDERS)
SECOND = 2
"""The COMMIT of the second provider's rows: the lease is taken by a statement that commits itself."""
BOUND_S = 75.0
"""All that a command may take when its node never comes back: a stall of 5 s, one wait of 20 s, on a busy machine."""
WRITTEN = ("ai_models", "ai_model_prices", "ai_model_state", "ai_changes")


@pytest.fixture
def shop(site: Site, request: pytest.FixtureRequest) -> Site:
    """Two providers in sync, and sources that have moved since."""
    return moved_on(site, random.Random(int(request.config.getoption("--seed"))), *PROVIDERS)


def require_converged(site: Site, node: int) -> None:
    """The cluster whole again, one more sync brings everything up to date, and then there is nothing left to do."""
    site.cluster.heal()
    result = site.run(node, *SYNC)
    assert result.code == 0, result.stderr
    again = site.run((node + 1) % 3, *SYNC, "--dry-run", "--exit-code")
    assert again.code == 0, again.stdout
    require_equal_nodes(site.cluster, site.database)
    windows = site.seen(2, "SELECT provider, model_id, context_window FROM ai_models")
    expected = {key: entry.context_window for key, entry in site.truth.catalog.items()}
    listed = {key: limit for key, limit in site.truth.listed.items() if key[0] == PROVIDERS[1]}
    assert {(provider, model): window for provider, model, window in windows} == {**expected, **listed}


def require_whole_providers(site: Site, before: dict[str, list[tuple[object, ...]]], node: int) -> None:
    """What a run wrote is all of a provider, or nothing of it."""
    after = dump(site.url(node) + UP_TO_DATE)
    applied = {
        row[0]
        for row in site.seen(
            node,
            "SELECT provider FROM ai_sync_runs WHERE outcome = 'applied'"
            " AND started_at = (SELECT MAX(started_at) FROM ai_sync_runs)",
        )
    }
    for table in WRITTEN:
        for provider in PROVIDERS:
            was, now = ([row for row in rows[table] if _is_of(row, provider)] for rows in (before, after))
            if provider not in applied:
                assert was == now, f"{provider} failed, and yet {table} is another"


def _is_of(row: tuple[object, ...], provider: str) -> bool:
    return provider in row or any(str(value).startswith(f"{provider}/") for value in row)


def failed_in_time(running: subprocess.Popen[bytes], gate: Gate) -> Result:
    """Let go, it fails within the bound and says so: no traceback, no driver's inner life, but the reason."""
    began_s = time.monotonic()
    gate.open()
    result = ended(running)
    assert time.monotonic() - began_s < BOUND_S
    assert result.code in (1, 5), result
    told = result.stdout + result.stderr
    assert "Traceback" not in told and "sqlalche.me" not in told, told
    return result


def test_the_other_node_is_killed_in_the_middle_of_a_sync(shop: Site, wire: Wire) -> None:
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    began_s = time.monotonic()
    shop.cluster.nodes[1].kill()
    TALLY["kill -9 of nodes"] += 1
    gate.open()
    result = ended(running)
    TALLY["longest pause of a killed node, s"] = max(
        TALLY["longest pause of a killed node, s"], round(time.monotonic() - began_s)
    )
    assert result.code == 0, result.stdout + result.stderr
    require_equal_nodes(shop.cluster, shop.database)
    require_converged(shop, 1)


@pytest.mark.parametrize("statement", ["INSERT INTO ai_leases", "SELECT ai_models.", "UPDATE ai_leases", "COMMIT"])
def test_the_own_node_is_killed_in_the_middle_of_a_sync(shop: Site, wire: Wire, statement: str) -> None:
    before = dump(shop.url(1) + UP_TO_DATE)
    gate, running = shop.start_up_to(statement, wire, *SYNC, nth=SECOND if statement == "COMMIT" else 1)
    shop.cluster.nodes[0].kill()
    TALLY["kill -9 of nodes"] += 1
    failed_in_time(running, gate)
    require_whole_providers(shop, before, 1)
    result = shop.run(1, *SYNC)  # through another node; the dead run's lock goes with it
    assert result.code == 0, result.stderr
    require_converged(shop, 2)


def test_the_own_node_is_killed_and_a_balancer_leads_to_another(shop: Site, wire: Wire) -> None:
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    wire.target = shop.cluster.nodes[1].port
    shop.cluster.nodes[0].kill()
    TALLY["kill -9 of nodes"] += 1
    gate.open()
    result = ended(running)
    assert result.code == 0, result.stdout + result.stderr
    require_converged(shop, 2)


def test_two_of_three_are_killed_and_the_last_one_says_so_in_bounded_time(shop: Site, wire: Wire) -> None:
    before = dump(shop.url(0) + UP_TO_DATE)
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    for node in shop.cluster.nodes[1:]:
        node.kill()
    TALLY["kill -9 of nodes"] += 2
    began_s = time.monotonic()
    result = failed_in_time(running, gate)
    took_s = round(time.monotonic() - began_s)
    TALLY["seconds until a lost quorum is told"] = max(TALLY["seconds until a lost quorum is told"], took_s)
    assert "this node has lost its cluster" in result.stdout + result.stderr
    began_s = time.monotonic()
    second = shop.run(0, *SYNC)
    assert time.monotonic() - began_s < BOUND_S
    assert second.code == 1
    assert "this node has lost its cluster" in error_of(second)
    shop.cluster.heal()
    require_whole_providers(shop, before, 0)
    require_converged(shop, 0)


def test_a_node_that_takes_no_statements_for_a_while_is_waited_for(shop: Site) -> None:
    node = shop.cluster.nodes[0]
    node.sql("SET GLOBAL wsrep_reject_queries = ALL")
    running = shop.start(0, *SYNC)
    time.sleep(6)
    assert running.poll() is None
    node.sql("SET GLOBAL wsrep_reject_queries = NONE")
    result = ended(running)
    assert result.code == 0, result.stderr
    require_converged(shop, 1)


def test_a_node_that_goes_on_taking_no_statements_is_told_in_one_line(shop: Site) -> None:
    shop.cluster.nodes[0].sql("SET GLOBAL wsrep_reject_queries = ALL")
    began_s = time.monotonic()
    result = shop.run(0, *SYNC)
    assert 15 < time.monotonic() - began_s < BOUND_S
    assert result.code == 1
    assert "(1047); this node has lost its cluster: wait until it has joined again" in error_of(result)
    require_converged(shop, 1)


def test_a_node_that_is_cut_off_for_a_while_is_waited_for(shop: Site, wire: Wire) -> None:
    node = shop.cluster.nodes[0]
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    node.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    gate.open()
    time.sleep(8)
    assert running.poll() is None
    node.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
    result = ended(running)
    assert result.code == 0, result.stdout + result.stderr
    require_converged(shop, 1)


def test_a_node_that_stays_cut_off_is_told_and_another_one_takes_over(shop: Site, wire: Wire) -> None:
    before = dump(shop.url(1) + UP_TO_DATE)
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    shop.cluster.nodes[0].sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    failed_in_time(running, gate)
    require_whole_providers(shop, before, 1)
    assert shop.run(1, *SYNC).code == 0
    require_converged(shop, 2)


@pytest.mark.parametrize("number", [0, 1], ids=["the own node", "another node"])
def test_a_node_that_stands_still_for_a_while(shop: Site, wire: Wire, number: int) -> None:
    """It is neither dead nor does it answer; the others go on without it, and it joins them again."""
    node = shop.cluster.nodes[number]
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=SECOND)
    node.pause()
    gate.open()
    time.sleep(9)
    node.resume()
    result = ended(running)
    assert result.code == 0, result.stdout + result.stderr
    require_converged(shop, 2)
