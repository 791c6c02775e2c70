"""Two nodes that write the same rows: the loser learns of it at COMMIT, and no lock of one node counts on another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from sqlalchemy import Connection, insert

from modelctl.core.runs import Author
from modelctl.db.engine import Database
from modelctl.db.lease import LeaseTiming, held
from modelctl.errors import ModelctlError
from tests.conftest import NOW
from tools.cluster.conftest import TALLY, Site, ended, error_of, moved_on, sync_of, synced
from tools.cluster.tables import require_equal_nodes
from tools.cluster.wire import Wire
from tools.torture.truth import PLAIN

SYNC = sync_of(PLAIN)
APPLY = 1
"""Which COMMIT of a sync of one provider is that of its rows: the lease is taken by a statement that commits itself."""
LATE_ROWS = 400_000
"""So many rows keep a node busy for seconds."""
KEY = (PLAIN, "model-03")
PERSONS = "set by hand"


@pytest.fixture
def shop(site: Site) -> Site:
    """One provider in sync, and a source that has moved since: every row is to be written."""
    return moved_on(site, random.Random(0), PLAIN)


def edit(site: Site, node: int) -> None:
    """A person's word, acknowledged by a node."""
    site.sql(
        node, f"UPDATE ai_models SET display_name = '{PERSONS}' WHERE provider = '{KEY[0]}' AND model_id = '{KEY[1]}'"
    )


def require_edit_kept_and_sync_done(site: Site) -> None:
    """The person's word stands, the rest of the row and all others are what the sources say, and it is in sync."""
    require_equal_nodes(site.cluster, site.database)
    rows = site.seen(2, f"SELECT model_id, display_name, context_window FROM ai_models WHERE provider = '{PLAIN}'")
    assert {row[0]: row[1] for row in rows}[KEY[1]] == PERSONS
    assert {row[0]: row[2] for row in rows} == {
        model: entry.context_window for (provider, model), entry in site.truth.catalog.items() if provider == PLAIN
    }
    assert site.seen(1, "SELECT outcome, COUNT(*) FROM ai_sync_runs GROUP BY outcome") == [("applied", 2)]
    again = site.run(1, *SYNC, "--dry-run", "--exit-code")
    assert again.code == 0, again.stdout


def be_late(site: Site, node: int) -> threading.Thread:
    """Give every node but one, `node`, a write-set to apply that takes seconds; returns when they have it.

    What is committed through `node` from now on is on the others only when they have worked that off.
    """
    began = threading.Event()

    def work() -> None:
        began.set()
        site.sql(node, "UPDATE late SET number = number + 1")

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    return thread


def prepare_to_be_late(site: Site) -> None:
    """The rows that `be_late` moves."""
    site.sql(0, "CREATE TABLE late (id INT PRIMARY KEY, number INT NOT NULL, text CHAR(200) NOT NULL DEFAULT 'x')")
    site.sql(0, f"INSERT INTO late (id, number) SELECT seq, 0 FROM seq_1_to_{LATE_ROWS}")
    synced(site.cluster.nodes)


def require_broken_and_done(site: Site, wire: Wire, counter: str, meanwhile: Callable[[], None]) -> None:
    """What happens before the rows' COMMIT breaks it, as node 0 counts; tried anew, the sync and the edit are done."""
    status = partial(site.cluster.nodes[0].status, f"wsrep_local_{counter}")
    before = int(status())
    gate, running = site.start_up_to("COMMIT", wire, *SYNC, nth=APPLY)
    meanwhile()
    gate.open()
    result = ended(running)
    assert result.code == 0, result.stderr
    assert int(status()) > before, f"{counter} is as before: this has shown nothing"
    require_edit_kept_and_sync_done(site)


def test_a_persons_edit_through_another_node_breaks_the_transaction_that_is_about_to_commit(
    shop: Site, wire: Wire
) -> None:
    def edit_and_arrive() -> None:
        edit(shop, 1)
        synced([shop.cluster.nodes[0]])

    require_broken_and_done(shop, wire, "bf_aborts", edit_and_arrive)


def test_an_edit_that_its_node_has_not_seen_yet_fails_the_certification_of_its_commit(shop: Site, wire: Wire) -> None:
    prepare_to_be_late(shop)

    def edit_unseen() -> None:
        be_late(shop, 1).join()
        edit(shop, 1)

    require_broken_and_done(shop, wire, "cert_failures", edit_unseen)


def test_a_sync_that_reads_and_plans_on_a_node_that_is_behind_overwrites_no_edit(shop: Site, wire: Wire) -> None:
    prepare_to_be_late(shop)
    gate, running = shop.start_up_to("SELECT ai_models.", wire, *SYNC)
    be_late(shop, 1).join()
    edit(shop, 1)
    [(stale,)] = shop.sql(
        0, f"SELECT display_name FROM ai_models WHERE provider = '{KEY[0]}' AND model_id = '{KEY[1]}'"
    )
    assert stale != PERSONS, "the node was not behind: this has shown nothing"
    gate.open()
    result = ended(running)
    assert result.code == 0, result.stderr
    require_edit_kept_and_sync_done(shop)


