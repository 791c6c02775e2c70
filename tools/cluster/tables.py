"""Whole tables as the nodes hold them, to compare them with each other and with those of a lone server."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tools.cluster.galera import Cluster

Dump = dict[str, list[tuple[Any, ...]]]
UP_TO_DATE = "?init_command=SET SESSION wsrep_sync_wait=15"
"""For what tests ask a node: it first catches up with the others. modelctl itself is never given it."""
TABLES = (
    "ai_providers",
    "ai_models",
    "ai_model_prices",
    "ai_model_state",
    "ai_changes",
    "ai_sync_runs",
    "ai_holds",
    "ai_leases",
)
_OF_A_RUN = frozenset({"id", "run", "actor", "at"})
"""Columns that tell one run or one server from another, beside those that end in `_at`."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ](?!00:00:00)\d\d:\d\d:\d\d")
"""When a run was; a fact has a day."""


def dump(url: str) -> Dump:
    """Every row of every table, sorted."""
    found: Dump = {}
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        for table in TABLES:
            rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()
            found[table] = sorted(tuple(map(str, row.values())) for row in rows)
    engine.dispose()
    return found


def facts(url: str) -> Dump:
    """The rows without row ids, runs and instants: what two servers that did the same have in common."""
    found: Dump = {}
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        for table in TABLES:
            if table == "ai_sync_runs":
                continue
            rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()
            found[table] = sorted(
                tuple(
                    _plain(value) for name, value in row.items() if name not in _OF_A_RUN and not name.endswith("_at")
                )
                for row in rows
            )
    engine.dispose()
    return found


def require_same_facts(url: str, other_url: str) -> None:
    """Both databases say the same of everything."""
    ours, theirs = facts(url), facts(other_url)
    for table, rows in ours.items():
        ours_alone = [row for row in rows if row not in theirs[table]]
        theirs_alone = [row for row in theirs[table] if row not in rows]
        assert (ours_alone[:2], theirs_alone[:2]) == ([], []), f"{table}: {len(ours_alone)}, {len(theirs_alone)}"
        assert rows == theirs[table], f"{table}: some rows are there more often"


def require_equal_nodes(cluster: Cluster, database: str) -> Dump:
    """All nodes that run hold the same, to the last row; that of the first. Nobody holds the lease."""
    alive = [node for node in cluster.nodes if node.process is not None]
    dumps = [dump(node.url(database) + UP_TO_DATE) for node in alive]
    for node, other in zip(alive[1:], dumps[1:], strict=True):
        for table in TABLES:
            assert other[table] == dumps[0][table], f"{table} of node {node.number} is not that of node 0"
    assert dumps[0]["ai_leases"] == []
    return dumps[0]


def _plain(value: Any) -> str:
    """JSON with its keys sorted: servers may order them in their own way."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        value = json.dumps(json.loads(value), sort_keys=True)
    return _MOMENT.sub("then", str(value))
