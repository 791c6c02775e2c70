"""A small part of the faults: what takes seconds. All of them are played by `make torture`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tools.torture import canaries
from tools.torture.canaries import Leaked, check_files, check_text
from tools.torture.checks import Broken
from tools.torture.faults import play_faults
from tools.torture.playing import NotTriedError, play_each
from tools.torture.turns import play_turns, turns
from tools.torture.web import play_web

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", ["locked for a while"])
def test_a_sqlite_file_stands(fault: str, tmp_path: Path) -> None:
    tally: Counter[str] = Counter()
    play_faults("sqlite", tmp_path, "short", tally, names=[fault], tell=lambda _text: None)
    assert tally["faults"] == 1


def test_no_kind_of_listing_follows_a_redirect_with_its_key(tmp_path: Path) -> None:
    tally: Counter[str] = Counter()
    play_web(tmp_path, tally, names=["redirects"], tell=lambda _text: None)
    assert tally["faults"] == 1


def test_faults_come_in_turn_and_the_next_seed_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    first, later = turns(["sqlite"], 0), turns(["sqlite"], 3)
    assert len({*first}) == len(first) and later == first[3:] + first[:3]
    assert turns(["sqlite"], len(first)) == first
    assert play_turns(first, 0, {}, seconds=-1) == 0
    assert f"faults: 0 of {len(first)}; SEED=0 goes on with 'disk read-only' on sqlite" in capsys.readouterr().out


def test_a_fault_that_breaks_something_is_named_and_one_that_cannot_be_played_does_not_count() -> None:
    def cannot() -> None:
        raise NotTriedError("no disk")

    def breaks() -> None:
        raise AssertionError("half a row")

    tally: Counter[str] = Counter()
    told: list[str] = []
    faults = {"sound": lambda: None, "full": cannot, "cut": breaks, "after": lambda: None}
    with pytest.raises(Broken, match=r"^cut: half a row\n  seed 7$"):
        play_each(faults, "sqlite", tally, tell=told.append, trail=lambda: "\n  seed 7")
    assert told == ["sqlite: sound, 0 s", "sqlite: full NOT TRIED: no disk"]
    assert tally == {"faults": 1}


@pytest.mark.parametrize("secret", canaries.SECRETS)
def test_a_secret_that_is_written_anywhere_would_be_found(secret: str, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "plan.json").write_text(f'{{"url": "postgresql://tester:{secret}@host/x"}}', encoding="utf-8")
    with pytest.raises(Leaked, match="is in log"):
        check_files(tmp_path)
    with pytest.raises(Leaked, match="the output"):
        check_text(f"error: {secret}".encode(), "the output")
