"""An application's own table is kept true: its columns, units and words, and what people wrote into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from tests.cli.conftest import Query
from tests.cli.shop import fill, price, record
from tests.conftest import Result, Run

MODELS = (
    record(
        "anthropic/claude-test-5",
        price("input", "3"),
        price("output", "15"),
        price("cache_read", "0.0375"),
        display_name="Claude Test 5",
        type="chat",
        status="active",
        vision=True,
        reasoning=True,
        context_window=200_000,
        max_output_tokens=64_000,
        knowledge_cutoff="2025-03",
    ),
    record(
        "openai/gpt-test",
        price("input", "2"),
        price("output", "8"),
        price("input", "1", service_tier="batch"),
        display_name="GPT Test",
        type="chat",
        status="active",
        vision=True,
        tools=True,
        context_window=1_047_576,
        max_output_tokens=32_768,
    ),
    record("openai/gpt-unknown", display_name="GPT Unknown", type="chat", status="active"),
    record("openai/embed", price("input", "0.02"), display_name="Embed", type="embedding", status="active"),
)
OLDER = record(
    "openai/gpt-older",
    price("input", "10"),
    price("output", "30"),
    display_name="GPT Older",
    type="chat",
    status="active",
    context_window=8_192,
    max_output_tokens=4_096,
)

WORKER = """
CREATE TABLE models (
  id {serial}, name VARCHAR(200) NOT NULL, model_id VARCHAR(200) NOT NULL UNIQUE, endpoint_type VARCHAR(20) NOT NULL,
  thinking BOOLEAN DEFAULT FALSE, context_window INTEGER NOT NULL, max_output INTEGER NOT NULL,
  knowledge_cutoff {datetime}, input_price_per_mtok {real} NOT NULL, output_price_per_mtok {real} NOT NULL,
  is_active BOOLEAN DEFAULT TRUE, note VARCHAR(200), updated_at {datetime} DEFAULT CURRENT_TIMESTAMP)
"""
WORDS = {
    "sqlite": {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "datetime": "DATETIME", "real": "REAL", "json": "TEXT"},
    "postgresql": {"serial": "SERIAL PRIMARY KEY", "datetime": "TIMESTAMPTZ", "real": "REAL", "json": "JSONB"},
    "mysql": {"serial": "INT AUTO_INCREMENT PRIMARY KEY", "datetime": "DATETIME", "real": "FLOAT", "json": "JSON"},
}
MAPPING = """
name = "worker"
[[table]]
table = "models"
where = "provider=openai,anthropic type=chat"
key = ["model_id"]
absent = { set = { is_active = false } }
[table.columns]
name = "display_name"
model_id = "model_id"
endpoint_type = { from = "provider", map = { openai = "openAI", anthropic = "anthropic" }, else = "refuse" }
thinking = { from = "reasoning", unknown = false }
context_window = "context_window"
max_output = "max_output_tokens"
knowledge_cutoff = { from = "knowledge_cutoff", format = "%Y-%m-%dT00:00:00Z" }
input_price_per_mtok = { price = "input", per = "mtok" }
output_price_per_mtok = { price = "output", per = "mtok" }
is_active = { from = "is_enabled", own = "insert" }
updated_at = { now = "%Y-%m-%d %H:%M:%S" }
"""


class App:
    """An application with a table of its own."""

    def __init__(self, url: str, run: Run, query: Query) -> None:
        self.url, self.run, self.query = url, run, query
        self.kind = make_url(url).get_backend_name()
        fill(url, (*MODELS, OLDER))

    def sql(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self.query(self.url, statement, **parameters)

    def create(self, ddl: str) -> None:
        self.sql(ddl.format(**WORDS[self.kind]))

    def mapping(self, text: str, name: str = "worker") -> None:
        Path("publish").mkdir(exist_ok=True)
        Path(f"publish/{name}.toml").write_text(text, encoding="utf-8")

    def publish(self, *argv: str, name: str = "worker") -> Result:
        return self.run("publish", name, "--database", self.url, *argv)

    def told(self, *argv: str, name: str = "worker") -> dict[str, Any]:
        """The only table of the report."""
        result = self.publish("--json", *argv, name=name)
        assert result.stdout, result.stderr
        [table] = json.loads(result.stdout)["tables"]
        return table

    def nothing_is_left(self, name: str = "worker") -> None:
        assert self.publish("--exit-code", name=name).code == 0
        before = self.sql("SELECT * FROM modelctl_published ORDER BY row_key")
        assert self.told(name=name)["changes"] == []
        assert self.sql("SELECT * FROM modelctl_published ORDER BY row_key") == before


WHERE_TYPES_BIND = pytest.mark.parametrize(
    "database_url",
    [pytest.param(kind, marks=pytest.mark.server) for kind in ("postgresql", "mariadb")],
    indirect=True,
)
"""SQLite keeps every digit, whatever a column's type says, and alters none."""


