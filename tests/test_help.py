"""What `--help` says: whole on a terminal of 80 columns, with examples that are commands and options of ours."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from modelctl.cli.commands import COMMANDS as LISTED
from modelctl.cli.commands import PANELS
from tests.conftest import Run
from tests.test_house import COMMANDS

GROUPS = [path for path, command in COMMANDS.items() if getattr(command, "commands", None)]
LEAVES = [path for path in COMMANDS if path not in GROUPS]
SHELL = {"|", ">", "<", "&&", "||", ";", "2>", "\\"}


def options_of(path: tuple[str, ...]) -> set[str]:
    return {name for each in COMMANDS[path].params for name in (*each.opts, *each.secondary_opts)}


def examples(command: Any) -> Iterator[list[str]]:
    """The words after `modelctl` of every example in the epilog, up to what is the shell's."""
    for line in (command.epilog or "").removeprefix("Example: ").splitlines():
        if found := re.match(r"\s*(?:.* \| )?(?:\w+=\S+ )*modelctl (.+)", line):
            words = shlex.split(found[1], comments=True)
            end = next((place for place, word in enumerate(words) if word in SHELL), len(words))
            yield words[:end]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_of_itself(path: tuple[str, ...]) -> None:
    assert re.match(r"(\x08\n)?Examples?:\s", COMMANDS[path].epilog or ""), "begin the epilog with Examples:"
    own = [[word for word in words if word in path] for words in examples(COMMANDS[path])]
    assert list(path) in [words[: len(path)] for words in own]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_examples_name_commands_and_options_that_exist(path: tuple[str, ...]) -> None:
    for words in examples(COMMANDS[path]):
        named = [COMMANDS[()]]
        for word in words:
            if command := getattr(named[-1], "commands", {}).get(word):
                named.append(command)
        assert named[1:], words
        options = {name for command in named for each in command.params for name in (*each.opts, *each.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, words


@pytest.mark.parametrize("path", [path for path in LEAVES if "--provider" in options_of(path)], ids=" ".join)
def test_providers_are_arguments_wherever_they_are_an_option(path: tuple[str, ...]) -> None:
    arguments = {each.metavar or "" for each in COMMANDS[path].params if each.param_type_name == "argument"}
    assert any("PROVIDER" in metavar for metavar in arguments)
    assert "-p" in options_of(path)


@pytest.mark.parametrize("path", GROUPS, ids=" ".join)
def test_no_command_is_described_by_half_a_sentence(run: Run, path: tuple[str, ...]) -> None:
    listed = run(*path, "--help", env={"COLUMNS": "80"}).stdout.partition("Commands:\n" if path else "Sync:\n")[2]
    assert listed
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_plain_text_without_colour_or_pager(run: Run, path: tuple[str, ...]) -> None:
    environ = {"NO_COLOR": "", "FORCE_COLOR": "1", "PAGER": "false", "TERM": "xterm-256color"}
    result = run(*path, "--help", env=environ)
    assert (result.code, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_the_usage_shows_each_bracket_once(run: Run, path: tuple[str, ...]) -> None:
    usage = run(*path, "--help").stdout.partition("\n\n")[0]
    assert not re.search(r"\[\[|(\.\.\.|…).(\.\.\.|…)", usage), "a metavar is bare: Typer adds the brackets and dots"


def test_every_command_stands_under_one_heading() -> None:
    listed = [name for names in PANELS.values() for name in names]
    assert sorted(listed) == sorted(LISTED)


def test_help_on_a_terminal_is_drawn_in_panels_and_keeps_the_lines_of_examples() -> None:
    for argv, titles in ((("--help",), PANELS), (("sync", "--help"), ("Sources", "Guards", "Output"))):
        drawn = on_a_terminal(*argv)
        assert all(f"╭─ {title} " in drawn for title in titles)
    assert "the [provider] table" in " ".join(on_a_terminal("catalog", "diff", "--help").replace("│", " ").split())
    assert "\n    modelctl sync --explain gpt-4o\n" in drawn.replace("\r\n", "\n")


def on_a_terminal(*argv: str) -> str:
    """What the command writes to a terminal of 100 columns that can draw."""
    import os
    import pty

    child, terminal = pty.fork()
    if not child:
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        env.pop("NO_COLOR", None)
        os.execve(sys.executable, [sys.executable, "-m", "modelctl", *argv], env)
    parts = []
    try:
        while part := os.read(terminal, 4096):
            parts.append(part)
    except OSError:  # the terminal is closed
        pass
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode())
