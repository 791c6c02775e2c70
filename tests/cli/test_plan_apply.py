"""`plan` and `apply`: what was reviewed is what is written, or nothing is; and SQL that does the same by hand."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.databases import empty_database

Plan = Callable[..., Result]

NASTY = 'It\'s \\\\ 100 %% :name \\"q\\" é 🚀 -- ; $1 %s'
NASTY_ID = 'It\'s \\ 100 %% :name "q" é 🚀 -- ; $1 %s'
ACME = """
[provider]
display_name = "Acme's \\\\ %s :x"
env_vars = ["ACME_API_KEY"]

[[model]]
id = "one"
display_name = "{name}"
type = "chat"
vision = true
input_modalities = ["text"]
aliases = ["a'b\\\\c%"]
context_window = {window}
released_on = 2026-01-02
prices = [{{ input = {price}, output = 2.000000001 }}]

[[model]]
id = "{name}"
type = "chat"
"""
BETA = '[provider]\ndisplay_name = "Beta"\n\n[[model]]\nid = "b"\ntype = "chat"\ncontext_window = {window}\n'
TABLES = {
    "ai_providers": "name",
    "ai_models": "provider, model_id",
    "ai_model_prices": "provider, model_id, kind, effective_from, revision",
    "ai_model_state": "provider, model_id",
    "ai_changes": "entity, entity_key, action",
    "ai_sync_runs": "provider, outcome",
}
LEFT_OUT = {"run", "command", "started_at", "finished_at"}


def write_catalogs(window: int = 1000, price: str = "1") -> None:
    Path("mine").mkdir(exist_ok=True)
    text = ACME.replace("vision = true\n", "").format(name=NASTY, window=window, price=price)
    Path("mine/acme.toml").write_text(text, encoding="utf-8")
    Path("mine/beta.toml").write_text(BETA.format(window=window))


@pytest.fixture
def plan(run: Run) -> Plan:
    """`plan(url, ...)` plans both providers of the overlay."""
    return lambda url, *argv, **kwargs: run(
        "plan", "acme", "beta", "--source", "catalog", "--catalog", "mine", "--database", url, *argv, **kwargs
    )


@pytest.fixture
def filled(run: Run) -> Callable[[str], str]:
    """A database with both providers as the first catalogs state them; the catalogs have moved on since."""

    def fill(url: str) -> str:
        write_catalogs()
        first = run(*sync_argv(url), "--migrate")
        assert first.code == 0, first.stdout + first.stderr
        write_catalogs(window=2000, price="1.5")
        return url

    return fill


def sync_argv(url: str) -> tuple[str, ...]:
    providers = ("--provider", "acme", "--provider", "beta")
    return ("sync", *providers, "--source", "catalog", "--catalog", "mine", "--database", url)


def contents(url: str) -> dict[str, list[Any]]:
    """All tables, without what tells one run from another."""
    found: dict[str, list[Any]] = {}
    for table, order in TABLES.items():
        engine = create_engine(url)
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {order}").mappings().all()
        engine.dispose()
        told = [{name: value for name, value in row.items() if name not in LEFT_OUT} for row in rows]
        found[table] = sorted(told, key=str) if table == "ai_sync_runs" else told
    return found


def run_script(url: str, script: str) -> None:
    """As a client of the database would: the whole text, or statement by statement where it takes only one."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database))
        connection.executescript(script)
        connection.close()
        return
    engine = create_engine(url)
    raw = engine.raw_connection()
    driver: Any = raw.driver_connection
    if parsed.get_backend_name() == "postgresql":
        driver.autocommit = True
        driver.execute(script)
    else:
        cursor = driver.cursor()
        for statement in script.split(";\n"):
            if any(line and not line.startswith("--") for line in statement.splitlines()):
                cursor.execute(statement)
    raw.close()
    engine.dispose()


