"""What programs are offered: the example of the docs runs, and says what the commands say."""

from __future__ import annotations

import decimal
import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelctl import Filter, ModelStore
from modelctl.core.prices.price import PriceKey
from modelctl.errors import ExitCode, LockHeld, ModelctlError, StalePlan, StoreError
from modelctl.output.document import json_schema
from modelctl.output.plan_file import PlanDocument
from tests.conftest import NOW, Run

DOCS = Path(__file__).resolve().parent.parent / "docs" / "programs.md"
KEYS = {"DEEPSEEK_API_KEY": "sk-deepseek-1234567890", "MODELCTL_CLOCK_SKEW_S": "36500d"}


@pytest.fixture
def store(database_url: str) -> ModelStore:
    """A store with the models of one provider, and a key for it."""
    with ModelStore(database_url, actor="shop", environ=KEYS, clock=lambda: NOW) as store:
        report = store.sync("deepseek", source="catalog", migrate=True)
        assert report.exit_code is ExitCode.OK
        yield store


@pytest.fixture
def sqlite_store(sqlite_url: str) -> ModelStore:
    """The same on SQLite, with a master key."""
    environ = {**KEYS, "MODELCTL_SECRET_KEY": "A" * 43 + "="}
    with ModelStore(sqlite_url, actor="shop", environ=environ, clock=lambda: NOW) as store:
        store.sync("deepseek", source="catalog")
        yield store


def dump(document: Any) -> Any:
    """What a program gets of a document as JSON."""
    return document.model_dump(mode="json")


def test_the_example_of_the_docs_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "OK"
    assert "openai/gpt-4o-2024-08-06 (by its id, which only this provider has)" in lines
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


def test_what_a_program_edits_is_what_the_command_would(store: ModelStore, database_url: str, run: Run) -> None:
    name = "deepseek/deepseek-flash"
    assert store.disable(name).written
    assert not store.disable(name).written
    store.set_facts(name, context_window=2_000_000, tags=["ours"], family=None)
    with decimal.localcontext() as small:
        small.prec = 6
        small.clear_flags()
        entered = store.set_price(name, source="contract 17", input=Decimal("0.123456789"), output="2.50")
        assert not small.flags[decimal.Inexact]
        billed = store.cost(name, input=12_345_678, output=7).bill.totals
    assert billed == {"USD": Decimal("0.123456789") * Decimal("12.345678") + Decimal("0.0000175")}
    assert store.deprecate(name, retires=date(2027, 3, 31), on=date(2026, 12, 1)).written
    model = store.get_model(name)
    assert (model.is_enabled, model.facts.context_window, model.facts.tags) == (False, 2_000_000, ("ours",))
    assert str(model.facts.output_price_per_mtok) == "2.5"
    assert [each.key for each in store.list_models("enabled=no provider=deepseek")] >= [model.key]
    ended = store.lifecycle("deepseek", within_days=365)
    assert str(model.key) in {f"{each['provider']}/{each['model_id']}" for each in dump(ended)["announced"]}
    told = json.loads(run("history", name, "--json", "--database", database_url).stdout)["entries"]
    assert [each["command"] for each in told[:4]] == ["deprecate", "price set", "set", "disable"]
    assert dump(store.undo(told[0]["run"]))["undone"] == told[0]["run"]
    assert store.get_model(name).facts.retires_on is None
    assert [each["command"] for each in dump(store.list_runs(limit=2))["runs"]] == ["runs undo", "deprecate"]
    assert entered.unchanged == 0


def test_a_plan_that_a_program_made_is_applied_as_it_was_or_not_at_all(store: ModelStore) -> None:
    plan = store.plan("xai", source="catalog")
    assert store.list_models(Filter(providers=frozenset({"deepseek"})))
    applied = store.apply(PlanDocument.read(plan.model_dump_json(), "a program"))
    assert applied.exit_code is ExitCode.OK
    assert applied.totals["created"] == len(store.list_models(Filter(providers=frozenset({"xai"}), with_retired=True)))
    with pytest.raises(StalePlan):
        store.apply(plan)


def test_providers_and_keys_are_set_and_told(sqlite_store: ModelStore) -> None:
    store = sqlite_store
    store.add_provider("local", base_url="http://127.0.0.1:9/v1", env=["LOCAL_KEY"])
    [changed] = store.set_provider("local", headers={"X-Team": "a"}, env=[])
    assert (changed.headers, changed.env_vars) == ({"X-Team": "a"}, ())
    assert dump(store.test_providers("local", timeout_s=1.0))["providers"][0]["health"] == "unreachable"
    assert store.remove_provider("local") == ()
    assert store.set_key("deepseek", "sk-of-the-shop-1234", project="shop").project == "shop"
    assert dump(store.which_key("deepseek", "shop"))["source"] == "project"
    assert dump(store.which_key("deepseek"))["name"] == "DEEPSEEK_API_KEY"
    assert [each["project"] for each in dump(store.list_keys())["credentials"]] == ["shop"]
    assert store.remove_key("deepseek", "shop").project == "shop"


