"""Providers of one's own: added, synced by their row alone, changed, switched off, removed; all through the door."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from tests.cli.conftest import Query
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer, openai_item, redirect

Do = Callable[..., Result]

KEY = "local-llm-test-key"
OWN = {"LOCAL_LLM_API_KEY": KEY, "TENANT": "tenant-secret-0123"}
ROW = (
    "SELECT api_base_url, auth_header_name, auth_header_prefix, is_enabled, settings FROM ai_providers WHERE name = :n"
)


@pytest.fixture
def server(provider_server: ProviderServer) -> ProviderServer:
    """A server of one's own, of which no catalog knows."""
    provider_server.models["local-llm"] = [openai_item("qwen3", max_model_len=32768), openai_item("llama-4")]
    return provider_server


@pytest.fixture
def do(run: Run, sqlite_url: str) -> Do:
    """A command on the one database, each a minute after the one before: `do("provider", "list")`."""
    minutes = count()
    return lambda *argv, **kwargs: run(
        *argv, "--database", sqlite_url, now=NOW + timedelta(minutes=next(minutes)), **kwargs
    )


@pytest.fixture
def added(do: Do, server: ProviderServer) -> Do:
    """The same, with the provider `local-llm`."""
    done = do("provider", "add", "local-llm", "--base-url", server.base_url("local-llm"), "--env", "LOCAL_LLM_API_KEY")
    assert done.code == 0, done.stderr
    return do


