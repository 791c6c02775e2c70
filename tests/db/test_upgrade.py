"""A database of modelctl 0.1.0 keeps every value when it is upgraded, and is told what no row can have any more."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Column, Connection, MetaData, event, insert, inspect, text, types
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.errors import StoreError
from modelctl.tables import Model, ModelPrice, Provider
from tests.conftest import Run
from tests.db.writing import sql

OF_0_1_0 = json.loads((Path(__file__).parent / "data" / "rows_of_0_1_0.json").read_text(encoding="utf-8"))
"""By table, without its prefix, the rows of a SQLite file that modelctl 0.1.0 wrote: syncs, edits, keys, holds."""
LAST_OF_0_1_0 = "0002"


def fill_as_0_1_0(database: Database) -> None:
    """Make the tables of 0.1.0, with its rows."""

    def fill(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.attributes.update(connection=connection, tables=database.tables)
        command.upgrade(config, LAST_OF_0_1_0)
        metadata = MetaData()
        metadata.reflect(connection, schema=database.tables.schema)
        for table in metadata.sorted_tables:
            if rows := OF_0_1_0.get(table.name.removeprefix(database.tables.prefix)):
                values = [{each.name: value_of(each, row.get(each.name)) for each in table.columns} for row in rows]
                connection.execute(insert(table), values)

    database.alter(fill)


def value_of(column: Column[Any], raw: Any) -> Any:
    """What SQLite holds, as the column of another database takes it."""
    if raw is None:
        return None
    kind = column.type
    if isinstance(kind, types.DateTime):
        return datetime.fromisoformat(raw).replace(tzinfo=UTC if kind.timezone else None)
    if isinstance(kind, types.JSON):
        return json.loads(raw)
    converters = {types.Boolean: bool, types.Date: date.fromisoformat, types.Numeric: lambda each: Decimal(str(each))}
    return next((convert(raw) for type_, convert in converters.items() if isinstance(kind, type_)), raw)


def values(database: Database, names: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in these columns, by table, as the driver gives it."""
    quote = database.engine.dialect.identifier_preparer.quote
    place = f"{database.tables.schema}." if database.tables.schema else ""
    return {
        table: sorted(sql(database, f"SELECT {', '.join(map(quote, listed))} FROM {place}{quote(table)}"), key=repr)
        for table, listed in names.items()
    }


def columns(database: Database) -> dict[str, list[str]]:
    """The names of all columns of ours, by table."""
    found = inspect(database.engine)
    tables = database.tables
    return {
        table: [each["name"] for each in found.get_columns(table, schema=tables.schema)]
        for table in sorted(tables.names())
    }


def differences(database: Database) -> list[Any]:
    """What the tables are otherwise than their classes say."""

    def compared(_object: Any, name: str | None, kind: str, *_rest: Any) -> bool:
        return not (kind == "table" and name == database.tables.version_table)

    options = {"compare_type": True, "compare_server_default": True, "include_object": compared}
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={**options, "target_metadata": Model.metadata})
        found = list(compare_metadata(context, Model.metadata))
    inspector = inspect(database.engine)
    for table in Model.metadata.tables.values():
        said = {each.name for each in table.constraints if isinstance(each, CheckConstraint)}
        made = {each["name"] for each in inspector.get_check_constraints(table.name)}
        found += [(table.name, name) for name in said ^ made]
    return found


def test_the_classes_say_what_the_migrations_made(database: Database) -> None:
    assert differences(database) == []
    assert set(columns(database)) == set(Model.metadata.tables)


def test_an_upgrade_keeps_every_value(bare: Database, database_url: str, run: Run) -> None:
    fill_as_0_1_0(bare)
    names = columns(bare)
    before = values(bare, names)
    assert {name.removeprefix("ai_"): len(rows) for name, rows in before.items() if rows} == {
        name: len(rows) for name, rows in OF_0_1_0.items()
    }
    assert run("db", "upgrade", "--database", database_url).stdout == f"{bare.label}: upgraded to {schema.HEAD}\n"
    assert values(bare, names) == before
    assert differences(bare) == []
    shown = run("list", "--all", "--format", "json", "--database", database_url)
    assert len(json.loads(shown.stdout)) == len(OF_0_1_0["models"])
    assert "Mine" in run("show", "deepseek/deepseek-chat", "--database", database_url).stdout
    later = datetime(2026, 11, 30, tzinfo=UTC)
    synced = run("sync", "--provider", "deepseek", "--source", "catalog", "--database", database_url, now=later)
    assert synced.code == 0, synced.stdout + synced.stderr
    assert sql(bare, "SELECT display_name FROM ai_models WHERE model_id = 'deepseek-chat'") == [("Mine",)]


