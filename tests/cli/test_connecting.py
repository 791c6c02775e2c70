"""Connecting: options, time-outs, sockets and passwords in the URL, and servers that may not be written."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL

from modelctl.db.connect import CONNECT_TIMEOUT_S, engine_of, parsed
from modelctl.errors import UsageError
from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.databases import SERVERS

Sync = Callable[..., Result]

OF_XAI = ("--source", "catalog", "--provider", "xai")
PASSWORD = "p@ss/wörd: ?#%&=+"
QUOTED = "p%40ss%2Fw%C3%B6rd%3A%20%3F%23%25%26%3D%2B"


def shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def on(*kinds: str) -> pytest.MarkDecorator:
    """Run the test on these kinds of server only."""
    return pytest.mark.parametrize(
        "database_url", [pytest.param(kind, marks=pytest.mark.server) for kind in kinds], indirect=True
    )


def with_query(url: str, **options: str) -> str:
    return shown(make_url(url).update_query_dict(options))


BAD_OPTIONS = {
    "postgresql": ["sslmod=require", "sslmode=nonsense", "connect_timeout=soon"],
    "mariadb": ["nonsense=true", "ssl=true", "charset=nope", "connect_timeout=soon", "ssl_ca=/nowhere.pem"],
    "sqlite": ["nonsense=1", "timeout=soon"],
}


@pytest.mark.parametrize(
    ("database_url", "option"),
    [
        pytest.param(kind, option, marks=pytest.mark.server if kind in SERVERS else ())
        for kind, options in BAD_OPTIONS.items()
        for option in options
    ],
    indirect=["database_url"],
)
def test_an_option_that_cannot_be_used_is_one_line(database_url: str, option: str, run: Run) -> None:
    result = run("db", "status", "--database", f"{database_url}?{option}&password=canary-pw-0001")
    if database_url.startswith("sqlite"):
        result = run("db", "upgrade", "--database", f"{database_url}?{option}")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert f"?{option}" in result.stderr
    assert "cannot use the options of the URL" in result.stderr
    assert "canary-pw-0001" not in result.stderr


@pytest.mark.parametrize(
    ("database_url", "wrong", "next_step"),
    [
        pytest.param("postgresql", {"username": "nobody_at_all"}, "check the user name", marks=pytest.mark.server),
        pytest.param("postgresql", {"database": "no_such_shop"}, "create that database", marks=pytest.mark.server),
        pytest.param("mariadb", {"password": "canary-pw-0002"}, "check the user name", marks=pytest.mark.server),
        pytest.param("mariadb", {"database": "no_such_shop"}, "create that database", marks=pytest.mark.server),
    ],
    indirect=["database_url"],
)
def test_who_is_not_let_in_is_told_what_to_correct(
    database_url: str, wrong: dict[str, str], next_step: str, run: Run
) -> None:
    result = run("list", "--database", shown(make_url(database_url).set(**wrong)))
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert next_step in result.stderr
    assert "canary-pw-0002" not in result.stderr


@pytest.mark.parametrize("rest", ["models.db", "u:canary-pw-0001@h/models.db"])
def test_a_sqlite_url_with_too_few_slashes_is_told_how_many_there_are(rest: str, run: Run) -> None:
    result = run("list", "--database", f"sqlite://{rest}")
    assert (result.code, result.stderr.count("\n"), result.stdout) == (2, 1, "")
    assert "write it like sqlite:///models.db or sqlite:////var/lib/models.db" in result.stderr
    assert "canary-pw-0001" not in result.stderr


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("driver", ["postgresql", "mysql", "mariadb"])
def test_a_server_that_never_answers_is_not_waited_for_for_ever(driver: str, silent_port: int, run: Run) -> None:
    began = time.monotonic()
    result = run("list", "--database", f"{driver}://me:canary-pw-0001@127.0.0.1:{silent_port}/x?connect_timeout=2")
    assert time.monotonic() - began < 9, "two seconds, and as much again for a slow machine"
    assert result.code == 1
    assert "connect_timeout" in result.stderr.partition(";")[2]
    assert "canary-pw-0001" not in result.stderr


@pytest.fixture
def sent_to_the_driver(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, object]]:
    """What the driver is called with for a URL."""

    def sent(url: str) -> dict[str, object]:
        seen: dict[str, object] = {}

        def connect(*_: object, **parameters: object) -> None:
            seen.update(parameters)
            raise OSError("nobody is called")

        engine = engine_of(parsed(url), url)
        monkeypatch.setattr("psycopg.connect", connect)
        monkeypatch.setattr("pymysql.connections.Connection.__init__", connect)
        with pytest.raises(UsageError, match="nobody is called"):
            engine.connect()
        return seen

    return sent


@pytest.mark.parametrize("url", ["postgresql+psycopg://h/x", "mysql+pymysql://h/x", "mariadb+pymysql://h/x"])
def test_a_url_without_a_time_out_gets_one(url: str, sent_to_the_driver: Callable[[str], dict[str, object]]) -> None:
    assert sent_to_the_driver(url)["connect_timeout"] == CONNECT_TIMEOUT_S
    assert sent_to_the_driver(f"{url}?connect_timeout=77")["connect_timeout"] in (77, "77")


def test_tls_options_of_pymysql_are_not_lost_beside_each_other(
    sent_to_the_driver: Callable[[str], dict[str, object]],
) -> None:
    """It forgets the `ssl` that SQLAlchemy makes of `ssl_ca` where one of its own options is given, too."""
    alone = sent_to_the_driver("mysql+pymysql://h/x?ssl_ca=/ca.pem&ssl_cert=/me.pem")
    assert alone["ssl"] == {"ca": "/ca.pem", "cert": "/me.pem"}
    beside = sent_to_the_driver("mysql+pymysql://h/x?ssl_ca=/ca.pem&ssl_cert=/me.pem&ssl_verify_cert=true")
    assert (beside["ssl_ca"], beside["ssl_cert"], beside.get("ssl")) == ("/ca.pem", "/me.pem", None)


def test_where_no_certificate_is_checked_those_of_the_authorities_are_not_loaded(
    database_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyMySQL does so at each connection, which takes 30 ms."""
    loaded: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: loaded.append(1))
    assert run("provider", "list", "--database", database_url).code == 0
    assert loaded == []


