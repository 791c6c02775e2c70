"""`config path` and `config init`: where settings are, and a file to begin with that says what is in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelctl.config import FILE_NAME
from tests.conftest import Run

HERE = Path(FILE_NAME)
SET = """\
timeout_s = 2.5
max_price_rise = 1.1
catalog_directory = "mine"
create_new = "catalog"

[providers."a.b"]
enabled = false
include = ["gpt-*", "o\\"1"]
"""


def values(run: Run, **environ: str) -> dict[str, Any]:
    """What `config show` tells of each setting, without its origin."""
    result = run("config", "show", "--json", env=environ)
    assert result.code == 0, result.stderr
    return {name: each["value"] for name, each in json.loads(result.stdout).items()}


def test_path_names_the_files_that_are_read_nearest_first(run: Run) -> None:
    here, mine = json.loads(run("config", "path", "--json").stdout)
    assert here == {"path": str(Path.cwd() / FILE_NAME), "exists": False}
    assert mine["path"].startswith(str(Path.home()))
    HERE.touch()
    assert json.loads(run("config", "path", "--json").stdout) == [here | {"exists": True}, mine]
    assert run("config", "path").stdout == f"read     {here['path']}\nmissing  {mine['path']}\n"


def test_path_with_a_named_file_is_that_file(run: Run) -> None:
    other = Path.cwd() / "other.toml"
    other.touch()
    assert run("config", "path", "--config", "other.toml").stdout == f"read     {other}\n"
    assert run("config", "path", env={"MODELCTL_CONFIG": str(other)}).stdout == f"read     {other}\n"
    assert run("config", "path", "--config", "none.toml").code == 2


def test_init_writes_what_is_set_and_the_rest_as_comments(run: Run) -> None:
    HERE.write_text(SET, encoding="utf-8")
    before = values(run, MODELCTL_DEADLINE_S="7", DATABASE_URL="sqlite:///x.db")
    HERE.rename("other.toml")
    environ = {"MODELCTL_DEADLINE_S": "7", "DATABASE_URL": "sqlite:///x.db", "MODELCTL_CONFIG": "other.toml"}
    result = run("config", "init", env=environ)
    assert (result.code, result.stdout, result.stderr) == (0, f"{Path.cwd() / FILE_NAME}\n", "")
    assert values(run) == before
    lines = HERE.read_text(encoding="utf-8").splitlines()
    assert "deadline_s = 7" in lines
    assert "# lock_wait_s = 60" in lines
    assert "# schema is not set" in lines


def test_the_comments_are_settings_with_their_defaults(run: Run) -> None:
    before = values(run)
    assert run("config", "init").code == 0
    assert values(run) == before
    lines = HERE.read_text(encoding="utf-8").splitlines()
    HERE.write_text("\n".join(line.removeprefix("# ") for line in lines if " = " in line), encoding="utf-8")
    assert values(run) == before


def test_init_writes_no_secret_and_says_so(run: Run) -> None:
    result = run("config", "init", env={"DATABASE_URL": "postgres://app:s3cr3t@db/prod"})
    assert result.code == 0
    assert result.stderr == "database_url holds a secret and was left out; keep it in the environment\n"
    assert "s3cr3t" not in HERE.read_text(encoding="utf-8")
    HERE.unlink()
    result = run("config", "init", env={"MODELCTL_SECRET_KEY": "not-for-files"})
    assert result.stderr.startswith("secret_key holds a secret and was left out")
    assert "not-for-files" not in HERE.read_text(encoding="utf-8")
    HERE.unlink()
    assert run("config", "init", env={"DATABASE_URL": "postgres://app@db/prod"}).stderr == ""
    assert "app@db/prod" in HERE.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", [(), ("--global",)], ids=" ".join)
def test_init_never_overwrites(run: Run, option: tuple[str, ...]) -> None:
    written = run("config", "init", *option)
    assert written.code == 0
    path = Path(written.stdout.strip())
    path.write_text("timeout_s = 9\n", encoding="utf-8")
    again = run("config", "init", *option)
    assert (again.code, again.stdout) == (2, "")
    assert again.stderr == f"error: {path}: exists already; edit it, or move it away first\n"
    assert path.read_text(encoding="utf-8") == "timeout_s = 9\n"


def test_global_settings_are_read_in_every_directory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("config", "init", "--global", env={"MODELCTL_TIMEOUT_S": "3"}).code == 0
    monkeypatch.chdir(Path.home())
    assert values(run)["timeout_s"] == 3