def test_reports_are_the_documents_that_the_schemas_describe(sqlite_store: ModelStore) -> None:
    store, name = sqlite_store, "deepseek/deepseek-flash"
    found = {
        "sync": store.sync("deepseek", source="catalog", dry_run=True),
        "plan": store.plan("deepseek", source="catalog"),
        "set": store.set_facts(name, context_window=2_000_000),
        "enable": store.enable(where="provider=deepseek"),
        "price set": store.set_price(name, source="contract 17", input=1),
        "price correct": store.correct_price(name, source="contract 17", input="1.5"),
        "populate": store.populate(sets=["chat"], providers=["deepseek"]),
        "lifecycle": store.lifecycle(),
        "runs list": store.list_runs(),
        "runs undo": store.undo("last", dry_run=True),
        "provider list": store.list_providers(),
        "key list": store.list_keys(),
        "key which": store.which_key("deepseek"),
    }
    for report, document in found.items():
        schema, printed = json_schema(report), dump(document)
        assert type(document).__name__ in {schema.get("title"), *schema.get("$defs", {})} or isinstance(printed, list)
        if isinstance(printed, dict) and "properties" in schema:
            assert printed.keys() == schema["properties"].keys(), report


MISUSES = {
    "no such model": lambda store: store.get_model("gpt-nope"),
    "no such meter": lambda store: store.cost("deepseek-flash", tokens=1),
    "no quantity": lambda store: store.cost("deepseek-chat", input="many"),
    "a tier that there is not": lambda store: store.cost("deepseek-chat", input=1, service_tier="slow"),
    "an instant without a zone": lambda store: store.cost("deepseek-chat", input=1, at=datetime(2026, 1, 1)),
    "an impossible fact": lambda store: store.add_model("deepseek/x", context_window=-1),
    "an id that is nearly a known one": lambda store: store.add_model("deepseek/DeepSeek-Chat"),
    "no such provider": lambda store: store.sync("deepsek"),
    "no such source": lambda store: store.sync("deepseek", source="file"),
    "an argument that there is not": lambda store: store.sync("deepseek", sorce="catalog"),
    "no such provider in words": lambda store: store.list_models("provider=deepsek"),
    "empty text": lambda store: store.resolve(""),
    "no text": lambda store: store.disable("deepseek-chat", 17),
    "neither names nor where": lambda store: store.enable(),
    "a float": lambda store: store.set_price("deepseek-chat", source="c", input=0.1),
    "no number": lambda store: store.set_price("deepseek-chat", source="c", input=Decimal("NaN")),
    "an amount beyond all digits": lambda store: store.set_price("deepseek-chat", source="c", input=Decimal("1E+9999")),
    "no such kind": lambda store: store.set_price("deepseek-chat", source="c", inptu=1),
    "no source": lambda store: store.set_price("deepseek-chat", input=1),
    "a price without a zone": lambda store: store.set_price(
        "deepseek-chat", source="c", input=1, starts=datetime(2027, 1, 1)
    ),
    "an instant where a day is meant": lambda store: store.deprecate("deepseek-chat", retires=datetime(2027, 1, 1)),
    "no plan": lambda store: store.apply("plan.json"),
    "a variable that is none": lambda store: store.add_provider("x", base_url="http://127.0.0.1/v1", env=["a b"]),
    "no address": lambda store: store.add_provider("x"),
    "a key with a blank": lambda store: store.set_key("deepseek", "sk-1234567890 secret"),
    "a key that is no text": lambda store: store.set_key("deepseek", 1234567890),
    "no such project": lambda store: store.which_key("deepseek", "shop"),
    "no URL": lambda _store: ModelStore("nonsense://x"),
    "empty URL": lambda _store: ModelStore(""),
    "a clock without a zone": lambda _store: ModelStore("sqlite:///there.db", clock=datetime.now).list_models(),
}


def test_errors_are_ours_in_one_line_and_speak_of_arguments(sqlite_store: ModelStore) -> None:
    before = dump(sqlite_store.list_runs())
    for what, misuse in MISUSES.items():
        with pytest.raises(ModelctlError) as caught:
            misuse(sqlite_store)
        text = str(caught.value)
        assert len(text.splitlines()) == 1, what
        assert "--" not in re.sub("`[^`]*`", "", text), what
        assert "1234567890" not in text, what
    assert dump(sqlite_store.list_runs()) == before


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
    assert "of providers without a key (`modelctl key set NAME`): deepseek" in nothing.stderr
    assert run("list", "--configured", *where).code == 3
    assert run("list", "--configured", *where, env=KEYS).code == 0
    why = run("show", "deepseek/deepseek-v4-pro", *where)
    assert "usable" in why.stdout
    assert "no: there is no key of deepseek (`modelctl key set deepseek`)" in " ".join(why.stdout.split())
    callable_now = json.loads(run("show", "deepseek/deepseek-v4-pro", "--json", *where, env=KEYS).stdout)
    assert (callable_now["usable"], callable_now["obstacles"]) == (True, [])
    assert run("list", "--usable", "--provider", "deepseek", *where, env=KEYS).code == 0
    unknown = run("list", "--usable", "--project", "shop", *where, env=KEYS)
    assert (unknown.code, "shop" in unknown.stderr) == (2, True)
    assert run("list", "--project", "shop", *where).code == 2
    assert run("list", "--group-by", "provider", "--format", "csv", *where).code == 2
