"""The front door: global options, one-line errors, exit codes, interruptions, and that no secret gets out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from modelctl.cli.commands import COMMANDS, CommandEntry
from modelctl.cli.main import command_tree
from modelctl.errors import CatalogError, ExitCode, StalePlan, UsageError


@pytest.fixture
def command(monkeypatch) -> Iterator[Callable[[Callable[[], None]], str]]:
    """Registers a function as a command for one test."""

    def register(function: Callable[[], None]) -> str:
        monkeypatch.setattr(f"{__name__}.probe", function, raising=False)
        monkeypatch.setitem(COMMANDS, "probe", CommandEntry("A command of a test.", f"{__name__}:probe"))
        command_tree.cache_clear()
        return "probe"

    yield register
    command_tree.cache_clear()


def test_version(run):
    assert run("--version").stdout.startswith("modelctl 0.")


def test_help_lists_global_options_and_commands(run):
    result = run("--help")
    assert result.code == 0
    assert "--database URL" in result.stdout
    assert "config " in result.stdout


def test_help_of_a_command_is_the_same_as_typer_makes_it(run, command):
    assert run("config", "show", "--help").stdout == run("--quiet", "config", "show", "--help").stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("config", "show", "--nope"),
        ("nope",),
        ("nope", "--help"),
        ("config", "show", "--database"),
        ("config", "show", "--format", "xml"),
        ("config", "show", "--database", "no-url"),
    ],
)
def test_wrong_usage_exits_2_and_says_nothing_on_stdout(run, argv):
    result = run(*argv)
    assert (result.code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("confg",), "no such command 'confg'; did you mean 'config'?"),
        (("config", "shw"), "no such command 'shw'; did you mean 'show'?"),
        (("zzz",), "no such command 'zzz'; see `modelctl --help`"),
        (("list", "--provder", "x"), "no such option --provder; did you mean --provider?"),
        (("list", "--databse", "x"), "no such option --databse; did you mean --database?"),
        (("list", "--zzz"), "no such option --zzz; see `modelctl list --help`"),
        (
            ("provider", "show", "--provider", "x"),
            "no such option --provider; write `modelctl provider show {PROVIDER}`",
        ),
        (("list", "--limit"), "option '--limit' requires an argument"),
        (("list", "--all=yes"), "option '--all' does not take a value"),
        (("show",), "missing argument 'MODEL'; see `modelctl show --help`"),
        (("show", "a", "b"), "got unexpected extra argument(s) (b); see `modelctl show --help`"),
        (
            ("config", "show", "--format", "x"),
            "--format: 'x' is not one of 'table', 'json'; see `modelctl config show --help`",
        ),
        (
            ("list", "--limit", "0"),
            "--limit: input should be greater than or equal to 1; see `modelctl list --help`",
        ),
        (("list", "--quiet", "--verbose"), "--quiet and --verbose contradict each other; leave one of them out"),
        (("list", "--enabled", "--disabled"), "--enabled and --disabled contradict each other; leave one of them out"),
        (("runs", "list", "--limit", "1", "--limit=2"), "--limit is given twice, as 1 and as 2; leave one of them out"),
        (("sync", "--force", "--accept", "x"), "--force and --accept contradict each other; leave one of them out"),
        (
            ("sync", "--details", "--explain", "x"),
            "--details and --explain contradict each other; leave one of them out",
        ),
        (
            ("plan", "--source", "catalog", "--max-age", "1h"),
            "--max-age is about listings, and --source catalog asks for none; leave one of them out",
        ),
        (
            ("deprecate", "x", "--cancel", "--on", "2026-12-01"),
            "--cancel and --on contradict each other; leave one of them out",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_what_is_meant(run, argv, complaint):
    result = run(*argv)
    assert (result.code, result.stdout, result.stderr) == (ExitCode.USAGE, "", f"error: {complaint}\n")


@pytest.mark.parametrize("path", [(), ("config",)], ids=" ".join)
def test_a_group_without_a_command_is_answered_with_its_help(run, path):
    result = run(*path)
    assert (result.code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr == run(*path, "--help").stdout


def test_a_question_that_nobody_answers_ends_the_command(run, command):
    def ask() -> None:
        typer.confirm("sure?")

    result = run(command(ask))
    assert result.code == ExitCode.FAILED
    assert result.stderr.endswith("aborted\n")


def test_an_interruption_at_a_question_is_one(run, command):
    def interrupt(*_size: int) -> str:
        raise KeyboardInterrupt

    def ask() -> None:
        sys.stdin.readline = interrupt
        typer.confirm("sure?")

    result = run(command(ask))
    assert result.code == ExitCode.INTERRUPTED
    assert result.stderr.endswith("interrupted\n")


def test_global_options_may_stand_anywhere(run):
    for argv in (
        ("--database", "sqlite:///x.db", "config", "show"),
        ("config", "--database", "sqlite:///x.db", "show"),
        ("config", "show", "--database=sqlite:///x.db", "--debug"),
    ):
        result = run(*argv)
        assert result.code == 0, result.stderr
        assert "sqlite:///x.db" in result.stdout
        assert "--database" in result.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [(CatalogError, ExitCode.FAILED), (UsageError, ExitCode.USAGE), (StalePlan, ExitCode.STALE)],
)
def test_an_expected_error_is_one_line_that_says_what_to_do(run, command, error, code):
    def fail() -> None:
        raise error("two\nlines\x1b[31m", "do this")

    assert run(command(fail)) == (result := run("probe"))
    assert result.code == code
    assert result.stderr == "error: two lines\N{REPLACEMENT CHARACTER}[31m; do this\n"
    assert result.stdout == ""


def test_a_bug_is_one_line_and_with_debug_a_traceback_without_secrets(run, command):
    def fail() -> None:
        raise ValueError("postgresql+psycopg://app:s3cr3t@db/prod and sk-abcdefgh")

    environ = {"DATABASE_URL": "postgres://app:s3cr3t@db/prod", "OPENAI_API_KEY": "sk-abcdefgh"}
    result = run(command(fail), env=environ)
    assert result.code == ExitCode.BUG
    assert result.stderr.startswith("modelctl has a bug: ValueError: postgresql+psycopg://app:***@db/prod and ***;")
    assert len(result.stderr.splitlines()) == 1
    detailed = run("probe", "--debug", env=environ)
    assert detailed.code == ExitCode.BUG
    assert "Traceback" in detailed.stderr
    for each in (result, detailed):
        assert "s3cr3t" not in each.stderr
        assert "sk-abcdefgh" not in each.stderr


def test_an_error_of_the_operating_system_names_the_file(run, command):
    def fail() -> None:
        open("missing.toml").close()  # noqa: PTH123

    result = run(command(fail))
    assert (result.code, result.stderr) == (ExitCode.FAILED, "error: missing.toml: No such file or directory\n")


def test_an_interruption_exits_130(run, command):
    def fail() -> None:
        raise KeyboardInterrupt

    result = run(command(fail))
    assert (result.code, result.stderr) == (ExitCode.INTERRUPTED, "interrupted\n")


def test_a_termination_is_an_interruption_and_the_old_handler_comes_back(run, command):
    before = signal.getsignal(signal.SIGTERM)

    def wait() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    assert run(command(wait)).code == ExitCode.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


def test_broken_settings_do_not_keep_help_from_working(run):
    assert run("config", "--help", env={"MODELCTL_NONSENSE": "1"}).code == 0
    assert run("config", "show", env={"MODELCTL_NONSENSE": "1"}).code == ExitCode.USAGE


def test_a_reader_that_leaves_early_gets_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "modelctl", "config", "show"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.FAILED, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_a_full_disk_under_stdout_is_an_error_not_a_bug():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "modelctl", "config", "show"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (ExitCode.FAILED, b"error: No space left on device\n")


def test_the_process_says_the_same_as_the_function(run, run_process):
    assert run("config", "show") == run_process("config", "show")


def test_an_interruption_while_modelctl_is_loaded_is_no_traceback(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-m", "modelctl", "config", "show"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, b"", b"interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("moment", "code", "told"),
    [
        ("real = m.main; m.main = lambda: (strike(), real())", ExitCode.INTERRUPTED, b"interrupted\n"),
        ("import atexit; atexit.register(strike)", ExitCode.OK, b""),
    ],
    ids=["before the command begins", "when all is done"],
)
def test_a_signal_at_the_edges_is_an_interruption_or_too_late(number, moment, code, told):
    program = (
        f"import os, modelctl.cli.main as m\nstrike = lambda: os.kill(os.getpid(), {int(number)})\n{moment}\nm.run()"
    )
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (code, told)


FINALIZED = """
import gc, os, sys, weakref
import modelctl.cli.main as m
from modelctl.cli.commands import COMMANDS, CommandEntry