def test_a_plan_that_is_applied_is_a_sync_and_so_is_its_sql(
    database_url: str, run: Run, plan: Plan, query: Query, tmp_path: Path
) -> None:
    backend = make_url(database_url).get_backend_name()
    kind = {"mysql": "mariadb"}.get(backend, backend)
    directories = [tmp_path / name for name in ("second", "third")]
    for each in directories:
        each.mkdir()
    with empty_database(kind, directories[0]) as second, empty_database(kind, directories[1]) as third:
        run("db", "upgrade", "--database", third)
        for window, price in ((1000, "1"), (2000, "1.5")):
            write_catalogs(window, price)
            synced = run(*sync_argv(database_url), "--migrate")
            assert synced.code == 0, synced.stdout + synced.stderr
            assert plan(second, "-o", "plan.json", "--exit-code").code == 3
            applied = run("apply", "plan.json", "--migrate", "--database", second)
            assert applied.code == 0, applied.stdout + applied.stderr
            script = plan(third, "--format", "sql")
            assert script.code == 0, script.stderr
            run_script(third, script.stdout)
            expected = contents(database_url)
            assert contents(second) == expected
            assert contents(third) == expected
        assert NASTY_ID in {row["model_id"] for row in expected["ai_models"]}
        assert {command for (command,) in query(third, "SELECT DISTINCT command FROM ai_changes")} == {"apply"}
        assert plan(third, "--exit-code").code == 0, "a sync after it finds nothing"


def test_sql_needs_tables(sqlite_url: str, plan: Plan) -> None:
    write_catalogs()
    early = plan(sqlite_url, "--format", "sql")
    assert (early.code, early.stdout) == (1, "")
    assert "run `modelctl db upgrade` first" in early.stderr


MOVES = {
    "an edit": "UPDATE ai_models SET display_name = 'Ours' WHERE model_id = 'b'",
    "a switch": "UPDATE ai_models SET is_enabled = NOT is_enabled WHERE model_id = 'b'",
    "a deleted row": "DELETE FROM ai_models WHERE model_id = 'b'",
    "a pin": "UPDATE ai_model_state SET pins = '[\"type\"]' WHERE model_id = 'b'",
    "a provider's address": "UPDATE ai_providers SET api_base_url = 'https://x.test' WHERE name = 'beta'",
    "a price": "INSERT INTO ai_model_prices SELECT 'beta', 'b', kind, unit, context_above, service_tier, hours_utc,"
    " effective_from, revision, amount, currency, effective_to, basis, source, run, recorded_at FROM ai_model_prices"
    " WHERE model_id = 'one' AND kind = 'input'",
}


