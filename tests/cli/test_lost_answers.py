"""A connection that breaks right after COMMIT: the database has it all, and a second try doubles nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result, Run, database_of_kind
from tests.databases import SERVERS
from tests.loopback import ProviderServer, openai_item

Sync = Callable[..., Result]
LISTED = ("--provider", "openai", "--source", "api")
RUNS = "SELECT outcome, created FROM ai_sync_runs WHERE command = :command ORDER BY created"


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS])
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database on each kind of server: a SQLite file has no connection to lose."""
    with database_of_kind(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The next time that a provider is written (between taking the lock and giving it back) the answer is lost."""
    commit = DefaultDialect.do_commit

    def arm() -> None:
        count = 0

        def committed(dialect: Any, connection: Any) -> None:
            nonlocal count
            count += 1
            commit(dialect, connection)
            if count == 2:
                connection.dbapi_connection.close()
                raise dialect.loaded_dbapi.OperationalError(2013, "Lost connection to the server")

        monkeypatch.setattr(DefaultDialect, "do_commit", committed)

    return arm


def test_a_lost_answer_makes_no_sync_apply_or_undo_do_it_twice(
    server_url: str,
    run: Run,
    sync: Sync,
    query: Query,
    provider_server: ProviderServer,
    lost_answer: Callable[[], None],
    tmp_path: Path,
) -> None:
    env = provider_server.env("openai") | {"DATABASE_URL": server_url}
    ids = [f"test-{number:02}" for number in range(12)]
    provider_server.models["openai"] = [openai_item(each) for each in ids]
    assert sync(server_url, *LISTED, env=env).code == 0

    provider_server.models["openai"] = [openai_item(each) for each in [*ids[1:], "test-new"]]
    lost_answer()
    result = sync(server_url, *LISTED, "--json", env=env, now=NOW + timedelta(hours=1))
    assert result.code == 0, result.stderr
    assert report_of(result)["providers"]["openai"]["outcome"] == "applied"
    assert query(server_url, RUNS, command="sync") == [("applied", 1), ("applied", 12)]
    missed = "SELECT absences FROM ai_model_state WHERE model_id = 'test-00'"
    assert query(server_url, missed) == [(1,)]
    assert query(server_url, "SELECT status FROM ai_models WHERE model_id = 'test-00'") == [("active",)]

    lost_answer()
    undone = run("runs", "undo", "last", "--json", env=env, now=NOW + timedelta(hours=2))
    assert undone.code == 0, undone.stdout + undone.stderr
    assert query(server_url, RUNS, command="runs undo") == [("applied", 0)]

    file = str(tmp_path / "plan.json")
    assert (
        run(
            "plan", "openai", "--source", "api", "-o", file, "--recreate", "all", env=env, now=NOW + timedelta(hours=3)
        ).code
        == 0
    )
    lost_answer()
    applied = run("apply", file, "--json", env=env, now=NOW + timedelta(hours=4))
    assert applied.code == 0, applied.stdout + applied.stderr
    assert query(server_url, RUNS, command="apply") == [("applied", 1)]
