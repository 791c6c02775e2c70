"""What people would use instead: dlt, a script with SQLModel, sqlite-utils. They write the model rows alone."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, select

from benchmarks.measuring import WARMED_BELOW, Contestant, Figure, compared, in_turn, timed
from benchmarks.models import catalog
from benchmarks.stores import Store, store

SUBJECT = "What one would use instead"
MERGE, LOAD = "no-op of dlt merge", "load by dlt merge"
SCRIPT, UTILS = "per-row SQLModel script", "sqlite-utils upsert"
MODELS = "ai_models"
MOST = 30_000
"""The goals speak of so many; the script would take a quarter of an hour for ten times as many."""


def figures(kind: str, count: int, rounds: int, directory: Path) -> Iterator[Figure]:
    """dlt on PostgreSQL, sqlite-utils on SQLite, the script on all."""
    if count > MOST:
        return
    source = catalog(count)
    with store(kind, directory) as made:
        made.sync(source)
        rows = _rows(made)
        contestants = {
            "no-op sync": Contestant(measure=timed(lambda: made.sync(source))),
            SCRIPT: Contestant(measure=timed(lambda: _per_row(made, rows))),
        }
        case = f"{kind}, {count:,}"
        if kind == "sqlite":
            contestants[UTILS] = Contestant(measure=timed(lambda: _sqlite_utils(directory, rows)))
        if kind == "postgresql":
            run = _dlt(made.url, directory, rows)
            run("kept")
            contestants[MERGE] = Contestant(measure=timed(lambda: run("kept")))
            names = (f"fresh_{number}" for number in itertools.count())
            load = {
                LOAD: Contestant(measure=timed(lambda: run(next(names)))),
                "first load": Contestant(measure=timed(lambda: made.sync(source)), prepare=made.empty),
            }
            timings = in_turn(load, rounds, warm_up=count < WARMED_BELOW)
            yield compared(timings, "first load", LOAD, subject=SUBJECT, case=case, goal=1 / 1.5)
        timings = in_turn(contestants, rounds, warm_up=count < WARMED_BELOW)
        goals = {SCRIPT: 1 / 20, MERGE: 1 / 8, UTILS: 1.0}
        for other in [each for each in goals if each in contestants]:
            yield compared(timings, "no-op sync", other, subject=SUBJECT, case=case, goal=goals[other])


def _rows(made: Store) -> list[dict[str, Any]]:
    """The model rows as Python values, but for the surrogate key."""
    with made.database.engine.connect() as connection:
        found = connection.execute(select(made.database.tables.models.__table__)).mappings().all()
    return [{name: value for name, value in row.items() if name != "id"} for row in found]


def _per_row(made: Store, rows: list[dict[str, Any]]) -> None:
    """Look each model up, set what was stated, commit at the end."""
    from sqlmodel import Session, select

    from modelctl.tables import Model

    with Session(made.database.engine) as session:
        for row in rows:
            wanted = select(Model).where(Model.provider == row["provider"], Model.model_id == row["model_id"])
            model = session.exec(wanted).first() or Model(**row)
            for name, value in row.items():
                setattr(model, name, value)
            session.add(model)
        session.commit()


def _sqlite_utils(directory: Path, rows: list[dict[str, Any]]) -> None:
    from sqlite_utils import Database

    database = Database(directory / "utils.db")
    database.table(MODELS).upsert_all(rows, pk=("provider", "model_id"))
    database.close()


def _dlt(url: str, directory: Path, rows: list[dict[str, Any]]) -> Callable[[str], None]:
    """A pipeline that merges the rows by their key into a dataset of its own."""
    import json

    import dlt

    known = {name for row in rows for name, value in row.items() if value is not None}  # of the others it would warn
    plain = [
        {name: json.dumps(row[name]) if isinstance(row[name], list) else row[name] for name in known} for row in rows
    ]
    address = make_url(url).set(drivername="postgresql", password="unused").render_as_string(hide_password=False)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

    def run(dataset: str) -> None:
        pipeline = dlt.pipeline(
            f"bench_{dataset}",
            pipelines_dir=str(directory / "dlt"),
            destination=dlt.destinations.postgres(address),
            dataset_name=dataset,
        )
        pipeline.run(plain, table_name=MODELS, write_disposition="merge", primary_key=["provider", "model_id"])

    return run
