"""No password is ever shown, however it is written in the URL, and which broken rules mean a stale plan."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from modelctl.db.engine import Database
from modelctl.errors import ExitCode, StalePlan, StoreError, UsageError
from tests.db.writing import creation, plan_of, write

SERVER = "mysql+pymysql"


@pytest.mark.parametrize("password", ["s3cr@t/pw", "s3cr/pw", "s3cr@pw", "s3cr@pw?x=1", "s3cr:pw/x"])
@pytest.mark.parametrize("rest", ["127.0.0.1:1/x", "127.0.0.1/x?charset=utf8mb4", "localhost"])
def test_a_url_with_an_unquoted_password_is_refused(password: str, rest: str) -> None:
    with pytest.raises(UsageError) as failed:
        Database(f"{SERVER}://root:{password}@{rest}")
    assert failed.value.exit_code is ExitCode.USAGE
    assert "percent-encode the password" in failed.value.hint
    assert "s3cr" not in str(failed.value)
    assert "pw" not in str(failed.value)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (f"{SERVER}://root:s3cr%40t%2Fpw@127.0.0.1:1/x", f"{SERVER}://root:***@127.0.0.1:1/x"),
        (f"{SERVER}://root:a:b?c@h/x", f"{SERVER}://root:***@h/x"),
        (f"{SERVER}://h/x?user=u&password=s3cret", f"{SERVER}://h/x?user=u&password=***"),
        (f"{SERVER}://u@h/x?init_command=a%40b", f"{SERVER}://u@h/x?init_command=a%40b"),
        ("sqlite:///C:/Users/a@b/models.db", "sqlite:///C:/Users/a@b/models.db"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_the_label_shows_all_but_the_password(url: str, label: str) -> None:
    assert Database(url).label == label


@pytest.mark.parametrize("said", ["s3cr@t/pw", "s3cr%40t%2Fpw"])
def test_what_a_driver_says_is_shown_without_the_password(said: str) -> None:
    database = Database(f"{SERVER}://root:s3cr%40t%2Fpw@h/x")

    def work(_connection: Connection) -> None:
        raise OperationalError("SELECT 1", {}, sqlite3.OperationalError(f"no host {said} for root"))

    database._write_once = lambda work: work(None)  # type: ignore[method-assign,arg-type]
    with pytest.raises(StoreError) as failed:
        database.write(work)
    assert "no host *** for root" in str(failed.value)
    assert "s3cr" not in str(failed.value)


BROKEN: dict[str, tuple[str, type[Exception]]] = {
    "unique": ("INSERT INTO ai_providers (name, {}) SELECT name, {} FROM ai_providers", StalePlan),
    "not null": ("UPDATE ai_providers SET display_name = NULL", StoreError),
    "foreign key": ("UPDATE ai_models SET provider = 'nowhere'", StoreError),
}
COLUMNS = "display_name, kind, is_builtin, is_enabled, health_status, created_at, updated_at"


@pytest.mark.parametrize("name", BROKEN)
def test_only_a_row_that_is_there_already_makes_a_plan_stale(database: Database, name: str) -> None:
    write(database, plan_of(creation("one")))
    statement, kind = BROKEN[name]

    with pytest.raises((StalePlan, StoreError)) as failed:
        database.write(lambda connection: connection.execute(text(statement.format(COLUMNS, COLUMNS))))
    assert type(failed.value) is kind
    assert failed.value.hint
    assert "nothing was changed" not in str(failed.value)
    assert "\n" not in str(failed.value)
