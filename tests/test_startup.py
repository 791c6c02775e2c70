"""What starting costs: a command line loads the command that it names, and what that needs; no clock is asked."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from modelctl.cli.main import COMMANDS as LISTED
from modelctl.cli.main import command_tree
from tests.conftest import Run
from tests.loopback.fixture import provider_server
from tests.loopback.server import ProviderServer
from tests.test_house import COMMANDS, ROOT, SLOW_TO_IMPORT, modules_loaded_by

__all__ = ["provider_server"]

SDKS = {"openai", "anthropic", "google.genai", "replicate"}
DECIDING = {
    "modelctl.core.planning.planner",
    "modelctl.core.planning.guards",
    "modelctl.core.planning.merge",
    "modelctl.core.planning.plan",
}
ALWAYS = {"modelctl.cli.main", "modelctl.cli.context", "modelctl.cli.commands"}


@pytest.fixture
def url(synced_file) -> str:
    """A file with the models of one provider."""
    return synced_file("--provider", "deepseek", "--source", "catalog")


def command_modules(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.startswith("modelctl.cli.")}


@pytest.mark.parametrize("name", LISTED)
def test_every_entry_of_the_table_of_commands_is_there(name):
    module, _, attribute = LISTED[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, typer.Typer) or found.__name__ == f"{name}_command"


@pytest.mark.parametrize("name", LISTED)
def test_the_summary_of_a_command_is_the_beginning_of_its_help(name):
    summary = " ".join(COMMANDS[(name,)].help.split("\n\n")[0].split())
    assert LISTED[name].summary == summary


def test_the_help_is_the_same_whatever_is_loaded(run: Run):
    root = command_tree.__wrapped__(frozenset(LISTED))  # of its own: a command keeps the first help option it makes
    from typer import Context

    everything = root.get_help(Context(root, info_name="modelctl", **root.context_settings))
    assert run("--help").stdout == f"{everything}\n"
    assert list(command_tree(frozenset({"db"})).commands) == list(LISTED)


@pytest.mark.parametrize("argv", ["--help", "--version"])
def test_help_and_version_load_no_command(argv):
    loaded = modules_loaded_by(argv)
    assert command_modules(loaded) <= {*ALWAYS, "modelctl.cli.main"}
    assert not [name for name in loaded if name.startswith(("modelctl.core", "modelctl.config", "modelctl.output"))]


def test_a_list_loads_nothing_of_a_sync(url):
    loaded = modules_loaded_by("list", "--database", url)
    assert "modelctl.cli.list" in loaded
    assert not loaded & {
        "modelctl.cli.sync",
        "modelctl.services.sync",
        "modelctl.services.edits",
        "modelctl.discovery.fetch",
    }
    assert not loaded & {
        *DECIDING,
        "tenacity",
        "sqlalchemy.dialects.postgresql",
        "rich.cells",
        "rich.console",
        "rich.style",
    }


@pytest.mark.parametrize(("command", "most"), [("list", 32), ("disable deepseek/deepseek-v4-pro", 45)])
def test_a_command_enters_few_files(url, command, most):
    """Functions of them that are called, and bodies of classes that are run: what a reader opens to follow it."""
    argv = [sys.executable, ROOT / "benchmarks" / "entered.py", *command.split(), "--database", url]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    figures = done.stderr.splitlines()[-1]
    assert int(figures.partition("entered ")[2].partition(",")[0]) <= most, done.stderr


@pytest.mark.parametrize(
    ("command", "classes"),
    [
        ("list", {"models"}),
        ("show deepseek/deepseek-v4-pro", {"models", "prices", "providers", "runs"}),  # whether there is a key
        ("price show deepseek/deepseek-v4-pro", {"models", "prices"}),
        ("lifecycle", {"models", "providers"}),
        ("history", {"models", "providers", "runs"}),
        ("runs list", {"models", "providers", "runs"}),
    ],
)
def test_what_only_reads_makes_the_classes_of_the_tables_that_it_reads(url, command, classes):
    loaded = modules_loaded_by(*command.split(), "--database", url)
    made = {name.removeprefix("modelctl.tables.") for name in loaded if name.startswith("modelctl.tables.")}
    assert made == classes | {"base"}
    assert not loaded & {"alembic", "sqlalchemy.dialects.mysql", "modelctl.db.probe", "modelctl.core.doctor"}


def test_completing_a_name_loads_neither_a_library_nor_what_decides(url, monkeypatch):
    line = {"_MODELCTL_COMPLETE": "complete_bash", "COMP_WORDS": "modelctl show deep", "COMP_CWORD": "2"}
    for name, value in {**line, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)
    loaded = modules_loaded_by()
    assert "sqlite3" in loaded  # the names were looked up
    assert command_modules(loaded) <= {
        *ALWAYS,
        *(f"modelctl.cli.{name}" for name in ("completion", "format", "show")),
    }
    assert not loaded & {*SLOW_TO_IMPORT, *DECIDING, "pydantic", "modelctl.core.facts"}


def test_a_sync_loads_the_sdk_of_the_provider_that_it_asks_and_no_other(
    url, provider_server: ProviderServer, monkeypatch
):
    for name, value in provider_server.env("replicate").items():
        monkeypatch.setenv(name, value)
    loaded = modules_loaded_by(
        "sync", "--provider", "replicate", "--provider", "anthropic", "--provider", "deepseek", "--database", url
    )
    assert provider_server.asked("replicate")
    assert loaded & SDKS == {"replicate"}