class Thing:
    pass

class Ring:
    def __init__(self):
        self.itself = self
    def __del__(self):
        {deed}

def probe():
    thing = Thing()
    callback = weakref.ref(thing, lambda _: {deed})
    {end}
    for number in range(1000):
        len(str(number))
    print("it went on")

COMMANDS["probe"] = CommandEntry("A command of a test.", "__main__:probe")
m.run()
"""
"""A command in which a finalizer does this deed."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "end", ["del thing", "Ring(); gc.collect()"], ids=["weak reference", "__del__ in a collection"]
)
def test_a_signal_that_falls_into_a_finalizer_is_an_interruption(number, end):
    program = FINALIZED.format(deed=f"os.kill(os.getpid(), {int(number)})", end=end)
    done = subprocess.run([sys.executable, "-c", program, "probe"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, b"", b"interrupted\n")


def test_another_fault_of_a_finalizer_is_told_as_python_tells_it():
    program = FINALIZED.format(deed="1 / 0", end="del thing")
    done = subprocess.run([sys.executable, "-c", program, "probe"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (ExitCode.OK, b"it went on\n")
    assert done.stderr.startswith(b"Exception ignored in: ") and b"ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("path", [(), ("config",), ("config", "show"), ("sync",)], ids=" ".join)
def test_h_is_help_everywhere(run, path):
    assert run(*path, "-h") == run(*path, "--help")
    assert run("--quiet", *path, "-h").stdout == run(*path, "--help").stdout


def test_json_may_be_said_twice_but_not_with_another_format(run):
    assert run("config", "show", "--json") == run("config", "show", "--json", "--format", "json")
    assert run("config", "show", "--json").stdout.startswith("{")
    result = run("config", "show", "--json", "--format", "table")
    assert (result.code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr == "error: --json and --format table contradict each other; leave one of them out\n"


@pytest.mark.parametrize(
    ("argv", "code"), [(("show", "nothing"), 2), (("list", "--provider", "nobody"), 2), (("apply", "none.json"), 2)]
)
def test_an_error_is_a_document_where_the_report_would_be(run: Any, sqlite_url: str, argv: tuple[str, ...], code: int):
    import json

    assert run("sync", "--provider", "deepseek", "--source", "catalog", "--database", sqlite_url).code == 0
    for option in (("--json",), ("--format", "json")):
        result = run(*argv, *option, "--database", sqlite_url)
        assert (result.code, result.stdout) == (code, "")
        error = json.loads(result.stderr)["error"]
        assert error["exit_code"] == code
        assert run(*argv, "--database", sqlite_url).stderr == f"error: {error['message']}; {error['hint']}\n"