@pytest.fixture
def app(database_url: str, run: Run, query: Query) -> App:
    return App(database_url, run, query)


@pytest.fixture
def worker(app: App) -> App:
    """A worker whose table was published to."""
    app.create(WORKER)
    app.mapping(MAPPING)
    assert app.publish().code == 0
    return app


def test_a_dry_run_shows_what_a_run_then_writes_and_a_second_one_does_not(app: App) -> None:
    app.create(WORKER)
    app.mapping(MAPPING)
    shown = app.told("--dry-run")
    assert app.publish("--dry-run", "--exit-code").code == 3
    assert app.sql("SELECT COUNT(*) FROM models") == [(0,)]
    assert app.told()["changes"] == shown["changes"]
    columns = "model_id, endpoint_type, context_window, max_output, is_active"
    rows = app.sql(f"SELECT {columns} FROM models ORDER BY model_id")
    assert rows == [
        ("claude-test-5", "anthropic", 200_000, 64_000, 1),
        ("gpt-older", "openAI", 8_192, 4_096, 1),
        ("gpt-test", "openAI", 1_047_576, 32_768, 1),
    ]
    assert shown["skipped"] == [
        {"model": "openai/gpt-unknown", "reason": "context_window is unknown", "guard": None}
    ], "an unknown price is never 0"
    app.nothing_is_left()


def test_what_a_person_writes_into_a_cell_stays(worker: App) -> None:
    worker.sql("UPDATE models SET name = 'Our best', note = 'ours' WHERE model_id = 'gpt-test'")
    table = worker.told()
    assert [(each["cell"], each["kept"], each["offered"]) for each in table["protected"]] == [
        ("name", "Our best", "GPT Test")
    ]
    assert worker.sql("SELECT name, note FROM models WHERE model_id = 'gpt-test'") == [("Our best", "ours")]
    worker.nothing_is_left()
    worker.sql("UPDATE models SET name = 'GPT Test' WHERE model_id = 'gpt-test'")
    assert worker.told()["protected"] == []


def test_what_changes_at_the_source_changes_in_the_table_and_nowhere_else(worker: App) -> None:
    before = worker.sql("SELECT * FROM models WHERE model_id <> 'gpt-test' ORDER BY id")
    worker.run("set", "openai/gpt-test", "max_output_tokens=50000", "--database", worker.url)
    [change] = worker.told()["changes"]
    assert change["cells"] == {"max_output": {"before": 32_768, "after": 50_000}}
    assert worker.sql("SELECT max_output FROM models WHERE model_id = 'gpt-test'") == [(50_000,)]
    assert worker.sql("SELECT * FROM models WHERE model_id <> 'gpt-test' ORDER BY id") == before
    worker.nothing_is_left()


def test_a_model_that_is_no_longer_wanted_is_switched_off_once(worker: App) -> None:
    worker.run("set", "openai/gpt-older", "type=other", "--database", worker.url)
    [change] = worker.told()["changes"]
    assert (change["action"], change["cells"]) == ("switch_off", {"is_active": {"before": True, "after": False}})
    worker.nothing_is_left()
    worker.sql("UPDATE models SET is_active = TRUE WHERE model_id = 'gpt-older'")
    worker.nothing_is_left()
    worker.sql("UPDATE models SET is_active = FALSE WHERE model_id = 'gpt-older'")
    worker.run("set", "openai/gpt-older", "type=chat", "--database", worker.url)
    [change] = worker.told()["changes"]
    assert change["cells"] == {"is_active": {"before": False, "after": True}}


def test_rows_that_were_there_before_are_left_until_they_are_adopted(app: App) -> None:
    app.create(WORKER)
    app.mapping(MAPPING)
    insert = (
        "INSERT INTO models (name, model_id, endpoint_type, context_window, max_output, input_price_per_mtok,"
        " output_price_per_mtok) VALUES (:n, :n, 'openAI', 128000, :o, 10, 30)"
    )
    app.sql(insert, n="gpt-test", o=4096)
    app.sql(insert, n="gpt-9-turbo", o=4096)
    table = app.told()
    assert {each["cell"] for each in table["unowned"]} >= {"max_output", "input_price_per_mtok"}
    assert table["strangers"] == ["gpt-9-turbo"]
    assert app.sql("SELECT max_output FROM models WHERE model_id = 'gpt-test'") == [(4096,)]
    [change] = app.told("--adopt")["changes"]
    assert change["cells"]["max_output"] == {"before": 4096, "after": 32_768}
    assert app.sql("SELECT max_output FROM models WHERE model_id = 'gpt-test'") == [(32_768,)]
    app.nothing_is_left()


