"""One history: steps drawn from a seed, each followed by all checks. A failure tells the seed and the last steps."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.databases import empty_database
from tests.torture import checks, sources
from tests.torture.checks import Broken, Snapshot, snapshot
from tests.torture.command import KILLED, Ended, Kill, Running
from tests.torture.ends import Absences, check_ends
from tests.torture.people import People
from tests.torture.world import PAGED, PROVIDERS, World, world_in

SYNC = ("sync", *(part for name in PROVIDERS for part in ("--provider", name)))
FAIR = {0, 1, 4, 5, 6}
IMPATIENT = {"MODELCTL_TIMEOUT_S": "0.3", "MODELCTL_DEADLINE_S": "1"}
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class History:
    """A database, the sources and people, and what has happened so far."""

    url: str
    seed: str
    directory: Path
    world: World
    tally: Counter[str]
    now: datetime = START
    steps: list[str] = field(default_factory=list)
    absences: Absences = field(default_factory=Absences)
    statements: int = 30
    seconds: float = 0.3
    draw: random.Random = field(init=False)
    people: People = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.people = People(self.url, self.draw)
        sources.first_models(self.world, self.draw)

    def run(self, steps: int) -> None:
        """The first sync, then so many steps, then in sync."""
        try:
            self.sync("--migrate")
            for _ in range(steps):
                self.step()
            self.converge()
        except (Broken, AssertionError) as error:
            last = "\n  ".join(self.steps[-12:])
            raise Broken(f"seed {self.seed}, step {len(self.steps)}: {error}\n  {last}") from error

    def step(self) -> None:
        """One step by chance."""
        moves: Sequence[tuple[Callable[[], None], int]] = (
            (self.edit_sources, 6),
            (self.edit_by_hand, 5),
            (self.good_sync, 3),
            (self.failing_sync, 3),
            (self.killed_sync, 7),
            (self.edit_meanwhile, 3),
            (self.two_at_once, 1),
            (self.converge, 1),
        )
        self.now += timedelta(seconds=self.draw.randrange(1, 150_000))
        move = self.draw.choices([each for each, _ in moves], [weight for _, weight in moves])[0]
        self.steps.append(move.__name__)
        self.tally["steps"] += 1
        move()

    def edit_sources(self) -> None:
        """Catalogs and listings move; nobody syncs."""
        for _ in range(self.draw.randint(1, 4)):
            if self.draw.random() < 0.6:
                self.steps.append(sources.edit_catalog(self.world, self.draw, self.now.date()))
            else:
                self.steps.append(sources.edit_listing(self.world, self.draw))

    def edit_by_hand(self) -> None:
        """People write SQL."""
        for _ in range(self.draw.randint(1, 3)):
            people = self.people
            edits = (
                people.edit,
                people.edit,
                people.edit,
                people.set_back,
                people.switch,
                people.delete,
                people.insert,
            )
            self.steps.append(self.draw.choice(edits)(snapshot(self.url)))
            self.tally["edits"] += 1

    def good_sync(self) -> None:
        """A sync, with or without what guards can be told."""
        self.sync(*self.draw.choice(((), (), ("--hold",), ("--force",), ("--accept", "price-rise"))))

    def failing_sync(self) -> None:
        """One listing fails: its rows stay as they are."""
        provider, must_fail = sources.misbehave(self.world, self.draw)
        before = snapshot(self.url)
        self.sync(env=IMPATIENT)
        self.world.server.heal(provider)
        after = snapshot(self.url)
        for run in after.new_runs(before)[provider]:
            if must_fail and run["outcome"] != "failed":
                raise Broken(f"{provider}'s listing was broken, and its run is {run}")
            if run["outcome"] in ("failed", "refused"):
                checks.check_untouched(before, after, provider)
        self.tally["failed listings"] += 1

    def killed_sync(self) -> None:
        """SIGKILL at a statement, or from outside at any moment; sometimes the next one dies, too."""
        while True:
            if self.draw.random() < 0.75:
                kill = Kill(self.draw.randint(1, self.statements + 2), self.draw.random() < 0.5)
                ended = self.sync("--force", kill=kill)
            else:
                ended = self.sync("--force", delay_s=self.draw.random() * self.seconds * 1.1)
            self.tally["kills"] += ended.code == KILLED
            if self.draw.random() < 0.6:
                break
        if self.draw.random() < 0.5:
            self.converge()

    def edit_meanwhile(self) -> None:
        """A person writes while a sync runs."""
        state = snapshot(self.url)

        def edit() -> None:
            time.sleep(self.draw.random() * self.seconds)
            self.steps.append(self.people.edit(state, remembers=False))
            self.tally["edits meanwhile"] += 1

        self.sync("--force", during=edit)

    def two_at_once(self) -> None:
        """Two syncs, one of which may be killed."""
        before = snapshot(self.url)
        argv = (*SYNC, "--force")
        running = [Running(self.directory, argv, self.world.env(self.url), self.now) for _ in range(2)]
        if self.draw.random() < 0.5:
            time.sleep(self.draw.random() * self.seconds)
            running[0].kill()
        ended = [each.ended() for each in running]
        self.tally["kills"] += sum(each.code == KILLED for each in ended)
        self.tally["syncs"] += 2
        for each in ended:
            self._check_code(each)
        self._check_all(before, forced=True)

    def converge(self) -> None:
        """A sync succeeds, and then nothing is left to do."""
        ended = self.sync()
        if ended.code == 4:
            ended = self.sync("--force")
        if ended.code != 0:
            raise Broken(f"a sync of sources that work ended with {ended.code}:\n{ended.output}")
        if any(self.absences.counted[key] == 1 for key in snapshot(self.url).models):
            self.sync("--force")  # missed by one whole listing: the second one marks it
        again = self._running("--dry-run", "--exit-code").ended()
        if again.code != 0:
            raise Broken(f"a second sync would change something ({again.code}):\n{again.output}")
        self._check_truth(snapshot(self.url))
        self.tally["converged"] += 1

    def sync(
        self,
        *options: str,
        env: dict[str, str] | None = None,
        kill: Kill | None = None,
        delay_s: float | None = None,
        during: Callable[[], None] = lambda: None,
    ) -> Ended:
        """One sync and all checks."""
        before = snapshot(self.url) if self.tally_of_tables() else Snapshot({}, {}, {}, {}, {})
        self.now += timedelta(seconds=2)
        began = time.monotonic()
        running = self._running(*options, env=env, kill=kill)
        if delay_s is not None:
            time.sleep(delay_s)
            running.kill()
        during()
        ended = running.ended()
        self.steps.append(f"sync {' '.join(options)} {kill or delay_s or ''} -> {ended.code} at {self.now}")
        self.tally["syncs"] += 1
        if ended.code != KILLED and env is None:
            self.statements, self.seconds = ended.statements, time.monotonic() - began
        self._check_code(ended)
        self._check_all(before, forced="--force" in options)
        return ended

    def tally_of_tables(self) -> bool:
        """Whether there are tables yet: the first sync makes them."""
        return any(each.startswith("sync") for each in self.steps)

    def _running(self, *options: str, env: dict[str, str] | None = None, kill: Kill | None = None) -> Running:
        environ = {**self.world.env(self.url), **(env or {})}
        return Running(self.directory, (*SYNC, *options), environ, self.now, kill)

    def _check_code(self, ended: Ended) -> None:
        if ended.code not in FAIR and ended.code != KILLED:
            raise Broken(f"a sync ended with {ended.code}:\n{ended.output}")
        if "Traceback" in ended.output:
            raise Broken(f"a traceback:\n{ended.output}")

    def _check_all(self, before: Snapshot, *, forced: bool) -> None:
        self.people.wait_until_alone()
        after = snapshot(self.url)
        self.absences.note(before, after, set(self.world.listed), forced=forced)
        checks.check(before, after, self.people.values)
        self.people.check(after)
        check_ends(before, after, self.absences, self.world.dated, self.now.date())
        for provider, runs in after.new_runs(before).items():
            if runs and all(run["outcome"] in ("applied", "in_sync") for run in runs):
                checks.check_projection(after, provider, self.now.replace(tzinfo=None), self.people.values)

    def _check_truth(self, after: Snapshot) -> None:
        """In sync means: the rows say what the catalogs and the listings say."""
        for key, entry in self.world.catalog.items():
            if (row := after.models.get(key)) is None or key in self.people.own_rows:
                continue
            theirs = self.people.values.get(key, {})
            limit = self.world.listed[key] if key[0] == PAGED and key in self.world.listed else entry.context_window
            remembered = key[0] == PAGED and key not in self.world.listed and row["last_seen_at"] is not None
            if "context_window" not in theirs and not remembered and row["context_window"] != limit:
                raise Broken(f"{key}: the context window is {row['context_window']}, the sources say {limit}")
            price = entry.price_on(self.now.date())[0].normalize()
            shown = checks.plain("input_price_per_mtok", row["input_price_per_mtok"])
            if "input_price_per_mtok" not in theirs and shown != price:
                raise Broken(f"{key}: the input price is {shown}, the catalog says {price}")


def play(kind: str, seed: int, steps: int, directory: Path, tally: Counter[str]) -> None:
    """One history on a new database of that kind."""
    directory.mkdir(parents=True, exist_ok=True)
    with world_in(directory) as world, empty_database(kind, directory) as url:
        History(url, f"{kind}-{seed}", directory, world, tally).run(steps)
    tally["histories"] += 1