@pytest.mark.parametrize("prefix", ["Shop_", "p" * 36])
def test_an_upgrade_under_another_prefix_keeps_every_value(bare: Database, prefix: str) -> None:
    require_kept(Database(bare.url.render_as_string(hide_password=False), prefix=prefix))


@pytest.mark.server
def test_an_upgrade_in_a_schema_keeps_every_value(postgresql: Database) -> None:
    sql(postgresql, "CREATE SCHEMA billing")
    require_kept(Database(postgresql.url.render_as_string(hide_password=False), prefix="x_", schema="billing"))


def require_kept(database: Database) -> None:
    fill_as_0_1_0(database)
    names = columns(database)
    before = values(database, names)
    assert schema.upgrade(database) == schema.REVISIONS[2:]
    assert values(database, names) == before
    inspector = inspect(database.engine)
    for table in names:
        made = inspector.get_check_constraints(table, schema=database.tables.schema)
        said = Model.metadata.tables["ai_" + table.removeprefix(database.tables.prefix)].constraints
        assert len(made) == len([each for each in said if isinstance(each, CheckConstraint)])
    database.close()


def test_what_no_row_can_have_is_told_before_anything_is_altered(bare: Database, database_url: str, run: Run) -> None:
    fill_as_0_1_0(bare)
    sql(bare, "UPDATE ai_models SET context_window = -5, status = 'gone' WHERE model_id = 'deepseek-chat'")
    sql(bare, "UPDATE ai_models SET max_output_tokens = 0")
    sql(bare, "UPDATE ai_model_prices SET amount = -1 WHERE model_id = 'local-2'")
    names = columns(bare)
    before = values(bare, names)
    refused = run("db", "upgrade", "--database", database_url)
    assert (refused.code, refused.stdout) == (1, "")
    assert "12 values that no row can have: " in refused.stderr
    assert "ai_models deepseek deepseek-chat: status = 'gone'; " in refused.stderr
    assert "ai_models deepseek deepseek-chat: context_window = -5; " in refused.stderr
    assert refused.stderr.count("max_output_tokens = 0") == 6
    assert "; and 4 more; nothing was altered: correct these rows" in refused.stderr
    assert (columns(bare), values(bare, names)) == (names, before)
    assert schema.status(bare).version == LAST_OF_0_1_0

    sql(bare, "UPDATE ai_models SET context_window = NULL, max_output_tokens = NULL, status = NULL")
    refused = run("db", "upgrade", "--database", database_url)
    assert "1 value that no row can have: ai_model_prices gateway local-2 input standard" in refused.stderr
    sql(bare, "DELETE FROM ai_model_prices WHERE amount < 0")
    assert run("db", "upgrade", "--database", database_url).code == 0
    assert differences(bare) == []


@pytest.mark.server
def test_text_that_jsonb_does_not_hold_is_told_as_well(postgresql: Database) -> None:
    fill_as_0_1_0(postgresql)
    for name, tags in {
        "deepseek-chat": r'["a\u0000b"]',
        "deepseek-coder": r'["\ud800"]',
        "local-1": r'["\\u0000"]',
    }.items():
        sql(postgresql, "UPDATE ai_models SET tags = CAST(:tags AS json) WHERE model_id = :name", tags=tags, name=name)
    with pytest.raises(StoreError, match="2 values that no row can have") as refused:
        schema.upgrade(postgresql)
    assert "ai_models deepseek deepseek-coder: tags = " in str(refused.value)
    sql(postgresql, "UPDATE ai_models SET tags = NULL WHERE model_id LIKE 'deepseek%'")
    assert schema.upgrade(postgresql) == schema.REVISIONS[2:]
    assert sql(postgresql, "SELECT tags FROM ai_models WHERE model_id = 'local-1'") == [(("\\u0000",),)]


