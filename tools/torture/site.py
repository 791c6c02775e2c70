"""A database with its sources and people, on which commands are run: all checks follow each of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL, Signals

from tools.torture import canaries, checks, sources
from tools.torture.checks import Broken, Snapshot, snapshot
from tools.torture.command import ASKED_TO_STOP, INTERRUPTED, KILLED, Blow, Ended, Running
from tools.torture.ends import Absences, check_ends
from tools.torture.people import People
from tools.torture.truth import Key, Truth

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STALE_S = 61
"""So old is the lock of a killed run when the next one takes it over without a wait."""
FAIR = {
    "sync": {0, 1, 4, 5, 6},
    "plan": {0, 4},
    "apply": {0, 4, 6},
    "runs": {0, 5, 6},
    "db": {0},
}
"""Exit codes that each command may have here: what went wrong was arranged."""


@dataclass(frozen=True, slots=True)
class Late:
    """A signal that comes from outside, after a while, wherever the command is then."""

    after_s: float
    number: Signals = SIGKILL


@dataclass(slots=True)
class Site:
    """What is there, and what has happened so far."""

    url: str
    seed: str
    directory: Path
    truth: Truth
    tally: Counter[str]
    now: datetime = START
    told: list[str] = field(default_factory=list)
    absences: Absences = field(default_factory=Absences)
    statements: Counter[str] = field(default_factory=Counter)
    """How many the last whole run of each command sent."""
    seconds: dict[str, float] = field(default_factory=dict)
    draw: random.Random = field(init=False)
    people: People = field(init=False)
    has_tables: bool = False
    lock_may_stay: bool = False
    """The server was killed as well, so that nobody could give the lock back."""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.people = People(self.url, self.draw)
        sources.first_models(self.truth, self.draw)

    def look(self) -> Snapshot:
        """The tables as they are now."""
        return snapshot(self.url) if self.has_tables else Snapshot.empty()

    def start_whole(self, *argv: str) -> None:
        """The first command: it makes the tables, and nothing keeps it from it."""
        ended = self.start(*argv).ended()
        if ended.code != 0:
            raise Broken(f"the first command ended with {ended.code}:\n{ended.output}")
        self.has_tables = True
        self.statements[argv[0]] = ended.statements
        self.check(Snapshot.empty(), [ended])

    def start(self, *argv: str, env: dict[str, str] | None = None, blow: Blow | None = None) -> Running:
        """A command under way. Nothing is checked."""
        return Running(self.directory, argv, {**self.truth.env(self.url), **(env or {})}, self.now, blow)

    def run(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        strike: Blow | Late | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        listed: set[Key] | None = None,
        forced: bool = False,
    ) -> Ended:
        """One command and all checks. `listed`: what the providers listed when they were asked, if it was not now."""
        before = self.look()
        self.now += timedelta(seconds=STALE_S if before.leases else 2)
        began = time.monotonic()
        running = self.start(*argv, env=env, blow=strike if isinstance(strike, Blow) else None)
        if isinstance(strike, Late):
            time.sleep(strike.after_s)
            running.send(strike.number)
        meanwhile()
        ended = running.ended()
        self.has_tables = True
        if strike is None and env is None:
            self.statements[argv[0]], self.seconds[argv[0]] = ended.statements, time.monotonic() - began
        self.told.append(f"{' '.join(argv)} {strike or ''} -> {ended.code} at {self.now}")
        self.check_ended(ended, strike)
        self.check(before, [ended], listed=listed, forced=forced or "--force" in argv)
        return ended

    def check_ended(self, ended: Ended, strike: Blow | Late | None = None) -> None:
        """How it ended is how it may end."""
        self.tally[ended.argv[0]] += 1
        self.tally["killed"] += ended.code == KILLED
        self.tally["interrupted"] += ended.code == INTERRUPTED
        fair = FAIR[ended.argv[0]] | ({KILLED, INTERRUPTED} if strike else set())
        if isinstance(strike, Blow) and ended.was_struck:
            fair = {INTERRUPTED if strike.number in ASKED_TO_STOP else KILLED}
        if ended.code not in fair:
            raise Broken(f"{' '.join(ended.argv)} ended with {ended.code}:\n{ended.output}")
        if "Traceback" in ended.output:
            raise Broken(f"a traceback:\n{ended.output}")
        canaries.check_text(ended.output.encode(), f"the output of {' '.join(ended.argv)}")

    def check(
        self, before: Snapshot, ended: list[Ended], *, listed: set[Key] | None = None, forced: bool = False
    ) -> None:
        """Everything that must hold, once commands have ended."""
        self.people.wait_until_alone()
        after = self.look()
        checks.check_lease(before, after, may_stay=self.lock_may_stay or any(each.code == KILLED for each in ended))
        canaries.check_database(self.url)
        canaries.check_files(self.directory)
        undone = self.people.learn(before, after)
        self.absences.note(before, after, set(self.truth.listed) if listed is None else listed, forced=forced)
        checks.check(before, after, self.people.values)
        self.people.check(after)
        check_ends(before, after, self.absences, self.truth.dated, self.now.date(), undone)
