"""What shells complete: the right words, the right names, quickly, and never a complaint."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run
from tests.test_house import COMMANDS, SLOW_TO_IMPORT, modules_loaded_by

FLASH = "deepseek/deepseek-v4-flash"
PROVIDER_OF_MINE = """
    INSERT INTO ai_providers (name, display_name, kind, is_builtin, is_enabled, health_status, created_at, updated_at)
    SELECT 'mine', display_name, kind, is_builtin, is_enabled, health_status, created_at, updated_at FROM ai_providers
"""

Complete = Callable[..., list[str]]
Sync = Callable[..., Result]


@pytest.fixture
def complete(run: Run) -> Complete:
    """The candidates for the last word, as bash asks for them: `complete("show", "deep")`."""

    def complete_here(*words: str, **environ: str) -> list[str]:
        line = {"COMP_WORDS": "\n".join(("modelctl", *words)), "COMP_CWORD": str(len(words))}
        result = run(env={"_MODELCTL_COMPLETE": "complete_bash", **line, **environ})
        assert (result.code, result.stderr) == (0, "")
        return result.stdout.split()

    return complete_here


@pytest.fixture
def filled(sync: Sync, database_url: str) -> str:
    """A database of each kind with one provider's models."""
    assert sync(database_url, "--provider", "deepseek").code == 0
    return database_url


@pytest.fixture
def filled_file(synced_file: Callable[..., str]) -> str:
    """The same in a SQLite file, for what does not depend on the database."""
    return synced_file("--provider", "deepseek")


def test_names_of_models_and_providers_come_from_any_database(complete: Complete, query: Query, filled: str) -> None:
    query(filled, PROVIDER_OF_MINE)
    query(filled, "UPDATE ai_models SET provider = 'mine' WHERE model_id = 'deepseek-coder'")
    query(
        filled, "UPDATE ai_models SET provider = 'mine', model_id = 'deepseek-v4-pro' WHERE model_id = 'deepseek-chat'"
    )
    whole = complete("show", "", DATABASE_URL=filled)
    assert FLASH in whole
    assert all("/" in name for name in whole), "an empty word is completed by unmistakable names only"
    assert complete("show", "deepseek/deepseek-v4-f", DATABASE_URL=filled)[0] == FLASH
    bare = complete("show", "deepseek-v4", DATABASE_URL=filled)
    assert "deepseek-v4-flash" in bare
    assert "deepseek-v4-pro" not in bare, "two providers have it"
    assert "deepseek-coder" in complete("show", "deepseek-c", DATABASE_URL=filled)
    assert {"mine", "mistral"} <= set(complete("plan", "mi", DATABASE_URL=filled)), "the database's and the catalogs'"


def test_every_parameter_that_names_a_model_or_a_provider_completes_it(complete: Complete, filled_file: str) -> None:
    seen = set()
    for path, command in COMMANDS.items():
        firsts = [each for each in command.params if each.param_type_name == "argument"][:1]
        options = [each for each in command.params if each.param_type_name == "option"]
        for parameter in (*firsts, *options):
            metavar = parameter.metavar or ""
            wanted = FLASH if "MODEL" in metavar else "deepseek" if "PROVIDER" in metavar else None
            if parameter.name.startswith("provider"):
                wanted = "deepseek"
            if wanted is None or ":" in metavar:
                continue
            option = parameter.opts[:1] if parameter in options else []
            seen.add(metavar)
            assert wanted in complete(*path, *option, "", DATABASE_URL=filled_file), (path, parameter.name)
    assert {"MODEL", "all|NAME", "PROVIDER", "PROVIDER|MODEL"} <= seen


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("",), {"sync", "list", "price"}),
        (("pri",), {"price"}),
        (("price", ""), {"show", "set"}),
        (("runs", ""), {"list", "show", "undo"}),
        (("list", "--prov"), {"--provider"}),
        (("list", "--not"), {"--not-recommended"}),
        (("list", "--data"), {"--database"}),
        (("list", "--status", ""), {"preview", "active", "deprecated", "retired"}),
        (("list", "--status", "d"), {"deprecated"}),
        (("--quiet", "list", "--search", "x", "--format", "js"), {"json", "jsonl"}),
        (("list", "--format", "=", "js"), {"json", "jsonl"}),
        (("list", "--all", "--provider", "deep"), {"deepseek"}),
        (("sync", "--provider", "a"), {"all", "anthropic"}),
        (("override", "pin", FLASH, "knowl"), {"knowledge_cutoff"}),
        (("sync", "--take", "context_w"), {"context_window"}),
        (("set", FLASH, "context_w"), {"context_window="}),
        (("list", "--columns", "model_id,knowl"), {"model_id,knowledge_cutoff"}),
        (("list", "--missing", "max_"), {"max_output_tokens"}),
        (("list", "--capability", "vis"), {"vision"}),
        (("config", "set", "lock"), {"lock_wait_s"}),
        (("completion", ""), {"bash", "zsh", "fish"}),
        (("runs", "show", ""), set()),
        (("override", "adopt", "x", "y", "--", "--prov"), set()),
        (("nope", ""), set()),
        (("nope", "--data"), {"--database"}),
        (("show", "x", "y", ""), set()),
        (("list", "--search", ""), set()),
    ],
    ids=lambda words: " ".join(sorted(words) if isinstance(words, set) else words),
)
def test_words_are_completed_where_they_stand(complete: Complete, words: tuple[str, ...], some: set[str]) -> None:
    found = complete(*words)
    assert some <= set(found)
    assert all(name.startswith(words[-1]) for name in found)
    assert bool(found) == bool(some)


