"""The benchmarks run, and measure what they say: a tiny slice of them. Their figures are nobody's business here."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.__main__ import SUBJECTS, main
from benchmarks.measuring import Contestant, Figure, bounded, compared, in_turn
from benchmarks.proxy import proxied


def figure(case: str, value: float) -> Figure:
    return Figure(subject="First load", case=case, what="first load", value=value, ratio=value, goal=2.0)


def benchmarks(*arguments: str) -> str:
    """What `python -m benchmarks` prints: a process of its own, for it sets the collector of garbage."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=table.README.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_tiny_slice_runs_and_keeps_its_figures(tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    chosen = ["--databases", "sqlite", "--rounds", "1", "--json", str(kept)]
    benchmarks("--sizes", "30", "--subjects", "no-op", "--add", *chosen)
    told = benchmarks("--sizes", "40", "--subjects", "first-load", "--add", *chosen)
    about, figures = table.figures_in(kept)
    assert about["settings"]["sizes"] == [40]
    assert {each.case for each in figures} == {"sqlite, 30", "sqlite, 40"}
    assert all(each.ratio > 0 for each in figures if each.unit == "s")
    rows = {each.what: each.value for each in figures if each.unit == "rows"}
    assert rows == {"no-op: rows written but its record and its lease": 0, "no-op: rows of its record": 1}
    assert "| sqlite, 40 | first load |" in told
    assert json.loads(kept.read_text())["figures"][0]["is_met"] in (True, False)


def test_contestants_take_turns_and_a_ratio_is_that_of_the_same_round() -> None:
    told: list[str] = []
    values = {"a": iter([9.0, 1.0, 6.0, 2.0]), "b": iter([9.0, 1.0, 2.0, 1.0])}

    def measured(name: str) -> Contestant:
        def measure() -> float:
            told.append(name)
            return next(values[name])

        return Contestant(measure=measure, prepare=lambda: told.append(f"for {name}"))

    timings = in_turn({name: measured(name) for name in "ab"}, 3)
    assert told == ["for a", "a", "for b", "b"] * 4
    assert timings == {"a": [1.0, 6.0, 2.0], "b": [1.0, 2.0, 1.0]}  # without the warm-up
    found = compared(timings, "a", "b", subject="s", case="c", goal=2.0)
    assert (found.value, found.reference, found.ratio, found.is_met) == (2.0, 1.0, 2.0, True)


@pytest.mark.parametrize(("value", "bound", "is_met"), [(0, 0, True), (1, 0, False), (3, 3, True), (4, 3, False)])
def test_a_bound_is_kept_or_missed_also_where_it_is_nothing_at_all(value: float, bound: float, is_met: bool) -> None:
    found = bounded(value, bound, subject="s", case="c", what="rows", against="none", unit="rows")
    assert found.is_met is is_met


@pytest.mark.parametrize("wrong", [("--sizes", "x"), ("--sizes", "0"), ("--databases", "foo"), ("--subjects", "nope")])
def test_what_cannot_be_measured_is_said_and_nothing_is_overwritten(
    wrong: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "results.json"
    with pytest.raises(SystemExit) as end:
        main([*wrong, "--json", str(kept)])
    assert (end.value.code, kept.exists()) == (2, False)
    assert f"argument {wrong[0]}: {wrong[1]!r} is " in capsys.readouterr().err


def test_the_table_stands_in_the_readme_once_however_often_it_is_written(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(table.README.read_text(encoding="utf-8"), encoding="utf-8")
    about = {**table.machine(), "settings": {}}
    table.paste(about, [figure("sqlite, 3", 3.0)], readme)
    once = readme.read_text(encoding="utf-8")
    assert "| sqlite, 3 | first load | 3,000 ms |  |  | 3.00 | ≤ 2 | **missed** |" in once
    table.paste(about, [figure("sqlite, 3", 3.0)], readme)
    assert readme.read_text(encoding="utf-8") == once


def test_the_proxy_counts_round_trips_and_makes_each_wait() -> None:
    """Two questions sent together are one round trip: that is what pipelining saves."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            client, _ = server.accept()
            with client:
                while data := client.recv(100):
                    client.sendall(data)

        threading.Thread(target=echo, daemon=True).start()
        with proxied(f"postgresql://127.0.0.1:{server.getsockname()[1]}/x", round_trip_s=0.02) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                for question in (b"one", b"two", b"three"):
                    client.sendall(question)
                    assert client.recv(100) == question
            assert proxy.turns == 3


def test_every_subject_is_explained() -> None:
    text = table.README.read_text(encoding="utf-8")
    assert [name for name in SUBJECTS if f"`{name}`" not in text] == []
