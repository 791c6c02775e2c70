"""A small part of the long form: one history and one migration on each kind of database, always the same ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tools.torture.histories import play
from tools.torture.migrating import play_migration

pytestmark = pytest.mark.slow

MOVES = ("edit_by_hand", "edit_sources", "struck_sync", "failing_sync", "plan_and_apply", "undo")


def test_a_history_of_edits_broken_listings_and_kills_loses_nothing(database_url: str, tmp_path: Path) -> None:
    tally: Counter[str] = Counter()
    play(database_url, "short", tmp_path, tally, moves=MOVES)
    assert (tally["steps"], tally["failed listings"], tally["histories"]) == (len(MOVES), 1, 1)


def test_a_migration_that_is_struck_is_finished_by_the_next(database_url: str, tmp_path: Path) -> None:
    tally: Counter[str] = Counter()
    play_migration(database_url, "short", tmp_path, tally)
    assert tally["migrations"] == 1
