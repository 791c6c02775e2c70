"""What `make audit` finds: each kind of thing that may be wrong with what is installed, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from tools import audit

Installed = Callable[..., None]
ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "A header is believed.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Some_Thing"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.4"}, {"introduced": "2.0"}]}],
        }
    ],
}


@pytest.fixture
def install(tmp_path: Path) -> Installed:
    """Put a distribution into the directory; modelctl needs some-thing."""

    def put(name: str, version: str = "1.5", *, licence: str = "MIT", **files: str) -> None:
        directory = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        directory.mkdir()
        needs = "Requires-Dist: some-thing>=1" if name == "modelctl" else ""
        text = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n{needs}\n"
        (directory / "METADATA").write_text(text, encoding="utf-8")
        for file, content in files.items():
            (directory / f"{file}.json").write_text(content, encoding="utf-8")

    put("modelctl")
    return put


def found(directory: Path, *advisories: dict[str, Any]) -> list[str]:
    pinned = {"some-thing": "1.5", "extra": "1.5"}
    return list(audit.findings(distributions(path=[str(directory)]), pinned, advisories))


def test_nothing_is_wrong_with_what_is_pinned_and_needed(install: Installed, tmp_path: Path) -> None:
    install("some-thing")
    assert found(tmp_path, ADVISORY) == []


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("some-thing", {"version": "1.6"}, "some-thing 1.6: constraints.txt says 1.5"),
        ("extra", {}, "extra 1.5: nothing needs it"),
        ("some-thing", {"licence": "AGPL-3.0-only"}, "some-thing 1.5: licence 'AGPL-3.0-only' is not among"),
        ("some-thing", {"direct_url": '{"url": "https://host/x"}'}, "some-thing 1.5: was not installed from an index"),
    ],
)
def test_each_thing_that_is_wrong_is_a_line(install: Installed, tmp_path: Path, name, options, complaint) -> None:
    install(name, **options)
    (line,) = found(tmp_path)
    assert line.startswith(complaint)


def test_what_nobody_pinned_is_found(install: Installed, tmp_path: Path) -> None:
    install("some-thing")
    install("stray")
    assert [line.partition(";")[0] for line in found(tmp_path)] == [
        "stray 1.5: is not in constraints.txt",
        "stray 1.5: nothing needs it",
    ]


@pytest.mark.parametrize(("version", "is_named"), [("1.3.9", True), ("1.4", False), ("1.5", False), ("2.0", True)])
def test_a_version_that_an_advisory_names_is_found(install: Installed, tmp_path: Path, version, is_named) -> None:
    install("some-thing", version)
    named = [line for line in found(tmp_path, ADVISORY) if "PYSEC-2026-1: A header is believed." in line]
    assert len(named) == is_named
    assert not [line for line in found(tmp_path, {**ADVISORY, "withdrawn": "2026-11-01"}) if "PYSEC" in line]


def test_advisories_are_read_from_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(["--advisories", str(tmp_path)]) == 2
    assert "holds no advisory" in capsys.readouterr().err
    every = {"ecosystem": "PyPI", "name": "pytest"}
    advisory = {"id": "PYSEC-2026-2", "affected": [{"package": every, "versions": [pytest.__version__]}]}
    (tmp_path / "one.json").write_text(json.dumps(advisory), encoding="utf-8")
    assert audit.main(["--advisories", str(tmp_path)]) == 1
    assert re.search(rf"^pytest {re.escape(pytest.__version__)}: PYSEC-2026-2: ", capsys.readouterr().out, re.MULTILINE)
