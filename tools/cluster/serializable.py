"""PostgreSQL under SERIALIZABLE: the isolation, and with 40001 the refusals, of CockroachDB and YugabyteDB.

Not those databases: one server, and no cluster. It shows that a refused transaction is tried anew as a whole.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.databases import empty_database
from tools.cluster.at_once import SYNC
from tools.cluster.conftest import TALLY, ended
from tools.torture import sources
from tools.torture.truth import truth_in

SERIALIZABLE = "?options=-c%20default_transaction_isolation%3Dserializable"


def test_syncs_and_edits_at_once_under_serializable(request: object, tmp_path: Path) -> None:
    draw = random.Random(int(request.config.getoption("--seed")))  # type: ignore[attr-defined]
    with truth_in(tmp_path) as truth, empty_database("postgresql", tmp_path) as lone:
        url = lone + SERIALIZABLE
        sources.first_models(truth, draw)

        def start(*argv: str) -> subprocess.Popen[bytes]:
            given = {**os.environ, **truth.env(url)}
            command = [sys.executable, "-m", "modelctl", *argv]
            return subprocess.Popen(command, env=given, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        assert ended(start(*SYNC, "--migrate")).code == 0
        engine = create_engine(url, poolclass=NullPool)
        keys = sorted(truth.catalog)
        edits: dict[tuple[str, str], str] = {}
        for number in range(4):
            for _ in range(6):
                sources.edit_catalog(truth, draw, date.today())
            running = [start(*SYNC) for _ in range(2)]
            while any(each.poll() is None for each in running):
                key, value = draw.choice(keys), f"by hand {number}-{len(edits)}"
                if _named(engine, key, value):
                    edits[key] = value
            results = [ended(each) for each in running]
            assert {each.code for each in results} == {0}, results
            TALLY["syncs under SERIALIZABLE"] += 2
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT provider, model_id, display_name FROM ai_models")).all()
            leases = connection.execute(text("SELECT COUNT(*) FROM ai_leases")).scalar()
        engine.dispose()
        assert {(row[0], row[1]): row[2] for row in rows if (row[0], row[1]) in edits} == edits
        assert leases == 0
        again = ended(start(*SYNC, "--dry-run", "--exit-code"))
        assert again.code == 0, again.stdout


def _named(engine: Engine, key: tuple[str, str], name: str) -> bool:
    """Whether the server took this name by hand; a refusal must be that of a conflict."""
    statement = text("UPDATE ai_models SET display_name = :name WHERE provider = :provider AND model_id = :model_id")
    try:
        with engine.begin() as connection:
            connection.execute(statement, {"name": name, "provider": key[0], "model_id": key[1]})
    except OperationalError as error:
        assert getattr(error.orig, "sqlstate", None) == "40001", error
        TALLY["edits refused with 40001"] += 1
        return False
    TALLY["edits under SERIALIZABLE"] += 1
    return True
