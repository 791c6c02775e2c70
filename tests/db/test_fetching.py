"""Values that their columns cannot hold, as SQLite lets people write them, are one line that names row and column."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from modelctl.core.facts import ModelKey
from modelctl.db import fetch as fetching
from modelctl.db import read
from modelctl.db.engine import Database
from modelctl.errors import StoreError
from tests.db.test_apply import PRICES
from tests.db.writing import ACME, author, creation, plan_of, sql, stored, update, write

MODEL_VALUES = [
    ("tags", "not json"),
    ("tags", '"abc"'),
    ("tags", "[1, 2]"),
    ("tags", '{"a": 1}'),
    ("tags", "5"),
    ("input_price_per_mtok", "abc"),
    ("input_price_per_mtok", float("inf")),
    ("released_on", "yesterday"),
    ("released_on", 20250101),
    ("updated_at", "x"),
    ("last_seen_at", "x"),
    ("context_window", "many"),
    ("context_window", 5.5),
    ("family", b"\x00"),
]


def _broken(database: Database, table: str, column: str, value: object, where: str = "model_id = 'two'") -> None:
    names = ("one", "two", "three")
    write(database, plan_of(*(creation(name, type="chat", tags=("a",), prices=PRICES) for name in names)))
    with database.engine.begin() as connection:
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))  # as a program may that writes the file
        connection.execute(text(f"UPDATE {table} SET {column} = :value WHERE {where}"), {"value": value})


def _models(database: Database) -> object:
    with database.engine.connect() as connection:
        return read.models(connection, database.tables)


def _providers(database: Database) -> object:
    with database.engine.connect() as connection:
        return read.providers(connection, database.tables)


def _fails(database: Database, look: Callable[[Database], object], key: str, column: str) -> None:
    with pytest.raises(StoreError) as failed:
        look(database)
    assert failed.value.message.startswith(f"{key}: {column} in ai_")
    assert column in failed.value.hint
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(("column", "value"), MODEL_VALUES)
def test_a_models_value_is_named_whether_all_are_listed_or_one_provider_is_read(
    sqlite: Database, column: str, value: object
) -> None:
    _broken(sqlite, "ai_models", column, value)
    for look in (_models, stored):
        _fails(sqlite, look, "acme/two", column)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("ai_model_state", "pins", "not json"),
        ("ai_model_state", "pins", '"family"'),
        ("ai_model_state", "absences", "some"),
        ("ai_model_prices", "amount", "abc"),
        ("ai_model_prices", "effective_to", "x"),
    ],
)
def test_a_value_beside_the_model_is_named(sqlite: Database, table: str, column: str, value: object) -> None:
    _broken(sqlite, table, column, value)
    _fails(sqlite, stored, "acme/two", column)


@pytest.mark.parametrize(
    "value", ["not json", "[]", '{"type": 5}', '{"tpe": ["chat", "api"]}', '{"released_on": [7, ""]}']
)
def test_what_was_last_written_is_named(sqlite: Database, value: str) -> None:
    _broken(sqlite, "ai_model_state", "written", value)
    model = stored(sqlite).models[ModelKey(ACME.name, "two")]
    assert model.state is not None
    written = model.state.written
    _fails(sqlite, lambda _database: dict(written), "acme/two", "written")


@pytest.mark.parametrize(("column", "value"), [("env_vars", "x"), ("features", '"abc"'), ("settings", "[]")])
def test_a_providers_value_is_named(sqlite: Database, column: str, value: str) -> None:
    _broken(sqlite, "ai_providers", column, value, "name = 'acme'")
    _fails(sqlite, _providers, "acme", column)


def test_a_broken_row_is_named_before_it_is_written_over(sqlite: Database) -> None:
    write(sqlite, plan_of(creation("one", type="chat")))
    plan = plan_of(update(stored(sqlite).models[ModelKey(ACME.name, "one")], family="new"))
    sql(sqlite, "UPDATE ai_models SET updated_at = 'x'")
    _fails(sqlite, lambda database: write(database, plan, author(2)), "acme/one", "updated_at")


def test_a_defect_of_ours_is_not_called_a_bad_value(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken(sqlite, "ai_models", "family", "fine")

    def defect(*_args: object) -> object:
        raise TypeError("a defect")

    monkeypatch.setattr(read, "models_from_columns", defect)
    with pytest.raises(TypeError, match="a defect"):
        _models(sqlite)
    monkeypatch.undo()
    monkeypatch.setattr(fetching, "_type_of", defect)
    with pytest.raises(TypeError, match="a defect"):
        _models(sqlite)
