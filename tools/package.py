"""The wheel and the sdist, each installed into an environment of its own and put to work. `make package` runs it.

It needs the package index. What can be tried without one, `tests/tools/test_package.py` tries at every `make test`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE_DATE_EPOCH = "1700000000"
"""Any fixed time: two builds of one checkout are the same, byte by byte."""

_USED_IN_A_PROGRAM = """
import modelctl
from modelctl import ModelStore
with ModelStore(URL) as store:
    print(modelctl.__file__, len(store.list_models()), sep="\\n")
"""


def build(target: str, checkout: Path, directory: Path) -> Path:
    """The `wheel` or `sdist` of a checkout, built by what is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    subprocess.run(command, cwd=checkout, env=environ, check=True, capture_output=True)
    (built,) = directory.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


class Installation:
    """An environment with modelctl in it, and a home for what it writes. No variable of ours reaches it."""

    def __init__(self, directory: Path) -> None:
        """Makes both, empty."""
        self.home = directory / "home"
        self.home.mkdir(parents=True)
        venv.create(directory / "venv", symlinks=os.name != "nt")
        self.scripts = directory / "venv" / ("Scripts" if os.name == "nt" else "bin")
        (self.site,) = (path for path in directory.glob("venv/**/site-packages"))

    def run(self, program: str, *arguments: str) -> str:
        """What a program of the environment prints, at home there. AssertionError with its complaint if it fails."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "LANG")}
        environ = {**kept, "HOME": str(self.home), "USERPROFILE": str(self.home)}
        command = [str(self.scripts / program), *arguments]
        done = subprocess.run(command, cwd=self.home, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program} {' '.join(arguments)} exits {done.returncode}: {done.stderr}"
        return done.stdout

    def pip(self, *arguments: str) -> str:
        """What the pip of this machine prints, at work in the environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.scripts / "python"), "--disable-pip-version-check"]
        return subprocess.run([*pip, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

    def do_the_main_job(self) -> int:
        """Sync every provider from the shipped catalogs into a new file, and read it back; how many models it has."""
        database = f"sqlite:///{self.home / 'models.db'}"
        self.run("modelctl", "sync", "--provider", "all", "--source", "catalog", "--database", database)
        models = json.loads(self.run("modelctl", "list", "--all", "--json", "--database", database))
        key = f"{models[0]['provider']}/{models[0]['model_id']}"
        assert key in self.run("modelctl", "show", key, "--database", database)
        file, count = self.run("python", "-c", _USED_IN_A_PROGRAM.replace("URL", repr(database))).split("\n")[:2]
        assert Path(file).is_relative_to(self.site), f"{file} is not the installed package"
        assert 0 < int(count) <= len(models)
        return len(models)


def _installed(package: Path, directory: Path) -> Sequence[str]:
    """The figures of one package: installed from the index with nothing but the pins, and used."""
    installation = Installation(directory)
    begun = time.monotonic()
    installation.pip("install", "-qq", "-c", str(ROOT / "constraints.txt"), str(package))
    seconds = time.monotonic() - begun
    models = installation.do_the_main_job()
    packages = json.loads(installation.pip("list", "--format", "json"))
    megabytes = sum(path.stat().st_size for path in installation.site.rglob("*") if path.is_file()) / 1e6
    return (package.name, f"{seconds:.0f} s", f"{len(packages)} packages", f"{megabytes:.0f} MB", f"{models:,} models")


def main() -> None:
    """Build both, install both, and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for target in ("wheel", "sdist"):
            package = build(target, ROOT, directory / target)
            print("  ".join(_installed(package, directory / f"{target}-installed")))


if __name__ == "__main__":
    main()
