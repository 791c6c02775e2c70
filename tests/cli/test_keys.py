"""Stored API keys: whose key asks, what tampering and a wrong master key come to, and how a rotation ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelctl.db.encryption import new_master_key
from tests.cli.conftest import Query, report_of
from tests.conftest import Result, Run
from tests.loopback import ProviderServer, openai_item

OLD, NEW = new_master_key(), new_master_key()
PLATFORM_KEY, SHOP_KEY, VARIABLE_KEY = "sk-platform-0001", "sk-shop-0002", "sk-variable-0003"
UNLOCKED = {"MODELCTL_SECRET_KEY": OLD}
ROWS = "SELECT provider, project, ciphertext, key_id, fingerprint FROM ai_provider_credentials ORDER BY 1, 2"
ACTIVE = "SELECT model_id, status FROM ai_models WHERE provider = 'acme' ORDER BY model_id"

Command = Callable[..., Result]


@pytest.fixture
def acme(provider_server: ProviderServer) -> ProviderServer:
    """A provider of a catalog of the user's own, on loopback, with two models and a whole listing."""
    Path("mine").mkdir()
    Path("mine/acme.toml").write_text(
        f'[provider]\ndisplay_name = "Acme"\nkind = "openai"\napi_base_url = "{provider_server.base_url("acme")}"\n'
        'env_vars = ["ACME_API_KEY"]\n'
    )
    provider_server.models["acme"] = [openai_item("one"), openai_item("two")]
    provider_server.keys["acme"] = PLATFORM_KEY
    return provider_server


@pytest.fixture
def command(run: Run) -> Callable[[str], Command]:
    """`command(url)("key", "list")`: on that database, with the catalog and the master key."""

    def on(url: str) -> Command:
        def run_there(*argv: str, key: str = "", env: dict[str, str] | None = None) -> Result:
            return run(*argv, "--database", url, "--catalog", "mine", stdin=key, env=UNLOCKED if env is None else env)

        assert run("db", "upgrade", "--database", url).code == 0
        return run_there

    return on


@pytest.fixture
def stored(acme: ProviderServer, command: Callable[[str], Command], sqlite_url: str) -> Command:
    """A database with a key of the platform and one of the project shop."""
    there = command(sqlite_url)
    assert there("key", "set", "acme", key=PLATFORM_KEY).code == 0
    assert there("key", "set", "acme", "--project", "shop", key=SHOP_KEY).code == 0
    return there


def states(there: Command, **kwargs: Any) -> dict[tuple[str, str | None], str]:
    found = json.loads(there("key", "list", "--json", **kwargs).stdout)["credentials"]
    return {(each["provider"], each["project"]): each["state"] for each in found}


def source_of(there: Command, *argv: str, **kwargs: Any) -> tuple[str, str]:
    result = there("key", "which", "acme", *argv, "--json", **kwargs)
    assert result.code == 0, result.stderr
    found = json.loads(result.stdout)
    return found["source"], found["name"]


