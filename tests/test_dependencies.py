"""Every dependency is declared, used and justified, and there is no other."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

from tests.test_house import ROOT, SOURCES, normal

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
NAME_OF_MODULE = {"google": "google-genai", "yaml": "PyYAML"}
BY_URL = {"psycopg", "pymysql"}
"""Drivers, which SQLAlchemy imports when a URL names them."""
BROUGHT = {"dotenv": "python-dotenv", "httpx2": "openai", "pydantic-core": "pydantic", "typing-extensions": "pydantic"}
"""A module of another name than its package, or a part of a declared package; and what brings it."""


def named(requirements: list[str]) -> set[str]:
    return {normal(re.match(r"[A-Za-z0-9._-]+", each)[0]) for each in requirements}


REQUIRED = named(PROJECT["dependencies"])
EXTRAS = {
    name: named(each) for name, each in PROJECT["optional-dependencies"].items() if name not in ("all", "dev", "bench")
}


def imported() -> set[str]:
    """The packages that the code imports, be it in a function."""
    modules: set[str] = set()
    for node in (node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    tops = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"modelctl", "__future__"}
    return {normal(NAME_OF_MODULE.get(name, name)) for name in tops}


def test_what_is_declared_is_what_is_imported():
    everything = REQUIRED.union(*EXTRAS.values())
    used = {BROUGHT.get(name, name) for name in imported()}
    assert used | BY_URL == everything


@pytest.mark.parametrize(
    ("heading", "declared"), [("Always installed", REQUIRED), ("Extras", set().union(*EXTRAS.values()))]
)
def test_each_is_justified_in_the_docs_and_no_other(heading, declared):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Za-z0-9._-]+)(?:\[\w+\])?` \|(.*)\|$", section, re.MULTILINE)
    assert {normal(name) for name, _ in rows} == declared
    assert all(cell.strip() for _, cells in rows for cell in cells.split("|"))
