"""What a sync says when it was done: that it was, even where its report cannot be written."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.loopback import ProviderServer

Sync = Callable[..., Result]

SMALL = ("--source", "catalog", "--provider", "anthropic")


def test_a_summary_that_cannot_be_written_is_a_warning(sqlite_url: str, sync: Sync, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "summary.md")
    result = sync(sqlite_url, *SMALL, env={"GITHUB_STEP_SUMMARY": nowhere})
    assert result.code == 0
    assert "anthropic" in result.stdout
    assert f"warning: the report could not be added to GITHUB_STEP_SUMMARY ({nowhere}): No such file" in result.stderr


FAILING = {"OPENAI_API_KEY": "wrong-key-0001", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}


def test_quiet_prints_nothing_unless_something_failed_or_waits(sqlite_url: str, sync: Sync) -> None:
    for _ in range(2):
        first = sync(sqlite_url, *SMALL, "--quiet")
        assert (first.code, first.stdout, first.stderr) == (0, "", "")
    failed = sync(sqlite_url, "openai", "--quiet", env=FAILING)
    assert (failed.code, failed.stdout) == (5, "")
    [line] = failed.stderr.splitlines()
    assert line.startswith("error: openai: no connection to http://127.0.0.1:1/v1/models")
    asked_for = sync(sqlite_url, *SMALL, "--quiet", "--format", "json")
    assert json.loads(asked_for.stdout)["exit_code"] == 0


def test_a_first_sync_takes_eight_lines_and_one_that_changes_nothing_one(sqlite_url: str, sync: Sync) -> None:
    first = sync(sqlite_url, "--source", "catalog")
    assert 3 <= len(first.stdout.splitlines()) <= 8
    again = sync(sqlite_url, "--source", "catalog")
    assert re.fullmatch(r"In sync: [\d,]+ models of \d+ providers\n", again.stdout)
    assert first.stderr == again.stderr == ""


def test_the_author_of_a_run_can_be_named(sqlite_url: str, sync: Sync, query: Query) -> None:
    assert sync(sqlite_url, *SMALL, "-q", "--actor", "ci of shop").code == 0
    assert query(sqlite_url, "SELECT DISTINCT actor FROM ai_changes") == [("ci of shop",)]


def test_details_tell_of_each_provider(sqlite_url: str, sync: Sync) -> None:
    told = sync(sqlite_url, "--source", "catalog", "anthropic", "xai", "--details").stdout
    assert re.search(r"^anthropic +applied +created \d+", told, re.MULTILINE)
    assert re.search(r"^xai +applied +created \d+", told, re.MULTILINE)


@pytest.mark.parametrize(
    "asked",
    [("xai", "anthropic"), ("xai,anthropic",), ("-p", "xai", "-p", "anthropic"), ("--provider", "xai, anthropic")],
    ids=" ".join,
)
def test_providers_are_arguments_or_an_option_with_commas_or_without(
    asked: tuple[str, ...], sqlite_url: str, sync: Sync
) -> None:
    result = sync(sqlite_url, "--source", "catalog", *asked, "-n", "--json")
    assert [each["provider"] for each in json.loads(result.stdout)["providers"]] == ["anthropic", "xai"]


@pytest.mark.parametrize("way", ["option", "variable"])
def test_only_configured_providers_are_those_with_a_key_or_a_name(
    way: str, sqlite_url: str, sync: Sync, provider_server: ProviderServer
) -> None:
    option = ("--configured-only",) if way == "option" else ()
    env = provider_server.env("openai") | ({} if option else {"MODELCTL_CONFIGURED_ONLY": "true"})
    result = sync(sqlite_url, "all", "xai", *option, "--json", env=env)
    assert [each["provider"] for each in json.loads(result.stdout)["providers"]] == ["openai", "xai"]
    assert "left out: anthropic, " in result.stderr
    assert "no key is set" in result.stderr


def test_github_gets_annotations_a_summary_and_outputs(sqlite_url: str, sync: Sync, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    env = {"GITHUB_ACTIONS": "true", **FAILING, **{name: str(path) for name, path in files.items()}}
    result = sync(sqlite_url, "openai", env=env)
    assert result.code == 5
    [line] = [line for line in result.stderr.splitlines() if line.startswith("::")]
    assert line.startswith("::error title=modelctl::openai: no connection to ")
    assert "### modelctl sync" in files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    outputs = dict(line.split("=") for line in files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines())
    created = int(outputs.pop("created"))
    assert created > 100
    assert outputs == {"changed": "true", "held": "0", "failed": "1"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("extra", "says"), [((), b"the sync was applied"), (("--dry-run",), b"the sync changed nothing")]
)
def test_a_report_that_cannot_be_printed_does_not_hide_what_was_done(
    sqlite_url: str, query: Query, sync: Sync, extra: tuple[str, ...], says: bytes
) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "modelctl", "sync", "--database", sqlite_url, *SMALL, *extra]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"error: " + says + b", but its report could not be printed: No space left on device\n"
    if not extra:
        assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models") > [(0,)]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no user ids here")
@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_remembered_by_number(
    sqlite_url: str, sync: Sync, query: Query, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nameless() -> str:
        raise error("no such user")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert sync(sqlite_url, *SMALL).code == 0
    assert query(sqlite_url, "SELECT actor FROM ai_sync_runs") == [(f"uid {os.getuid()}",)]


def test_an_accepted_name_that_nothing_was_held_for_is_said(sqlite_url: str, sync: Sync, query: Query) -> None:
    accept = ("--accept", "bogus/thing", "--accept", "price-rise")
    result = sync(sqlite_url, *SMALL, *accept)
    assert result.code == 0
    assert "--accept bogus/thing matched nothing\n" in result.stderr
    assert "--accept price-rise matched nothing\n" in result.stderr


def test_an_accepted_name_that_let_something_pass_is_not_said(sqlite_url: str, sync: Sync, tmp_path: Path) -> None:
    def overlay(amount: int) -> tuple[str, str]:
        text = f"""
