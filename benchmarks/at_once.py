"""Providers asked at once: six slow servers, and the whole command against a command that asks the slowest alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.documents import listing
from benchmarks.measuring import Contestant, Figure, compared, in_turn, timed
from benchmarks.models import NOW
from benchmarks.processes import Home
from modelctl.discovery.base import Access
from modelctl.discovery.fetch import Request, collect_all
from modelctl.discovery.registry import module_of
from tests.loopback.behaviours import slow
from tests.loopback.server import ProviderServer

SUBJECT = "Providers asked at once"
GOAL = 1.2
WAITS_S = {"one": 0.5, "two": 0.8, "three": 1.1, "four": 1.4, "five": 1.7, "six": 2.0}
SLOWEST = "six"
_MODELS = 200


def figures(rounds: int, directory: Path) -> Iterator[Figure]:
    """Asking alone, as `sync` does it, and the whole command."""
    with ProviderServer() as server:
        for name, wait_s in WAITS_S.items():
            server.models[name], server.keys[name] = listing(_MODELS), None
            server.fail(name, slow(wait_s))
        asking = {
            "six providers, listings only": Contestant(measure=timed(lambda: _ask(server, list(WAITS_S)))),
            "the slowest alone, listings only": Contestant(measure=timed(lambda: _ask(server, [SLOWEST]))),
        }
        yield compared(in_turn(asking, rounds), *asking, subject=SUBJECT, case="", goal=GOAL)
        home = Home(directory)
        home.modelctl("db", "upgrade")
        for name in WAITS_S:
            home.modelctl("provider", "add", name, "--base-url", server.base_url(name))
        commands = {
            "six providers, whole command": Contestant(measure=timed(lambda: _sync(home, list(WAITS_S)))),
            "the slowest alone, whole command": Contestant(measure=timed(lambda: _sync(home, [SLOWEST]))),
        }
        yield compared(in_turn(commands, rounds), *commands, subject=SUBJECT, case="", goal=GOAL)


def _ask(server: ProviderServer, names: list[str]) -> None:
    module = module_of("openai-compatible")
    requests = [Request(source=module, access=_access(server, name, NOW), deadline_s=30) for name in names]
    listed = dict(collect_all(requests))
    if wrong := [name for name in names if isinstance(listed[name], Exception)]:
        raise AssertionError(f"not listed: {wrong}")


def _access(server: ProviderServer, name: str, now: datetime) -> Access:
    return Access(provider=name, api_key="", key_name="", base_url=server.base_url(name), timeout_s=30, now=now)


def _sync(home: Home, names: list[str]) -> None:
    home.modelctl("sync", *(word for name in names for word in ("--provider", name)))
