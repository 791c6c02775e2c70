"""Opening databases and losing races on them: what passes is tried again, the rest is one line without a secret."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text

from modelctl.core.planning.plan import Plan
from modelctl.core.prices.price import PricePoint
from modelctl.db import connect as transactions
from modelctl.db import migrate as schema
from modelctl.db.engine import Database
from modelctl.errors import ExitCode, ModelctlError, StalePlan, StoreError, UsageError
from tests.db.writing import author, creation, everything, plan_of, sql, stored, stored_model, update, write

WAIT_S = 20


def _at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Runs each in a thread of its own; what they raised."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return errors


def _counters(database: Database) -> None:
    sql(database, "CREATE TABLE counters (name VARCHAR(10) PRIMARY KEY, n INTEGER NOT NULL)")
    sql(database, "INSERT INTO counters VALUES ('a', 0), ('b', 0)")


def test_both_sides_of_a_deadlock_are_applied(server: Database) -> None:
    _counters(server)
    meet = threading.Barrier(2)
    tries: list[str] = []

    def add(first: str, second: str) -> Callable[[], None]:
        def work(connection: Connection) -> None:
            tries.append(first)
            connection.execute(text("UPDATE counters SET n = n + 1 WHERE name = :name"), {"name": first})
            if tries.count(first) == 1:
                meet.wait(WAIT_S)
            connection.execute(text("UPDATE counters SET n = n + 1 WHERE name = :name"), {"name": second})

        return lambda: server.write(work)

    assert _at_once(add("a", "b"), add("b", "a")) == []
    assert sql(server, "SELECT n FROM counters ORDER BY name") == [(2,), (2,)]
    assert len(tries) > 2


@pytest.mark.server
def test_both_sides_of_a_serialization_failure_are_applied(postgresql: Database) -> None:
    _counters(postgresql)
    meet = threading.Barrier(2)
    tries: list[str] = []

    def add(reads: str, writes: str) -> Callable[[], None]:
        def work(connection: Connection) -> None:
            tries.append(reads)
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
            connection.execute(text("SELECT n FROM counters WHERE name = :name"), {"name": reads}).all()
            if tries.count(reads) == 1:
                meet.wait(WAIT_S)
            connection.execute(text("UPDATE counters SET n = n + 1 WHERE name = :name"), {"name": writes})

        return lambda: postgresql.write(work)

    assert _at_once(add("a", "b"), add("b", "a")) == []
    assert sql(postgresql, "SELECT n FROM counters ORDER BY name") == [(1,), (1,)]
    assert len(tries) > 2


@pytest.mark.server
def test_a_connection_that_the_server_ended_is_tried_again(postgresql: Database) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> int:
        tries.append(1)
        if len(tries) == 1:
            process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            sql(postgresql, f"SELECT pg_terminate_backend({process})")
        return int(connection.execute(text("SELECT 42")).scalar_one())

    assert postgresql.write(work) == 42
    assert len(tries) == 2


@pytest.mark.server
@pytest.mark.parametrize("is_fenced", [True, False], ids=["a sync", "an edit"])
def test_a_writer_that_stands_still_does_not_keep_its_locks(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch, is_fenced: bool
) -> None:
    monkeypatch.setattr(transactions, "IDLE_TIMEOUT_MS", 300)
    _counters(postgresql)
    add = text("UPDATE counters SET n = n + 1 WHERE name = 'a'")
    holds, is_over = threading.Event(), threading.Event()
    tries: list[int] = []

    def stand_still(connection: Connection) -> None:
        tries.append(1)
        connection.execute(add)
        holds.set()
        if len(tries) == 1:
            is_over.wait(WAIT_S)
        connection.execute(text("SELECT 1"))

    def pass_by() -> None:
        holds.wait(WAIT_S)
        postgresql.write(lambda connection: connection.execute(add))
        is_over.set()

    began = time.monotonic()
    database = postgresql.fenced(lambda _: None) if is_fenced else postgresql
    assert _at_once(lambda: database.write(stand_still), pass_by) == []
    assert time.monotonic() - began < WAIT_S / 2
    assert sql(postgresql, "SELECT n FROM counters WHERE name = 'a'") == [(2,)]
    assert len(tries) == 2


def test_an_error_that_stays_is_not_tried_again(database: Database) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("SELECT missing FROM nowhere"))

    with pytest.raises(StoreError) as failed:
        database.write(work)
    assert len(tries) == 1
    assert "\n" not in str(failed.value)
    assert "nowhere" in str(failed.value)


def test_two_runs_that_write_the_same_models_do_not_lose_either(database: Database) -> None:
    write(database, plan_of(*(creation(f"model-{number}") for number in range(50))))
    models = list(stored(database).models.values())
    one = plan_of(*(update(model, family="one") for model in models[:25]))
    two = plan_of(*(update(model, family="two") for model in models[25:]))
    assert _at_once(lambda: write(database, one, author(2)), lambda: write(database, two, author(3))) == []
    families = [model.facts.family for _, model in sorted(stored(database).models.items())]
    assert families.count("one") == families.count("two") == 25


def test_of_two_runs_with_one_plan_one_is_stale(database: Database) -> None:
    """The second waits for the first and sees the prices that it appended, beyond the first batch, too."""
    write(database, plan_of(*(creation(f"model-{number:04}") for number in range(600))))
    price = PricePoint(kind="input", amount=Decimal(1), source="https://acme.test")
    plan = plan_of(*(update(model, prices=[price]) for model in stored(database).models.values()))
    errors = _at_once(lambda: write(database, plan, author(2)), lambda: write(database, plan, author(3)))
    assert [type(error) for error in errors] == [StalePlan]
    assert sql(database, "SELECT COUNT(*), COUNT(DISTINCT run) FROM ai_model_prices") == [(600, 1)]


def test_a_locked_file_is_waited_for(sqlite: Database) -> None:
    path = str(sqlite.url.database)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    held_s = 0.5
    release = threading.Timer(held_s, holder.rollback)
    began = time.monotonic()
    release.start()
    write(sqlite, plan_of(creation("one")))
    assert time.monotonic() - began >= held_s
    release.join()
    holder.close()
    assert stored_model(sqlite, "one").row_id == 1


def test_a_read_only_database_is_one_line(sqlite: Database) -> None:
    write(sqlite, Plan(provider="acme"))
    before = everything(sqlite)
    read_only = Database(f"sqlite:///file:{sqlite.url.database}?mode=ro&uri=true")
    with pytest.raises(StoreError, match="readonly") as failed:
        write(read_only, plan_of(creation("one")), author(2))
    read_only.close()
    assert "cannot be written" in failed.value.hint
    assert "\n" not in str(failed.value)
    assert everything(sqlite) == before


def test_a_directory_is_made_for_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'not' / 'yet' / 'models.db'}")
    assert database.is_missing_file
    assert not schema.is_readable(database)
    assert not (tmp_path / "not").exists()
    schema.ensure_current(database)
    assert not database.is_missing_file
    database.close()


def _fails_in_one_line(url: str, attempt: Callable[[Database], object] = schema.status) -> ModelctlError:
    database: Database | None = None
    with pytest.raises(ModelctlError) as failed:
        database = Database(url)
        attempt(database)
    if database is not None:
        database.close()
    assert "\n" not in str(failed.value)
    assert failed.value.hint
    return failed.value


def test_files_that_are_no_database_are_one_line(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database, but it is long enough to be looked at" * 50)
    before = garbage.read_bytes()
    assert "not a database" in str(_fails_in_one_line(f"sqlite:///{garbage}", schema.upgrade))
    assert garbage.read_bytes() == before
    assert "unable to open" in str(_fails_in_one_line(f"sqlite:///{tmp_path}"))
    missing = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'models.db'}")
    assert schema.status(missing).version is None, "a file that is not there has no tables, and looking makes none"
    file = tmp_path / "file"
    file.touch()
    assert str(file) in str(_fails_in_one_line(f"sqlite:///{file / 'models.db'}", schema.upgrade))


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql"])
def test_an_unreachable_server_is_one_line_without_the_password(driver: str) -> None:
    for attempt in (schema.status, schema.upgrade, lambda each: write(each, Plan(provider="acme"))):
        error = _fails_in_one_line(f"{driver}://u:s3cret@127.0.0.1:1/x", attempt)
        assert isinstance(error, StoreError)
        assert "127.0.0.1" in str(error)
        assert "s3cret" not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__


def test_a_wrong_database_or_user_is_one_line(server: Database) -> None:
    assert "nowhere" in str(_fails_in_one_line(_url(server.url.set(database="nowhere"))))
    stranger = _fails_in_one_line(_url(server.url.set(username="stranger", password="s3cret")))
    assert "stranger" in str(stranger)
    assert "s3cret" not in str(stranger)


def _url(url: object) -> str:
    return make_url(url).render_as_string(hide_password=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["foo://x", "sqlite+foo:///x.db", "postgresql+foo://u:s3cret@h/x"])
def test_an_unknown_dialect_is_named(url: str) -> None:
    error = _fails_in_one_line(url)
    assert error.exit_code is ExitCode.USAGE
    assert repr(url.partition(":")[0]) in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("url", ["", "models.db", "://", "postgresql+psycopg://u:s3cret@h:port/x"])
def test_what_is_no_url_is_a_usage_error(url: str) -> None:
    error = _fails_in_one_line(url)
    assert error.exit_code is ExitCode.USAGE
    assert "sqlite:///" in error.hint
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("url", "module", "fix"),
    [
        ("postgresql+psycopg://u:s3cret@h/x", "psycopg", "pip install 'modelctl[postgres]'"),
        ("mysql+pymysql://u:s3cret@h/x", "pymysql", "pip install 'modelctl[mysql]'"),
        ("mariadb+pymysql://u:s3cret@h/x", "pymysql", "pip install 'modelctl[mysql]'"),
        ("mysql+mysqldb://u:s3cret@h/x", "MySQLdb", "pip install mysqlclient"),
        ("postgresql+asyncpg://u:s3cret@h/x", "asyncpg", "pip install asyncpg"),
    ],
)
def test_a_missing_driver_names_what_installs_it(
    url: str, module: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=f"driver {module} is not installed") as failed:
        Database(url)
    assert failed.value.hint == fix
    assert "s3cret" not in str(failed.value)


def test_the_label_hides_the_password() -> None:
    database = Database("postgresql+psycopg://u:s3cret@127.0.0.1:1/x")
    assert database.label == "postgresql+psycopg://u:***@127.0.0.1:1/x"
    assert "s3cret" not in repr(database.url)
