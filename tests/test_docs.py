"""What the pages name exists: commands and options, files and modules, make targets, links."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import ROOT
from tools.reference import COMMANDS

PAGES = sorted(
    [ROOT / "README.md"] + [path for name in ("docs", "tools", "benchmarks") for path in (ROOT / name).rglob("*.md")]
)
FOLDERS = "src|tests|tools|benchmarks|docs|catalogs"
ROOMS = "|".join(sorted(path.name for path in (ROOT / "src" / "modelctl").iterdir() if (path / "__init__.py").exists()))
SHELL = re.compile(r"[|><&;\\…]|\d>")
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def code_of(text: str) -> Iterator[str]:
    """Every line of code of a page: of its blocks, indented or fenced, and what stands between backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    yield from (line for block in fenced for line in block.splitlines())
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", rest):
        if paragraph.startswith("    "):
            yield from (line.strip() for line in paragraph.splitlines())
        else:
            yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", paragraph))


def words_of(command: str) -> list[str]:
    """The words of a command, up to what is the shell's or prose."""
    plain = command.partition("  ")[0].partition(" #")[0]
    try:
        words = shlex.split(plain)
    except ValueError:  # an apostrophe of the prose behind it
        words = plain.split()
    end = next((place for place, word in enumerate(words) if SHELL.match(word)), len(words))
    return words[:end]


@every_page
def test_commands_and_options_that_a_page_names_exist(path: Path) -> None:
    for line in code_of(path.read_text(encoding="utf-8")):
        for command in re.findall(r"(?:^|[$&|(] ?|run: )(?:\w+=\S+ )*modelctl (.+)", line):
            named = [COMMANDS[()]]
            words = words_of(command)
            for word in words:
                if child := getattr(named[-1], "commands", {}).get(word.strip(",")):
                    named.append(child)
            assert named[1:] or words[0] == "COMMAND" or words[0].startswith("--"), command
            known = {name for each in named for param in each.params for name in (*param.opts, *param.secondary_opts)}
            assert {word.partition("=")[0] for word in words if word.startswith("--")} <= {*known, "--help"}, command


@every_page
def test_files_and_modules_that_a_page_names_exist(path: Path) -> None:
    text = "\n".join(code_of(path.read_text(encoding="utf-8")))
    named = {ROOT / name for name in re.findall(rf"(?<![\w./~:-])(?:{FOLDERS})/[\w./-]*\w(?![\w<*])", text)}
    inside = re.findall(rf"(?<![\w./~-])(?:{ROOMS})/(?:\w+/)*(?:\w+\.py)?(?!\w)", text)
    named |= {ROOT / "src/modelctl" / name for name in inside}
    assert [str(each.relative_to(ROOT)) for each in sorted(named) if not each.exists()] == []
    modules = {*re.findall(r"(?<![\w./-])(?:modelctl|tools|benchmarks|tests)(?:\.[a-zA-Z_]\w*)+(?!\.?[\w/-])", text)}
    files = {"modelctl.toml", "modelctl.env", "modelctl.log"}
    assert [name for name in sorted(modules - files) if not is_there(name)] == []


def is_there(dotted: str) -> bool:
    """Whether that is a module, or something in one."""
    name, _, last = dotted.rpartition(".")
    try:
        return bool(importlib.import_module(dotted))
    except ImportError:
        return bool(name) and hasattr(importlib.import_module(name), last)


@every_page
def test_make_targets_that_a_page_names_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in code_of(path.read_text(encoding="utf-8")) for word in re.findall(r"^make ([a-z]+)", line)}
    assert named <= targets


@every_page
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
        page = path.parent / target if target else path
        assert page.exists(), target
        if anchor and page.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, anchor
