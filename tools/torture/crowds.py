"""Faults of many and of time: twenty syncs at once, and a clock that steps back between runs and within them."""

from __future__ import annotations

from datetime import timedelta

from tools.torture.checks import Broken
from tools.torture.command import Blow
from tools.torture.stage import FORCED, Stage, check_clear

CROWD = 20
STEPS_S = (-3600.0, -86_400.0, 7200.0)


def twenty_at_once(stage: Stage) -> None:
    """Each waits for the others; one writes, the rest find nothing to do."""
    site = stage.site
    stage.change(new=5)
    before = site.look()
    site.now += timedelta(seconds=2)
    running = [site.start(*FORCED, env={"MODELCTL_LOCK_WAIT_S": "600"}) for _ in range(CROWD)]
    ended = [each.ended() for each in running]
    for each in ended:
        site.check_ended(each)
        check_clear(each, {0})
    site.check(before, ended, forced=True)
    runs = [run for found in site.look().new_runs(before).values() for run in found]
    writers = {run["run"] for run in runs if run["outcome"] == "applied"}
    if len(writers) != 1 or len(runs) != CROWD * 2:
        raise Broken(f"of {CROWD} syncs {len(writers)} wrote, and {len(runs)} records are kept")
    site.tally["syncs at once"] += CROWD
    stage.heal(ended[0])


def clock_between_runs(stage: Stage) -> None:
    """The clock was wrong, and is set back: what was written in the future stays, and the next syncs go on."""
    site = stage.site
    for back in (timedelta(minutes=10), timedelta(hours=5)):
        site.now += back
        stage.change()
        stage.heal(stage.hit({0}))
        site.now -= back + timedelta(seconds=1)
        stage.heal(stage.hit({0}))
    site.now += timedelta(days=1)
    stage.change()
    stage.heal(stage.hit({0}))


def clock_within_a_run(stage: Stage) -> None:
    """The clock steps at a statement of a sync, back or ahead, with nobody else about."""
    site = stage.site
    for number, step_s in enumerate(STEPS_S * 3):
        stage.change()
        before = site.look()
        site.now += timedelta(seconds=2)
        ended = site.start(*FORCED, blow=Blow(2 + 5 * number, step_s=step_s)).ended()
        site.check_ended(ended)
        check_clear(ended, {0})
        site.check(before, [ended], forced=True)
        site.tally["clock steps"] += ended.was_struck
        stage.heal(ended)
