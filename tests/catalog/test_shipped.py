"""The catalogs that come with modelctl: each one loads, and lint finds no error in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.catalog.lint import Severity, lint
from modelctl.catalog.load import load, shipped_directory

SHIPPED = sorted(shipped_directory().glob("*.toml"))


def test_there_are_shipped_catalogs() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_catalog_is_sound(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_bytes(path.read_bytes())
    records = load(tmp_path).snapshot.records.values()
    assert records

    # as of the day of its newest facts: a status may rightly be out of date some day, a test may not fail for it
    today = max(record.verified_on for record in records if record.verified_on is not None)
    found = lint(tmp_path, today=today, stale_after_days=10_000)
    assert [str(each) for each in found if each.severity is Severity.ERROR] == []
