"""A database that is in sync, on which faults are played one after another; after each of them it is so again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tools.torture import canaries
from tools.torture.checks import Broken
from tools.torture.command import Ended
from tools.torture.histories import SYNC, History
from tools.torture.proxy import Proxy
from tools.torture.servers import OwnServer, own_server
from tools.torture.site import Site
from tools.torture.small_disk import small_disk
from tools.torture.truth import PAGED, PROVIDERS, Entry, truth_in

FORCED = (*SYNC, "--force")
PATH_OF_SQLITE = "test.db"
LONGEST_LINE = 400
DISK_MB = {"sqlite": 16, "postgresql": 120, "mariadb": 300}


@dataclass(slots=True)
class Stage:
    """What a fault is given."""

    site: Site
    server: OwnServer | None
    """None for a SQLite file."""
    proxy: Proxy | None
    has_small_disk: bool
    """Its data is on a disk that can be filled."""
    history: History = field(init=False)
    changed: int = 0

    def __post_init__(self) -> None:
        self.history = History(self.site)

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return self.disk / PATH_OF_SQLITE

    @property
    def disk(self) -> Path:
        """Where the data is: the directory of the SQLite file, or the server's."""
        return self.site.directory / "db" if self.server is None else self.server.data

    @property
    def by_proxy(self) -> dict[str, str]:
        """The environment of a command whose connections go through the proxy."""
        assert self.server is not None and self.proxy is not None
        return {"DATABASE_URL": self.server.url(port=self.proxy.own_port)}

    def change(self, new: int = 2) -> None:
        """Let the sources move: prices and limits of some models, and `new` ones for each provider."""
        truth, draw, today = self.site.truth, self.site.draw, self.site.now.date()
        self.changed += 1
        for provider in PROVIDERS:
            for key in draw.sample(sorted(key for key in truth.catalog if key[0] == provider), 3):
                entry = truth.catalog[key]
                entry.context_window = draw.randrange(10_000, 90_000)
                start, price = entry.prices[-1][0], Decimal(draw.randint(1, 900)) / 100
                known = [each for each in entry.prices if each[0] is None or each[0] < today]
                entry.prices = [*known, (today, price, price * 3)] if start is None or start <= today else entry.prices
            for number in range(new):
                name = f"new-{self.changed:04}-{number:05}"
                truth.catalog[provider, name] = Entry(50_000, [(None, Decimal(1), Decimal(3))])
            truth.listed[provider, f"new-{self.changed:04}-00000"] = 60_000
        assert PAGED in PROVIDERS
        truth.publish()

    def hit(
        self,
        codes: set[int],
        *,
        env: dict[str, str] | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        lock_may_stay: bool = False,
        says: str = "",
    ) -> Ended:
        """A sync under the fault: its exit code is one of these, and what it says is clear (and holds `says`)."""
        site = self.site
        site.lock_may_stay = lock_may_stay
        try:
            ended = site.run(*FORCED, env={"MODELCTL_DEADLINE_S": "60", **(env or {})}, meanwhile=meanwhile)
        finally:
            site.lock_may_stay = False
        check_clear(ended, codes)
        if says and says not in ended.output:
            raise Broken(f"it does not say {says!r}:\n{ended.output}")
        site.tally[f"exit {ended.code}"] += 1
        return ended

    def heal(self, ended: Ended | None = None) -> None:
        """In sync again: after a run that says it is done nothing is left to do, after any other one sync does it."""
        done = ended is not None and ended.code == 0
        if not done and (synced := self.site.run(*FORCED)).code != 0:
            raise Broken(f"nothing is wrong any more, and yet a sync ended with {synced.code}:\n{synced.output}")
        again = self.site.start(*SYNC, "--dry-run", "--exit-code").ended()
        if again.code != 0:
            what = "it ended with 0" if done else "the next sync is done"
            raise Broken(f"{what}, and yet something is pending ({again.code}):\n{again.output}")


def check_clear(ended: Ended, codes: set[int]) -> None:
    """An exit code that fits, and lines that a person can read."""
    output = ended.output
    if ended.code not in codes:
        raise Broken(f"{' '.join(ended.argv)} ended with {ended.code}, not {sorted(codes)}:\n{output}")
    lines = [line for line in output.splitlines() if not line.startswith('{"version"')]  # a report is one line of JSON
    if "has a bug" in output or "Traceback" in output or any(len(line) > LONGEST_LINE for line in lines):
        raise Broken(f"this is no clear message:\n{output}")
    if ended.code in (1, 6) and "error: " not in output and "failed" not in output:
        raise Broken(f"it ended with {ended.code} and does not say why:\n{output}")


@contextmanager
def stage_on(kind: str, directory: Path, seed: str, tally: Counter[str]) -> Iterator[Stage]:
    """A stage in an empty directory, with a server of its own where that kind of database has one.

    The data is on a small disk where one can be made.
    """
    home = directory / "site"
    home.mkdir()
    if kind == "sqlite":
        with truth_in(home) as truth:
            (home / "db").mkdir()
            with small_disk(home / "db", DISK_MB[kind]) as is_small:
                site = Site(f"sqlite:///{home}/db/{PATH_OF_SQLITE}", seed, home, truth, tally)
                yield _in_sync(Stage(site, None, None, is_small))
        return
    (directory / "db" / "data").mkdir(parents=True)
    with (
        small_disk(directory / "db" / "data", DISK_MB[kind]) as is_small,
        own_server(kind, directory / "db", canaries.PASSWORD) as server,
        truth_in(home) as truth,
        Proxy(server.port) as proxy,
    ):
        yield _in_sync(Stage(Site(server.url(), seed, home, truth, tally), server, proxy, is_small))


def _in_sync(stage: Stage) -> Stage:
    """The tables, everything in them, and a key in the database."""
    site = stage.site
    site.start_whole(*SYNC, "--migrate")
    site.truth.stored.add(PAGED)
    done = subprocess.run(
        [sys.executable, "-m", "modelctl", "key", "set", PAGED],
        input=canaries.KEYS[PAGED].encode(),
        env={**os.environ, **site.truth.env(site.url)},
        capture_output=True,
        check=False,
    )
    canaries.check_text(done.stdout + done.stderr, "the output of credential set")
    if done.returncode:
        raise Broken(f"the key could not be stored:\n{done.stderr.decode()}")
    stage.heal()
    return stage
