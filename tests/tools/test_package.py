"""The wheel and the sdist: what is in them, and that an installed one does the job. Needs no package index."""

from __future__ import annotations

import importlib.metadata
import re
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.test_house import ROOT
from tools.package import Installation, build

A_MACHINE = re.compile(rb"(?<![\w.])/(?:work|root|home/[a-z]+|Users/[a-z]+)/")
UNWANTED = re.compile(r"__pycache__|\.pyc$|\.db(-|$)|(^|/)\.(venv|git|hypothesis)/")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, as somebody finds it who downloads it."""
    directory = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", ROOT, directory)) as archive:
        archive.extractall(directory, filter="data")
    (checkout,) = directory.glob("modelctl-*/")
    return checkout


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def below(directory: Path, pattern: str) -> dict[str, bytes]:
    found = {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob(pattern) if path.is_file()
    }
    assert found
    return found


def test_the_wheel_holds_the_package_and_the_catalogs_and_nothing_else(wheel: Path) -> None:
    held = {name: text for name, text in contents(wheel).items() if ".dist-info/" not in name}
    modules = {f"modelctl/{name}": text for name, text in below(ROOT / "src/modelctl", "*.py").items()}
    catalogs = {f"modelctl/catalogs/{name}": text for name, text in below(ROOT / "catalogs", "*.toml").items()}
    presets = {
        f"modelctl/publish/presets/{name}": t
        for name, t in below(ROOT / "src/modelctl/publish/presets", "*.toml").items()
    }
    assert held.pop("modelctl/py.typed") == b""
    assert held == modules | catalogs | presets


def test_the_wheel_says_who_may_use_it_and_with_what(wheel: Path) -> None:
    held = {name.partition(".dist-info/")[2]: text for name, text in contents(wheel).items() if ".dist-info/" in name}
    assert held["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert b"modelctl = modelctl.cli.main:run" in held["entry_points.txt"]
    assert b"License-Expression: MIT" in held["METADATA"]
    assert b"Requires-Python: >=3.11" in held["METADATA"]


def test_the_wheel_made_from_the_sdist_is_the_same_byte_by_byte(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert build("wheel", unpacked, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_sdist_can_be_tested_and_names_no_machine(unpacked: Path) -> None:
    theirs = below(unpacked, "*")
    for folder in ("tests", "tools", "benchmarks"):
        assert {f"{folder}/{name}" for name in below(ROOT / folder, "*.py")} <= set(theirs)
    assert {"Makefile", "constraints.txt", "pyproject.toml", "README.md", "LICENSE"} <= set(theirs)
    assert not [name for name in theirs if UNWANTED.search(name)]
    own_rule = {"tests/test_house.py", "tests/tools/test_package.py"}  # which hold the pattern
    assert not [name for name, text in theirs.items() if name not in own_rule and A_MACHINE.search(text)]


def test_an_installed_wheel_does_the_main_job(wheel: Path, tmp_path: Path) -> None:
    """In an environment that has nothing of the checkout; the dependencies are those installed here."""
    installation = Installation(tmp_path / "installed")
    installation.pip("install", "--quiet", "--no-index", "--no-deps", str(wheel))
    dependencies = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (installation.site / "dependencies.pth").write_text("\n".join(sorted(dependencies)), encoding="utf-8")
    assert installation.do_the_main_job() > 1000
    assert installation.run("modelctl", "--version") == f"modelctl {importlib.metadata.version('modelctl')}\n"
    assert installation.run("python", "-m", "modelctl", "--version").startswith("modelctl ")
    assert (installation.site / "modelctl" / "py.typed").exists()
    plugin = "[modelctl.discovery]\nacme = email.message\n"
    record = installation.site / "acme-1.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    (record / "entry_points.txt").write_text(plugin, encoding="utf-8")
    code = "from modelctl.discovery.registry import kinds; print('acme' in kinds())"
    assert installation.run("python", "-c", code) == "True\n"