@pytest.mark.parametrize("move", MOVES)
def test_a_row_that_moved_makes_the_plan_stale_and_no_provider_is_written(
    move: str, sqlite_url: str, run: Run, plan: Plan, query: Query, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    plan(sqlite_url, "-o", "plan.json")
    query(sqlite_url, MOVES[move])
    before = contents(sqlite_url)
    result = run("apply", "plan.json", "--database", sqlite_url)
    assert (result.code, result.stdout) == (6, ""), result.stderr
    assert "beta" in result.stderr
    assert contents(sqlite_url) == before


def test_a_stale_plan_is_refused_on_every_database_and_so_is_one_that_was_applied(
    database_url: str, run: Run, plan: Plan, query: Query, filled: Callable[[str], str]
) -> None:
    filled(database_url)
    plan(database_url, "-o", "plan.json")
    assert run("apply", "plan.json", "--database", database_url).code == 0
    before = contents(database_url)
    again = run("apply", "plan.json", "--database", database_url)
    assert again.code == 6
    assert "acme/one" in again.stderr
    assert contents(database_url) == before


def test_a_row_that_came_in_between_makes_the_creation_stale(
    sqlite_url: str, run: Run, plan: Plan, query: Query
) -> None:
    write_catalogs()
    run("db", "upgrade", "--database", sqlite_url)
    plan(sqlite_url, "-o", "plan.json")
    assert run(*sync_argv(sqlite_url)).code == 0
    before = contents(sqlite_url)
    result = run("apply", "plan.json", "--database", sqlite_url)
    assert result.code == 6
    assert "rows of the plan have changed" in result.stderr
    assert contents(sqlite_url) == before


def test_a_provider_that_a_guard_holds_is_planned_and_not_applied(
    sqlite_url: str, run: Run, plan: Plan, query: Query, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    write_catalogs(window=2000, price="9")
    assert plan(sqlite_url, "-o", "plan.json").code == 4
    applied = run("apply", "plan.json", "--database", sqlite_url)
    assert applied.code == 4, applied.stderr
    assert "acme/one" in applied.stdout
    windows = "SELECT model_id, context_window FROM ai_models WHERE model_id IN ('one', 'b') ORDER BY 1"
    assert query(sqlite_url, windows) == [("b", 2000), ("one", 1000)]
    held = json.loads(run("review", "list", "--json", "--database", sqlite_url).stdout)
    assert [(each["key"], each["guard"]) for each in held] == [("acme/one", "price-rise")]
    assert run("review", "accept", "acme/one", "--database", sqlite_url).code == 0
    assert plan(sqlite_url, "-o", "accepted.json").code == 0
    assert run("review", "decline", "acme/one", "--database", sqlite_url).code == 0
    stale = run("apply", "accepted.json", "--database", sqlite_url)
    assert (stale.code, "what was decided about its held values" in stale.stderr) == (6, True)
    assert run("review", "accept", "acme/one", "--database", sqlite_url).code == 0
    assert run("apply", "accepted.json", "--database", sqlite_url).code == 0
    assert query(sqlite_url, windows) == [("b", 2000), ("one", 2000)]


def test_a_plan_may_take_a_persons_value_and_bring_back_a_deleted_row(
    sqlite_url: str, run: Run, plan: Plan, query: Query, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    query(sqlite_url, "UPDATE ai_models SET context_window = 7 WHERE model_id = 'one'")
    query(sqlite_url, "DELETE FROM ai_models WHERE model_id = 'b'")
    taking = ("--take", "one:context_window", "--recreate", "b")
    assert plan(sqlite_url, "-o", "plan.json", *taking).code == 0
    assert run("apply", "plan.json", "--database", sqlite_url).code == 0
    windows = "SELECT model_id, context_window FROM ai_models WHERE model_id IN ('one', 'b') ORDER BY 1"
    assert query(sqlite_url, windows) == [("b", 2000), ("one", 2000)]


def test_a_plan_holds_no_secret_and_its_file_holds_the_format_asked_for(
    sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    env = {"ACME_API_KEY": "sk-canary-1", "OPENAI_API_KEY": "sk-canary-2"}
    shown = plan(sqlite_url, "-o", "plan.json", "--json", env=env)
    assert shown.stdout == ""
    piped, sql = plan(sqlite_url, "--json", env=env), plan(sqlite_url, "--format", "sql", env=env)
    assert piped.stdout.count("\n") == 1
    assert json.loads(piped.stdout)["providers"] == json.loads(Path("plan.json").read_text())["providers"]
    assert plan(sqlite_url, "--format", "sql", "-o", "plan.sql", env=env).stdout == ""
    statements = len(sql.stdout.splitlines())  # each names a run of its own
    assert len(Path("plan.sql").read_text().splitlines()) == statements > 5
    everything = shown.stderr + piped.stdout + Path("plan.json").read_text() + sql.stdout
    assert "canary" not in everything
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == [], "no half files"


@pytest.mark.parametrize("damage", ["", "{", "null", '{"version": 99}', "\x00", None])
def test_a_damaged_plan_is_refused_in_one_line(
    damage: str | None, sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    plan(sqlite_url, "-o", "plan.json")
    whole = Path("plan.json").read_text()
    Path("plan.json").write_text(whole[: len(whole) // 2] if damage is None else damage)
    result = run("apply", "plan.json", "--database", sqlite_url)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: plan.json")
    assert len(result.stderr.splitlines()) == 1


def test_a_plan_that_changes_nothing_may_be_applied_twice(
    sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    write_catalogs()
    plan(sqlite_url, "-o", "plan.json")
    for _ in range(2):
        result = run("apply", "plan.json", "--json", "--database", sqlite_url)
        assert result.code == 0
        assert {each["outcome"] for each in json.loads(result.stdout)["providers"]} == {"in_sync"}


def forged(name: str, change: Callable[[dict[str, Any]], object]) -> str:
    """The digest of a plan that somebody edited, and gave the digest of what it says now."""
    document = json.loads(Path(name).read_text())
    change(document)
    said = {key: value for key, value in document.items() if key not in ("digest", "seal")}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    Path(name).write_text(json.dumps(document))
    return document["digest"]


def enlarge(document: dict[str, Any]) -> None:
    [field] = document["providers"][1]["changes"][0]["fields"]
    field["new"] = 3000


def test_an_edited_plan_is_refused_by_its_digest_and_a_forged_one_by_its_seal(
    sqlite_url: str, run: Run, plan: Plan, query: Query, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    sealed = {"MODELCTL_SECRET_KEY": "h" * 43 + "="}
    made = plan(sqlite_url, "-o", "plan.json", env=sealed)
    digest = json.loads(Path("plan.json").read_text())["digest"]
    assert f"its digest is {digest}, sealed with the master key" in made.stderr
    Path("plan.json").write_text(Path("plan.json").read_text().replace("2000", "3000"))
    before = contents(sqlite_url)

    def apply(*argv: str, **env: str) -> tuple[int, str]:
        result = run("apply", "plan.json", *argv, "--database", sqlite_url, env=env)
        assert result.code == 0 or contents(sqlite_url) == before
        return result.code, result.stderr

    code, said = apply()
    assert (code, "plan.json: was edited after it was made" in said) == (2, True), said
    mine = forged("plan.json", enlarge)
    for argv, env, problem in (
        ((), sealed, "under another master key's seal"),
        (("--digest", digest), {}, f"its digest is {mine}, not the one of --digest"),
    ):
        code, said = apply(*argv, **env)
        assert (code, problem in said) == (2, True), said
    assert apply("--digest", mine, **sealed)[0] == 0, "whoever names the digest has looked at it"
    assert query(sqlite_url, "SELECT context_window FROM ai_models WHERE model_id = 'b'") == [(3000,)]


def test_a_plan_of_another_database_is_refused_unless_it_is_asked_for(
    sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str], tmp_path: Path
) -> None:
    filled(sqlite_url)
    plan(sqlite_url, "-o", "plan.json")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    Path(tmp_path / "other.db").write_bytes(Path(str(make_url(sqlite_url).database)).read_bytes())
    before = contents(other)
    refused = run("apply", "plan.json", "--database", other)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"error: the plan was made for {sqlite_url}, and this is {other}; ")
    assert contents(other) == before
    assert run("apply", "plan.json", "--database", other, "--any-database").code == 0


def test_guards_look_at_a_plan_again_when_it_is_applied(
    sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    plan(sqlite_url, "-o", "plan.json")  # 1 USD becomes 1.5
    before = contents(sqlite_url)
    refused = run("apply", "plan.json", "--database", sqlite_url, env={"MODELCTL_MAX_PRICE_RISE": "1.2"})
    assert (refused.code, refused.stdout) == (4, "")
    assert "error: guards now hold 1 change of the plan: acme/one (price-rise: " in refused.stderr
    assert contents(sqlite_url) == before
    write_catalogs(window=2000, price="9")
    assert plan(sqlite_url, "-o", "forced.json", "--force").code == 0
    assert run("apply", "forced.json", "--database", sqlite_url).code == 0, "what --force let pass is in the plan"


def test_a_forged_plan_cannot_call_an_end_an_update(
    sqlite_url: str, run: Run, plan: Plan, filled: Callable[[str], str]
) -> None:
    filled(sqlite_url)
    plan(sqlite_url, "-o", "plan.json")

    def end(document: dict[str, Any]) -> None:
        [field] = document["providers"][1]["changes"][0]["fields"]
        field |= {"name": "status", "old": "active", "new": "retired"}

    forged("plan.json", end)
    before = contents(sqlite_url)
    refused = run("apply", "plan.json", "--database", sqlite_url)
    assert (refused.code, refused.stdout) == (2, "")
    assert "the plan would update beta/b, but its fields do not fit" in refused.stderr
    assert contents(sqlite_url) == before
