"""One history: steps drawn from a seed, each followed by all checks. A failure tells the seed and the last steps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL

from tools.torture import checks, sources
from tools.torture.checks import Broken
from tools.torture.command import ASKED_TO_STOP, Blow
from tools.torture.site import Late, Site
from tools.torture.truth import PAGED, PROVIDERS, truth_in

SYNC = ("sync", *(part for name in PROVIDERS for part in ("--provider", name)))
MOVES = {
    "edit_sources": 6,
    "edit_by_hand": 5,
    "good_sync": 3,
    "failing_sync": 3,
    "struck_sync": 7,
    "edit_meanwhile": 3,
    "two_at_once": 1,
    "plan_and_apply": 3,
    "undo": 3,
    "converge": 1,
}
"""What may happen, and how often in comparison."""
IMPATIENT = {"MODELCTL_TIMEOUT_S": "0.3", "MODELCTL_DEADLINE_S": "1"}


class History:
    """What happens on a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.draw = site.draw

    def run(self, moves: Iterable[str]) -> None:
        """The first sync, then these moves some time after one another, then in sync."""
        told = self.site.told
        try:
            self.site.start_whole(*SYNC, "--migrate")
            for move in moves:
                self.site.now += timedelta(seconds=self.draw.randrange(1, 150_000))
                told.append(move)
                self.site.tally["steps"] += 1
                getattr(self, move)()
            self.converge()
        except (Broken, AssertionError) as error:
            last = "\n  ".join(told[-12:])
            raise Broken(f"seed {self.site.seed}, step {len(told)}: {error}\n  {last}") from error

    def by_chance(self, steps: int) -> Iterator[str]:
        """So many moves."""
        for _ in range(steps):
            yield self.draw.choices(list(MOVES), list(MOVES.values()))[0]

    def edit_sources(self) -> None:
        """Catalogs and listings move; nobody syncs."""
        for _ in range(self.draw.randint(1, 4)):
            if self.draw.random() < 0.6:
                told = sources.edit_catalog(self.site.truth, self.draw, self.site.now.date())
            else:
                told = sources.edit_listing(self.site.truth, self.draw)
            self.site.told.append(told)

    def edit_by_hand(self) -> None:
        """People write SQL."""
        people = self.site.people
        edits = (people.edit, people.edit, people.edit, people.set_back, people.switch, people.delete, people.insert)
        for _ in range(self.draw.randint(1, 3)):
            self.site.told.append(self.draw.choice(edits)(self.site.look()))
            self.site.tally["edits"] += 1

    def good_sync(self) -> None:
        """A sync, with or without what guards can be told."""
        self.site.run(
            *SYNC, *self.draw.choice(((), (), ("--all-or-nothing",), ("--force",), ("--accept", "price-rise")))
        )

    def failing_sync(self) -> None:
        """One listing fails: nothing of it counts, and where no catalog speaks the rows stay as they are."""
        truth = self.site.truth
        provider, must_fail = sources.misbehave(truth, self.draw)
        before = self.site.look()
        self.site.run(*SYNC, env=IMPATIENT)
        truth.server.heal(provider)
        after = self.site.look()
        for run in after.new_runs(before)[provider]:
            if must_fail and not run["error"]:
                raise Broken(f"{provider}'s listing was broken, and its run is {run}")
            if run["outcome"] in ("failed", "refused"):
                checks.check_untouched(before, after, provider)
        self.site.tally["failed listings"] += 1

    def struck_sync(self) -> None:
        """A signal at a statement, or from outside at any moment; sometimes the next one dies, too."""
        while True:
            self.site.run(*SYNC, "--force", strike=self._strike("sync"))
            if self.draw.random() < 0.6:
                break
        if self.draw.random() < 0.5:
            self.converge()

    def edit_meanwhile(self) -> None:
        """A person writes while a sync runs."""
        site = self.site
        state = site.look()

        def edit() -> None:
            time.sleep(self.draw.random() * site.seconds.get("sync", 0.5))
            site.told.append(site.people.edit(state, remembers=False))
            site.tally["edits meanwhile"] += 1

        site.run(*SYNC, "--force", meanwhile=edit)

    def two_at_once(self) -> None:
        """Two syncs, one of which may be killed: the other waits until the lock of the dead is free."""
        site = self.site
        before = site.look()
        site.now += timedelta(seconds=120)
        running = [site.start(*SYNC, "--force") for _ in range(2)]
        strike = Late(self.draw.random() * site.seconds.get("sync", 0.5)) if self.draw.random() < 0.5 else None
        if strike is not None:
            time.sleep(strike.after_s)
            running[0].send(strike.number)
        ended = [each.ended() for each in running]
        site.told.append(f"two syncs, {strike or ''} -> {[each.code for each in ended]} at {site.now}")
        for each in ended:
            site.check_ended(each, strike)
        site.check(before, ended, forced=True)

    def plan_and_apply(self) -> None:
        """What was reviewed is written, all or nothing of a provider; and nothing of it once a row has moved."""
        site, file = self.site, str(self.site.directory / "plan.json")
        options = self.draw.choice(((), ("--all-or-nothing",), ("--force",)))
        site.run("plan", *PROVIDERS, "-o", file, *options)
        listed = set(site.truth.listed)
        meanwhile = self.draw.choice((None, None, None, self.edit_sources, self.edit_by_hand, self.good_sync))
        if meanwhile is not None:
            meanwhile()
        strike = self._strike("apply") if self.draw.random() < 0.6 else None
        ended = site.run("apply", file, strike=strike, listed=listed, forced="--force" in options)
        if strike is None and meanwhile in (None, self.edit_sources) and ended.code == 6:
            raise Broken(f"nothing has moved since the plan, and yet:\n{ended.output}")

    def undo(self) -> None:
        """The last run is taken back, or the undo itself; one may be struck and be tried again."""
        while True:
            strike = self._strike("runs") if self.draw.random() < 0.6 else None
            self.site.run("runs", "undo", "last", strike=strike)
            if self.draw.random() < 0.7:
                break

    def converge(self) -> None:
        """A sync succeeds, and then nothing is left to do."""
        site = self.site
        ended = site.run(*SYNC)
        if ended.code == 4:
            ended = site.run(*SYNC, "--force")
        if ended.code != 0:
            raise Broken(f"a sync of sources that work ended with {ended.code}:\n{ended.output}")
        if any(site.absences.counted[key] == 1 for key in site.look().models):
            site.run(*SYNC, "--force")  # missed by one whole listing: the second one marks it
        again = site.start(*SYNC, "--dry-run", "--exit-code").ended()
        if again.code != 0:
            raise Broken(f"a second sync would change something ({again.code}):\n{again.output}")
        self._check_truth()
        site.tally["converged"] += 1

    def _strike(self, command: str) -> Blow | Late:
        """At a statement of the command, or at a moment of it."""
        number = self.draw.choice((SIGKILL, SIGKILL, *ASKED_TO_STOP))
        if self.draw.random() < 0.75:
            statements = self.site.statements[command] or 40
            return Blow(self.draw.randint(1, statements + 2), self.draw.random() < 0.5, number)
        return Late(self.draw.random() * self.site.seconds.get(command, 0.5) * 1.1, number)

    def _check_truth(self) -> None:
        """In sync means: the rows say what the catalogs and the listings say."""
        site, truth = self.site, self.site.truth
        after = site.look()
        by_people = {  # an undo is a person's word, also where it repeats what the row shows
            (each["provider"], each["model_id"])
            for each in after.points.values()
            if each["basis"] == "manual" and each["kind"] == "input"
        }
        for key, entry in truth.catalog.items():
            if (row := after.models.get(key)) is None or key in site.people.own_rows:
                continue
            theirs = site.people.values.get(key, {})
            limit = truth.listed[key] if key[0] == PAGED and key in truth.listed else entry.context_window
            remembered = key[0] == PAGED and key not in truth.listed and row["last_seen_at"] is not None
            if "context_window" not in theirs and not remembered and row["context_window"] != limit:
                raise Broken(f"{key}: the context window is {row['context_window']}, the sources say {limit}")
            price = entry.price_on(site.now.date())[0].normalize()
            shown = checks.plain("input_price_per_mtok", row["input_price_per_mtok"])
            if "input_price_per_mtok" not in theirs and key not in by_people and shown != price:
                raise Broken(f"{key}: the input price is {shown}, the catalog says {price}")


def play(url: str, seed: str, directory: Path, tally: Counter[str], *, moves: Sequence[str] | int) -> None:
    """One history on an empty database: of these moves, or of so many by chance."""
    with truth_in(directory) as truth:
        history = History(Site(url, seed, directory, truth, tally))
        history.run(history.by_chance(moves) if isinstance(moves, int) else moves)
    tally["histories"] += 1
