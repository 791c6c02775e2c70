"""docs/reference.md: every command as its code describes it. `make reference` writes it, and a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from modelctl.cli.commands import COMMANDS as LISTED
from modelctl.cli.main import command_tree
from tools.readme import exit_code_table

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"

_HEAD = """\
# Reference

Every command, as `modelctl COMMAND --help` tells it. Written by `make reference`; a test compares it with the code.

Global options may stand before or after the command. The settings have [a page of their own](settings.md).
"""
_SHELL_ONLY = {"help", "install_completion", "show_completion"}
_ANY_TEXT = re.compile(r" <(?:str|path|list\[str\])>")
"""A type that tells nothing: every argument is text."""
_UNWRAPPED = "\b\n"
"""Before a paragraph whose lines are kept."""


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with the words that lead to it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


COMMANDS = dict(_commands(command_tree(frozenset(LISTED))))
"""By the words that lead to it, the root first."""


def reference() -> str:
    """The whole page."""
    root, *commands = COMMANDS
    parts = [
        _HEAD,
        "\n".join(["| command | does |", "| --- | --- |", *map(_index_row, commands)]),
        "## Global options",
        *_options(root),
        "## Exit codes",
        exit_code_table(),
        *(part for path in commands for part in _command(path)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _index_row(path: tuple[str, ...]) -> str:
    return f"| [`{' '.join(path)}`](#modelctl-{'-'.join(path)}) | {_cell(COMMANDS[path].get_short_help_str(120))} |"


def _command(path: tuple[str, ...]) -> Iterator[str]:
    command, ctx = COMMANDS[path], _context(path)
    yield f"## modelctl {' '.join(path)}"
    yield from _prose(command.help)
    yield f"```text\n{' '.join([ctx.command_path, *command.collect_usage_pieces(ctx)])}\n```"
    yield from _options(path)
    yield from _prose(command.epilog or "")


def _options(path: tuple[str, ...]) -> Iterator[str]:
    """The table of arguments and options; nothing for a command that has neither."""
    ctx = _context(path)
    shown = [each for each in COMMANDS[path].params if each.name not in _SHELL_ONLY]
    records = [record for each in shown if (record := each.get_help_record(ctx))]
    if records:
        rows = (f"| `{_cell(_ANY_TEXT.sub('', name))}` | {_cell(text)} |" for name, text in records)
        yield "\n".join(["| option | meaning |", "| --- | --- |", *rows])


def _prose(text: str) -> Iterator[str]:
    """The paragraphs of a help text; examples, and others whose lines are kept, as blocks."""
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.startswith(_UNWRAPPED):
            first, *lines = paragraph.removeprefix(_UNWRAPPED).splitlines()
            yield first
            yield _block(lines)
        elif paragraph.startswith("Example: "):
            yield "Example:"
            yield _block([paragraph.removeprefix("Example: ")])
        elif paragraph:
            yield paragraph


def _block(lines: Iterable[str]) -> str:
    return "\n".join(["```text", *(line.removeprefix("  ") for line in lines), "```"])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _context(path: tuple[str, ...]) -> Any:
    ctx = None
    for length in range(len(path) + 1):
        name = path[length - 1] if length else "modelctl"
        ctx = typer.Context(COMMANDS[path[:length]], info_name=name, parent=ctx)
    return ctx


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