@pytest.mark.server
def test_a_view_that_reads_a_json_column_is_named_as_what_stops_the_upgrade(postgresql: Database) -> None:
    fill_as_0_1_0(postgresql)
    sql(postgresql, "CREATE VIEW plain AS SELECT model_id, status, context_window FROM ai_models")
    sql(postgresql, "CREATE VIEW tagged AS SELECT model_id, tags FROM ai_models")
    with pytest.raises(StoreError, match="used by a view") as refused:
        schema.upgrade(postgresql)
    assert "drop what reads the column" in refused.value.hint
    assert schema.status(postgresql).version == LAST_OF_0_1_0
    sql(postgresql, "DROP VIEW tagged")
    assert schema.upgrade(postgresql) == schema.REVISIONS[2:]


class _Killed(BaseException):
    """As a process that ends between two statements."""


def test_an_upgrade_that_breaks_off_anywhere_is_finished_by_the_next(bare: Database) -> None:
    fill_as_0_1_0(bare)
    names = columns(bare)
    before = values(bare, names)
    for number in range(1, 100):
        if is_upgraded(bare, but_killed_before=number):
            break
        assert values(bare, names) == before
    assert number > 4
    assert values(bare, names) == before
    assert differences(bare) == []
    assert schema.status(bare).version == schema.HEAD


def is_upgraded(database: Database, *, but_killed_before: int) -> bool:
    """Whether the upgrade comes to its end before so many statements that change something."""
    left = iter(range(but_killed_before - 1))

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        changes = statement.split()[0] in {"ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE", "COMMENT"}
        if changes and next(left, None) is None:
            raise _Killed

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        schema.upgrade(database)
    except _Killed:
        return False
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
    return True


