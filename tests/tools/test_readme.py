"""What the README shows is what happens."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from tests.conftest import Run
from tools.readme import (
    PICTURE,
    PICTURED,
    README,
    ROOT,
    examples,
    exit_code_table,
    matches,
    picture,
    query,
    rows_table,
    setting_names,
)

TEXT = README.read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_picture_is_what_a_terminal_shows(tmp_path: Path) -> None:
    assert picture(str(tmp_path)) == PICTURE.read_text(encoding="utf-8"), "run `make readme`"


def test_every_command_gives_the_output_that_is_shown(run: Run) -> None:
    run(*PICTURED[0].split())
    for example in examples(TEXT):
        result = run(*example.argv)
        shown = result.stdout + result.stderr
        assert matches(example.expected, shown), f"$ {example.command}\n{shown}"


def test_the_tables_of_exit_codes_and_settings_are_complete() -> None:
    assert exit_code_table() in TEXT
    for name in setting_names():
        assert f"`{name}`" in SETTINGS, name


def test_every_file_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (README.parent / target).exists(), target


def test_the_settings_example_is_accepted(run: Run) -> None:
    [example] = re.findall(r"```toml\n# modelctl.toml\n(.*?)```", SETTINGS, re.DOTALL)
    tomllib.loads(example)
    Path("modelctl.toml").write_text(example)
    result = run("config", "show")
    assert result.code == 0, result.stderr


def test_the_workflow_is_yaml_that_runs_the_command() -> None:
    [workflow] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    steps = yaml.safe_load(workflow)["jobs"]["models"]["steps"]
    assert any("modelctl sync" in step.get("run", "") for step in steps)


def test_the_query_gives_the_answer_that_is_shown(run: Run) -> None:
    run(*PICTURED[0].split())
    [database] = Path.home().rglob("modelctl.db")
    assert rows_table(database, query(TEXT)) in TEXT, "run `make readme`"
