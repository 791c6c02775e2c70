"""Faults of the disk: full, read-only, and a SQLite file that another process has locked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from tools.torture.checks import Broken
from tools.torture.command import Ended
from tools.torture.stage import FORCED, Stage, check_clear

LEFT_KB = (0, 24, 80)
SHORT_LOCK_S = 1.5
"""Less than a sync waits for a lock on a SQLite file."""
LOOK_S = 1
"""How long each try waits for a lock that is not given up. As modelctl is shipped, all together take over a minute."""
LOCKS = ("IMMEDIATE", "EXCLUSIVE")
"""Against other writers, and against readers as well."""
LIST = ("list", "--provider", "acme", "--format", "ids")


def disk_full(stage: Stage) -> None:
    """No space for what is to be written, or only for some of it; afterwards there is.

    A MariaDB may stop by itself then, and is started again.
    """
    refused = 0
    for left_kb in LEFT_KB:
        stage.change(new=100)
        site = stage.site
        before = site.look()
        site.now += timedelta(seconds=2)
        with _filled(stage.disk, left_kb):
            ended = site.start(*FORCED).ended()
        died = stage.server is not None and stage.server.revive()
        site.tally["servers that stopped by themselves"] += died
        site.check_ended(ended)
        check_clear(ended, {0, 1, 5})
        site.lock_may_stay = died
        site.check(before, [ended], forced=True)
        site.lock_may_stay = False
        if ended.code != 0 and not died and not any(word in ended.output.lower() for word in ("full", "no space")):
            raise Broken(f"it does not say that the disk is full:\n{ended.output}")
        refused += ended.code != 0
        stage.heal(ended)
    if not refused:
        raise Broken("there was always space: nothing was tried")


@contextmanager
def _filled(disk: Path, left_kb: int) -> Iterator[None]:
    """All space is taken but for so much."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
        file.truncate(max(0, file.tell() - left_kb * 1024))
    try:
        yield
    finally:
        filler.unlink()


def disk_read_only(stage: Stage) -> None:
    """The disk takes nothing more, as after an error of the file system; what is there can be read."""
    stage.change()
    _mount_again(stage.disk, "ro")
    try:
        ended = stage.hit({1}, says="cannot be written: check its permissions")
        listed = stage.site.start(*LIST).ended()
        if listed.code != 0 or "model-00" not in listed.output:
            raise Broken(f"a file that can be read is not listed ({listed.code}):\n{listed.output}")
    finally:
        _mount_again(stage.disk, "rw")
    stage.heal(ended)


def _mount_again(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True, capture_output=True)


def file_read_only(stage: Stage) -> None:
    """The file alone may not be written; nor may anything beside it, where a journal would be."""
    for path in (stage.file, stage.file.parent):
        stage.change()
        with _protected(path):
            ended = stage.hit({1})
        stage.heal(ended)


@contextmanager
def _protected(path: Path) -> Iterator[None]:
    """Not to be written, not even by root, whom permissions do not keep off."""
    mode = path.stat().st_mode
    subprocess.run(["chattr", "+i", str(path)], check=os.geteuid() == 0, capture_output=True)
    if os.geteuid() != 0:
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=False, capture_output=True)
        path.chmod(mode)


def locked_for_a_while(stage: Stage) -> None:
    """Another process writes to the SQLite file for less time than a sync waits."""
    for how in LOCKS:
        stage.heal(_locked(stage, how, SHORT_LOCK_S, 0))


def locked_for_long(stage: Stage) -> None:
    """Another process writes to the SQLite file for longer than a sync waits."""
    for how in LOCKS:
        ended = _locked(stage, how, None, 1)
        if "locked" not in ended.output:
            raise Broken(f"it does not say that the file is locked:\n{ended.output}")
        stage.heal(ended)


def _locked(stage: Stage, how: str, seconds: float | None, code: int) -> Ended:
    """A sync while the file is locked for so long; None: until the sync has ended."""
    stage.change()
    site = stage.site
    before = site.look()
    site.now += timedelta(seconds=2)
    with closing(sqlite3.connect(stage.file, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        running = site.start(*FORCED, env=None if seconds else {"DATABASE_URL": f"{site.url}?timeout={LOOK_S}"})
        if seconds is not None:
            time.sleep(seconds)
            other.execute("ROLLBACK")
        ended = running.ended()
    site.check_ended(ended)
    check_clear(ended, {code})
    site.check(before, [ended], forced=True)
    return ended
