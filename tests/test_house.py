"""Rules of the house that a reviewer should not have to check by eye."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.reference import COMMANDS

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PROGRAMS = sorted(path for name in ("benchmarks", "tools") for path in (ROOT / name).rglob("*.py"))
MAX_FILE_LINES = 650
MAX_FUNCTION_LINES = 40
SLOW_TO_IMPORT = ["sqlalchemy", "sqlmodel", "alembic", "rich", "openai", "anthropic", "google.genai", "replicate"]
SLOW_TO_IMPORT += ["cryptography", "keyring"]


def modules_loaded_by(*argv: str) -> set[str]:
    code = "import sys; from modelctl.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("argv", [("--version",), *((*path, "--help") for path in COMMANDS)], ids=" ".join)
def test_help_and_version_load_nothing_slow(argv):
    loaded = modules_loaded_by(*argv)
    assert "modelctl.cli.main" in loaded
    assert not loaded & {*SLOW_TO_IMPORT, "pydantic"}


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
