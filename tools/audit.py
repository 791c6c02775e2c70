"""What is installed beside modelctl, held against what may be. Needs no network; `make audit` runs it.

It finds what is not pinned or pinned otherwise, what nothing needs, what does not come from an index, what has a
licence that nobody has looked at, and, given a directory of advisories in OSV's JSON, the versions these name.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
OURS = "modelctl"
INSTALLERS = {"pip", "setuptools", "wheel"}
"""They come with the environment, in whichever version Python has."""
ALLOWED = re.compile(r"MIT(-0)?\b|BSD|Apache|ISC\b|PSF|MPL-2\.0|Mozilla Public License 2\.0|LGPL-3\.0-only")
"""May be used by a program under the MIT licence. LGPL: only as a module that is imported at run time."""

Advisory = Mapping[str, Any]


def pins(path: Path) -> dict[str, str]:
    """Name to version, as constraints.txt has them."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def findings(
    installed: Iterable[Distribution], pinned: Mapping[str, str], advisories: Sequence[Advisory] = ()
) -> Iterator[str]:
    """A line for each thing that is wrong: what, where, and what to do."""
    by_name = {canonicalize_name(each.name): each for each in installed}
    needed = _needed(by_name)
    for name, each in sorted(by_name.items()):
        if name == OURS:
            continue
        if name not in INSTALLERS:
            yield from _unpinned(name, each, pinned)
            if name not in needed:
                yield f"{name} {each.version}: nothing needs it; uninstall it, or declare it in pyproject.toml"
        if each.read_text("direct_url.json"):
            yield f"{name} {each.version}: was not installed from an index; install {name}=={pinned.get(name, '…')}"
        if not ALLOWED.search(licence := licence_of(each)):
            yield f"{name} {each.version}: licence {licence!r} is not among those that are allowed; see tools/audit.py"
        yield from (_known(name, each, advisory) for advisory in advisories if _is_named(name, each.version, advisory))


def _unpinned(name: str, each: Distribution, pinned: Mapping[str, str]) -> Iterator[str]:
    if name not in pinned:
        yield f"{name} {each.version}: is not in constraints.txt; run `make constraints`"
    elif pinned[name] != each.version:
        yield f"{name} {each.version}: constraints.txt says {pinned[name]}; run `make clean`, then `make test`"


def _needed(by_name: Mapping[NormalizedName, Distribution]) -> set[str]:
    """What modelctl and its extras need, and what these need, as far as it is installed."""
    needed: set[str] = set()
    waiting = [(canonicalize_name(OURS), frozenset({"dev"}))]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in done or name not in by_name:
            continue
        done.add((name, extras))
        needed.add(name)
        for requirement in map(Requirement, by_name[name].requires or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return needed


def licence_of(each: Distribution) -> str:
    """The licence as its package states it, in one line."""
    stated = "".join(each.metadata.get_all("License-Expression") or ())
    classified = [text for text in each.metadata.get_all("Classifier") or () if text.startswith("License ::")]
    words = " ".join("".join(each.metadata.get_all("License") or ()).split())[:60]
    return stated or "; ".join(text.rpartition(":: ")[2] for text in classified) or words or "none stated"


def _is_named(name: str, version: str, advisory: Advisory) -> bool:
    if advisory.get("withdrawn"):
        return False
    return any(
        canonicalize_name(affected["package"]["name"]) == name
        and (version in affected.get("versions", ()) or any(_is_within(version, each) for each in _ranges(affected)))
        for affected in advisory.get("affected", ())
        if affected.get("package", {}).get("ecosystem") == "PyPI"
    )


def _ranges(affected: Mapping[str, Any]) -> list[Sequence[Mapping[str, str]]]:
    return [each["events"] for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]


def _is_within(version: str, events: Sequence[Mapping[str, str]]) -> bool:
    """Whether the version lies in a range of OSV's: introduced, then fixed or last affected, perhaps often."""
    inside, at = False, Version(version)
    for event in events:
        for kind, text in event.items():
            try:
                limit = Version(text)
            except InvalidVersion:
                continue
            if kind == "introduced" and at >= limit:
                inside = True
            elif (kind == "fixed" and at >= limit) or (kind == "last_affected" and at > limit):
                inside = False
    return inside


def _known(name: str, each: Distribution, advisory: Advisory) -> str:
    what = " ".join(str(advisory.get("summary") or "no summary").split())
    return f"{name} {each.version}: {advisory['id']}: {what}; `make constraints` takes the newest release"


def main(argv: Sequence[str] | None = None) -> int:
    """1 where anything was found."""
    parser = argparse.ArgumentParser(description="Hold what is installed against what may be.")
    parser.add_argument("--advisories", type=Path, metavar="DIR", help="JSON files of OSV's export for PyPI")
    arguments = parser.parse_args(argv)
    files = sorted(arguments.advisories.glob("*.json")) if arguments.advisories else []
    if arguments.advisories and not files:
        sys.stderr.write(f"error: {arguments.advisories} holds no advisory; unzip OSV's all.zip for PyPI there\n")
        return 2
    advisories = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    installed = list(distributions())
    found = list(findings(installed, pins(CONSTRAINTS), advisories))
    sys.stdout.write("".join(f"{line}\n" for line in found))
    against = f"{len(files):,} advisories" if files else "no advisories (ADVISORIES=DIR names some)"
    sys.stdout.write(
        f"{len(installed)} distributions, {len(found)} findings: pins, need, origin, licences; {against}\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
