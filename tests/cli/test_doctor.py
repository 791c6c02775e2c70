"""`doctor` on real databases: everything that can go stale, go missing or go wrong is said, with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run
from tests.databases import SERVERS
from tests.loopback import ProviderServer

Sync = Callable[..., Result]
Doctor = Callable[..., dict[str, Any]]
CATALOG = ("--source", "catalog", "--provider", "xai")


@pytest.fixture
def doctor(run: Run) -> Doctor:
    """The JSON of `modelctl doctor`, its checks by name."""

    def look(url: str, *argv: str, **kwargs: Any) -> dict[str, Any]:
        result = run("doctor", "--json", "--database", url, *argv, **kwargs)
        document = json.loads(result.stdout)
        assert result.code == (0 if document["ok"] else 3), result.stderr
        return document | {"checks": {each["name"]: each for each in document["checks"]}}

    return look


def problems(document: dict[str, Any], name: str) -> dict[str, str]:
    """Subject -> problem of one check; each has a remedy."""
    findings = document["checks"][name]["findings"]
    assert all(each["remedy"] for each in findings)
    return {each["subject"]: each["problem"] for each in findings}


def healthy(url: str, sync: Sync, query: Query) -> None:
    """xAI from the catalog, without what really ends soon."""
    assert sync(url, *CATALOG).code == 0
    query(url, "UPDATE ai_models SET is_enabled = false WHERE retires_on IS NOT NULL OR status = 'retired'")
    query(url, "UPDATE ai_models SET replacement = NULL")


def test_what_went_wrong_is_found_and_nothing_is_left_behind(
    database_url: str, sync: Sync, query: Query, doctor: Doctor
) -> None:
    healthy(database_url, sync, query)
    now = NOW if database_url.startswith("sqlite") else datetime.now(UTC)
    before = doctor(database_url, "--max-age", "99999d", now=now)
    statuses = {name: each["status"] for name, each in before["checks"].items()}
    if database_url.startswith("sqlite"):
        assert set(statuses.values()) == {"ok"}, before
        assert before["ok"]
    assert {statuses[name] for name in ("database", "permissions", "keys", "leases", "unknown_rows")} == {"ok"}
    assert "xai" in before["checks"]["keys"]["note"]
    keys = [key for (key,) in query(database_url, "SELECT model_id FROM ai_models WHERE is_enabled ORDER BY 1")]
    bare, gone, circle = keys[:3]
    query(
        database_url,
        "INSERT INTO ai_models (provider, model_id, status, is_enabled, created_at, updated_at)"
        " VALUES ('xai', 'gpt-9-turbo', 'active', true, '2026-11-20 00:00:00', '2026-11-20 00:00:00')",
    )
    query(database_url, "DELETE FROM ai_model_prices WHERE model_id = :id", id=bare)
    columns = ("input", "output", "cache_read", "cache_write")
    nothing = ", ".join(f"{name}_price_per_mtok = NULL" for name in columns)
    query(database_url, f"UPDATE ai_models SET {nothing} WHERE model_id = :id", id=bare)
    query(database_url, "UPDATE ai_models SET status = 'retired' WHERE model_id = :id", id=gone)
    query(database_url, "UPDATE ai_models SET replacement = model_id WHERE model_id = :id", id=circle)
    query(database_url, "UPDATE ai_models SET replacement = 'nowhere' WHERE model_id = :id", id=bare)
    query(
        database_url,
        "INSERT INTO ai_leases VALUES ('write', 'run-1', 'bob', 'sync', '2026-11-20', '2026-11-20', 1)"
        if not database_url.startswith("sqlite")
        else "INSERT INTO ai_leases VALUES"
        " ('write', 'run-1', 'bob', 'sync', '2026-11-20 00:00:00', '2026-11-20 00:00:00', 1)",
    )
    after = doctor(database_url, "--max-age", "99999d", now=max(now, NOW))
    assert problems(after, "prices").keys() == {f"xai/{bare}", "xai/gpt-9-turbo"}
    assert problems(after, "lifecycle") == {f"xai/{gone}": "it is enabled, and retired"}
    assert problems(after, "successors").keys() == {f"xai/{circle}", f"xai/{bare}"}
    assert "goes in a circle" in problems(after, "successors")[f"xai/{circle}"]
    assert problems(after, "unknown_rows").keys() == {"xai/gpt-9-turbo"}
    assert "run-1 of bob" in problems(after, "leases")["write"]
    for table in ("ai_providers", "ai_models", "ai_model_state", "ai_changes", "ai_sync_runs", "ai_leases", "ai_holds"):
        column = {"ai_providers": "name", "ai_changes": "entity_key", "ai_leases": "name"}.get(table, "provider")
        assert query(database_url, f"SELECT COUNT(*) FROM {table} WHERE {column} = 'modelctl-doctor'") == [(0,)]


def test_a_first_sync_leaves_warnings_that_only_strict_counts(sqlite_url: str, sync: Sync, run: Run) -> None:
    """Models end in the days after NOW; nobody has chosen one of them, until somebody switches one on."""
    assert sync(sqlite_url, "--source", "catalog", "--provider", "openai", "--provider", "google").code == 0
    look = ("doctor", "--json", "--database", sqlite_url)
    first = run(*look)
    lifecycle = {each["name"]: each for each in json.loads(first.stdout)["checks"]}["lifecycle"]
    assert (first.code, lifecycle["status"]) == (0, "warnings")
    assert run(*look, "--strict").code == 3
    ending = lifecycle["findings"][0]["subject"]
    assert run("disable", ending, "--database", sqlite_url).code == 0
    assert run("enable", ending, "--database", sqlite_url).code == 0
    chosen = run(*look)
    lifecycle = {each["name"]: each for each in json.loads(chosen.stdout)["checks"]}["lifecycle"]
    assert (chosen.code, lifecycle["status"]) == (3, "findings")
    assert [each["subject"] for each in lifecycle["findings"] if not each["is_warning"]] == [ending]


def test_a_price_column_that_differs_from_the_ledger_is_found(
    database_url: str, sync: Sync, query: Query, doctor: Doctor
) -> None:
    """A day on which an announced price has come into force and no sync was run; a person's column is a warning."""
    assert sync(database_url, "--source", "catalog", "--provider", "google").code == 0
    assert problems(doctor(database_url, "--max-age", "9999d"), "ledger") == {}
    late = doctor(database_url, "--max-age", "9999d", now=datetime(2026, 12, 2, tzinfo=UTC))
    argon = "google/gemini-4-argon"
    told = {each["problem"] for each in late["checks"]["ledger"]["findings"] if each["subject"] == argon}
    assert "its input_price_per_mtok is 2, and the ledger says 4" in told
    query(database_url, "UPDATE ai_models SET input_price_per_mtok = 77 WHERE model_id = 'gemini-4-argon'")
    [edited] = doctor(database_url, "--max-age", "9999d")["checks"]["ledger"]["findings"]
    assert (edited["subject"], edited["is_warning"]) == (argon, True)
    assert "is 77, and the ledger says 2" in edited["problem"]