def test_what_an_application_hung_on_the_tables_of_a_file_stays(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    fill_as_0_1_0(database)
    for statement in (
        "ALTER TABLE ai_models ADD COLUMN note TEXT DEFAULT 'ours'",
        "CREATE TABLE chosen (model INTEGER REFERENCES ai_models (id) ON DELETE CASCADE)",
        "INSERT INTO chosen SELECT id FROM ai_models",
        "CREATE INDEX by_family ON ai_models (family COLLATE NOCASE) WHERE is_enabled",
        "CREATE VIEW usable AS SELECT model_id FROM ai_models WHERE is_enabled",
        "CREATE TRIGGER noted AFTER UPDATE OF family ON ai_models BEGIN UPDATE chosen SET model = model; END",
    ):
        sql(database, statement)
    hung = "SELECT type, name, sql FROM sqlite_master WHERE name IN ('chosen', 'by_family', 'usable', 'noted')"
    before = sql(database, hung), sql(database, "SELECT * FROM chosen"), sql(database, "SELECT * FROM usable")
    assert len(before[0]) == 4
    schema.upgrade(database)
    after = sql(database, hung), sql(database, "SELECT * FROM chosen"), sql(database, "SELECT * FROM usable")
    assert [sorted(each) for each in after] == [sorted(each) for each in before]
    assert sql(database, "SELECT DISTINCT note FROM ai_models") == [("ours",)]
    assert sql(database, "PRAGMA foreign_keys") == [(1,)]
    assert sql(database, "PRAGMA foreign_key_check") == []
    database.close()


PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
PROVIDER, MODEL, PRICE = re.findall("```sql\n(.*?);\n```", PAGE, re.DOTALL)[0].split(";\n")
ZONES = {"postgresql": "SET TIME ZONE '+05:00'", "mysql": "SET SESSION time_zone = '+05:00'"}


def test_plain_sql_gives_what_its_author_knows(database: Database, database_url: str, run: Run) -> None:
    with database.engine.begin() as connection:
        if zone := ZONES.get(database.url.get_backend_name()):
            connection.execute(text(zone))
        for statement in (PROVIDER, MODEL, PRICE):
            connection.execute(text(statement))
        if zone:
            connection.execute(text("SET TIME ZONE 'UTC'" if "ZONE" in zone else "SET SESSION time_zone = '+00:00'"))
    with Session(database.engine) as session:
        provider, model = session.exec(select(Provider)).one(), session.exec(select(Model)).one()
        stamps = {provider.created_at, provider.updated_at, model.created_at, model.updated_at}
        assert all(abs(datetime.now(UTC) - each) < timedelta(minutes=5) for each in stamps)
        assert (provider.is_builtin, provider.is_enabled, provider.health_status) == (False, True, "unknown")
        assert (model.is_enabled, model.status, model.vision, model.input_price_per_mtok) == (True, None, None, None)
        price = session.exec(select(ModelPrice)).one()
        assert (price.basis, price.service_tier, price.context_above, price.revision) == ("manual", "standard", 0, 0)

    here = ("--database", database_url)
    assert [each["is_enabled"] for each in json.loads(run("list", "--format", "json", *here).stdout)] == [True]
    sql(database, MODEL.replace("'acme-1'", "'acme-2'"))
    for code, *argv in (
        (0, "show", "acme/acme-1"),
        (0, "price", "show", "acme/acme-1"),
        (0, "history", "acme/acme-1"),
        (0, "runs", "list"),
        (0, "sync", "--source", "catalog", "--provider", "deepseek"),
        (0, "sync", "--source", "catalog", "--provider", "acme"),
        (0, "set", "acme/acme-1", "context_window=8192"),
        (0, "disable", "acme/acme-2"),
        (0, "override", "adopt", "acme/acme-1"),
        (0, "price", "set", "acme/acme-1", "--output", "5", "--source", "contract 18"),
        (0, "provider", "show", "acme"),
        (3, "doctor"),
    ):
        result = run(*argv, *here)
        assert result.code == code, (argv, result.stdout, result.stderr)
    assert sql(database, "SELECT context_window FROM ai_models WHERE model_id = 'acme-1'") == [(8192,)]


IMPOSSIBLE = [
    "UPDATE ai_models SET context_window = -5",
    "UPDATE ai_models SET max_output_tokens = 0",
    "UPDATE ai_models SET max_images = -1",
    "UPDATE ai_models SET status = 'gone'",
    "UPDATE ai_models SET type = ''",
    "UPDATE ai_models SET tier = 'gold'",
    "UPDATE ai_models SET after_retirement = 'vanish'",
    "UPDATE ai_models SET input_price_per_mtok = -0.000000001",
    "UPDATE ai_models SET price_currency = 'EU'",
    "UPDATE ai_models SET model_id = ''",
    "UPDATE ai_model_prices SET amount = -1",
    "UPDATE ai_model_prices SET currency = ''",
    "UPDATE ai_model_prices SET basis = 'guessed'",
    "UPDATE ai_model_prices SET context_above = -1",
    "INSERT INTO ai_providers (name, display_name, kind) VALUES ('', 'Nobody', '')",
    "INSERT INTO ai_model_state (provider, model_id, written, absences) VALUES ('acme', 'acme-1', '{}', -1)",
]


def test_what_cannot_be_is_refused_by_the_database(database: Database) -> None:
    for statement in (PROVIDER, MODEL, PRICE):
        sql(database, statement)
    names = columns(database)
    before = values(database, names)
    taken = []
    for statement in IMPOSSIBLE:
        try:
            sql(database, statement)
        except DBAPIError as error:
            assert "constraint" in str(error.orig).lower(), statement
        else:
            taken.append(statement)
    assert taken == []
    assert values(database, names) == before
    sql(database, "UPDATE ai_models SET context_window = 1000000000000, status = 'retired', max_images = 0")


@pytest.mark.server
def test_json_is_jsonb_on_postgresql(postgresql: Database) -> None:
    schema.upgrade(postgresql)
    found = sql(postgresql, "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'json'")
    assert found == []
    kinds = sql(postgresql, "SELECT count(*) FROM information_schema.columns WHERE data_type = 'jsonb'")
    assert kinds == [(11,)]