def test_a_row_that_a_person_deletes_stays_deleted(worker: App) -> None:
    worker.sql("DELETE FROM models WHERE model_id = 'gpt-test'")
    assert worker.told()["removed_by_hand"] == ["openai/gpt-test"]
    assert worker.sql("SELECT COUNT(*) FROM models") == [(2,)]


def test_a_price_in_the_wrong_unit_is_refused_with_examples(worker: App) -> None:
    worker.mapping(MAPPING.replace('price = "input", per = "mtok"', 'price = "input", per = "ktok"'))
    result = worker.publish()
    assert result.code == 4
    assert "models.input_price_per_mtok seems to be in another unit: anthropic/claude-test-5 has 3" in result.stderr
    assert result.stderr.count("would get") == 3
    worker.mapping(MAPPING)
    worker.nothing_is_left()


ODD = 'it\'s "Id"'
HOSTILE = """
name = "order"
[[table]]
table = "Order"
where = "type=chat"
key = ["select", "it's \\"Id\\""]
[table.columns]
select = "provider"
"it's \\"Id\\"" = { template = "{model_id}'; DROP TABLE \\"Order\\"; --" }
Cost = { price = "input", per = "ktok" }
"""


def test_hostile_names_and_values_stay_names_and_values(app: App) -> None:
    quote = create_engine(app.url).dialect.identifier_preparer.quote_identifier
    order, select, odd, cost = map(quote, ("Order", "select", ODD, "Cost"))
    app.sql(
        f"CREATE TABLE {order} ({select} VARCHAR(64) NOT NULL, {odd} VARCHAR(191) NOT NULL, {cost} DECIMAL(10,6),"
        f" PRIMARY KEY ({select}, {odd}))"
    )
    app.mapping(HOSTILE, "order")
    assert app.publish(name="order").code == 0
    rows = app.sql(f"SELECT * FROM {order}")
    assert len(rows) == 4
    assert ("openai", 'gpt-test\'; DROP TABLE "Order"; --') in {row[:2] for row in rows}
    app.nothing_is_left("order")


@WHERE_TYPES_BIND
def test_a_price_that_would_round_to_nothing_is_held_and_one_that_rounds_is_named(app: App) -> None:
    app.create("CREATE TABLE prices (id VARCHAR(99) PRIMARY KEY, cost DECIMAL(9,4), tiny DECIMAL(9,2))")
    app.mapping(
        'name = "prices"\n[[table]]\ntable = "prices"\nkey = ["id"]\n'
        'where = "type=chat provider=anthropic"\n[table.columns]\n'
        'id = "model_id"\ncost = { price = "cache_read", per = "mtok" }\n',
        "prices",
    )
    assert app.told(name="prices")["notices"] == []
    app.sql("ALTER TABLE prices ADD COLUMN low DECIMAL(9,3)")
    text = Path("publish/prices.toml").read_text(encoding="utf-8")
    app.mapping(text + 'low = { price = "cache_read", per = "mtok" }\n', "prices")
    assert app.told(name="prices")["notices"] == ["low rounds 1 price"]
    app.nothing_is_left("prices")
    app.mapping(text + 'tiny = { price = "cache_read", per = "ktok" }\n', "prices")
    result = app.publish("--json", name="prices")
    assert result.code == 4
    [held] = json.loads(result.stdout)["tables"][0]["held"]
    assert held["guard"] == "rounds-to-zero"
    assert held["reason"].startswith("tiny: 0.0000375 would round to 0 in ")


CATALOG = """
CREATE TABLE providers (id {serial}, name VARCHAR(64) NOT NULL, label VARCHAR(64), vars {json})
"""
ITEMS = """
CREATE TABLE items (
  id VARCHAR(36) PRIMARY KEY, provider_id INT NOT NULL REFERENCES providers (id), slug VARCHAR(191) NOT NULL,
  meta {json}, capabilities {json})
"""
JOINED = """
name = "joined"
[[table]]
table = "providers"
rows = "providers"
key = ["name"]
[table.columns]
name = "name"
label = "display_name"
vars = "env_vars"
[[table]]
table = "items"
where = "type=chat"
key = ["provider_id", "slug"]
[table.columns]
id = { new = "uuid7" }
provider_id = { lookup = "providers.id", by = { name = "provider" } }
slug = "model_id"
meta = { json = { limits = { context = "context_window" }, price = { price = "input" } }, own = "keys" }
capabilities = { list = ["vision", "tools"], names = { tools = "function_calling" } }
"""


