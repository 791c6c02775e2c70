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


def test_set_changes_one_setting_and_keeps_the_rest(run: Run) -> None:
    HERE.write_text('# ours\ntimeout_s = 2 # slow\n\n[providers."a.b"]\nenabled = false\n', encoding="utf-8")
    changes = {"timeout_s": "30", "max_price_rise": "1.5", "providers.openai.include": "gpt-*, o*"}
    for name, value in {**changes, "env_files": "true", "catalog_directory": "mine"}.items():
        result = run("config", "set", name, value)
        assert (result.code, result.stderr) == (0, ""), result
        assert result.stdout.startswith(f"{Path.cwd() / FILE_NAME}: {name} = ")
    text = HERE.read_text(encoding="utf-8")
    assert text.startswith("# ours\ntimeout_s = 30 # slow\n")
    assert text.index("env_files = true") < text.index("[providers")
    found = values(run)
    assert (found["timeout_s"], found["max_price_rise"], found["env_files"]) == (30, 1.5, True)
    assert found["providers.openai.include"] == ["gpt-*", "o*"]
    assert found["catalog_directory"] == str(Path.cwd() / "mine")
    assert run("config", "set", "timeout_s", "30").stdout == f"{Path.cwd() / FILE_NAME}: timeout_s is 30 already\n"
    assert HERE.read_text(encoding="utf-8").count("timeout_s") == 1


def test_set_takes_the_place_of_the_comment_that_init_left(run: Run) -> None:
    assert run("config", "init").code == 0
    before = HERE.read_text(encoding="utf-8")
    assert run("config", "set", "schema", "app").code == 0
    assert HERE.read_text(encoding="utf-8") == before.replace("# schema is not set", 'schema = "app"')


def test_set_writes_where_it_is_told_and_says_what_counts_before(run: Run) -> None:
    Path("other.toml").touch()
    assert run("config", "set", "timeout_s", "3", "--config", "other.toml").code == 0
    assert Path("other.toml").read_text(encoding="utf-8") == "timeout_s = 3\n"
    result = run("config", "set", "timeout_s", "4", "--global", env={"MODELCTL_TIMEOUT_S": "5"})
    assert (result.code, result.stderr) == (0, "MODELCTL_TIMEOUT_S sets timeout_s too, and counts before this file\n")
    assert values(run)["timeout_s"] == 4
    assert not HERE.exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("timeout", "3", "config set: unknown setting timeout; did you mean timeout_s?"),
        ("timeout_s", "soon", "timeout_s: 'soon' is not a number of seconds above 0 and at most 86400"),
        ("timeout_s", " ", "timeout_s: there is no value; for the default, remove its line from the file"),
        ("providers.openai.colour", "red", "[providers.openai]: unknown setting colour"),
        ("secret_key", "s3cr3t-of-ours", "secret_key does not belong in a settings file"),
        ("database_url", "postgres://u:s3cr3t-of-ours@h/d", "database_url holds a password"),
    ],
)
def test_set_refuses_what_no_file_can_hold_and_writes_nothing(run: Run, name: str, value: str, told: str) -> None:
    HERE.write_text("timeout_s = 2\n", encoding="utf-8")
    result = run("config", "set", name, value)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {told}")
    assert "s3cr3t" not in result.stderr
    assert HERE.read_text(encoding="utf-8") == "timeout_s = 2\n"


def test_keys_are_taken_from_env_files_where_a_setting_allows_it(run: Run) -> None:
    Path(".env").write_text("OPENAI_API_KEY=sk-of-the-first\nANTHROPIC_API_KEY='sk-other'\n", encoding="utf-8")
    Path(".env.local").write_text("export OPENAI_API_KEY=sk-of-the-second # mine\n", encoding="utf-8")
    assert "there is no key" in run("key", "which", "openai").stderr
    allowed = {"MODELCTL_ENV_FILES": "true"}
    names = {
        name: json.loads(run("key", "which", name, "--json", env=allowed).stdout)["name"]
        for name in ("openai", "anthropic")
    }
    assert names == {"openai": "OPENAI_API_KEY of .env.local", "anthropic": "ANTHROPIC_API_KEY of .env"}
    which = run("key", "which", "openai", env=allowed | {"OPENAI_API_KEY": ""})
    assert which.code == 1, "a variable that is empty means that there is no key"
    shown = [run(*argv, env=allowed) for argv in (("config", "show"), ("provider", "list"), ("key", "which", "openai"))]
    assert not any("sk-" in each.stdout + each.stderr for each in shown)


def test_an_env_file_that_cannot_be_read_is_told_without_what_is_in_it(run: Run) -> None:
    Path(".env").write_text("A=1\n'=sk-of-mine\n", encoding="utf-8")
    result = run("key", "which", "openai", env={"MODELCTL_ENV_FILES": "true"})
    assert (result.code, result.stderr) == (
        2,
        f"error: {Path.cwd() / '.env'}:2: this line is not NAME=value; correct the line\n",
    )
