"""One table of exit codes: every command meets each kind of trouble that it can have, and exits as the table says."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from modelctl.errors import FIRST_TO_LAST, ExitCode, exit_code_of
from tests.cli.conftest import Query
from tests.conftest import Run
from tests.test_house import COMMANDS

NAMING_A_MODEL = (
    "show X",
    "set X tags=a",
    "enable X",
    "disable X",
    "deprecate X",
    "remove X",
    "resolve X",
    "history X",
    "override pin X tags",
    "override unpin X tags",
    "override adopt X",
    "override list X",
    "price show X",
    "price at X 2026-12-01",
    "price history X",
    "price set X --input 1 --source contract",
    "price correct X --input 1 --source contract",
    "cost X --input 1",
)
NAMING_A_PROVIDER = (
    "sync X",
    "plan X",
    "list --provider X",
    "lifecycle --provider X",
    "history --provider X",
    "runs list --provider X",
    "price changes --provider X",
    "populate --provider X",
    "add X/a-model",
    "catalog show X",
    "catalog export --provider X -o out",
    "override adopt --provider X",
    "provider show X",
    "provider set X --display-name Y",
    "provider enable X",
    "provider remove X",
    "provider test X",
    "provider models X",
    "key set X",
    "key remove X",
    "key which X",
    "key test X",
)
READING = ("list", "show X", "lifecycle", "history", "runs list", "runs show last", "price changes", "review list")
WRITING = (
    "sync deepseek --source catalog",
    "apply plan.json",
    "populate",
    "runs undo last",
    "price set deepseek-flash --input 1 --source contract",
)
FLASH = "deepseek/deepseek-flash"


def argv_of(line: str, name: str = "no-such") -> list[str]:
    return [name if word == "X" else word.replace("X/", f"{name}/") for word in line.split()]


@pytest.fixture
def url(synced_file: Callable[..., str]) -> str:
    """A file with the models of one provider."""
    return synced_file("--provider", "deepseek", "--source", "catalog")


@pytest.fixture
def code_of(run: Run) -> Callable[..., int]:
    """What a command exits with; what it says is one line, and no traceback."""

    def code(line: str, url: str, *more: str, name: str = "no-such", **kwargs: object) -> int:
        done = run(*argv_of(line, name), *more, "--database", url, **kwargs)
        assert "Traceback" not in done.stderr
        return done.code

    return code


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_that_there_is_not_is_wrong_usage_of_every_command(path: tuple[str, ...], run: Run) -> None:
    assert run(*path, "--no-such-option").code == ExitCode.USAGE


def test_a_name_that_means_nothing_is_wrong_usage_whatever_is_named(url: str, code_of: Callable[..., int]) -> None:
    lines = (*NAMING_A_MODEL, *NAMING_A_PROVIDER, "runs show X", "runs undo X", "review accept X", "populate --set X")
    assert {line: code for line in lines if (code := code_of(line, url)) != ExitCode.USAGE} == {}


def test_a_database_that_is_empty_or_out_of_reach_is_a_failure(
    tmp_path: Path, sqlite_url: str, code_of: Callable[..., int]
) -> None:
    Path(tmp_path, "file").write_text("no directory")
    nowhere = f"sqlite:///{tmp_path / 'file' / 'm.db'}"
    found = {(line, url): code_of(line, url, name=FLASH) for line, url in product(READING, (sqlite_url, nowhere))}
    found |= {(line, nowhere): code_of(line, nowhere) for line in WRITING if not line.startswith("apply")}
    assert {each: code for each, code in found.items() if code != ExitCode.FAILED} == {}


def test_another_run_that_writes_is_told_apart_from_every_failure(
    url: str, code_of: Callable[..., int], query: Query, run: Run
) -> None:
    assert run("plan", "xai", "--source", "catalog", "-o", "plan.json", "--database", url).code == 0
    lease = "INSERT INTO ai_leases VALUES ('write', 'r', 'ops', 'sync', :now, :now, 1)"
    query(url, lease, now="2099-01-01 00:00:00")
    waiting = {"MODELCTL_LOCK_WAIT_S": "0"}
    assert {line: code_of(line, url, env=waiting) for line in WRITING} == dict.fromkeys(WRITING, ExitCode.STALE)


def test_a_plan_and_an_undo_whose_rows_have_moved_are_stale(url: str, code_of: Callable[..., int], run: Run) -> None:
    assert run("plan", "xai", "--source", "catalog", "-o", "plan.json", "--database", url).code == 0
    assert code_of("apply plan.json", url) == ExitCode.OK
    assert code_of("apply plan.json", url) == ExitCode.STALE
    run("disable", FLASH, "--database", url)
    runs = json.loads(run("runs", "list", "--json", "--database", url).stdout)["runs"]
    name = next(each["run"] for each in runs if each["command"] == "disable")  # all of them began at one instant
    assert code_of(f"runs undo {name}", url) == ExitCode.OK
    assert code_of(f"runs undo {name}", url) == ExitCode.STALE


def test_an_api_that_fails_makes_a_sync_partial_and_its_own_commands_fail(
    url: str, code_of: Callable[..., int]
) -> None:
    env = {"CEREBRAS_API_KEY": "sk-1234567890", "CEREBRAS_BASE_URL": "http://127.0.0.1:9/v1"}
    wanted = {
        "sync cerebras": ExitCode.PARTIAL,  # from its catalog alone
        "sync cerebras -n": ExitCode.PARTIAL,
        "plan cerebras": ExitCode.PARTIAL,
        "sync cerebras --source api": ExitCode.FAILED,
        "sync cerebras deepseek --source api --dry-run": ExitCode.FAILED,
        "provider models cerebras": ExitCode.FAILED,
        "key test cerebras": ExitCode.FAILED,
        "provider test cerebras": ExitCode.PENDING,
    }
    assert {line: code_of(line, url, env=env) for line in wanted} == wanted


def test_findings_and_what_is_pending_are_neither_failure_nor_success(url: str, code_of: Callable[..., int]) -> None:
    lines = (
        "sync xai --source catalog --dry-run --exit-code",
        "plan xai --source catalog --exit-code",
        "list --usable",
        f"cost {FLASH} --images 1",
        "disable --where provider=deepseek",
    )
    found = {line: code_of(line, url, "--database", url) for line in lines}
    assert found == dict.fromkeys(lines, ExitCode.PENDING)


def test_of_several_codes_the_gravest_counts_and_1_only_where_nothing_else_is_to_be_said() -> None:
    order = [130, 70, 6, 5, 4, 3]
    assert [int(each) for each in FIRST_TO_LAST[: len(order)]] == order
    assert exit_code_of([ExitCode.FAILED, ExitCode.STALE]) is ExitCode.STALE
    assert exit_code_of([ExitCode.FAILED, ExitCode.FAILED]) is ExitCode.FAILED
    assert exit_code_of([]) is ExitCode.OK
