"""Each preset on the tables of the application that it is for; taking a publish back; trying one beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_publish import MAPPING, WORKER, App, app, as_json, worker
from tests.conftest import Run

__all__ = ["app", "worker"]

MILLION = """
CREATE TABLE ai_models (
  id {serial}, name VARCHAR(191) NOT NULL, display_name VARCHAR(255), provider VARCHAR(64), model_id VARCHAR(191),
  context_window INTEGER, max_tokens INTEGER, input_price_per_million DECIMAL(10,4),
  output_price_per_million DECIMAL(10,4), supports_vision BOOLEAN, supports_functions BOOLEAN,
  is_active BOOLEAN DEFAULT TRUE)
"""
PROVIDERS_FK = (
    """
CREATE TABLE ai_providers (
  id {serial}, name VARCHAR(64) NOT NULL UNIQUE, display_name VARCHAR(255) NOT NULL,
  provider_class VARCHAR(64) NOT NULL, api_base_url VARCHAR(255), required_env_vars {json}, features {json},
  pricing {json}, is_builtin BOOLEAN)
""",
    """
CREATE TABLE ai_models (
  id {serial}, name VARCHAR(191) NOT NULL, display_name VARCHAR(255), provider_id INTEGER REFERENCES ai_providers (id),
  model_id VARCHAR(191), context_window INTEGER, max_tokens INTEGER, is_active BOOLEAN)
""",
)
ORG_1K = (
    "CREATE TABLE organizations (id VARCHAR(36) PRIMARY KEY)",
    "INSERT INTO organizations VALUES ('org-a'), ('org-b')",
    """
CREATE TABLE ai_providers (
  id {serial}, organization_id VARCHAR(36) REFERENCES organizations (id), name TEXT NOT NULL,
  provider_type TEXT NOT NULL, api_key_encrypted TEXT, endpoint TEXT, settings {json}, is_enabled BOOLEAN DEFAULT true,
  health_status VARCHAR(20) DEFAULT 'unknown', updated_at {datetime})
""",
    """
CREATE TABLE ai_models (
  id {serial}, provider_id INTEGER REFERENCES ai_providers (id), organization_id VARCHAR(36), model_id TEXT NOT NULL,
  name TEXT NOT NULL, version TEXT, type TEXT NOT NULL, capabilities {json}, config {json},
  cost_per_1k_tokens DECIMAL(10, 6), max_tokens INTEGER, is_enabled BOOLEAN DEFAULT true, updated_at {datetime})
""",
)


def under_a_prefix(app: App, preset: str) -> None:
    """A mapping of the preset, for an application whose tables have the names that modelctl wants for its own.

    Its tables are elsewhere: modelctl's own are filled under the prefix that a settings file gives.
    """
    app.mapping(f'preset = "{preset}"\n', preset)


@pytest.fixture
def apart(app: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """An application with its own database beside modelctl's, so that both may have a table ai_models."""
    for table in ("ai_model_prices", "ai_model_state", "ai_models", "ai_provider_credentials", "ai_providers"):
        app.sql(f"ALTER TABLE {table} RENAME TO modelctl_{table.removeprefix('ai_')}")
    for table in ("ai_sync_runs", "ai_changes", "ai_holds", "ai_leases", "ai_modelctl_version"):
        app.sql(f"ALTER TABLE {table} RENAME TO modelctl_{table.removeprefix('ai_')}")
    Path("modelctl.toml").write_text('table_prefix = "modelctl_"\n', encoding="utf-8")
    return app


def test_the_table_with_prices_per_million(apart: App) -> None:
    apart.create(MILLION)
    apart.sql("INSERT INTO ai_models (name, provider, model_id) VALUES ('GPT-5', 'openai', 'gpt-5')")
    under_a_prefix(apart, "million")
    result = apart.publish(name="million")
    assert result.code == 0, result.stderr
    columns = "provider, name, input_price_per_million, supports_vision, supports_functions"
    rows = {row[0]: row[1:] for row in apart.sql(f"SELECT model_id, {columns} FROM ai_models")}
    assert rows["gpt-test"] == ("openai", "gpt-test", 2, 1, 1)
    assert rows["claude-test-5"][4] == 0, "this table has no NULL for what nobody states"
    assert apart.told(name="million")["strangers"] == ["gpt-5"], "a placeholder is reported"
    apart.nothing_is_left("million")