def test_rows_find_the_rows_of_another_table_and_only_our_keys_of_a_document_are_ours(app: App) -> None:
    app.create(CATALOG)
    app.create(ITEMS)
    app.mapping(JOINED, "joined")
    shown = app.publish("--dry-run", "--exit-code", name="joined")
    assert shown.code == 3, shown.stderr
    assert app.publish(name="joined").code == 0
    joined = "SELECT slug, providers.name, meta, capabilities FROM items JOIN providers ON provider_id = providers.id"
    found = {slug: (name, as_json(meta), as_json(can)) for slug, name, meta, can in app.sql(joined)}
    assert found["gpt-test"] == (
        "openai",
        {"limits": {"context": 1_047_576}, "price": 2},
        ["vision", "function_calling"],
    )
    theirs = {"limits": {"context": 1_047_576, "daily": 5}, "price": 2, "tag": "x"}
    app.sql("UPDATE items SET meta = :meta WHERE slug = 'gpt-test'", meta=json.dumps(theirs))
    app.run("set", "openai/gpt-test", "context_window=2000000", "--database", app.url)
    assert app.publish(name="joined").code == 0
    [(meta,)] = app.sql("SELECT meta FROM items WHERE slug = 'gpt-test'")
    assert as_json(meta) == {"limits": {"context": 2_000_000, "daily": 5}, "price": 2, "tag": "x"}
    assert app.publish("--exit-code", name="joined").code == 0


def as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("absent = {", "abesnt = {"), "7: table[0].abesnt: is not a known key; did you mean absent?"),
        (('"context_window"\n', '"contxt_window"\n'), "13: table[0].columns.context_window.from: "),
        (('per = "mtok" }\nout', 'per = "gtok" }\nout'), "16: table[0].columns.input_price_per_mtok.per: "),
        (('key = ["model_id"]', 'key = ["id"]'), "6: table[0].key[0]: id is not a column of the mapping"),
        (("type=chat", "typ=chat"), "5: table[0].where: there is no key 'typ'"),
        (('name = "display_name"', 'name = "?"'), "9 (name)"),
        (('name = "worker"', 'name = "shop"'), "2: name: is not the name of the file"),
        (("[table.columns]", "[table.columns"), "8: is not TOML"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_in_a_mapping_is_told_with_its_line(app: App, change: tuple[str, str], said: str) -> None:
    app.create(WORKER)
    assert change[0] in MAPPING
    app.mapping(MAPPING.replace(*change))
    result = app.publish()
    assert result.code == 2
    assert f"publish/worker.toml:{said}" in result.stderr
    assert app.sql("SELECT COUNT(*) FROM models") == [(0,)]


def test_two_models_that_would_share_a_row_are_refused_unless_one_is_preferred(app: App) -> None:
    app.create("CREATE TABLE short (id VARCHAR(99) PRIMARY KEY, provider VARCHAR(99))")
    fill(app.url, [record("azure/gpt-test", type="chat", status="active", display_name="Azure")])
    text = 'name = "short"\n[[table]]\ntable = "short"\nkey = ["id"]\nwhere = "type=chat"\n[table.columns]\n'
    text += 'id = "model_id"\nprovider = "provider"\n'
    app.mapping(text, "short")
    result = app.publish(name="short")
    assert result.code == 4
    assert "gpt-test: azure/gpt-test, openai/gpt-test" in result.stderr
    app.mapping(text.replace("[table.columns]", 'prefer = ["openai"]\n[table.columns]'), "short")
    assert app.publish(name="short").code == 0
    assert app.sql("SELECT provider FROM short WHERE id = 'gpt-test'") == [("openai",)]


@WHERE_TYPES_BIND
def test_a_column_that_has_moved_stops_a_publish_until_that_is_accepted(worker: App) -> None:
    alter = {"postgresql": "ALTER max_output TYPE BIGINT", "mysql": "MODIFY max_output BIGINT NOT NULL"}[worker.kind]
    worker.sql(f"ALTER TABLE models {alter}")
    result = worker.publish()
    assert result.code == 4
    assert "models.max_output was INTEGER" in result.stderr
    assert worker.publish("--accept", "schema-drift").code == 0
    worker.nothing_is_left()
