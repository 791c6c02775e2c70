"""A user's own catalogs through the front door: `--catalog DIR`, and whose word counts for a provider's row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.conftest import Query, report_of
from tests.conftest import NOW, Result, Run
from tests.loopback import ProviderServer

Sync = Callable[..., Result]

PROVIDER = "SELECT api_base_url FROM ai_providers WHERE name = :name"
PROXY, OTHER = "https://proxy.example.com/v1", "https://other.example.com/v1"


@pytest.fixture
def mine() -> Callable[..., str]:
    """`mine(text, "openai")` writes the user's own catalog of a provider; the directory is `mine`."""

    def write(text: str, name: str = "openai") -> str:
        Path("mine").mkdir(exist_ok=True)
        Path("mine", f"{name}.toml").write_text(dedent(text))
        return "mine"

    return write


def in_sync(sync: Sync, url: str, *argv: str) -> bool:
    """Whether a sync would change nothing, and then really writes nothing."""
    return sync(url, "--source", "catalog", "--dry-run", "--exit-code", *argv).code == 0


def test_single_facts_and_prices_are_overridden_and_new_models_added(
    database_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    sync(database_url, "--source", "catalog", "--provider", "openai")
    before = query(
        database_url, "SELECT display_name, output_price_per_mtok, tools FROM ai_models WHERE model_id = 'gpt-4o'"
    )
    mine("""\
        [[model]]
        id = "gpt-4o"
        context_window = 200_000
        unset = ["max_output_tokens", "vision"]
        prices = [{ input = 2 }]

        [[model]]
        id = "gpt-4o-ours"
        type = "chat"
        replacement = "gpt-4o"
        prices = [{ input = 1, output = 2 }]
    """)
    mine('[provider]\ndisplay_name = "Acme"\n\n[[model]]\nid = "acme-1"\n', "acme")
    wanted = ("--catalog", "mine", "--provider", "openai", "--provider", "acme")
    result = sync(database_url, "--source", "catalog", "--format", "json", *wanted)
    assert result.code == 0, result.stdout + result.stderr
    assert report_of(result)["providers"]["openai"]["sources"] == ["overlay", "catalog"]

    [row] = query(
        database_url,
        "SELECT context_window, max_output_tokens, vision, input_price_per_mtok FROM ai_models"
        " WHERE model_id = 'gpt-4o'",
    )
    assert (row[0], row[1], row[2], float(row[3])) == (200_000, None, None, 2.0)
    kept = query(
        database_url, "SELECT display_name, output_price_per_mtok, tools FROM ai_models WHERE model_id = 'gpt-4o'"
    )
    assert kept == before
    flags = query(database_url, "SELECT name, is_builtin FROM ai_providers ORDER BY name")
    assert [(name, bool(builtin)) for name, builtin in flags] == [("acme", False), ("openai", True)]
    assert query(database_url, "SELECT replacement FROM ai_models WHERE model_id = 'gpt-4o-ours'") == [("gpt-4o",)]
    assert in_sync(sync, database_url, *wanted)


def test_a_price_overridden_today_leaves_past_bills_alone(
    sqlite_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "openai")
    ledger = (
        "SELECT amount, effective_from FROM ai_model_prices WHERE model_id = 'gpt-4o' AND kind = 'input'"
        " AND service_tier = 'standard' ORDER BY effective_from"
    )
    before = query(sqlite_url, ledger)
    mine('[[model]]\nid = "gpt-4o"\nprices = [{ input = 2 }]')
    sync(sqlite_url, "--source", "catalog", "--provider", "openai", "--catalog", "mine")
    after = query(sqlite_url, ledger)
    assert after[:-1] == before
    assert str(after[-1][1]).startswith("2026-11-21")


def test_a_manual_price_of_the_file_follows_the_file_and_a_persons_own_stays(
    database_url: str, run: Run, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "openai")
    shown = "SELECT input_price_per_mtok FROM ai_models WHERE model_id = 'gpt-4o'"
    sync(database_url, *only)
    shipped = query(database_url, shown)
    for hour, amount in enumerate((2, 1.5, 1.75), start=1):
        mine(f'[[model]]\nid = "gpt-4o"\nprices = [{{ input = {amount}, basis = "manual", source = "contract 17" }}]')
        later = NOW + timedelta(hours=hour)
        assert sync(database_url, *only, "--catalog", "mine", now=later).code == 0
        assert [float(price) for (price,) in query(database_url, shown)] == [amount]
        assert sync(database_url, *only, "--catalog", "mine", "--dry-run", "--exit-code", now=later).code == 0
    listed = run("override", "list", "openai/gpt-4o", "--database", database_url)
    assert "input_price" not in listed.stdout
    assert sync(database_url, *only, now=NOW + timedelta(hours=5)).code == 0
    assert query(database_url, shown) == shipped, "the file is gone"

    mine_too = ("price", "set", "openai/gpt-4o", "--input", "1.6", "--database", database_url, "--source")
    assert "is what prices of an overlay have" in run(*mine_too, "overlay: contract 18").stderr
    assert run(*mine_too, "contract 18", now=NOW + timedelta(hours=6)).code == 0
    mine('[[model]]\nid = "gpt-4o"\nprices = [{ input = 3, basis = "manual", source = "contract 17" }]')
    assert sync(database_url, *only, "--catalog", "mine", now=NOW + timedelta(hours=7)).code == 0
    assert [float(price) for (price,) in query(database_url, shown)] == [1.6]


def test_the_setting_and_the_variable_name_the_directory_as_well(run: Run, mine: Callable[..., str]) -> None:
    mine('[provider]\ndisplay_name = "Acme"\n\n[[model]]\nid = "acme-1"\n', "acme")
    dry = ("sync", "--source", "catalog", "--dry-run", "--provider", "acme")
    assert "no provider 'acme'" in run(*dry).stderr
    assert "acme-1" in run(*dry, env={"MODELCTL_CATALOG_DIRECTORY": "mine"}).stdout
    assert "acme-1" in run(*dry, "--catalog", "mine").stdout
    assert "--catalog" in run("--catalog=mine", "config", "show").stdout
    Path("modelctl.toml").write_text('catalog_directory = "mine"\n')
    assert "acme-1" in run(*dry).stdout


def test_a_directory_that_is_not_there_is_one_clear_error(run: Run) -> None:
    result = run("sync", "--dry-run", "--catalog", "nowhere")
    assert result.code == 1
    assert result.stderr == "error: catalog directory nowhere cannot be read: No such file or directory\n"


def test_an_overlays_provider_reaches_an_existing_row_and_leaves_with_it(
    database_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "openai")
    sync(database_url, *only)
    [(shipped,)] = query(database_url, PROVIDER, name="openai")
    for address in (PROXY, OTHER):
        mine(f'[provider]\napi_base_url = "{address}"\n')
        pending = sync(database_url, *only, "--catalog", "mine", "--dry-run", "--exit-code")
        assert pending.code == 3
        assert f"→ {address} (from overlay)" in pending.stdout
        assert sync(database_url, *only, "--catalog", "mine").code == 0
        assert query(database_url, PROVIDER, name="openai") == [(address,)]
        assert in_sync(sync, database_url, *only, "--catalog", "mine")
    sync(database_url, *only)
    assert query(database_url, PROVIDER, name="openai") == [(shipped,)]
    audit = "SELECT action FROM ai_changes WHERE entity = 'provider'"
    assert sorted(query(database_url, audit)) == [("create",), ("update",), ("update",), ("update",)]


@pytest.mark.parametrize("overlay_comes", ["before the edit", "after the edit"])
def test_what_a_person_wrote_into_a_providers_row_stands(
    overlay_comes: str, sqlite_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "openai")
    mine(f'[provider]\napi_base_url = "{PROXY}"\nenv_vars = ["OUR_KEY"]\n')
    sync(sqlite_url, *only, *(("--catalog", "mine") if overlay_comes == "before the edit" else ()))
    query(sqlite_url, "UPDATE ai_providers SET api_base_url = :address", address=OTHER)
    sync(sqlite_url, *only, "--catalog", "mine")
    assert query(sqlite_url, PROVIDER, name="openai") == [(OTHER,)]
    assert query(sqlite_url, "SELECT env_vars FROM ai_providers") == [('["OUR_KEY"]',)], "the other settings do follow"
    assert in_sync(sync, sqlite_url, *only, "--catalog", "mine")


def test_a_row_from_before_the_audit_counts_as_ours_while_it_is_the_shipped_one(
    sqlite_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "openai")
    sync(sqlite_url, *only)
    query(sqlite_url, "DELETE FROM ai_changes")
    mine(f'[provider]\napi_base_url = "{PROXY}"\n')
    sync(sqlite_url, *only, "--catalog", "mine")
    assert query(sqlite_url, PROVIDER, name="openai") == [(PROXY,)]


def test_a_new_providers_settings_follow_its_overlay(
    sqlite_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "acme", "--catalog", "mine")
    mine('[provider]\ndisplay_name = "Acme"\n', "acme")
    sync(sqlite_url, *only)
    mine(f'[provider]\ndisplay_name = "Acme Inc."\napi_base_url = "{PROXY}"\n', "acme")
    sync(sqlite_url, *only)
    row = "SELECT display_name, api_base_url FROM ai_providers WHERE name = 'acme'"
    assert query(sqlite_url, row) == [("Acme Inc.", PROXY)]


def test_a_password_in_an_address_is_neither_shown_nor_kept_in_the_audit(
    sqlite_url: str, sync: Sync, query: Query, mine: Callable[..., str]
) -> None:
    only = ("--source", "catalog", "--provider", "openai")
    sync(sqlite_url, *only)
    mine('[provider]\napi_base_url = "https://me:hunter2secret@proxy.example.com/v1"\n')
    result = sync(sqlite_url, *only, "--catalog", "mine", "--format", "json")
    everything = result.stdout + result.stderr + str(query(sqlite_url, "SELECT * FROM ai_changes"))
    assert result.code == 0
    assert "hunter2secret" not in everything


def test_the_overlays_address_is_the_one_that_is_asked_once_a_person_has_accepted_it(
    sqlite_url: str, sync: Sync, run: Run, mine: Callable[..., str], provider_server: ProviderServer
) -> None:
    env = provider_server.env("openai")
    address = env.pop("OPENAI_BASE_URL")
    sync(sqlite_url, "--source", "catalog", "--provider", "openai")
    mine(f'[provider]\napi_base_url = "{address}"\n')
    asking = ("--provider", "openai", "--catalog", "mine", "--force", "--format", "json")
    env["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"  # where nobody is: the shipped address must not be asked by a test
    held = report_of(sync(sqlite_url, *asking, env=env))["providers"]["openai"]
    assert f"api_base_url https://api.openai.com/v1 → {address}" in held["key_doubt"]
    assert not provider_server.asked("openai")
    assert run("review", "accept", "openai", "--database", sqlite_url).code == 0
    result = sync(sqlite_url, *asking, env=env)
    assert report_of(result)["providers"]["openai"]["sources"] == ["api", "catalog"]
    assert provider_server.asked("openai")


@pytest.mark.parametrize("source", ["auto", "api", "catalog"])
def test_no_catalog_is_read_but_those_of_the_providers_that_are_named(
    sqlite_url: str, sync: Sync, run: Run, mine: Callable[..., str], provider_server: ProviderServer, source: str
) -> None:
    mine("not TOML", "anthropic")
    mine('[[model]]\nid = "gpt-4o"\n')
    env = provider_server.env("openai")
    argv = ("--catalog", "mine", "--source", source)
    done = sync(sqlite_url, *argv, "--provider", "openai", "--verbose", env=env)
    read = [line for line in done.stderr.splitlines() if "modelctl.catalog.load" in line]
    assert (done.code, len(read)) == (0, 2), done.stderr
    assert all(" of 1 catalogs in " in line for line in read)
    assert "anthropic.toml:1" in sync(sqlite_url, *argv, env=env).stderr
    listed = run("list", "--catalog", "mine", "--database", sqlite_url, "--verbose")
    assert listed.code == 0
    assert "modelctl.catalog" not in listed.stderr


BROKEN = "this is no catalog"


def test_a_command_about_one_provider_reads_no_catalog_of_another(
    run: Run, sqlite_url: str, sync: Sync, mine: Callable[..., str]
) -> None:
    sync(sqlite_url, "--source", "catalog", "--provider", "openai")
    mine('[provider]\ndisplay_name = "Ours"\n')
    mine(BROKEN, "google")
    here = ("--catalog", "mine", "--database", sqlite_url)
    for argv in (
        ("sync", "--source", "catalog", "--provider", "openai"),
        ("plan", "openai", "--source", "catalog"),
        ("populate", "--provider", "openai"),
        ("populate", "--provider", "openai", "--set", "audio", "--dry-run"),
        ("add", "openai/ours", "type=chat"),
        ("provider", "show", "openai"),
        ("provider", "disable", "openai"),
        ("catalog", "show", "openai"),
        ("catalog", "export", "out", "--provider", "openai"),
        ("catalog", "diff", "out", "--provider", "openai"),
    ):
        done = run(*argv, *here)
        assert (done.code, done.stderr) == (0, done.stderr.replace("google", "")), (argv, done.stderr)
    for argv in (("sync", "--provider", "all"), ("populate",), ("catalog", "show"), ("catalog", "diff", "out")):
        assert "mine/google.toml" in run(*argv, *here).stderr