@pytest.mark.parametrize(
    ("damage", "gone"),
    [
        ("DROP TABLE ai_holds", "table ai_holds"),
        ("ALTER TABLE ai_models RENAME COLUMN family TO kin", "column ai_models.family"),
    ],
)
def test_a_table_or_a_column_that_was_dropped_is_named(
    damage: str, gone: str, database_url: str, sync: Sync, query: Query, doctor: Doctor, run: Run
) -> None:
    assert sync(database_url, *CATALOG).code == 0
    assert run("db", "status", "--exit-code", "--database", database_url).code == 0
    query(database_url, damage)
    found = doctor(database_url)
    assert problems(found, "database").keys() == {gone}
    assert found["checks"]["prices"]["status"] == "not_run"
    status = run("db", "status", "--exit-code", "--database", database_url)
    assert (status.code, gone in status.stdout) == (3, True)


def test_runs_that_are_too_old_or_failed_are_found(
    sqlite_url: str, sync: Sync, query: Query, doctor: Doctor, provider_server: ProviderServer
) -> None:
    env = provider_server.env("openai")
    assert sync(sqlite_url, "--provider", "openai", env=env).code == 0
    assert problems(doctor(sqlite_url, env=env), "runs") == {}
    late = doctor(sqlite_url, env=env, now=NOW + timedelta(hours=27))
    assert problems(late, "runs") == {"openai": "its last complete run was 27 h ago, more than 26 h"}
    assert problems(doctor(sqlite_url, "--max-age", "2d", env=env, now=NOW + timedelta(hours=27)), "runs") == {}
    wrong = env | {name: "not-the-key-0001" for name in env if name.endswith("_KEY")}
    assert sync(sqlite_url, "--provider", "openai", env=wrong, now=NOW + timedelta(hours=1)).code == 5
    failed = problems(doctor(sqlite_url, env=env, now=NOW + timedelta(hours=2)), "runs")["openai"]
    assert failed.startswith("its last run, 1 h ago, was partial: openai: ")
    assert failed.endswith("the last complete one was 2 h ago")
    assert "not-the-key-0001" not in failed
    gone = problems(doctor(sqlite_url, now=NOW + timedelta(hours=2)), "keys")["openai"]
    assert gone.startswith("its key is gone: its API was asked on 2026-11-21")
    assert problems(doctor(sqlite_url, now=NOW + timedelta(days=40)), "keys") == {}
    early = doctor(sqlite_url, env=env, now=NOW - timedelta(days=3000))
    assert any("the last run began at" in each["problem"] for each in early["checks"]["clock"]["findings"])
    assert any("a catalog was verified" in each["problem"] for each in early["checks"]["clock"]["findings"])
    stale = doctor(sqlite_url, env=env, now=NOW + timedelta(days=200))
    assert "days ago" in problems(stale, "catalogs")["openai"]


