"""Figures as a Markdown table and as JSON, and the table's place in the README."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- figures: written by `make bench ARGS=--readme` -->", "<!-- end of figures -->"
_HEADER = "| | | modelctl | against | it | ratio | goal | |\n| --- | --- | ---: | --- | ---: | ---: | ---: | --- |\n"


def line(figure: Figure) -> str:
    """One figure as a row of the table."""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    goal = "" if figure.goal is None else f"≤ {figure.goal:.3g}"
    verdict = {None: "", True: "met", False: "**missed**"}[figure.is_met]
    mine, theirs = _amount(figure.value, figure.unit), _amount(figure.reference, figure.unit)
    return f"| {figure.case} | {figure.what} | {mine} | {figure.against} | {theirs} | {ratio} | {goal} | {verdict} |"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "s":
        return f"{value * 1000:,.0f} ms" if value < 10 else f"{value:,.1f} s"
    return f"{value:,.0f} {unit}"


def tables(figures: Iterable[Figure]) -> str:
    """A table for each subject, in the order in which they come."""
    by_subject: dict[str, list[str]] = {}
    for each in figures:
        by_subject.setdefault(each.subject, []).append(line(each))
    return "\n\n".join(f"### {subject}\n\n{_HEADER}" + "\n".join(lines) for subject, lines in by_subject.items()) + "\n"


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    names = ("modelctl", "sqlalchemy", "psycopg", "PyMySQL", "dlt", "sqlite-utils")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=README.parent, capture_output=True, text=True, check=False
    )
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit.stdout.strip(),
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": {name: _version(name) for name in names},
    }


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def write_json(path: Path, figures: Sequence[Figure], settings: Mapping[str, Any]) -> None:
    """Everything that was measured, every round included."""
    content = {**machine(), "settings": dict(settings), "figures": [each.as_json() for each in figures]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def figures_in(path: Path) -> tuple[dict[str, Any], list[Figure]]:
    """What `write_json` wrote: about the run, and its figures."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = content.pop("figures")
    figures = [Figure(**{name: value for name, value in row.items() if name != "is_met"}) for row in rows]
    return content, figures


def added(before: Iterable[Figure], new: Sequence[Figure]) -> list[Figure]:
    """The figures of an earlier run, but for those that were measured again, and the new ones; by subject."""
    again = {(each.subject, each.case) for each in new}
    figures = [*(each for each in before if (each.subject, each.case) not in again), *new]
    subjects = list(dict.fromkeys(each.subject for each in figures))
    return sorted(figures, key=lambda each: subjects.index(each.subject))


def paste(about: Mapping[str, Any], figures: Sequence[Figure], readme: Path = README) -> None:
    """Put the tables into the README, in place of those that it has."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    on = f"Python {about['python']}, {about['system']}; {packages}"
    taken = f"Taken {about['taken_at']} at commit {about['commit']}: {on}."
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n\n{taken}\n\n{tables(figures)}\n{END}{after}", encoding="utf-8")
