"""Histories as `make torture` plays them, each command through a node drawn by chance: all of its checks hold here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.cluster.conftest import ENDS_S, TALLY
from tools.cluster.galera import Cluster
from tools.cluster.tables import UP_TO_DATE, require_equal_nodes
from tools.torture.command import Blow, Running
from tools.torture.histories import History
from tools.torture.site import Site
from tools.torture.truth import truth_in

STEPS = 25


class OfAnyNode(Site):
    """Commands go through any node; people, and the checks, through one that has caught up with it."""

    cluster: Cluster
    database: str

    def start(self, *argv: str, env: dict[str, str] | None = None, blow: Blow | None = None) -> Running:
        """A command under way."""
        url = self.draw.choice(self.cluster.nodes).url(self.database)
        given: Mapping[str, str] = {**self.truth.env(url), **(env or {})}
        return Running(self.directory, argv, given, self.now, blow)


def test_histories_through_any_node(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Edited sources, broken listings, people's edits, undo, kill -9 of modelctl; equal nodes at the end of each.

    At least one, and on until the time of the whole run is up.
    """
    ends_s, seed = request.config.stash[ENDS_S], int(request.config.getoption("--seed"))
    tally: Any = TALLY
    while not tally["histories"] or time.monotonic() < ends_s:
        database = f"modelctl_{uuid.uuid4().hex[:12]}"
        cluster.nodes[0].sql(f"CREATE DATABASE {database}")
        directory = tmp_path / str(seed)
        directory.mkdir()
        with truth_in(directory) as truth:
            url = cluster.nodes[seed % len(cluster.nodes)].url(database) + UP_TO_DATE
            site = OfAnyNode(url, f"galera-{seed}", directory, truth, tally)
            site.cluster, site.database = cluster, database
            history = History(site)
            history.run(history.by_chance(STEPS))
            require_equal_nodes(cluster, database)
        cluster.nodes[0].sql(f"DROP DATABASE {database}")
        tally["histories"] += 1
        seed += 1
