"""All faults, by name, and on which databases each is played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

from tests.databases import KINDS, SERVERS
from tools.signals import ending_children
from tools.torture import crowds, disks, wires
from tools.torture.playing import NotTriedError, play_each
from tools.torture.site import Site
from tools.torture.stage import Stage, stage_on

SERVER_KINDS = tuple(SERVERS)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong; `play` raises Broken where a sync does not stand it."""

    name: str
    play: Callable[[Stage], None]
    kinds: tuple[str, ...] = KINDS
    needs_small_disk: bool = False


FILE = ("sqlite",)
FAULTS = (
    Fault("disk read-only", disks.disk_read_only, FILE, needs_small_disk=True),
    Fault("file read-only", disks.file_read_only, FILE, needs_small_disk=True),
    Fault("locked for a while", disks.locked_for_a_while, FILE),
    Fault("locked for long", disks.locked_for_long, FILE),
    Fault("twenty at once", crowds.twenty_at_once),
    Fault("clock between runs", crowds.clock_between_runs),
    Fault("clock within a run", crowds.clock_within_a_run),
    Fault("server killed", wires.server_killed, SERVER_KINDS),
    Fault("cut before", wires.cut_before, SERVER_KINDS),
    Fault("cut after", wires.cut_after, SERVER_KINDS),
    Fault("disk full", disks.disk_full, needs_small_disk=True),
)


def names_on(kind: str) -> tuple[str, ...]:
    """The faults that this kind of database knows."""
    return tuple(fault.name for fault in FAULTS if kind in fault.kinds)


def play_faults(
    kind: str,
    directory: Path,
    seed: str,
    tally: Counter[str],
    *,
    names: Sequence[str],
    ends_s: float = inf,
    tell: Callable[[str], object] = print,
) -> int:
    """These faults one after another on one database, while it is not too late; how many began.

    Broken tells which it was. `ends_s`: by the monotonic clock.
    """
    by_name = {fault.name: fault for fault in FAULTS}
    with stage_on(kind, directory, seed, tally) as stage, ending_children():
        plays = {name: partial(_play, by_name[name], stage) for name in names}
        return play_each(plays, kind, tally, ends_s=ends_s, tell=tell, trail=partial(_trail, stage.site))


def _play(fault: Fault, stage: Stage) -> None:
    if fault.needs_small_disk and not stage.has_small_disk:
        raise NotTriedError("no small disk could be mounted")
    fault.play(stage)


def _trail(site: Site) -> str:
    return "".join(f"\n  {line}" for line in (f"seed {site.seed}", *site.told[-8:]))
