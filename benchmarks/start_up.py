"""What a command costs before it does anything, and `list`: each in a process of its own, as a shell starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.documents import write_catalog
from benchmarks.measuring import Contestant, Figure, bounded, compared, in_turn
from benchmarks.models import PROVIDER
from benchmarks.processes import PROGRAMS, Done, Home
from tests.loopback.server import ProviderServer

SUBJECT = "Start-up and lists"
SDKS = ("openai", "anthropic", "google.genai", "replicate")
_SHOW_SDKS = f"""import sys
from modelctl.cli.main import run
try:
    sys.exit(run())
finally:
    print(*[name for name in {SDKS} if name in sys.modules], file=open("sdks", "w"))
"""
_DONE_OR_HELD = (0, 4)
_MANY = 3_000
_PIPED_S = 1.0
"""A list of 3,000 rows "must not cost seconds"."""


def figures(rounds: int, directory: Path) -> Iterator[Figure]:
    """Help, version and completion against the least Typer program; lists against the least program with Rich."""
    home = Home(directory)
    yield from _starts(home, rounds)
    yield from _lists(home, rounds)
    yield from _sdks(home)


def _starts(home: Home, rounds: int) -> Iterator[Figure]:
    home.modelctl("sync", "--source", "catalog")
    least = str(PROGRAMS / "least_typer.py")
    line = {"_MODELCTL_COMPLETE": "complete_bash", "COMP_WORDS": "modelctl\nshow\ngpt-", "COMP_CWORD": "2"}
    completed = home.modelctl(**line).stdout
    if "gpt-" not in completed:
        raise AssertionError(f"completion offered no model: {completed!r}")
    contestants = {
        "`--help`": _timed(lambda: home.modelctl("--help")),
        "the least Typer program, `--help`": _timed(lambda: home.python(least, "--help")),
        "`--version`": _timed(lambda: home.modelctl("--version")),
        "the least Typer program, `--version`": _timed(lambda: home.python(least, "--version")),
        "completion of a model's name": _timed(lambda: home.modelctl(**line)),
    }
    timings = in_turn(contestants, rounds)
    for what, goal in (("`--help`", 1.1), ("`--version`", 1.1), ("completion of a model's name", 1.5)):
        option = "`--version`" if what == "`--version`" else "`--help`"
        against = f"the least Typer program, {option}"
        yield compared(timings, what, against, subject=SUBJECT, case="", goal=goal)


def _lists(home: Home, rounds: int) -> Iterator[Figure]:
    url = f"sqlite:///{home.directory / 'list.db'}"
    source = write_catalog(home.directory / "catalogs", _MANY)
    at = ("--database", url)
    home.modelctl(*at, "--catalog", str(source), "sync", "--source", "catalog", "--provider", PROVIDER.name)
    least = str(PROGRAMS / "least_list.py")
    contestants = {
        "`list` of 25 rows": _timed(lambda: home.modelctl(*at, "list", "--limit", "25")),
        "the least program with SQLModel and Rich": _timed(lambda: home.python(least, url)),
        "`list` of 3,000 rows, piped": _timed(lambda: home.modelctl(*at, "list")),
    }
    shown = home.modelctl(*at, "list").stdout.count(f"{PROVIDER.name}/")
    if shown != _MANY:
        raise AssertionError(f"the list shows {shown} models")
    timings = in_turn(contestants, rounds)
    few, least_program, piped = contestants
    yield compared(timings, few, least_program, subject=SUBJECT, case="", goal=1.0)
    yield compared(timings, piped, least_program, subject=SUBJECT, case="")
    yield bounded(median(timings[piped]), _PIPED_S, subject=SUBJECT, case="", what=piped, against="a bound", unit="s")


def _sdks(home: Home) -> Iterator[Figure]:
    """A sync loads the SDK of the provider that it asks, and no other."""
    with ProviderServer() as server:
        for asked in ((), *((name,) for name in ("openai", "anthropic", "google", "replicate"))):
            needless = set(_loaded(home, server.env(*asked) if asked else {})) - {_SDK_OF.get(each) for each in asked}
            what = f"SDKs that a sync loads needlessly, asking {', '.join(asked) or 'nobody'}"
            yield bounded(len(needless), 0, subject=SUBJECT, case="", what=what, against="none", unit="SDKs")


_SDK_OF = {"google": "google.genai", "openai": "openai", "anthropic": "anthropic", "replicate": "replicate"}


def _loaded(home: Home, environ: dict[str, str]) -> list[str]:
    home.python("-c", _SHOW_SDKS, "sync", "--dry-run", codes=_DONE_OR_HELD, **environ)
    return (home.directory / "sdks").read_text(encoding="utf-8").split()


def _timed(start: Callable[[], Done]) -> Contestant:
    return Contestant(measure=lambda: start().took_s)
