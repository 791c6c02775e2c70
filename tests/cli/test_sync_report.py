"""What a sync says when it was done: that it was, even where its report cannot be written."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result

Sync = Callable[..., Result]

SMALL = ("--source", "catalog", "--provider", "anthropic")


def test_a_summary_that_cannot_be_written_is_a_warning(sqlite_url: str, sync: Sync, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "summary.md")
    result = sync(sqlite_url, *SMALL, env={"GITHUB_STEP_SUMMARY": nowhere})
    assert result.code == 0
    assert "anthropic" in result.stdout
    assert f"warning: the report could not be added to GITHUB_STEP_SUMMARY ({nowhere}): No such file" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("extra", "says"), [((), b"the sync was applied"), (("--dry-run",), b"the sync changed nothing")]
)
def test_a_report_that_cannot_be_printed_does_not_hide_what_was_done(
    sqlite_url: str, query: Query, sync: Sync, extra: tuple[str, ...], says: bytes
) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "modelctl", "sync", "--quiet", "--database", sqlite_url, *SMALL, *extra]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"error: " + says + b", but its report could not be printed: No space left on device\n"
    if not extra:
        assert query(sqlite_url, "SELECT COUNT(*) FROM ai_models") > [(0,)]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no user ids here")
@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_remembered_by_number(
    sqlite_url: str, sync: Sync, query: Query, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nameless() -> str:
        raise error("no such user")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert sync(sqlite_url, *SMALL).code == 0
    assert query(sqlite_url, "SELECT actor FROM ai_sync_runs") == [(f"uid {os.getuid()}",)]
