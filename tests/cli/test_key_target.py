"""A key goes where a person said, and nowhere else: whatever a catalog, a row or a plan's file says afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.conftest import Query
from tests.conftest import Result, Run

KEYS = {"ACME_API_KEY": "canary-of-acme-0123456789", "OTHER_API_KEY": "canary-of-another-0123456789"}
CATALOG = """
[provider]
display_name = "Acme"
kind = "openai-compatible"
api_base_url = "{address}"
env_vars = ["{variable}"]
{more}

[[model]]
id = "one"
type = "chat"
"""
ASKING = (
    ("sync", "acme"),
    ("sync", "acme", "--force", "--source", "api"),
    ("plan", "acme"),
    ("provider", "test", "acme"),
    ("provider", "models", "acme"),
    ("key", "test", "acme"),
    ("verify",),
)
"""All that asks an API."""

Do = Callable[..., Result]


@pytest.fixture
def named(httpserver: HTTPServer) -> HTTPServer:
    """The server at the address that a person gave."""
    return listing(httpserver)


@pytest.fixture
def strange() -> Iterator[HTTPServer]:
    """A server at an address that no person gave."""
    with HTTPServer() as server:
        yield listing(server)


def listing(server: HTTPServer) -> HTTPServer:
    server.expect_request("/v1/models").respond_with_json({"object": "list", "data": [{"id": "one"}]})
    return server


def write_catalog(address: str, variable: str = "ACME_API_KEY", more: str = "") -> None:
    Path("mine").mkdir(exist_ok=True)
    Path("mine/acme.toml").write_text(CATALOG.format(address=address, variable=variable, more=more))


def keys_seen(server: HTTPServer) -> set[str]:
    """The keys that came in, in whatever header."""
    sent = [str(dict(request.headers)) + request.url for request, _ in server.log]
    return {key for key in KEYS.values() if any(key in text for text in sent)}


@pytest.fixture
def do(run: Run, database_url: str, named: HTTPServer) -> Do:
    """`do("sync", "acme")` on a database in which a person's catalog has named the server, with keys at hand."""

    def command(*argv: str, **env: str) -> Result:
        return run(*argv, "--database", database_url, "--catalog", "mine", env=KEYS | env)

    write_catalog(named.url_for("/v1"))
    done = command("sync", "acme", "--migrate")
    assert done.code == 0, done.stderr
    assert keys_seen(named) == {KEYS["ACME_API_KEY"]}
    named.clear_log()
    return command


def by_sql(setting: str) -> Callable[..., None]:
    def change(query: Query, url: str, value: str) -> None:
        query(url, f"UPDATE ai_providers SET {setting} = :value WHERE name = 'acme'", value=value)

    return change


MOVES: dict[str, Callable[[Query, str, str], None]] = {
    "a catalog's address": lambda _query, _url, address: write_catalog(address),
    "a row's address": by_sql("api_base_url"),
    "a catalog's address and variable": lambda _query, _url, address: write_catalog(address, "OTHER_API_KEY"),
    "a row's address and the catalog's": lambda query, url, address: (
        write_catalog(address),
        by_sql("api_base_url")(query, url, address),
    )[0],
}


@pytest.mark.parametrize("move", MOVES)
def test_no_key_reaches_an_address_that_no_person_named(
    move: str, do: Do, query: Query, database_url: str, named: HTTPServer, strange: HTTPServer
) -> None:
    MOVES[move](query, database_url, strange.url_for("/v1"))
    for command in ASKING:
        said = do(*command)
        assert keys_seen(strange) == set(), command
        assert "canary" not in said.stdout + said.stderr
    held = do("sync", "acme")
    assert held.code == 4, held.stderr
    assert "held by key-target" in held.stdout
    assert strange.url_for("/v1") in held.stdout
    assert named.url_for("/v1") in held.stdout
    assert do("sync", "acme", "--force").code == 4, "what runs unattended does not decide where a key goes"
    assert do("review", "accept", "acme").code == 0
    accepted = do("sync", "acme")
    assert accepted.code == 0, accepted.stderr
    assert len(keys_seen(strange)) == 1
    assert do("sync", "acme").stdout.startswith("In sync")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("env_vars", '["OTHER_API_KEY"]'),
        ("auth_header_name", "X-Debug"),
        ("auth_header_prefix", "Basic"),
        ("settings", '{"header.X-Debug": "env:OTHER_API_KEY"}'),
    ],
)
def test_neither_is_another_key_sent_nor_in_another_header(
    setting: str, value: str, do: Do, query: Query, database_url: str, named: HTTPServer
) -> None:
    query(database_url, f"UPDATE ai_providers SET {setting} = :value WHERE name = 'acme'", value=value)
    assert do("sync", "acme").code == 4
    for command in ASKING:
        do(*command)
    assert keys_seen(named) == set()
    assert do("review", "decline", "acme").code == 0
    quiet = do("sync", "acme")
    assert (quiet.code, "key-target" in quiet.stdout) == (0, False)
    assert keys_seen(named) == set(), "declined: the key stays at home, and nobody is told again"


def test_a_catalog_that_names_another_variable_is_held_and_the_old_one_is_still_used(do: Do, named: HTTPServer) -> None:
    write_catalog(named.url_for("/v1"), "OTHER_API_KEY")
    assert do("sync", "acme").code == 4
    assert keys_seen(named) == {KEYS["ACME_API_KEY"]}


def test_without_a_key_nothing_is_held(do: Do, query: Query, database_url: str, strange: HTTPServer) -> None:
    write_catalog(strange.url_for("/v1"))
    done = do("sync", "acme", ACME_API_KEY="", OTHER_API_KEY="")
    assert done.code == 0, done.stderr
    assert query(database_url, "SELECT api_base_url FROM ai_providers") == [(strange.url_for("/v1"),)]


def test_a_person_who_names_an_address_by_a_command_has_named_it(do: Do, strange: HTTPServer) -> None:
    assert do("provider", "set", "acme", "--base-url", strange.url_for("/v1")).code == 0
    assert do("sync", "acme").code == 0
    assert keys_seen(strange) == {KEYS["ACME_API_KEY"]}


def test_a_forged_plan_brings_no_key_to_its_address(
    run: Run, sqlite_url: str, named: HTTPServer, strange: HTTPServer
) -> None:
    write_catalog(named.url_for("/v1"))
    place = ("--database", sqlite_url)
    assert run("plan", "acme", "--catalog", "mine", "-o", "plan.json", *place).code == 0
    document = json.loads(Path("plan.json").read_text().replace(named.url_for("/v1"), strange.url_for("/v1")))
    said = {key: value for key, value in document.items() if key not in ("digest", "seal")}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    Path("plan.json").write_text(json.dumps(document | {"digest": hashlib.sha256(text.encode()).hexdigest()}))
    assert run("apply", "plan.json", *place).code == 0, "a plan of a catalog that is not at hand here"
    for argv in (*ASKING, *((*command, "--catalog", "mine") for command in ASKING)):
        run(*argv, *place, env=KEYS)
        assert keys_seen(strange) == set(), argv