[provider]
display_name = "Acme"

[[model]]
id = "m"
type = "chat"
prices = [{{ input = {amount}, output = {amount} }}]
"""
        (tmp_path / "acme.toml").write_text(text)
        return "--catalog", str(tmp_path)

    def run(*extra: str) -> Result:
        return sync(sqlite_url, "--source", "catalog", "--provider", "acme", *extra)

    first = run(*overlay(1))
    assert first.code == 0, first.stdout + first.stderr
    assert run(*overlay(9)).code == 4
    assert "matched nothing" not in run(*overlay(9), "--accept", "m", "--dry-run").stderr
    assert "matched nothing" not in run(*overlay(9), "--accept", "price-rise", "--dry-run").stderr
    passed = run(*overlay(9), "--accept", "acme/m", "--accept", "acme/n")
    assert passed.code == 0, passed.stdout
    assert "--accept acme/n matched nothing" in passed.stderr
    assert "acme/m" not in passed.stderr


def test_an_explanation_says_each_fact_once_and_what_to_run_next(run: Run, sqlite_url: str, sync: Sync) -> None:
    name = "anthropic/claude-sonnet-4-5"
    explain = (*SMALL, "--explain", "claude-sonnet-4-5")
    first = sync(sqlite_url, *explain).stdout.splitlines()
    assert first[0] == f"{name}  would be created"
    assert first[-1] == "  next  `modelctl sync anthropic`"
    assert sync(sqlite_url, *SMALL).code == 0
    assert run("set", name, "context_window=150000", "--database", sqlite_url).code == 0
    lines = sync(sqlite_url, *explain).stdout.splitlines()
    [window] = [line.split(maxsplit=1)[1] for line in lines if "context_window" in line and "next" not in line]
    assert window == "150,000, an override; catalog says 200,000"
    assert lines[0] == f"{name}  nothing to change"
    assert f"  next  `modelctl sync --take {name}:context_window`" in lines
    rows = json.loads(sync(sqlite_url, *explain, "--json").stdout)
    subjects = [row["subject"] for row in rows]
    assert len(subjects) == len(set(subjects)) and "input_price_per_mtok" in subjects
    assert {row["model"] for row in rows} == {name}
    refused = sync(sqlite_url, *explain, "--format", "markdown")
    assert (refused.code, refused.stdout) == (2, "")


def test_an_exit_code_for_what_is_pending_needs_a_dry_run(sqlite_url: str, sync: Sync) -> None:
    result = sync(sqlite_url, *SMALL, "--exit-code")
    assert (result.code, result.stdout) == (2, "")
    assert "--exit-code goes with --dry-run" in result.stderr
