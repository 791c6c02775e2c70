"""Migrations that are struck: the next one finishes, whenever it was, and no row or table is lost or left halfway."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from tests.databases import empty_database
from tools.torture.checks import Broken
from tools.torture.command import ASKED_TO_STOP, Blow
from tools.torture.histories import SYNC, History
from tools.torture.site import Site
from tools.torture.truth import PLAIN, truth_in

FIRST_VERSION = schema.REVISIONS[0]
UPGRADE, MIGRATING_SYNC = ("db", "upgrade"), (*SYNC, "--migrate")
LAST_STATEMENT = 60
"""A migration from nothing has sent all of its statements by then, on each kind of database."""
OWN_ROWS = (
    "INSERT INTO ai_providers (name, display_name, kind, is_builtin, is_enabled, health_status, created_at, updated_at)"
    f" VALUES ('{PLAIN}', 'kept', '', :no, :yes, 'unknown', '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
    "INSERT INTO ai_models (provider, model_id, display_name, is_enabled, created_at, updated_at)"
    f" VALUES ('{PLAIN}', 'old', 'kept', :yes, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
)


def play_migration(url: str, seed: str, directory: Path, tally: Counter[str]) -> None:
    """From nothing or from the first version to the newest one, struck up to three times on the way."""
    with truth_in(directory) as truth:
        site = Site(url, seed, directory, truth, tally)
        draw = site.draw
        is_old = draw.random() < 0.5
        if is_old:
            _lay_first_version(url)
        try:
            for _ in range(draw.randint(1, 3)):
                _struck(site, draw)
            if draw.random() < 0.3:
                _two_at_once(site)
            _check_told(site)
            _check_finished(site, is_old=is_old)
        except (Broken, AssertionError) as error:
            raise Broken(f"migration {site.seed}: {error}\n  " + "\n  ".join(site.told)) from error
    tally["migrations"] += 1


def _struck(site: Site, draw: random.Random) -> None:
    number = draw.choice((SIGKILL, SIGKILL, *ASKED_TO_STOP))
    blow = Blow(draw.randint(1, LAST_STATEMENT), draw.random() < 0.5, number)
    argv = draw.choice((UPGRADE, MIGRATING_SYNC))
    ended = site.start(*argv, blow=blow).ended()
    site.told.append(f"{' '.join(argv)} {blow} -> {ended.code}")
    site.check_ended(ended, blow)
    site.people.wait_until_alone()


def _two_at_once(site: Site) -> None:
    running = [site.start(*UPGRADE) for _ in range(2)]
    ended = [each.ended() for each in running]
    site.told.append(f"two upgrades -> {[each.code for each in ended]}")
    for each in ended:
        site.check_ended(each)


def _check_told(site: Site) -> None:
    """A sync that may not migrate works, or says what to do."""
    ended = site.start(*SYNC, "--dry-run").ended()
    site.told.append(f"dry run -> {ended.code}")
    if ended.code not in (0, 1) or (ended.code == 1 and "modelctl db upgrade" not in ended.output):
        raise Broken(f"a dry run halfway ended with {ended.code}:\n{ended.output}")
    if site.url.startswith("sqlite"):
        return
    ended = site.start(*SYNC).ended()
    site.told.append(f"sync -> {ended.code}")
    if ended.code not in (0, 1) or (ended.code == 1 and "add --migrate" not in ended.output):
        raise Broken(f"a sync halfway ended with {ended.code}:\n{ended.output}")


def _check_finished(site: Site, *, is_old: bool) -> None:
    """The next migration gets there, and what was in the tables is in them still."""
    ended = site.start(*UPGRADE).ended()
    if ended.code != 0:
        raise Broken(f"the next upgrade ended with {ended.code}:\n{ended.output}")
    if (shape := shape_of(site.url)) != (expected := _whole_shape(make_url(site.url).get_backend_name())):
        different = [name for name in shape.keys() | expected.keys() if shape.get(name) != expected.get(name)]
        raise Broken(f"tables are not as a migration at one go makes them: {sorted(different)}")
    site.has_tables = True
    if is_old:
        state = site.look()
        row = state.models[PLAIN, "old"]
        if row["display_name"] != "kept":
            raise Broken(f"a row of the first version is now {row}")
        site.people.own_rows.add((PLAIN, "old"))
        site.people.values[PLAIN, "old"] = {"display_name": "kept"}
    history = History(site)
    history.converge()


def _lay_first_version(url: str) -> None:
    database = Database(url)

    def lay(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes.update(connection=connection, tables=database.tables)
        command.upgrade(config, FIRST_VERSION)
        for statement in OWN_ROWS:
            connection.execute(text(statement), {"yes": True, "no": False} if ":no" in statement else {"yes": True})

    database.write(lay)
    database.close()


@cache
def _whole_shape(backend: str) -> dict[str, Any]:
    kind = "mariadb" if backend == "mysql" else backend
    with TemporaryDirectory() as directory, empty_database(kind, Path(directory)) as url:
        database = Database(url)
        schema.upgrade(database)
        database.close()
        return shape_of(url)


def shape_of(url: str) -> dict[str, Any]:
    """Columns, keys and indexes of all tables, and the version that they say they have."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        inspector = inspect(connection)
        shape = {
            name: {
                "columns": [
                    (each["name"], str(each["type"]), each["nullable"]) for each in inspector.get_columns(name)
                ],
                "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
                "unique": sorted(tuple(each["column_names"]) for each in inspector.get_unique_constraints(name)),
                "indexes": sorted(tuple(map(str, each["column_names"])) for each in inspector.get_indexes(name)),
                "foreign keys": sorted(
                    (tuple(each["constrained_columns"]), each["referred_table"])
                    for each in inspector.get_foreign_keys(name)
                ),
            }
            for name in inspector.get_table_names()
        }
        versions = connection.execute(text("SELECT version_num FROM ai_modelctl_version")).scalars().all()
    engine.dispose()
    return {**shape, "versions": list(versions)}
