"""Faults of the wire and of the server behind it: connections cut at every turn, servers killed and started again."""

from __future__ import annotations

import time

from tools.torture.checks import Broken
from tools.torture.proxy import Cut, When
from tools.torture.stage import Stage

MOST_TURNS = 400
KILLS = 8


def cut_before(stage: Stage) -> None:
    """The connection breaks before the n-th request goes out, for every n."""
    _cut_everywhere(stage, When.BEFORE)


def cut_after(stage: Stage) -> None:
    """The n-th request arrives and its answer is lost, for every n: COMMIT is one of them."""
    _cut_everywhere(stage, When.AFTER)


def _cut_everywhere(stage: Stage, when: When) -> None:
    proxy = stage.proxy
    assert proxy is not None
    for turn in range(1, MOST_TURNS):
        stage.change()
        proxy.set(Cut(turn, when))
        ended = stage.hit({0, 1, 5}, env=stage.by_proxy)
        if not proxy.was_cut:
            if ended.code != 0:
                raise Broken(f"nothing was cut, and yet it ended with {ended.code}:\n{ended.output}")
            return
        stage.site.told.append(f"cut at turn {turn} {when.name}")
        stage.site.tally[f"cuts {when.name.lower()}"] += 1
        stage.heal(ended)
    raise Broken(f"a sync of this size takes over {MOST_TURNS} turns")


def server_killed(stage: Stage) -> None:
    """SIGKILL to the server at moments all over a sync; it comes back at once or after a while."""
    site, server = stage.site, stage.server
    assert server is not None
    for number in range(KILLS):
        stage.change(new=40)
        after_s = site.seconds.get("sync", 1.0) * (0.2 + number / KILLS)
        pause_s = site.draw.choice((0, 0, 0.5, 2))

        def kill_and_start(after_s: float = after_s, pause_s: float = pause_s) -> None:
            time.sleep(after_s)
            server.kill()
            time.sleep(pause_s)
            server.start()

        site.told.append(f"server killed after {after_s:.2f} s for {pause_s} s")
        ended = stage.hit({0, 1, 5}, meanwhile=kill_and_start, lock_may_stay=True)
        site.tally["server kills"] += 1
        stage.heal(ended)