def test_a_project_s_key_counts_before_the_platform_s_and_that_before_the_environment_s(
    database_url: str, acme: ProviderServer, command: Callable[[str], Command], query: Query
) -> None:
    there = command(database_url)
    with_variable = {**UNLOCKED, "ACME_API_KEY": VARIABLE_KEY}
    assert source_of(there, env=with_variable) == ("environment", "ACME_API_KEY")
    assert "there is no key" in there("key", "which", "acme").stderr
    said = there("key", "set", "acme", key=f" {PLATFORM_KEY}\n")
    assert (said.code, said.stdout.split()[0]) == (0, "acme:")
    assert there("key", "set", "acme", "--project", "shop", key=SHOP_KEY).code == 0
    before = query(database_url, ROWS)
    assert "nothing changed" in there("key", "set", "acme", key=PLATFORM_KEY).stdout
    assert query(database_url, ROWS) == before, "the same key again writes nothing"
    assert source_of(there, env=with_variable) == ("platform", "the stored key of acme")
    assert source_of(there, "--project", "shop") == ("project", "the stored key of acme for project shop")
    emptied = {**UNLOCKED, "ACME_API_KEY": ""}
    assert "there is no key" in there("key", "which", "acme", env=emptied).stderr, "an empty variable means none"
    told = there("sync", "acme", "--source", "api", env=emptied).stderr
    assert "its API was not asked: no key: ACME_API_KEY is empty" in told
    assert source_of(there, "--project", "shop", env=emptied) == ("project", "the stored key of acme for project shop")
    assert states(there) == {("acme", None): "readable", ("acme", "shop"): "readable"}
    assert there("key", "test", "acme", env=with_variable).code == 0
    assert there("sync", "--provider", "acme", "--source", "api", env=with_variable).code == 0
    acme.keys["acme"] = SHOP_KEY
    refused = there("key", "test", "acme")
    assert (refused.code, refused.stdout) == (1, "")
    assert "the key in the stored key of acme is not accepted" in refused.stderr
    assert there("sync", "--provider", "acme", "--source", "api", "--project", "shop").code == 0
    assert "2 models" in there("key", "test", "acme", "--project", "shop").stdout
    rotated = there("key", "rotate", "--to", "-", key=NEW)
    assert rotated.code == 0, rotated.stderr
    assert states(there) == {("acme", None): "other_master_key", ("acme", "shop"): "other_master_key"}
    with_new = {"MODELCTL_SECRET_KEY": NEW}
    assert set(states(there, env=with_new).values()) == {"readable"}
    assert there("key", "remove", "acme", "--project", "shop", env={}).code == 0
    assert there("key", "remove", "acme", env={}).code == 0
    assert source_of(there, env={**with_new, "ACME_API_KEY": VARIABLE_KEY}) == ("environment", "ACME_API_KEY")
    audited = query(database_url, "SELECT action, entity_key FROM ai_changes WHERE entity = 'credential' ORDER BY 1, 2")
    assert audited == [(action, key) for action in ("create", "remove", "rotate") for key in ("acme", "acme/shop")]


def test_what_a_project_s_key_does_not_see_is_not_gone(
    stored: Command, acme: ProviderServer, query: Query, sqlite_url: str
) -> None:
    def sync(*argv: str) -> dict[str, Any]:
        result = stored("sync", "--provider", "acme", "--source", "api", "--json", *argv)
        assert result.code == 0, result.stdout + result.stderr
        return report_of(result)["providers"]["acme"]  # type: ignore[no-any-return]

    whole = [openai_item(f"m{number}") for number in range(10)]
    acme.models["acme"] = whole
    sync()
    acme.keys["acme"], acme.models["acme"] = SHOP_KEY, whole[:2]
    for _ in range(3):
        report = sync("--project", "shop")
    assert any("does not count as absent" in each for each in report["notices"])
    assert {status for _, status in query(sqlite_url, ACTIVE)} == {"active"}
    assert query(sqlite_url, "SELECT max(absences) FROM ai_model_state") == [(0,)]
    acme.keys["acme"], acme.models["acme"] = PLATFORM_KEY, whole[:3]
    short = stored("sync", "--provider", "acme", "--source", "api")
    assert short.code == 4, "the project's short listing is no yardstick for the platform's"
    assert "less than 50 % of the last one's 10" in short.stdout
    [(run,)] = query(sqlite_url, "SELECT run FROM ai_changes WHERE entity_key = 'acme/shop'")
    assert "the audit trail keeps no keys" in stored("runs", "undo", run, "--dry-run").stdout


def test_a_project_without_a_key_of_its_own_for_a_provider_uses_the_platform_s_and_says_so(
    stored: Command, acme: ProviderServer
) -> None:
    assert stored("key", "set", "deepseek", "--project", "lab", key="sk-lab-0004").code == 0
    report = json.loads(stored("sync", "--provider", "acme", "--project", "lab", "--dry-run", "--json").stdout)
    [notice] = report["providers"][0]["notices"]
    assert notice.startswith("project lab has no key of its own: asked with the key in the stored key of acme;")
    for asking in (("sync", "--provider", "acme"), ("provider", "models", "acme"), ("key", "which", "acme")):
        unknown = stored(*asking, "--project", "shpo")
        assert (unknown.code, unknown.stdout) == (2, "")
        assert "no key is stored for project 'shpo'; did you mean shop?" in unknown.stderr
    idle = stored("sync", "--source", "catalog", "--project", "shop")
    assert (idle.code, "--source catalog uses none" in idle.stderr) == (2, True)
    acme.keys["acme"] = SHOP_KEY
    assert "one" in stored("provider", "models", "acme", "--project", "shop").stdout


