"""What programs are offered: the example of the docs runs, and says what the commands say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from modelctl import Filter, ModelStore
from modelctl.core.prices.price import PriceKey
from modelctl.errors import ExitCode, LockHeld, StoreError, UsageError
from tests.conftest import NOW, Run

DOCS = Path(__file__).resolve().parent.parent / "docs" / "programs.md"
KEYS = {"DEEPSEEK_API_KEY": "sk-deepseek-1234567890"}


@pytest.fixture
def store(database_url: str) -> ModelStore:
    """A store with the models of one provider, and a key for it."""
    with ModelStore(database_url, actor="shop", environ=KEYS, clock=lambda: NOW) as store:
        report = store.sync("deepseek", source="catalog", migrate=True)
        assert report.exit_code(pending_counts=False) is ExitCode.OK
        yield store


def test_the_example_of_the_docs_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "OK"
    assert "openai/gpt-4o-2024-08-06 (by its id, which no other provider has)" in lines
    assert "openai/ft:gpt-4o:acme 128000" in lines


def test_a_program_is_told_what_the_commands_tell(store: ModelStore, database_url: str, run: Run) -> None:
    where = ("--database", database_url)
    shown = json.loads(run("list", "--usable", "--group-by", "provider", "--json", *where, env=KEYS).stdout)
    usable = store.usable_models()
    assert {name: [each["model_id"] for each in group] for name, group in shown.items()} == {
        name: [each.key.model_id for each in group] for name, group in usable.items()
    }
    listed = json.loads(run("list", "--all", "--json", *where).stdout)
    assert [each["model_id"] for each in listed] == [
        each.key.model_id for each in store.list_models(Filter(with_retired=True))
    ]
    name = shown["deepseek"][0]["model_id"]
    cost = json.loads(run("cost", name, "--input", "1000", "--output", "10", "--json", *where).stdout)
    billed = store.cost(name, input=1000, output=10)
    assert billed.bill.totals["USD"] == Decimal(str(cost["totals"]["USD"]))
    assert store.price_at(name)[PriceKey("input")].amount == store.get_model(name).facts.input_price_per_mtok
    assert store.resolve(name).key == store.get_model(name).key


def test_a_model_that_a_program_adds_is_a_persons_and_audited(store: ModelStore, database_url: str, run: Run) -> None:
    added = store.add_model("deepseek/ft:coder", type="chat", context_window=64_000, is_enabled=False)
    assert (added.facts.context_window, added.is_enabled) == (64_000, False)
    assert store.sync("deepseek", source="catalog").providers[0].plan.is_empty
    told = json.loads(run("history", "deepseek/ft:coder", "--json", "--database", database_url).stdout)
    assert [(each["actor"], each["command"]) for each in told["entries"]] == [("shop", "add")]


def test_errors_are_ours_and_in_one_line(store: ModelStore) -> None:
    for wrong in (
        lambda: store.get_model("gpt-nope"),
        lambda: store.cost("deepseek-flash", tokens=1),
        lambda: store.add_model("deepseek/x", context_window=-1),
        lambda: store.sync("deepsek"),
        lambda: ModelStore("nonsense://x"),
    ):
        with pytest.raises(UsageError.__mro__[1]) as caught:
            wrong()
        assert len(str(caught.value).splitlines()) == 1


def test_a_database_without_tables_and_a_lock_are_told(sqlite_url: str) -> None:
    with ModelStore(sqlite_url, environ={"MODELCTL_LOCK_WAIT_S": "0"}) as store:
        with pytest.raises(StoreError, match="has no models yet"):
            store.list_models()
        store.sync("deepseek", source="catalog")
        lease = "INSERT INTO ai_leases VALUES ('write', 'r', 'ops', 'sync', :now, :now, 1)"
        insert(sqlite_url, lease)
        with pytest.raises(LockHeld, match="sync of ops"):
            store.sync("deepseek", source="catalog")
        assert store.sync("deepseek", source="catalog", dry_run=True).dry_run


def insert(url: str, statement: str) -> None:
    from sqlalchemy import create_engine, text

    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), {"now": now})
    engine.dispose()


def test_nothing_slow_is_loaded_before_it_is_named() -> None:
    code = "import sys, modelctl; print(sorted({'sqlalchemy', 'pydantic', 'rich', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_list_of_what_can_be_called_is_empty_without_a_key(store: ModelStore, database_url: str, run: Run) -> None:
    where = ("--database", database_url)
    nothing = run("list", "--usable", *where)
    assert (nothing.code, nothing.stdout) == (3, "")
    assert "the platform can call no model" in nothing.stderr
    assert run("list", "--usable", "--provider", "deepseek", *where, env=KEYS).code == 0
    unknown = run("list", "--usable", "--project", "shop", *where, env=KEYS)
    assert (unknown.code, "shop" in unknown.stderr) == (2, True)
    assert run("list", "--project", "shop", *where).code == 2
    assert run("list", "--group-by", "provider", "--format", "csv", *where).code == 2