@on("postgresql", "mariadb")
def test_a_server_without_the_tls_that_the_url_asks_for_is_one_line(database_url: str, query: Query, run: Run) -> None:
    backend = make_url(database_url).get_backend_name()
    setting, options = {
        "postgresql": ("SHOW ssl", {"sslmode": "require"}),
        "mysql": ("SELECT @@have_ssl", {"ssl_verify_cert": "true"}),
    }[backend]
    [(state,)] = query(database_url, setting)
    result = run("db", "status", "--database", with_query(database_url, **options))
    if state in ("on", "YES"):
        return  # a server with TLS: whether it is trusted depends on its certificate
    assert (result.code, result.stdout) == (1, "")
    assert "SSL" in result.stderr
    assert "check the TLS options of the URL" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.server
@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_statement_may_take_longer_than_connecting(database_url: str) -> None:
    url = f"{database_url}?connect_timeout=1"
    engine = engine_of(parsed(url), url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT SLEEP(1.5)")).scalar() == 0
    engine.dispose()


SOCKETS = {"postgresql": "SHOW unix_socket_directories", "mysql": "SELECT @@socket"}


@on("postgresql", "mariadb")
def test_a_unix_socket_is_an_address(database_url: str, sync: Sync, query: Query, run: Run, run_process: Run) -> None:
    url = make_url(database_url)
    backend = url.get_backend_name()
    [(path,)] = query(database_url, SOCKETS[backend])
    path = str(path).partition(",")[0]
    if not Path(path).exists():
        pytest.skip(f"the {backend} server is on another machine: there is no {path} here")
    name = "host" if backend == "postgresql" else "unix_socket"
    here = shown(url._replace(host=None, port=None).update_query_dict({name: path}))
    assert sync(here, *OF_XAI).code == 0
    assert run("sync", "--dry-run", "--exit-code", *OF_XAI, "--database", here).code == 0
    nowhere = run_process(
        "list", "--database", here.replace(quote(path, safe=""), "/nowhere").replace(path, "/nowhere")
    )
    assert nowhere.code == 1
    assert "/nowhere" in nowhere.stderr
    assert nowhere.stderr.count("\n") == 1


@on("mariadb")
def test_a_password_may_hold_any_character(database_url: str, sync: Sync, query: Query, run: Run) -> None:
    url = make_url(database_url)
    user = f"u_{str(url.database)[-12:]}"
    admin = create_engine(url)
    with admin.begin() as connection:
        connection.execute(text(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY :password"), {"password": PASSWORD})
        connection.execute(text(f"GRANT ALL ON {url.database}.* TO {user}@'127.0.0.1'"))
    try:
        base = f"{url.drivername}://{user}:{{}}@{url.host}:{url.port}/{url.database}"
        assert sync(base.format(QUOTED), *OF_XAI).code == 0
        wrong = run("list", "--database", base.format(QUOTED + "x"))
        assert wrong.code == 1
        assert "Access denied" in wrong.stderr
        assert "rd" not in wrong.stderr.replace("password", "")
    finally:
        with admin.begin() as connection:
            connection.execute(text(f"DROP USER {user}@'127.0.0.1'"))
        admin.dispose()


def read_only(url: str) -> str:
    """The same database as a replica would show it: every transaction reads only."""
    if make_url(url).get_backend_name() == "postgresql":
        return with_query(url, options="-c default_transaction_read_only=on")
    return with_query(url, init_command="SET SESSION TRANSACTION READ ONLY")


@on("postgresql", "mariadb")
def test_a_server_that_may_only_be_read_is_read(
    database_url: str, sync: Sync, query: Query, run: Run, tmp_path: Path
) -> None:
    assert sync(database_url, *OF_XAI).code == 0
    before = query(database_url, "SELECT * FROM ai_sync_runs"), query(database_url, "SELECT * FROM ai_changes")
    replica = read_only(database_url)
    plan = tmp_path / "plan.json"
    for argv in (
        ["list"],
        ["show", "xai/grok-4"],
        ["plan", "anthropic", "--source", "catalog", "-o", str(plan)],
        ["sync", "--dry-run", *OF_XAI],
        ["db", "status"],
        ["runs", "list"],
        ["history", "xai/grok-4"],
        ["price", "show", "xai/grok-4"],
    ):
        result = run(*argv, "--database", replica)
        assert result.code == 0, (argv, result.stderr)
    for argv in (
        ["sync", *OF_XAI],
        ["apply", str(plan)],
        ["set", "xai/grok-4", "display_name=Mine"],
        ["populate"],
        ["runs", "undo", "last"],
        ["remove", "xai/grok-4"],
        ["provider", "add", "acme", "--base-url", "http://127.0.0.1:1/v1"],
    ):
        result = run(*argv, "--database", replica)
        assert result.code == 1, (argv, result.stdout, result.stderr)
        assert result.stderr.count("\n") == 1, argv
        assert re.search("read.only", result.stderr, re.IGNORECASE), argv
        assert "the database cannot be written" in result.stderr, argv
    assert before == (
        query(database_url, "SELECT * FROM ai_sync_runs"),
        query(database_url, "SELECT * FROM ai_changes"),
    )


LIMITED = {
    "postgresql": ("options", "-c statement_timeout=300ms", "LOCK TABLE ai_models IN ACCESS EXCLUSIVE MODE"),
    "mysql": ("init_command", "SET SESSION max_statement_time = 0.3", "LOCK TABLES ai_models WRITE"),
}


@on("postgresql", "mariadb")
def test_a_statement_that_takes_too_long_is_one_line_and_writes_nothing(
    database_url: str, sync: Sync, query: Query, run: Run
) -> None:
    assert sync(database_url, *OF_XAI).code == 0
    name, value, lock = LIMITED[make_url(database_url).get_backend_name()]
    limited = with_query(database_url, **{name: value})
    other = create_engine(database_url)
    with other.connect() as connection:
        connection.execute(text(lock))
        result = run("set", "xai/grok-4", "display_name=Mine", "--database", limited)
        connection.invalidate()  # a lock of MariaDB's outlives the transaction
    other.dispose()
    assert result.code == 1, result.stdout + result.stderr
    assert query(database_url, "SELECT COUNT(*) FROM ai_models WHERE display_name = 'Mine'") == [(0,)]
    assert sync(limited, *OF_XAI).code == 0, "the lock is gone, and nothing is left behind"


ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy"}


def test_the_url_of_an_async_application_serves_as_it_is(database_url: str, run: Run) -> None:
    backend = make_url(database_url).get_backend_name()
    url = database_url.replace(database_url.partition(":")[0], ASYNC_DRIVERS[backend], 1)
    assert run("db", "upgrade", "--database", url).code == 0
    result = run("list", "--json", "--database", url)
    assert (result.code, result.stdout.strip()) == (0, "[]"), result.stderr
