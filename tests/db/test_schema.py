"""The tables: made, upgraded, interrupted, renamed, and never an application's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from modelctl.core.planning.plan import Plan
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.errors import StoreError
from modelctl.tables import Tables
from tests.db.writing import (
    author,
    creation,
    everything,
    plan_of,
    planned,
    records,
    sql,
    statements_of,
    stored,
    stored_model,
    update,
    write,
)

OURS = {Tables().version_table, *Tables().names()}


def names(database: Database, in_schema: str | None = None) -> set[str]:
    return set(inspect(database.engine).get_table_names(schema=in_schema))


def test_tables_are_made_from_nothing(bare: Database) -> None:
    assert schema.status(bare) == schema.SchemaStatus(version=None, pending=schema.REVISIONS)
    assert not schema.is_readable(bare)
    assert schema.upgrade(bare) == schema.REVISIONS
    assert names(bare) == OURS
    assert schema.status(bare) == schema.SchemaStatus(version=schema.HEAD, pending=())
    assert schema.is_readable(bare)


def test_a_second_upgrade_does_nothing(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat")))
    before = everything(database)
    with statements_of(database) as sent:
        assert schema.upgrade(database) == ()
    assert not [each for each in sent if each.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT"))]
    assert everything(database) == before


def test_a_migration_that_broke_off_is_finished(database: Database) -> None:
    sql(database, "DROP TABLE ai_changes")
    sql(database, "DROP TABLE ai_model_prices")
    sql(database, "DELETE FROM ai_modelctl_version")
    sql(
        database,
        "INSERT INTO ai_providers (name, display_name, kind, is_builtin, is_enabled, health_status, created_at,"
        " updated_at) VALUES ('kept', 'Kept', '', :no, :no, 'unknown', '2026-01-01', '2026-01-01')",
        no=False,
    )
    assert schema.status(database).pending == schema.REVISIONS
    assert schema.upgrade(database) == schema.REVISIONS
    assert names(database) == OURS
    assert sql(database, "SELECT name FROM ai_providers") == [("kept",)]
    assert schema.status(database).version == schema.HEAD


@pytest.mark.parametrize("make", [schema.upgrade, lambda each: schema.ensure_current(each, migrate=True)])
def test_a_table_of_somebody_else_is_refused_and_left_alone(bare: Database, make: Any) -> None:
    sql(bare, "CREATE TABLE ai_models (mine INTEGER)")
    sql(bare, "INSERT INTO ai_models VALUES (42)")
    with pytest.raises(StoreError, match="ai_models that modelctl did not create") as refused:
        make(bare)
    assert "table_prefix" in refused.value.hint
    assert "schema" in refused.value.hint
    assert names(bare) == {"ai_models"}
    assert sql(bare, "SELECT * FROM ai_models") == [(42,)]


def test_the_applications_own_alembic_is_left_alone(bare: Database) -> None:
    sql(bare, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    sql(bare, "INSERT INTO alembic_version VALUES ('theirs')")
    sql(bare, "CREATE TABLE orders (id INTEGER)")
    assert schema.upgrade(bare) == schema.REVISIONS
    assert sql(bare, "SELECT * FROM alembic_version") == [("theirs",)]
    assert names(bare) == OURS | {"alembic_version", "orders"}


def _another(database: Database, **names_: str) -> Database:
    """The same database under other names."""
    other = Database(database.url.render_as_string(hide_password=False), **names_)
    other.engine = database.engine
    return other


def _works_end_to_end(database: Database) -> None:
    wanted = records({"one": {"type": "chat"}, "two": {"type": "embedding"}})
    write(database, planned(database, wanted))
    assert planned(database, wanted).is_empty
    write(database, plan_of(update(stored_model(database, "one"), family="new")), author(2))
    assert stored_model(database, "one").facts.family == "new"
    assert len(stored(database).models) == 2
    assert {each: len(rows) for each, rows in everything(database).items() if rows}


def test_a_prefix_keeps_the_tables_apart(bare: Database) -> None:
    sql(bare, "CREATE TABLE ai_models (mine INTEGER)")
    other = _another(bare, prefix="mc_")
    assert schema.upgrade(other) == schema.REVISIONS
    _works_end_to_end(other)
    assert names(bare) == {"ai_models"} | {f"mc_{each.removeprefix('ai_')}" for each in OURS}
    [key] = inspect(bare.engine).get_foreign_keys("mc_models")
    assert key["referred_table"] == "mc_providers"
    assert schema.upgrade(other) == ()


@pytest.mark.server
def test_a_schema_keeps_the_tables_apart(postgresql: Database) -> None:
    sql(postgresql, "CREATE SCHEMA billing")
    sql(postgresql, "CREATE TABLE ai_models (mine INTEGER)")
    other = _another(postgresql, prefix="x_", schema="billing")
    assert schema.upgrade(other) == schema.REVISIONS
    _works_end_to_end(other)
    assert names(postgresql) == {"ai_models"}
    assert names(postgresql, "billing") == {f"x_{each.removeprefix('ai_')}" for each in OURS}
    [key] = inspect(postgresql.engine).get_foreign_keys("x_models", schema="billing")
    assert (key["referred_schema"], key["referred_table"]) == ("billing", "x_providers")
    assert schema.status(other).pending == ()


@pytest.mark.server
def test_a_schema_that_is_not_there_is_one_line(postgresql: Database) -> None:
    other = _another(postgresql, schema="nowhere")
    with pytest.raises(StoreError, match="nowhere") as failed:
        schema.upgrade(other)
    assert "\n" not in str(failed.value)


def test_the_newest_version_is_alembics_head() -> None:
    migrations = Path(schema.__file__).parent / "migrations"
    assert ScriptDirectory(str(migrations)).get_heads() == [schema.HEAD]


def test_a_newer_version_is_refused(database: Database) -> None:
    write(database, Plan(provider="acme"))
    before = everything(database)
    sql(database, "UPDATE ai_modelctl_version SET version_num = '9999'")
    for attempt in (schema.upgrade, schema.ensure_current, schema.is_readable, schema.status):
        with pytest.raises(StoreError, match="version 9999, which this modelctl does not know") as refused:
            attempt(database)  # type: ignore[operator]
        assert "upgrade modelctl" in refused.value.hint
    assert everything(database) == before


def test_a_server_is_migrated_only_when_asked(server: Database) -> None:
    with pytest.raises(StoreError, match="no modelctl tables yet") as refused:
        schema.ensure_current(server)
    assert "db upgrade" in refused.value.hint
    assert names(server) == set()
    schema.ensure_current(server, migrate=True)
    schema.ensure_current(server)
    assert names(server) == OURS


def test_versions_that_upgrades_at_once_left_side_by_side_are_mended(database: Database) -> None:
    """Where DDL is not transactional, a slower upgrade may note the first version beside the newest one."""
    sql(database, "INSERT INTO ai_modelctl_version (version_num) VALUES ('0001')")
    assert schema.status(database) == schema.SchemaStatus(version=schema.HEAD, pending=())
    assert schema.upgrade(database) == ()
    assert sql(database, "SELECT version_num FROM ai_modelctl_version") == [(schema.HEAD,)]