@pytest.fixture
def reader_url(database_url: str) -> Iterator[str]:
    """The database as a PostgreSQL role sees it that may only read, but for one right."""
    url = make_url(database_url)
    if url.get_backend_name() != "postgresql":
        pytest.skip("roles are tried on PostgreSQL")
    name = f"reader_{url.database}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'canary-pw-0001'"))
    try:
        yield url.set(username=name, password="canary-pw-0001").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP OWNED BY {name}"))
            connection.execute(text(f"DROP ROLE {name}"))
        engine.dispose()


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_rights_that_are_missing_are_named_by_table(
    database_url: str, reader_url: str, sync: Sync, query: Query, doctor: Doctor, run: Run
) -> None:
    assert "postgresql" in SERVERS
    healthy(database_url, sync, query)
    role = make_url(reader_url).username
    unreadable = doctor(reader_url)
    assert unreadable["checks"]["permissions"]["status"] == "not_run"
    assert "permission denied" in str(unreadable["checks"]["database"]["findings"])
    query(database_url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    query(database_url, f"GRANT INSERT ON ai_changes TO {role}")
    findings = doctor(reader_url)["checks"]["permissions"]["findings"]
    refused = [(each["subject"], each["problem"].split()[0]) for each in findings]
    assert ("ai_models", "INSERT") in refused
    assert ("ai_models", "UPDATE") in refused
    assert ("ai_models", "DELETE") in refused
    assert "ai_changes" not in dict(refused)
    assert "canary-pw-0001" not in run("doctor", "--database", reader_url).stdout


def test_a_file_that_cannot_be_written_is_a_finding(sqlite_url: str, sync: Sync, query: Query, doctor: Doctor) -> None:
    healthy(sqlite_url, sync, query)
    path = make_url(sqlite_url).database
    found = doctor(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert "readonly" in str(problems(found, "permissions"))
    assert found["checks"]["database"]["status"] == "ok"


def test_one_table_that_refuses_is_told_from_the_others(
    sqlite_url: str, sync: Sync, query: Query, doctor: Doctor
) -> None:
    healthy(sqlite_url, sync, query)
    query(sqlite_url, "ALTER TABLE ai_holds RENAME TO kept")
    query(sqlite_url, "CREATE VIEW ai_holds AS SELECT * FROM kept")  # in which nothing can be written
    assert problems(doctor(sqlite_url), "permissions").keys() == {"ai_holds"}


def test_no_database_leaves_no_check_silently_ok(sqlite_url: str, doctor: Doctor, run: Run) -> None:
    found = doctor(sqlite_url)
    statuses = {name: each["status"] for name, each in found["checks"].items()}
    assert statuses.pop("database") == "findings"
    assert statuses.pop("catalogs") == "ok"
    assert set(statuses.values()) == {"not_run"}
    shown = run("doctor", "--database", "postgresql://me:canary-pw-0001@127.0.0.1:1/shop")
    assert shown.code == 3
    assert "Connection refused" in shown.stdout
    assert "not run: the database cannot be read" in shown.stdout
    assert "canary-pw-0001" not in shown.stdout + shown.stderr


def test_broken_values_and_catalogs_are_findings_of_their_own(
    sqlite_url: str, sync: Sync, query: Query, doctor: Doctor, tmp_path: Any
) -> None:
    healthy(sqlite_url, sync, query)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "xai.toml").write_text("[provider]\nnonsense = 1\n")
    found = doctor(sqlite_url, "--catalog", str(tmp_path / "own"))
    assert "nonsense" in str(problems(found, "catalogs"))
    assert found["checks"]["unknown_rows"]["reason"] == "the catalogs cannot be read"
    assert found["checks"]["permissions"]["status"] == "ok"
    query(sqlite_url, "UPDATE ai_models SET created_at = 'soon'")
    assert "created_at" in str(problems(doctor(sqlite_url), "database"))


def test_a_table_cuts_long_lists_and_says_so(sqlite_url: str, sync: Sync, query: Query, run: Run) -> None:
    healthy(sqlite_url, sync, query)
    for number in range(15):
        query(
            sqlite_url,
            "INSERT INTO ai_models (provider, model_id, status, is_enabled, created_at, updated_at) VALUES"
            " ('xai', :id, 'active', false, '2026-11-20 00:00:00.000000', '2026-11-20 00:00:00.000000')",
            id=f"made-up-{number:02}",
        )
    result = run("doctor", "--database", sqlite_url)
    assert result.code == 3
    assert "unknown rows  15 findings" in result.stdout
    assert "  and 5 more (--format json has all)" in result.stdout
    assert result.stdout.count("if it is a placeholder, `modelctl remove` it") == 1


def test_a_duration_that_is_none_is_wrong_usage(run: Run, sqlite_url: str) -> None:
    assert run("doctor", "--database", sqlite_url, "--max-age", "soon").code == 2


def test_a_checkup_of_one_provider_tells_nothing_of_others(
    sqlite_url: str, sync: Sync, query: Query, doctor: Doctor, run: Run
) -> None:
    assert sync(sqlite_url, "--provider", "deepseek,xai", "--source", "catalog").code == 0
    query(sqlite_url, "UPDATE ai_models SET input_price_per_mtok = 77")
    both = problems(doctor(sqlite_url), "ledger")
    assert {each.partition("/")[0] for each in both} == {"deepseek", "xai"}
    one = problems(doctor(sqlite_url, "xai"), "ledger")
    assert one == {subject: problem for subject, problem in both.items() if subject.startswith("xai/")}
    assert "did you mean xai?" in run("doctor", "-p", "xia", "--database", sqlite_url).stderr