@pytest.mark.parametrize("is_behind", [False, True], ids=["", "the other node is behind"])
def test_a_commit_whose_answer_was_lost_is_found_again_on_another_node(shop: Site, wire: Wire, is_behind: bool) -> None:
    """As with a load balancer before the cluster. A model missed by one listing counts one absence, not two."""
    missed = next(key for key in sorted(shop.truth.listed) if key[0] == PLAIN)
    del shop.truth.listed[missed]
    shop.truth.publish()
    if is_behind:
        prepare_to_be_late(shop)
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=APPLY)
    wire.target = shop.cluster.nodes[1].port
    late = be_late(shop, 0) if is_behind else None
    if late is not None:
        late.join()
    gate.open(lose_answer=True)
    result = ended(running)
    assert result.code == 0, result.stderr
    require_equal_nodes(shop.cluster, shop.database)
    absences = shop.seen(2, f"SELECT absences FROM ai_model_state WHERE model_id = '{missed[1]}'")
    assert absences == [(1,)]
    assert shop.seen(2, "SELECT outcome, COUNT(*) FROM ai_sync_runs GROUP BY outcome") == [("applied", 2)]


def test_a_run_whose_lock_was_taken_over_through_another_node_writes_nothing(shop: Site, wire: Wire) -> None:
    """It holds the rows on its own node, and may not have heard of it yet: its COMMIT fails, and then its fence."""
    before = shop.seen(0, "SELECT model_id, context_window FROM ai_models ORDER BY model_id")
    gate, running = shop.start_up_to("COMMIT", wire, *SYNC, nth=APPLY)
    shop.sql(1, "UPDATE ai_leases SET run = 'thief', beat = beat + 1")
    gate.open()
    result = ended(running)
    assert result.code == 6, result
    assert "another took the lock" in error_of(result)
    assert shop.seen(0, "SELECT model_id, context_window FROM ai_models ORDER BY model_id") == before
    shop.sql(1, "DELETE FROM ai_leases")
    assert shop.run(2, *SYNC).code == 0
    require_equal_nodes(shop.cluster, shop.database)


def test_one_lease_for_all_nodes(shop: Site) -> None:
    """Six threads through three nodes, each ten times: never two inside at once."""
    inside: list[str] = []
    crowds: list[int] = []
    errors: list[ModelctlError] = []

    def many(number: int) -> None:
        database = Database(shop.url(number % 3))
        try:
            for turn in range(10):
                author = Author(run=f"r{number}-{turn}", actor="test", command="sync", now=NOW)
                with held(database, author, wait_s=120, timing=LeaseTiming(poll_s=0.01)) as lease:
                    inside.append(author.run)
                    crowds.append(len(inside))
                    database.fenced(lease.require).write(_note(database, author.run))
                    inside.remove(author.run)
        except ModelctlError as error:
            errors.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=many, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert (len(crowds), max(crowds)) == (60, 1)
    TALLY["turns with the lease"] += len(crowds)
    [(written,)] = shop.seen(0, "SELECT COUNT(*) FROM ai_changes WHERE entity = 'turn'")
    assert written == len(crowds)
    require_equal_nodes(shop.cluster, shop.database)


def test_the_lease_of_the_dead_goes_to_one_of_three(shop: Site) -> None:
    """Three commands, one on each node, find the same dead lease at the same moment, and none is written over."""
    shop.sql(
        0,
        "INSERT INTO ai_leases (name, run, actor, command, acquired_at, beat_at, beat)"
        " VALUES ('write', 'dead', 'ops', 'sync', '2020-01-01', '2020-01-01', 1)",
    )
    results = [ended(each) for each in [shop.start(node, *SYNC) for node in range(3)]]
    assert {each.code for each in results} == {0}, results
    require_equal_nodes(shop.cluster, shop.database)
    assert shop.seen(0, "SELECT outcome, COUNT(*) FROM ai_sync_runs GROUP BY outcome ORDER BY outcome") == [
        ("applied", 2),
        ("in_sync", 2),
    ]


def test_two_people_cannot_make_a_circle_of_replacements_through_two_nodes(shop: Site) -> None:
    """Each command locks what it rests on, on its own node; both reach their COMMIT."""
    first, second = f"{PLAIN}/model-01", f"{PLAIN}/model-02"
    with Wire(shop.cluster.nodes[0].port) as one, Wire(shop.cluster.nodes[1].port) as other:
        gates = [each.gate("COMMIT", nth=1) for each in (one, other)]
        day = ("--on", str(date.today()))
        running = [
            shop.start(one.url(shop.database), "deprecate", first, "--replacement", second, *day),
            shop.start(other.url(shop.database), "deprecate", second, "--replacement", first, *day),
        ]
        ends_s = time.monotonic() + 15
        while not all(gate.reached.is_set() for gate in gates) and time.monotonic() < ends_s:
            time.sleep(0.05)
        for gate in gates:
            gate.open()
        results = [ended(each) for each in running]
    require_equal_nodes(shop.cluster, shop.database)
    rows = shop.seen(2, "SELECT model_id, replacement FROM ai_models WHERE replacement IS NOT NULL")
    assert len(rows) == 1, (rows, results)
    assert sorted(each.code for each in results)[0] == 0
    assert sorted(each.code for each in results)[1] != 0


def _note(database: Database, run: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        values = {"run": run, "entity": "turn", "entity_key": run, "at": NOW, "actor": "test", "command": "sync"}
        connection.execute(insert(database.tables.changes.__table__).values(action="create", **values))

    return work