def test_a_provider_is_added_synced_changed_and_removed(
    run: Run, query: Query, server: ProviderServer, database_url: str
) -> None:
    minutes = count()

    def do(*argv: str, code: int = 0) -> Result:
        done = run(*argv, "--database", database_url, env=OWN, now=NOW + timedelta(minutes=next(minutes)))
        assert done.code == code, done.stdout + done.stderr
        return done

    do("db", "upgrade")
    address = server.base_url("local-llm")
    options = ("--env", "LOCAL_LLM_API_KEY", "--auth-prefix", "", "--header", "X-Team=research")
    do("provider", "add", "local-llm", "--base-url", address, *options)
    do("provider", "set", "local-llm", "--auth-prefix", "Bearer", "--header", "X-Tenant=env:TENANT")
    do("sync", "--provider", "local-llm")
    sent = server.asked("local-llm")[-1].headers
    assert (sent["authorization"], sent["x-team"], sent["x-tenant"]) == (f"Bearer {KEY}", "research", OWN["TENANT"])
    models = "SELECT model_id, context_window FROM ai_models ORDER BY model_id"
    assert query(database_url, models) == [("llama-4", None), ("qwen3", 32768)]
    assert "0 of 2" in do("provider", "list").stdout
    refused = do("provider", "remove", "local-llm", code=4)
    assert refused.stdout == "local-llm/llama-4\nlocal-llm/qwen3\n"
    assert do("provider", "remove", "local-llm", "--cascade").stdout.endswith("local-llm: removed, with 2 models\n")
    assert query(database_url, "SELECT name FROM ai_providers") == []
    assert do("runs", "undo", "last").stdout.startswith("provider local-llm  restored\n")
    assert query(database_url, models) == [("llama-4", None), ("qwen3", 32768)]
    [(found_address, _, prefix, is_enabled, settings)] = query(database_url, ROW, n="local-llm")
    stored = json.loads(settings) if isinstance(settings, str) else settings
    assert (found_address, prefix, bool(is_enabled)) == (address, "Bearer", True)
    assert stored == {"header.X-Team": "research", "header.X-Tenant": "env:TENANT"}
    do("sync", "--provider", "local-llm", "--dry-run", "--exit-code")
    audited = query(database_url, "SELECT command, action FROM ai_changes WHERE entity = 'provider' ORDER BY at, run")
    assert sorted(audited) == [
        ("provider add", "create"),
        ("provider remove", "remove"),
        ("provider set", "update"),
        ("runs undo", "create"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--base-url", "ftp://host/v1"), "--base-url: 'ftp://host/v1' is not an http or https address"),
        (("--base-url", "localhost:8080"), "--base-url: 'localhost:8080' is not an http or https address"),
        (("--base-url", "http:///v1"), "--base-url"),
        (("--base-url", "http://host:99999/v1"), "--base-url: 'http://host:99999/v1' has an impossible host or port"),
        (("--base-url", "http://user:hunter2hunter2@host/v1"), "--base-url: holds a user or a password"),
        (("--base-url", "http://host/v1?api_key=abc"), "--base-url"),
        (("--base-url", "http://host/v1/models"), "names a single call"),
        (("--base-url", "http://ho st/v1"), "--base-url"),
        (("--base-url", "http://-/v1"), "names no host"),
        (("--base-url", ""), "--base-url: a provider of kind openai-compatible needs one"),
        (("--kind", "openai-compatibel"), "did you mean openai-compatible?"),
        (
            ("--kind", "openai", "--auth-header", "X-Key"),
            "--auth-header: the kind openai decides itself where the key goes",
        ),
        (("--env", "sk-live-0123456789abcdef"), "--env: what is given is not the name of an environment variable"),
        (("--env", "gsk_0123456789abcdefghij"), "--env: what is given is not the name"),
        (("--auth-header", "X Key"), "--auth-header: 'X Key' is not the name of a header"),
        (("--auth-header", "Host"), "--auth-header: Host is HTTP's own header"),
        (("--auth-prefix", "two\nlines"), "--auth-prefix"),
        (("--auth-prefix", "Bearer sk-live-0123456789abcdef"), "--auth-prefix: looks like a key"),
        (("--header", "X-Team"), "--header: has no '='"),
        (("--header", "X-Api-Key=hunter2hunter2"), "--header X-Api-Key: may be a secret"),
        (("--header", "X-Team=Bearer hunter2hunter2"), "--header X-Team: may be a secret"),
        (("--header", "X-Team=env:not a name"), "--header X-Team: what is given is not the name"),
        (("--header", "X-Team="), "there is no such header to remove"),
        (("--header", "Content-Length=7"), "HTTP's own header"),
        (("--env", "A_KEY", "--header", "authorization=env:OTHER"), "--header Authorization: the key goes into that"),
        (("--display-name", " padded"), "--display-name"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option_and_changes_nothing(
    do: Do, query: Query, sqlite_url: str, options: tuple[str, ...], says: str
) -> None:
    whole = options if "--base-url" in options else ("--base-url", "http://localhost:1/v1", *options)
    refused = do("provider", "add", "local-llm", *whole)
    assert refused.code == 2
    assert says in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "hunter2" not in refused.stderr
    assert "0123456789abcdef" not in refused.stderr
    assert query(sqlite_url, "SELECT count(*) FROM sqlite_master") == [(0,)]


@pytest.mark.parametrize("name", ["Local LLM", "", "a/b", "x" * 65, "all", "openai"])
def test_a_name_must_be_a_new_slug(do: Do, name: str) -> None:
    assert do("provider", "add", name, "--base-url", "http://localhost:1/v1").code == 2


def test_an_unknown_name_offers_near_ones(added: Do) -> None:
    for command in ("show", "set", "enable", "disable", "remove", "test"):
        option = ("--display-name", "x") if command == "set" else ()
        told = added("provider", command, "local-lm", *option)
        assert (told.code, "did you mean local-llm?" in told.stderr) == (2, True), command
    again = added("provider", "add", "local-llm", "--base-url", "http://localhost:1/v1")
    assert (again.code, "provider set local-llm" in again.stderr) == (2, True)


def test_what_a_person_set_is_kept_by_syncs_and_shown_as_theirs(do: Do, query: Query, sqlite_url: str) -> None:
    assert do("sync", "--source", "catalog", "--provider", "deepseek").code == 0
    changed = do("provider", "set", "deepseek", "--base-url", "https://proxy.example.com/deepseek")
    assert changed.stdout == ("deepseek: api_base_url  https://api.deepseek.com → https://proxy.example.com/deepseek\n")
    assert do("sync", "--source", "catalog", "--provider", "deepseek").code == 0
    assert query(sqlite_url, ROW, n="deepseek")[0][0] == "https://proxy.example.com/deepseek"
    shown = do("provider", "show", "deepseek").stdout
    told = "https://proxy.example.com/deepseek  (person; the catalogs state https://api.deepseek.com)"
    assert f"api_base_url  {told}" in shown
    assert "env_vars  DEEPSEEK_API_KEY  (catalog)" in shown
    nothing = do("provider", "set", "deepseek", "--base-url", "https://proxy.example.com/deepseek")
    assert (nothing.code, nothing.stdout, nothing.stderr) == (0, "", "deepseek: so already, nothing changed\n")
    [(edit,)] = query(sqlite_url, "SELECT run FROM ai_changes WHERE command = 'provider set'")
    assert do("runs", "undo", edit).code == 0
    assert query(sqlite_url, ROW, n="deepseek")[0][0] == "https://api.deepseek.com"


def test_a_provider_that_only_a_catalog_knows_can_be_switched_off_before_the_first_sync(do: Do) -> None:
    done = do("provider", "disable", "fireworks", "groq")
    assert done.stdout == "fireworks: is_enabled  yes → no\ngroq: is_enabled  yes → no\n"
    synced = do("sync", "--source", "catalog", "--dry-run", "--json")
    assert {"fireworks", "groq"}.isdisjoint(each["provider"] for each in json.loads(synced.stdout)["providers"])
    assert "left out: fireworks, groq (disabled; `modelctl provider enable NAME`" in synced.stderr
    named = do("sync", "--source", "catalog", "--dry-run", "--json", "--provider", "groq")
    assert [each["provider"] for each in json.loads(named.stdout)["providers"]] == ["groq"]
    assert do("provider", "enable", "groq").code == 0
    assert do("provider", "enable", "groq").stderr == "groq: enabled already, nothing changed\n"
    assert do("runs", "undo", "last").stdout == "provider groq  is_enabled  yes → no\n"


def test_a_provider_of_the_catalogs_is_not_removed(do: Do) -> None:
    assert do("sync", "--source", "catalog", "--provider", "deepseek").code == 0
    refused = do("provider", "remove", "deepseek", "--cascade")
    assert (refused.code, "modelctl provider disable deepseek" in refused.stderr) == (2, True)


def test_an_addition_is_undone_unless_models_rest_on_it(added: Do, query: Query, sqlite_url: str) -> None:
    assert added("runs", "undo", "last").stdout == "provider local-llm  removed again\n"
    assert query(sqlite_url, "SELECT count(*) FROM ai_providers") == [(0,)]
    assert added("runs", "undo", "last").stdout == "provider local-llm  restored\n"
    [run] = [each for (each,) in query(sqlite_url, "SELECT run FROM ai_changes WHERE command = 'provider add'")]
    assert added("sync", "--provider", "local-llm", env=OWN).code == 0
    kept = added("runs", "undo", run)
    assert "its row stays while it has models" in kept.stdout
    assert query(sqlite_url, "SELECT count(*) FROM ai_providers") == [(1,)]


def test_models_of_an_earlier_provider_stay_removed_until_they_are_wanted(added: Do) -> None:
    assert added("sync", "--provider", "local-llm", env=OWN).code == 0
    address = json.loads(added("provider", "show", "local-llm", "--json").stdout)["api_base_url"]
    assert added("provider", "remove", "local-llm", "--cascade").code == 0
    again = added("provider", "add", "local-llm", "--base-url", address, "--env", "LOCAL_LLM_API_KEY")
    assert "`modelctl sync --provider local-llm --recreate all` creates the 2 models" in again.stderr
    assert added("sync", "--provider", "local-llm", "--recreate", "all", env=OWN).code == 0
    assert json.loads(added("provider", "show", "local-llm", "--json").stdout)["models"]["total"] == 2


def test_no_command_shows_a_key_or_the_value_of_a_header_variable(added: Do) -> None:
    assert added("provider", "set", "local-llm", "--header", "X-Tenant=env:TENANT").code == 0
    told = [
        added("provider", *argv, env=OWN)
        for argv in (
            ("list",),
            ("list", "--json"),
            ("show", "local-llm"),
            ("show", "local-llm", "--json"),
            ("test", "local-llm"),
        )
    ]
    assert not [each for each in told if KEY in each.stdout + each.stderr or OWN["TENANT"] in each.stdout + each.stderr]
    assert "in LOCAL_LLM_API_KEY" in told[0].stdout
    assert "X-Tenant=env:TENANT" in told[2].stdout
    missing = added("sync", "--provider", "local-llm", env={"LOCAL_LLM_API_KEY": KEY})
    assert (missing.code, "TENANT is not set, but its header X-Tenant needs it" in missing.stderr) == (1, True)


def test_a_redirect_takes_the_key_nowhere(added: Do, server: ProviderServer) -> None:
    server.fail("local-llm", redirect(f"{server.base_url('elsewhere')}/models"))
    told = added("sync", "--provider", "local-llm", env=OWN)
    assert (told.code, "redirect, which is not followed" in told.stderr) == (1, True)
    assert server.asked("elsewhere") == []


def test_an_address_without_tls_is_said_where_a_key_goes_over_it(do: Do) -> None:
    told = do("provider", "add", "lan", "--base-url", "http://10.0.0.7:8080/v1", "--env", "LAN_KEY")
    assert "note: lan is asked over http, so its key can be read on its way\n" in told.stderr
    assert "note:" not in do("provider", "add", "here", "--base-url", "http://127.0.0.1:8080/v1", "--env", "K").stderr


def test_the_list_needs_no_database(run: Run) -> None:
    listed = run("provider", "list", "--json", env={"GROQ_API_KEY": "gsk_test_0123456789"})
    found = {each["name"]: each for each in json.loads(listed.stdout)}
    assert (found["groq"]["key"], found["groq"]["key_name"], found["groq"]["is_stored"]) == (
        "present",
        "GROQ_API_KEY",
        False,
    )
    assert (found["openai"]["key"], found["openai"]["health_status"]) == ("missing", "unknown")