def test_the_table_whose_models_refer_to_providers(apart: App) -> None:
    for ddl in PROVIDERS_FK:
        apart.create(ddl)
    under_a_prefix(apart, "providers-fk")
    result = apart.publish(name="providers-fk")
    assert result.code == 0, result.stderr
    joined = "SELECT m.model_id, p.name, p.provider_class FROM ai_models m JOIN ai_providers p ON p.id = m.provider_id"
    assert ("gpt-test", "openai", "OpenAIProvider") in apart.sql(joined)
    assert apart.publish("--exit-code", name="providers-fk").code == 0


def test_the_tables_of_many_organizations(apart: App) -> None:
    for ddl in ORG_1K:
        apart.create(ddl)
    under_a_prefix(apart, "org-1k")
    result = apart.publish(name="org-1k")
    assert result.code == 0, result.stderr
    rows = apart.sql(
        "SELECT organization_id, type, cost_per_1k_tokens, capabilities FROM ai_models WHERE model_id = 'gpt-test'"
    )
    assert sorted((org, kind, float(cost), as_json(can)) for org, kind, cost, can in rows) == [
        ("org-a", "multimodal", 0.002, ["vision", "tools"]),
        ("org-b", "multimodal", 0.002, ["vision", "tools"]),
    ]
    apart.sql("UPDATE ai_models SET name = 'ours' WHERE organization_id = 'org-a' AND model_id = 'gpt-test'")
    tables = json.loads(apart.publish("--json", name="org-1k").stdout)["tables"]
    assert {(each["tenant"], len(each["protected"])) for each in tables if each["table"] == "ai_models"} == {
        ("org-a", 1),
        ("org-b", 0),
    }
    assert apart.publish("--exit-code", name="org-1k").code == 0


ENGIFY = """
CREATE TABLE ai_models (
  {q}id{q} VARCHAR(191) NOT NULL, provider VARCHAR(64) NOT NULL, name VARCHAR(191), {q}displayName{q} VARCHAR(255),
  status VARCHAR(20) CHECK (status IN ('active', 'deprecated')), capabilities {json}, {q}contextWindow{q} INTEGER,
  {q}maxOutputTokens{q} INTEGER, {q}costPer1kInputTokens{q} DOUBLE PRECISION,
  {q}costPer1kOutputTokens{q} DOUBLE PRECISION,
  {q}inputCostPer1M{q} DOUBLE PRECISION, {q}outputCostPer1M{q} DOUBLE PRECISION, {q}supportsStreaming{q} BOOLEAN,
  {q}supportsJSON{q} BOOLEAN, {q}supportsVision{q} BOOLEAN, recommended BOOLEAN, tier VARCHAR(20),
  {q}isAllowed{q} BOOLEAN, tags {json}, {q}replacementModel{q} VARCHAR(191), {q}createdAt{q} {datetime},
  {q}updatedAt{q} {datetime}, PRIMARY KEY (provider, {q}id{q}))
"""


def test_the_table_with_names_in_camel_case(apart: App) -> None:
    quote = "`" if apart.kind == "mysql" else '"'
    apart.create(ENGIFY.replace("{q}", quote))
    under_a_prefix(apart, "engify")
    result = apart.publish(name="engify")
    assert result.code == 0, result.stderr
    columns = ", ".join(f"{quote}{each}{quote}" for each in ("costPer1kInputTokens", "inputCostPer1M", "status"))
    assert apart.sql(f"SELECT {columns} FROM ai_models WHERE {quote}id{quote} = 'gpt-test'") == [(0.002, 2.0, "active")]
    apart.nothing_is_left("engify")


def test_the_worker_table_by_its_preset_and_what_the_file_states_wins(app: App) -> None:
    app.create(WORKER)
    app.mapping('preset = "d1-models"\n[[table]]\ntable = "models"\n[table.columns]\nname = "model_id"\n', "d1-models")
    assert app.publish(name="d1-models").code == 0
    assert ("gpt-test", "openAI") in app.sql("SELECT name, endpoint_type FROM models")
    app.nothing_is_left("d1-models")


