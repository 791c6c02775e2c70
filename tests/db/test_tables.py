"""The classes that programs share say of each column what the column says of itself."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args, get_origin

import pytest
from sqlalchemy import JSON
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel, select

from modelctl import tables
from modelctl.db import tables as columns
from modelctl.db.engine import Database
from modelctl.db.fetch import OBJECTS
from tests.db.writing import creation, plan_of, write

CLASSES: list[Any] = [value for name, value in vars(tables).items() if name.startswith("Ai")]


def kind_of(column: Any) -> type:
    """What Python type the values of a column have."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, JSON):
        return dict if column.name in OBJECTS else list
    python_type: type = kind.python_type
    return python_type


def test_every_table_has_a_class() -> None:
    assert {each.__tablename__ for each in CLASSES} == {f"ai_{name}" for name in columns.NAMES}
    assert {f"ai_{name}" for name in columns.NAMES} <= set(SQLModel.metadata.tables)


@pytest.mark.parametrize("table", CLASSES, ids=lambda each: each.__name__)
def test_an_attribute_is_what_its_column_holds(table: Any) -> None:
    assert list(table.model_fields) == [column.name for column in table.__table__.columns]
    for column in table.__table__.columns:
        field = table.model_fields[column.name]
        kind, *rest = get_args(field.annotation) if isinstance(field.annotation, UnionType) else [field.annotation]
        assert (get_origin(kind) or kind) is kind_of(column), column
        is_given = column.nullable or column.name == "id"  # which the database numbers
        assert rest == [type(None)] * is_given, column
        assert field.is_required() == (not is_given and column.default is None), column
        assert field.is_required() or field.default == (column.default and column.default.arg), column


def test_a_program_reads_models_through_the_class(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", input_modalities=("text",))))
    with Session(database.engine) as session:
        model = session.exec(select(tables.AiModel).where(tables.AiModel.type == "chat")).one()
        assert (model.model_id, model.input_modalities, model.vision) == ("one", ["text"], None)


def test_a_program_makes_its_own_class_of_one() -> None:
    class Shown(tables.AiProviderCredential):
        """What a web framework would return."""

        note: str = ""

    assert Shown(provider="acme").provider == "acme"
