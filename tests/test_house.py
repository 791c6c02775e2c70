"""Rules of the house that a reviewer should not have to check by eye."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from modelctl.discovery.registry import REGISTRY
from modelctl.exports.registry import FORMATS
from tools.reference import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "modelctl"
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PROGRAMS = sorted(path for name in ("benchmarks", "tools") for path in (ROOT / name).rglob("*.py"))
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 40
SLOW_TO_IMPORT = ["sqlalchemy", "sqlmodel", "alembic", "rich", "openai", "anthropic", "google.genai", "replicate"]
SLOW_TO_IMPORT += ["cryptography", "keyring"]


HELPS = [("--version",), *((*path, "--help") for path in COMMANDS)]
EACH = """
import json, os, sys
from modelctl.cli.main import main

for argv in json.loads(sys.argv[1]):
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, argv
    else:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main(argv)
        os.write(2, json.dumps(list(sys.modules)).encode() + b"\\n")
        os._exit(0)
"""
"""Each in a process of its own, forked from one that has the entry's module alone."""


def modules_loaded_by_each() -> dict[tuple[str, ...], set[str]]:
    done = subprocess.run([sys.executable, "-c", EACH, json.dumps(HELPS)], capture_output=True, text=True, check=True)
    return {argv: set(json.loads(line)) for argv, line in zip(HELPS, done.stderr.splitlines(), strict=True)}


def modules_loaded_by(*argv: str) -> set[str]:
    code = "import sys; from modelctl.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_and_version_load_nothing_slow():
    slow = {}
    for argv, loaded in modules_loaded_by_each().items():
        assert "modelctl.cli.main" in loaded, argv
        slow[argv] = loaded & {*SLOW_TO_IMPORT, "pydantic"}
    assert {argv: loaded for argv, loaded in slow.items() if loaded} == {}


def test_a_plain_command_loads_neither_a_database_nor_an_sdk():
    assert not modules_loaded_by("config", "show") & set(SLOW_TO_IMPORT)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(path):
    command = COMMANDS[path]
    assert command.help, "the command has no help"
    silent = [each.name for each in command.params if not getattr(each, "help", None)]
    assert not silent, f"no help for {silent}"


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its `def`, not counting its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


@pytest.mark.parametrize("path", [*SOURCES, *PROGRAMS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small_and_documented(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert not text or ast.get_docstring(tree), "a module says what it owns"
    if path.parent.name == "versions":
        return  # a migration lists the columns of a table as they were that day; it is never edited
    too_long = [
        f"{each.name}: {lines_of(each)} lines" for each in functions_of(tree) if lines_of(each) > MAX_FUNCTION_LINES
    ]
    assert not too_long


class Module(NamedTuple):
    """A module of the package: its folder, and those that it imports when it runs."""

    folder: tuple[str, ...]
    imports: frozenset[str]

    @property
    def is_plugin(self) -> bool:
        """Whether it is one of many of a kind: a command, a provider, a source, a format, a report, a route."""
        return not OPEN_ROOMS.isdisjoint(self.folder)


OPEN_ROOMS = {"cli", "discovery", "exports", "output", "presets", "server", "sources"}
"""A new command or provider is a new file there. The bounds below are on what all of them share."""
MAX_SHARED_MODULES, MAX_MODULES_BUT_PLUGINS, MAX_IN_A_FOLDER, MAX_CHAPTERS = 98, 161, 24, 17
SURROUNDINGS = {
    "cli": {"main", "commands", "context", "options", "format", "completion", "edit"},
    "discovery": {"base", "cache", "fetch", "fields", "http", "probe", "registry"},
    "exports": {"base", "registry"},
}
"""What a room of plug-ins holds besides what its registry lists."""


def imported(tree: ast.AST) -> Iterator[str]:
    """Every name that is imported, be it a module or something in one; what only annotations need is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.expr):
            continue  # most of a tree, and no place for an import
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        yield from imported(node)


@cache
def modules() -> dict[str, Module]:
    """All modules but migrations; a package's own file counts where something is in it."""
    found = {}
    for path in SOURCES:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        text = path.read_text(encoding="utf-8")
        if "migrations" not in parts and (parts[-1] != "__init__" or text):
            name = ".".join(("modelctl", *parts)).removesuffix(".__init__")
            found[name] = Module(parts[:-1], frozenset({*imported(ast.parse(text))} - {name}))
    return {name: Module(each.folder, each.imports & {*found}) for name, each in found.items()}


def test_the_house_has_few_modules_and_no_crowded_folder():
    shared = [name for name, each in modules().items() if not each.is_plugin]
    folders = Counter(
        each.folder for each in modules().values() if each.folder[-1:] not in {(room,) for room in OPEN_ROOMS}
    )
    assert len(shared) <= MAX_SHARED_MODULES
    plugins = len(REGISTRY) + len(FORMATS)
    assert len(modules()) - plugins <= MAX_MODULES_BUT_PLUGINS, "a new provider or format is no reason to move others"
    assert {folder: count for folder, count in folders.items() if count > MAX_IN_A_FOLDER} == {}


def test_few_modules_are_chapters_of_one_other():
    """A module that one other alone imports is a part of that one, unless it is a plug-in: put it back."""
    importers = Counter(name for each in modules().values() for name in each.imports)
    chapters = sorted(name for name, each in modules().items() if importers[name] == 1 and not each.is_plugin)
    assert len(chapters) <= MAX_CHAPTERS, chapters


def test_no_modules_import_each_other_in_a_circle():
    TopologicalSorter({name: each.imports for name, each in modules().items()}).prepare()  # CycleError names them


@pytest.mark.parametrize("room", sorted(room for room in OPEN_ROOMS - {"output"} if (PACKAGE / room).is_dir()))
def test_a_room_of_plugins_holds_what_its_registry_lists(room):
    listed = {
        "cli": {getattr(command.callback, "__module__", None) for command in COMMANDS.values()},
        "discovery": {module.__name__ for module in REGISTRY.values()},
        "exports": {module.__name__ for module in FORMATS.values()},
    }
    around = {f"modelctl.{room}.{name}" for name in SURROUNDINGS[room]}
    assert {name for name, each in modules().items() if each.folder[:1] == (room,)} - listed[room] == around - listed[
        room
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_only_the_command_line_prints(path):
    calls = (node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    prints = [call.lineno for call in calls if isinstance(call, ast.Name) and call.id == "print"]
    assert not prints, "below cli/ nothing prints; commands use Context.answer and Context.say"


def tracked_files() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_place_on_one_machine():
    a_machine = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+|Users/[a-z]+)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if a_machine.search(line) and path != Path(__file__)
    ]
    assert not found


def test_constraints_pin_exact_versions_and_name_no_registry():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9._!+]+", line)]
    assert not wrong
    assert not any("://" in line or "file:" in line for line in lines)


def test_everything_that_is_required_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {normal(re.match(r"[A-Za-z0-9._-]+", each)[0]) for each in required} - {"modelctl"}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert names <= {normal(line.partition("==")[0]) for line in lines}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_make_target_explains_itself():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert [name for name in phony if not re.search(rf"^{name}:.*## \S", text, re.MULTILINE)] == []
