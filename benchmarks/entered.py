"""How many of modelctl's files one command enters: what a reader has to open who follows it from end to end.

`python benchmarks/entered.py list --database sqlite:///models.db`. The command's own answer goes to stdout, the figures
to stderr, three of them: files of which the command calls a function; these and the ones of which an import runs more
than the top level, the body of a class or a decorator, say; and all that are imported.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import modelctl
from modelctl.cli.main import main

PACKAGE = Path(modelctl.__file__).parent


class Entered:
    """Counts while it is the profiler of all threads."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        """By file: calls of functions, but for those that an import makes."""
        self.run_by_imports = set[str]()
        """Files of which an import runs a function or the body of a class."""
        self.imported = set[str]()
        self._importing = threading.local()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(str(PACKAGE)):
            return
        name = str(Path(code.co_filename).relative_to(PACKAGE))
        depth: int = getattr(self._importing, "depth", 0)
        if code.co_name == "<module>":
            self._importing.depth = depth + (1 if event == "call" else -1)
            self.imported.add(name)
        elif event == "call" and (depth or not code.co_flags & inspect.CO_OPTIMIZED):
            self.run_by_imports.add(name)
        elif event == "call":
            self.calls[name] += 1

    @property
    def figures(self) -> tuple[int, int, int]:
        """How many files are called, are called or run by imports, are loaded at all."""
        entered = self.calls.keys() | self.run_by_imports
        return len(self.calls), len(entered), len(entered | self.imported)


def run(argv: list[str]) -> tuple[int, Entered]:
    """The command's exit code, and what it entered. To be run in a process that has run no command yet."""
    entered = Entered()
    threading.setprofile(entered)
    sys.setprofile(entered)
    try:
        code = main(argv)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return code, entered


if __name__ == "__main__":
    code, found = run(sys.argv[1:])
    for name in sorted(found.imported | found.run_by_imports | found.calls.keys()):
        by = "imported" if name not in found.run_by_imports else "run by imports"
        sys.stderr.write(f"{name:<40} {f'{found.calls[name]:,} calls' if found.calls[name] else by}\n")
    called, entered, loaded = found.figures
    sys.stderr.write(f"files called {called}, entered {entered}, loaded {loaded}; {found.calls.total():,} calls\n")
    sys.exit(code)