DAMAGES = {
    "copied to another project": "INSERT INTO ai_provider_credentials SELECT 'acme', 'lab', {} WHERE project = 'shop'",
    "moved to another provider": "UPDATE ai_provider_credentials SET provider = 'xai' WHERE project = 'shop'",
    "bits flipped": "UPDATE ai_provider_credentials SET ciphertext = 'v1:AAAA' || substr(ciphertext, 8)",
    "of an unknown version": "UPDATE ai_provider_credentials SET ciphertext = 'v2' || substr(ciphertext, 3)",
    "emptied": "UPDATE ai_provider_credentials SET ciphertext = ''",
    "fingerprint replaced": "UPDATE ai_provider_credentials SET fingerprint = 'abc'",
    "key id replaced": "UPDATE ai_provider_credentials SET key_id = '0123456789abcdef'",
}


def test_a_row_that_was_tampered_with_opens_nothing_and_nothing_takes_its_place(
    stored: Command, acme: ProviderServer, query: Query, sqlite_url: str
) -> None:
    query(sqlite_url, "CREATE TABLE aside AS SELECT * FROM ai_provider_credentials")
    rest = "ciphertext, key_id, fingerprint, created_at, updated_at FROM ai_provider_credentials"
    for name, damage in DAMAGES.items():
        query(sqlite_url, damage.format(rest))
        [(provider, project), *_] = [place for place, state in states(stored).items() if state != "readable"]
        option = ("--project", project) if project else ()
        asked = stored("provider", "models", provider, *option, env={**UNLOCKED, "ACME_API_KEY": PLATFORM_KEY})
        assert asked.code == 1, f"{name}: never the key of the environment in its place"
        assert asked.stderr.startswith(f"error: {provider}"), name
        if name != "key id replaced":
            query(sqlite_url, "DELETE FROM ai_provider_credentials")
            query(sqlite_url, "INSERT INTO ai_provider_credentials SELECT * FROM aside")
    assert acme.asked("acme") == []
    assert "2 of 2 cannot be opened" in stored("key", "list").stderr
    checks = {each["name"]: each for each in json.loads(stored("doctor", "--json").stdout)["checks"]}
    assert len(checks["stored_keys"]["findings"]) == 2
    unmoved = query(sqlite_url, ROWS)
    refused = stored("key", "rotate", "--to", "-", key=NEW)
    assert refused.code == 1
    assert "nothing was rotated: MODELCTL_SECRET_KEY does not open 2 of 2" in refused.stderr
    assert query(sqlite_url, ROWS) == unmoved