def undo(app: App, run_id: str, *argv: str) -> Any:
    return app.run("runs", "undo", run_id, *argv, "--database", app.url)


def test_a_publish_is_taken_back_row_by_row(app: App) -> None:
    app.create(WORKER)
    app.mapping(MAPPING)
    first = json.loads(app.publish("--json").stdout)["run"]
    app.sql("UPDATE models SET name = 'touched' WHERE model_id = 'gpt-older'")
    assert app.run("set", "openai/gpt-test", "max_output_tokens=50000", "--database", app.url).code == 0
    second = json.loads(app.publish("--json").stdout)["run"]
    assert undo(app, second).code == 0
    assert app.sql("SELECT max_output FROM models WHERE model_id = 'gpt-test'") == [(32_768,)]
    assert 50_000 in {each["offered"] for each in app.told()["protected"]}, "what came back is a person's"
    assert undo(app, first, "--dry-run").code == 5
    assert app.sql("SELECT COUNT(*) FROM models") == [(3,)]
    assert undo(app, first).code == 5
    assert app.sql("SELECT model_id FROM models") == [("gpt-older",)], "a row that was touched stays"
    assert undo(app, first).code == 6


def test_a_persons_cell_is_given_back_knowingly(worker: App) -> None:
    worker.sql("UPDATE models SET name = 'Our best' WHERE model_id = 'gpt-test'")
    given = worker.run("publish", "adopt", "worker", "gpt-test", "name", "--database", worker.url)
    assert given.stdout == "models: gpt-test: name\n", given.stderr
    assert worker.told()["changes"][0]["cells"] == {"name": {"before": "Our best", "after": "GPT Test"}}
    worker.nothing_is_left()


def test_a_check_tries_everything_and_keeps_nothing(app: App) -> None:
    app.create(WORKER)
    app.mapping(MAPPING)
    result = app.run("publish", "check", "worker", "--database", app.url)
    assert (result.code, "3 rows wanted" in result.stdout) == (0, True), result.stdout + result.stderr
    assert app.sql("SELECT COUNT(*) FROM models") == [(0,)]
    app.sql("ALTER TABLE models ADD COLUMN owner VARCHAR(9) NOT NULL DEFAULT 'x' CHECK (owner <> 'x')")
    result = app.run("publish", "check", "worker", "--json", "--database", app.url)
    assert result.code == 3
    [table] = json.loads(result.stdout)["tables"]
    assert table["findings"], "a CHECK that refuses a row is found before the first publish"
    status: Any = json.loads(app.run("publish", "status", "--json", "--database", app.url).stdout)
    assert status["tables"] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_row_security_is_refused_unless_the_mapping_says_who_asks(app: App) -> None:
    role = "modelctl_publish_reader"
    app.create(WORKER)
    app.sql("ALTER TABLE models ADD COLUMN org TEXT DEFAULT current_setting('app.org', true)")
    app.sql("ALTER TABLE models ENABLE ROW LEVEL SECURITY")
    app.sql("ALTER TABLE models FORCE ROW LEVEL SECURITY")
    app.sql("CREATE POLICY by_org ON models USING (org = current_setting('app.org', true))")
    app.sql(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    app.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    app.sql(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
    app.sql(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    app.mapping(MAPPING)
    owner, app.url = app.url, app.url.replace("postgres@", f"{role}@")
    result = app.publish()
    assert (result.code, "row-level security" in result.stderr) == (4, True), result.stderr
    app.mapping(MAPPING.replace("[[table]]", 'session = { "app.org" = "acme" }\n[[table]]'))
    assert app.publish().code == 0
    app.nothing_is_left()
    assert app.query(owner, "SELECT DISTINCT org FROM models") == [("acme",)]


def test_presets_are_listed_and_printed(run: Run) -> None:
    listed = json.loads(run("publish", "presets", "--json").stdout)["presets"]
    assert {each["name"] for each in listed} == {"million", "providers-fk", "org-1k", "engify", "d1-models"}
    assert 'table = "models"' in run("publish", "presets", "d1-models").stdout
    assert run("publish", "presets", "nope").code == 2
