"""The public classes: what they refuse, what programs do with them, and that migrations make what they say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import Session, SQLModel, select

from modelctl.core.facts import FACT_FIELDS, FACT_TYPES, FACTS
from modelctl.core.models.query import COLUMNS
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.tables import Model, Provider, Tables
from tests.db.writing import creation, plan_of, write

ROW: dict[str, Any] = {"provider": "acme", "model_id": "one", "is_enabled": True}


def test_a_program_makes_none_of_the_tables_by_making_its_own() -> None:
    assert {each.removeprefix("ai_") for each in Provider.metadata.tables} == Tables(prefix="").names()
    assert not set(Provider.metadata.tables) & set(SQLModel.metadata.tables)


def test_a_row_of_the_model_table_has_the_facts_in_their_order() -> None:
    names = [column.name for column in Model.__table__.columns]
    assert names[:3] == ["id", "provider", "model_id"]
    assert tuple(names[3 : 3 + len(FACT_FIELDS)]) == FACT_FIELDS
    assert names == list(Model.model_fields) == list(COLUMNS)


def test_a_program_reads_models_through_the_class(database: Database) -> None:
    write(database, plan_of(creation("one", type="chat", input_modalities=("text",))))
    with Session(database.engine) as session:
        model = session.exec(select(Model).where(Model.type == "chat")).one()
        assert (model.model_id, model.input_modalities, model.vision) == ("one", ("text",), None)


def test_a_program_writes_through_the_classes_under_any_prefix(bare: Database) -> None:
    other = Database(bare.url.render_as_string(hide_password=False), prefix="x_")
    schema.upgrade(other)
    here = other.tables
    with Session(other.engine) as session:
        session.add(here.providers(name="acme", display_name="Acme", kind="", env_vars=("ACME_KEY",)))
        session.commit()
        session.add(here.models(**ROW, tags=("a", "b")))
        session.commit()
        model = session.exec(select(here.models).where(here.models.provider == "acme")).one()
        assert (model.tags, model.created_at, model.is_enabled) == (("a", "b"), model.updated_at, True)
        assert session.exec(select(here.providers.env_vars)).one() == ("ACME_KEY",)
    assert here.models is Tables(prefix="x_").models
    assert Tables().models is Model
    other.close()


def test_a_program_makes_its_own_class_of_one_before_it_asks_anything() -> None:
    code = (
        "from modelctl import tables\n"
        "class Shown(tables.ProviderCredential):\n"
        "    note: str = ''\n"
        "print(Shown(provider='acme').provider)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("acme\n", "")


BAD = [
    ("model_id", "x" * 192),
    ("provider", "x" * 65),
    ("display_name", "x" * 256),
    ("context_window", -3),
    ("context_window", 0),
    ("context_window", 10**12 + 1),
    ("input_price_per_mtok", "-0.1"),
    ("input_price_per_mtok", "0.0000000001"),
    ("input_price_per_mtok", "1000000"),
    ("released_on", "yesterday"),
    ("vision", "perhaps"),
    ("status", "alive"),
    ("type", "chatty"),
    ("tier", "gold"),
    ("after_retirement", "vanish"),
    ("knowledge_cutoff", "2025-13"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_cannot_be_is_refused_by_the_class(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Model.model_validate({**ROW, name: value})
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


def test_a_modality_that_does_not_exist_is_refused_by_the_class() -> None:
    with pytest.raises(ValidationError, match=r"input_modalities\.1"):
        Model.model_validate({**ROW, "input_modalities": ["text", "smell"]})


def test_what_can_be_is_taken_by_the_class() -> None:
    model = Model.model_validate({**ROW, "context_window": 10**12, "input_price_per_mtok": "0", "tags": ["a"]})
    assert (model.context_window, model.input_price_per_mtok, model.tags) == (10**12, 0, ("a",))


@pytest.mark.parametrize("name", FACT_FIELDS)
def test_a_fact_has_what_its_type_needs(name: str) -> None:
    """Where it does not, a column without a length or a check without bounds would be made of it."""
    fact, kind = FACTS[name], FACT_TYPES[name]
    assert (fact.max_chars is not None) == (kind in (str, tuple))
    assert (fact.minimum is not None) == (kind.__name__ in ("int", "Decimal"))
    assert bool(fact.pattern) == bool(fact.form)


def test_what_lists_models_makes_no_other_class() -> None:
    code = "import sys; from modelctl.tables import Tables; Tables().models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "modelctl.tables.models" in loaded
    assert not loaded & {
        "modelctl.tables.providers",
        "modelctl.tables.prices",
        "modelctl.tables.runs",
        "sqlalchemy.dialects.mysql",
    }