def test_a_missing_or_wrong_master_key_is_said_and_fails_that_provider_only(stored: Command) -> None:
    for env, problem in (
        ({}, "encrypted, and there is no master key; set MODELCTL_SECRET_KEY or secret_key_file"),
        ({"MODELCTL_SECRET_KEY": NEW}, "MODELCTL_SECRET_KEY holds another one"),
        ({"MODELCTL_SECRET_KEY": "canary-no-key"}, "MODELCTL_SECRET_KEY holds no master key: one is 32 bytes"),
        ({"MODELCTL_SECRET_KEY_FILE": "gone.key"}, "gone.key: No such file"),
        ({"MODELCTL_SECRET_KEY_FILE": OLD}, "cannot be read from a file named like a key"),
    ):
        refused = stored("key", "test", "acme", env={**env, "ACME_API_KEY": PLATFORM_KEY})
        assert (refused.code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert refused.stderr.startswith("error: acme: its key is")
        assert problem in refused.stderr
        assert "canary" not in refused.stderr
        assert OLD not in refused.stderr
        assert stored("key", "set", "xai", key="sk-x", env=env).code == 1, "one master key for all rows"
        listed = stored("key", "list", env=env)
        assert (listed.code, listed.stderr.count("\n")) == (0, 1)
    both = ("--provider", "acme", "--provider", "deepseek")
    result = stored("sync", *both, "--json", env={"ACME_API_KEY": PLATFORM_KEY})
    assert result.code == 5, result.stderr
    assert {name: each["outcome"] for name, each in report_of(result)["providers"].items()} == {
        "acme": "failed",
        "deepseek": "applied",
    }


def test_a_rotation_that_broke_off_changed_nothing_and_is_run_again(
    stored: Command, query: Query, sqlite_url: str
) -> None:
    before = query(sqlite_url, ROWS)
    query(
        sqlite_url,
        "CREATE TRIGGER broken BEFORE UPDATE ON ai_provider_credentials WHEN NEW.project = 'shop'"
        " BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END",
    )
    assert stored("key", "init", "new.key").code == 0
    assert stored("key", "rotate", "--to", "new.key").code == 1
    assert query(sqlite_url, ROWS) == before
    query(sqlite_url, "DROP TRIGGER broken")
    assert stored("key", "rotate", "--to", "new.key").code == 0
    moved = query(sqlite_url, ROWS)
    assert all(new[3] != old[3] for old, new in zip(before, moved, strict=True))
    switched = {"MODELCTL_SECRET_KEY_FILE": "new.key"}
    for env in (UNLOCKED, switched, {}):
        again = stored("key", "rotate", "--to", "new.key", env=env)
        assert (again.code, again.stdout) == (0, "")
        assert "nothing to rotate: 2 keys" in again.stderr
        assert ("needs master key" in again.stderr) == (env != switched)
    assert query(sqlite_url, ROWS) == moved
    late = stored("key", "set", "acme", key="sk-late-0005")
    assert late.code == 1, "a machine that still has the old master key stores nothing under it"
    assert "1 key is stored under master key" in late.stderr
    assert set(states(stored, env=switched).values()) == {"readable"}


def test_rows_under_both_master_keys_are_brought_under_one(stored: Command, query: Query, sqlite_url: str) -> None:
    query(sqlite_url, "CREATE TABLE aside AS SELECT * FROM ai_provider_credentials WHERE project = ''")
    assert stored("key", "rotate", "--to", "-", key=NEW).code == 0
    query(sqlite_url, "DELETE FROM ai_provider_credentials WHERE project = ''")
    query(sqlite_url, "INSERT INTO ai_provider_credentials SELECT * FROM aside")
    rest = stored("key", "rotate", "--to", "-", key=NEW)
    assert rest.stdout.startswith("acme: key ")
    assert rest.stdout.count("\n") == 1
    assert set(states(stored, env={"MODELCTL_SECRET_KEY": NEW}).values()) == {"readable"}


REFUSED = [
    (("acme",), "", "the standard input holds no key"),
    (("acme",), " \n", "the standard input holds no key"),
    (("acme",), "sk canary", "holds a blank"),
    (("acme",), "sk-canary\nsk-canary", "holds a blank, a line break"),
    (("acme",), "c" * 5000, "more than the 4096 characters"),
    (("acme", "canary-argument"), "", "nothing else on the command line"),
    (("acme", "--key", "canary-option"), "", "nothing else on the command line"),
    (("acme", "--api-key=canary-option"), "", "nothing else on the command line"),
    (("acme", "--project", ""), "sk-x", "--project is empty"),
    (("acme", "--project", " shop"), "sk-x", "--project is ' shop'"),
    (("acme", "--project", "s" * 192), "sk-x", "1 to 191"),
    (("acmee",), "sk-x", "did you mean acme?"),
]


def test_what_is_no_key_or_no_place_for_one_is_refused_unseen(stored: Command, query: Query, sqlite_url: str) -> None:
    before = query(sqlite_url, ROWS)
    for argv, key, message in REFUSED:
        refused = stored("key", "set", *argv, key=key)
        assert (refused.code, refused.stdout) == (2, "")
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert "canary" not in refused.stderr
    assert "canary" not in stored("key", "rotate", "--to", "-", "canary-argument").stderr
    assert query(sqlite_url, ROWS) == before


def test_a_key_that_is_not_there_cannot_be_removed(stored: Command) -> None:
    refused = stored("key", "remove", "acme", "--project", "shopp")
    assert refused.code == 2
    assert "did you mean acme for project shop" in refused.stderr