def test_an_argument_that_repeats_is_completed_each_time(complete: Complete, filled_file: str) -> None:
    assert FLASH in complete("override", "adopt", "a", "b", "deepseek/", DATABASE_URL=filled_file)
    assert complete("show", "a", "deepseek/", DATABASE_URL=filled_file) == []


def test_global_options_among_the_words_say_where_to_look(complete: Complete, filled_file: str) -> None:
    assert FLASH in complete("--database", filled_file, "show", "")
    assert FLASH in complete("show", f"--database={filled_file}", "")
    mine = Path("mine")
    mine.mkdir()
    for name in ("acme.toml", ".hidden.toml", "notes.txt"):
        (mine / name).touch()
    assert complete("--catalog", "mine", "plan", "a")[:1] == ["acme"]
    Path("other.toml").write_text(f"database_url = '{filled_file}'", encoding="utf-8")
    assert FLASH in complete("--config", "other.toml", "show", "")


def test_runs_complete_by_their_ids(complete: Complete, run: Run, filled_file: str) -> None:
    runs = {each["run"] for each in json.loads(run("runs", "list", "--json", "--database", filled_file).stdout)["runs"]}
    assert set(complete("runs", "undo", "2", DATABASE_URL=filled_file)) == runs != set()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///missing/x.db",
        "sqlite:///modelctl.toml",
        "postgresql://nobody:wrong@127.0.0.1:1/none",
        "mysql://nobody@127.0.0.1:1/none",
        "oracle://host/none",
        "postgresql://host:port/none",
        "no-url",
    ],
)
def test_nothing_that_is_wrong_is_told_in_the_middle_of_a_line(complete: Complete, url: str) -> None:
    Path("modelctl.toml").touch()
    assert complete("show", "", DATABASE_URL=url) == []
    assert not Path("missing").exists()


def test_broken_settings_complete_commands_and_no_names(complete: Complete) -> None:
    assert complete("show", "", MODELCTL_NONSENSE="1") == []
    assert complete("provider", "models", "", MODELCTL_NONSENSE="1") == []
    assert complete("li", MODELCTL_NONSENSE="1") == ["list", "lifecycle"]


def test_zsh_and_fish_get_the_same_names(run: Run, filled_file: str) -> None:
    for shell, found in {"zsh": f'"{FLASH}"', "fish": f"{FLASH}\n"}.items():
        environ = {"_TYPER_COMPLETE_ARGS": "modelctl show deepseek/deepseek-v4-flash", "DATABASE_URL": filled_file}
        environ |= {"_MODELCTL_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        result = run(env=environ)
        assert (result.code, result.stderr) == (0, "")
        assert found in result.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_itself_completes_with_the_script_that_it_is_given(run: Run, filled_file: str, tmp_path: Path) -> None:
    script = run("completion", "bash").stdout
    command = tmp_path / "modelctl"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelctl "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    line = "COMP_WORDS=(modelctl show deepseek/deepseek-v4-f) COMP_CWORD=2; _modelctl_completion modelctl"
    environ = {**os.environ, "DATABASE_URL": filled_file, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{line}; echo "${{COMPREPLY[@]}}"'],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.split()[0], done.stderr) == (FLASH, "")


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="no bash on a terminal here")
def test_installing_writes_the_script_for_the_shell_that_asks_and_no_colour() -> None:
    ours, theirs = os.openpty()
    line = f"{sys.executable} -m modelctl --install-completion; true"  # `true`: bash stays, as the parent that asks
    subprocess.run(["bash", "--norc", "-c", line], stdout=theirs, stderr=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "bash completion installed" in said
    assert "\x1b" not in said
    script = Path.home() / ".bash_completions" / "modelctl.sh"
    assert "_modelctl_completion" in script.read_text(encoding="utf-8")
    assert str(script) in (Path.home() / ".bashrc").read_text(encoding="utf-8")


def test_completing_a_name_loads_nothing_slow(monkeypatch: pytest.MonkeyPatch, filled_file: str) -> None:
    for name, value in {
        "_MODELCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "modelctl show deep",
        "COMP_CWORD": "2",
        "DATABASE_URL": filled_file,
    }.items():
        monkeypatch.setenv(name, value)
    loaded = modules_loaded_by()
    assert "sqlite3" in loaded
    assert not loaded & {*SLOW_TO_IMPORT, "pydantic"}
