"""`modelctl catalog`: lint, path and show, on shipped catalogs and on a person's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelctl.catalog.lint import STALE_AFTER_DAYS
from modelctl.cli import catalog
from modelctl.core.facts import FACT_FIELDS

GOOD = """\
[provider]
display_name = "Acme"
kind = ""
pricing_url = "https://acme.test/pricing"

[[model]]
id = "acme-1"
type = "chat"
context_window = 8000
verified_on = 2026-11-20
prices = [{ input = 1.25, output = 5 }]

[[model]]
id = "acme-2"
type = "chat"
verified_on = 2026-01-01
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    directory = tmp_path / "own"
    directory.mkdir()
    (directory / "acme.toml").write_text(GOOD, encoding="utf-8")
    return directory


def test_the_shipped_catalogs_have_no_errors(run):
    result = run("catalog", "lint")
    assert result.code == 0
    assert " catalogs, 0 errors, " in result.stderr


def test_warnings_are_shown_and_pass(run, own):
    result = run("catalog", "lint", str(own))
    assert result.code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{own}/acme.toml:16: warning: model acme-2: verified_on: 2026-01-01 is 324 days ago")
    assert result.stderr == "1 catalog, 0 errors, 1 warning\n"
    assert run("catalog", "lint", str(own), "--stale-after", "400").stdout == ""


def test_errors_exit_3_with_file_line_and_key(run, own):
    (own / "acme.toml").write_text(GOOD.replace("input = 1.25", "input = -1.25"), encoding="utf-8")
    result = run("catalog", "lint", str(own))
    assert result.code == 3
    assert f"{own}/acme.toml:11: error: model acme-1: prices[0].input" in result.stdout
    found = json.loads(run("catalog", "lint", str(own), "--json").stdout)
    assert (found["version"], found["files"], found["errors"]) == (1, 1, 1)
    (error,) = (each for each in found["findings"] if each["severity"] == "error")
    assert (error["line"], error["model_id"], error["key"]) == (11, "acme-1", "prices[0].input")


def test_a_person_s_own_catalogs_are_linted_with_the_shipped_ones(run, own):
    result = run("catalog", "lint", env={"MODELCTL_CATALOG_DIRECTORY": str(own)})
    assert "acme.toml:16: warning" in result.stdout
    assert int(result.stderr.split()[0]) > 1


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_directory_without_catalogs_is_an_error(run, tmp_path, name):
    (tmp_path / "empty").mkdir()
    result = run("catalog", "lint", str(tmp_path / name))
    assert (result.code, result.stdout) == (1, "")
    assert name in result.stderr


def test_path(run, own):
    (shipped,) = run("catalog", "path").stdout.splitlines()
    assert (Path(shipped) / "openai.toml").is_file()
    env = {"MODELCTL_CATALOG_DIRECTORY": str(own)}
    assert run("catalog", "path", env=env).stdout.splitlines() == [str(own), shipped]
    assert json.loads(run("catalog", "path", "--json").stdout) == {"version": 1, "own": None, "shipped": shipped}


def test_show_counts_models_per_provider_and_status(run, own):
    result = run("catalog", "show", "--json", env={"MODELCTL_CATALOG_DIRECTORY": str(own)})
    rows = {each["provider"]: each for each in json.loads(result.stdout)["providers"]}
    assert rows["acme"] == {
        "provider": "acme",
        "models": 2,
        "preview": 0,
        "active": 2,
        "deprecated": 0,
        "retired": 0,
        "unpriced": 1,
    }
    for each in rows.values():
        assert each["models"] == sum(each[status] for status in ("preview", "active", "deprecated", "retired"))
    lines = run("catalog", "show").stdout.splitlines()
    assert lines[0].split() == ["provider", "models", "preview", "active", "deprecated", "retired", "unpriced"]
    assert lines[-1].startswith("total ")


def test_show_of_a_provider_lists_what_a_sync_would_create(run, own, sqlite_url):
    env = {"MODELCTL_CATALOG_DIRECTORY": str(own)}
    stated = json.loads(run("catalog", "show", "acme", "--json", env=env).stdout)
    assert list(stated[0]) == ["provider", "model_id", *FACT_FIELDS, "is_enabled"]
    assert stated[0]["input_price_per_mtok"] == 1.25
    assert [each["is_enabled"] for each in stated] == [True, False]
    assert run("sync", "--provider", "acme", "--database", sqlite_url, env=env).code == 0
    listed = json.loads(run("list", "--provider", "acme", "--database", sqlite_url, "--json").stdout)
    assert [{name: each[name] for name in stated[0]} for each in listed] == stated
    assert "acme/acme-1  active" in run("catalog", "show", "acme", env=env).stdout


def test_show_of_an_unknown_provider(run):
    result = run("catalog", "show", "opnai")
    assert (result.code, result.stdout) == (2, "")
    assert "did you mean openai?" in result.stderr


def test_help_tells_the_default_that_lint_has():
    assert catalog.STALE_AFTER_DAYS == STALE_AFTER_DAYS
