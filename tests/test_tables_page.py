"""What docs/tables.md shows: its program runs, and its recipe keeps Alembic away from our tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table, create_engine

from modelctl.tables import Tables
from tests.conftest import Run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tables.md"
PROGRAM, RECIPE, ELSEWHERE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """A folder with the database that the page's first command makes."""
    url = f"sqlite:///{tmp_path / 'models.db'}"
    assert run("sync", "--provider", "deepseek", "--source", "catalog", "--database", url).code == 0
    return tmp_path


def printed(program: str, folder: Path) -> list[str]:
    argv = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_program_joins_its_table_to_ours_and_counts_in_decimals(folder: Path, run: Run) -> None:
    where = ("--json", "--database", f"sqlite:///{folder / 'models.db'}")
    shown = json.loads(run("list", "--search", "deepseek-v4-pro", *where).stdout, parse_float=Decimal)
    [model] = [each for each in shown if each["model_id"] == "deepseek-v4-pro"]
    price = model["input_price_per_mtok"]
    joined, per_million, for_some, *ledger = printed(PROGRAM, folder)
    assert joined == f"helpdesk DeepSeek {model['display_name']}"
    assert per_million == f"{price} USD for a million tokens"
    assert for_some.endswith(" USD for 1200 tokens")
    assert Decimal(for_some.split()[0]) == price * 1200 / 1_000_000
    assert any(each.endswith(f" other hours {price}") for each in ledger)


def test_the_program_makes_none_of_our_tables(tmp_path: Path) -> None:
    made = (
        PROGRAM.partition("with Session")[0]
        + "from sqlalchemy import inspect\nprint(inspect(engine).get_table_names())"
    )
    assert printed(made, tmp_path) == ["['assistant']"]


def test_alembic_drops_our_tables_without_the_recipe_and_none_with_it(folder: Path) -> None:
    recipe: dict[str, Any] = {}
    exec(RECIPE, recipe)
    tables = Tables()
    ours = tables.names() | {tables.version_table}
    of_application = MetaData()
    Table("assistant", of_application, Column("id", Integer, primary_key=True))

    def told(**options: Any) -> list[tuple[Any, ...]]:
        engine = create_engine(f"sqlite:///{folder / 'models.db'}")
        with engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection, opts=options), of_application)
        engine.dispose()
        return [(each[0], each[1].name) for each in found]

    assert {name for what, name in told() if what == "remove_table"} == ours
    assert told(include_name=recipe["include_name"]) == [("add_table", "assistant")]


def test_another_prefix_and_schema(tmp_path: Path) -> None:
    assert printed(ELSEWHERE, tmp_path) == ["models.shop_models shop_changes shop_modelctl_version"]
