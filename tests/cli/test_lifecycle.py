"""`modelctl lifecycle` on a database that a sync has filled, on several days."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from tests.conftest import NOW, Result, Run

Sync = Callable[..., Result]
Lifecycle = Callable[..., Result]

SONNET, GEMINI = "claude-sonnet-4-5", "gemini-2.5-pro"


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)


@pytest.fixture
def filled(synced_file: Callable[..., str]) -> str:
    """A database with the models of Anthropic and Google as of 2026-11-21."""
    return synced_file("--source", "catalog", "--provider", "anthropic", "--provider", "google")


@pytest.fixture
def lifecycle(run: Run, filled: str) -> Lifecycle:
    return lambda *argv, **kwargs: run("lifecycle", "--database", filled, *argv, **kwargs)


def rows_of(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """The rows of a JSON answer by kind and model_id."""
    answer = json.loads(result.stdout)
    return {kind: {row["model_id"]: row for row in answer[kind]} for kind in ("announced", "not_before", "ended")}


@pytest.mark.parametrize(
    ("day", "sonnet", "gemini"),
    [
        ("2026-11-21", ("announced", 9), ("announced", 10)),
        ("2026-11-30", ("announced", 0), ("announced", 1)),
        ("2026-12-01", ("ended", -1), ("announced", 0)),
        ("2026-12-02", ("ended", -2), ("ended", -1)),
    ],
)
@pytest.mark.parametrize("synced_again", [False, True])
def test_a_model_ends_after_its_last_day_whether_or_not_a_sync_has_run_since(
    lifecycle, sync, filled, day, sonnet, gemini, synced_again
):
    if synced_again:
        assert sync(filled, "--source", "catalog", now=on(day)).code == 0
    result = lifecycle("--past", "2d", "--format", "json", now=on(day))
    assert result.code == 0, result.stderr
    rows = rows_of(result)
    for model_id, (kind, days_left) in {SONNET: sonnet, GEMINI: gemini}.items():
        [found] = [each for each in rows if model_id in rows[each]]
        assert (found, rows[found][model_id]["days_left"]) == (kind, days_left)
    assert json.loads(result.stdout)["today"] == day


def test_a_row_says_where_to_go_what_happens_and_what_it_costs(lifecycle):
    assert lifecycle("--json") == lifecycle("--format", "json")
    row = rows_of(lifecycle("--format", "json"))["announced"][GEMINI]
    assert row["day"] == row["prices_on"] == "2026-12-01"
    assert (row["provider"], row["status"], row["is_enabled"]) == ("google", "deprecated", True)
    assert row["replacement"] == row["billed_as"] == "gemini-3.8-flash"
    assert row["after_retirement"] == "redirect"
    assert row["successor"] == {
        "outcome": "live",
        "provider": "google",
        "model_id": "gemini-3.8-flash",
        "path": ["gemini-3.8-flash"],
        "providers": ["google"],
        "ends_on": None,
    }
    assert row["prices"]["input"] == {
        "old": 1.25,
        "old_currency": "USD",
        "new": 0.75,
        "new_currency": "USD",
        "percent": -40,
        "scheduled": {"from": "2027-01-01T00:00:00Z", "new": 1.5, "new_currency": "USD", "percent": 20},
    }


def test_a_replacement_may_be_another_provider_s(lifecycle, run, query, sync, filled):
    here = ("--database", filled)
    facts = "SELECT replacement, replacement_provider FROM ai_models WHERE model_id = :id"
    vendors = query(filled, facts, id=SONNET)
    pointed = "UPDATE ai_models SET replacement = :to, replacement_provider = :of WHERE model_id = 'gemini-3.8-flash'"
    query(filled, pointed, to=SONNET, of="anthropic")
    circle = run("set", f"anthropic/{SONNET}", "replacement=google/gemini-3.8-flash", *here)
    assert f"in a circle: {SONNET} -> google/gemini-3.8-flash -> {SONNET}" in circle.stderr
    assert query(filled, facts, id=SONNET) == vendors
    query(filled, pointed, to=None, of=None)

    assert run("set", SONNET, f"replacement=google/{GEMINI}", "retires_on=2026-11-29", *here).code == 0
    assert query(filled, facts, id=SONNET) == [(GEMINI, "google")]
    assert sync(filled, "--source", "catalog").code == 0
    query(filled, "UPDATE ai_models SET status = 'retired' WHERE model_id = :id", id=GEMINI)
    row = rows_of(lifecycle("--provider", "anthropic", "--format", "json"))["announced"][SONNET]
    assert (row["replacement"], row["replacement_provider"]) == (GEMINI, "google")
    assert row["successor"] == {
        "outcome": "live",
        "provider": "google",
        "model_id": "gemini-3.8-flash",
        "path": [GEMINI, "gemini-3.8-flash"],
        "providers": ["google", "google"],
        "ends_on": None,
    }
    assert row["prices"]["input"]["new"] == 0.75
    assert f"google/{GEMINI} → google/gemini-3.8-flash" in lifecycle("--within", "9d").stdout
    shown = json.loads(run("show", SONNET, "--format", "json", *here).stdout)["replacement"]
    assert (shown["live"], shown["live_provider"]) == ("gemini-3.8-flash", "google")
    assert f"google/{GEMINI} (retired) → google/gemini-3.8-flash (active)" in run("show", SONNET, *here).stdout
    refused = run("remove", f"google/{GEMINI}", "--dry-run", *here).stderr
    assert f"google/{GEMINI}: anthropic/{SONNET}, google/" in refused

    assert run("deprecate", SONNET, "--replacement", "google/gemini-3.8-flash", *here).code == 0
    assert query(filled, facts, id=SONNET) == [("gemini-3.8-flash", "google")]
    assert run("override", "unpin", SONNET, "replacement", *here).code == 0
    assert sync(filled, "--source", "catalog").code == 0
    assert query(filled, facts, id=SONNET) == vendors


def test_what_happens_after_the_end_is_unknown_where_nobody_says_it(lifecycle):
    result = lifecycle("--provider", "anthropic", "--within", "9d")
    [line] = [line for line in result.stdout.splitlines() if f"/{SONNET} " in line]
    assert " unknown " in line
    assert rows_of(lifecycle("--format", "json"))["announced"][SONNET]["after_retirement"] is None


@pytest.mark.parametrize(("last_day", "price"), [("2026-12-31", 0.75), ("2027-01-01", 1.5)])
def test_a_price_rise_that_is_in_force_on_the_last_day_counts(lifecycle, query, filled, last_day, price):
    query(filled, "UPDATE ai_models SET retires_on = :day WHERE model_id = :id", day=last_day, id=GEMINI)
    row = rows_of(lifecycle("--format", "json"))["announced"][GEMINI]
    assert row["prices"]["input"]["new"] == price


def test_a_circle_and_an_unknown_successor_are_said_as_such(lifecycle, query, filled):
    query(filled, "UPDATE ai_models SET replacement = :id WHERE model_id = :id", id=SONNET)
    query(filled, "UPDATE ai_models SET replacement = 'gemini-9' WHERE model_id = :id", id=GEMINI)
    result = lifecycle("--within", "10d")
    assert f"{SONNET} (in a circle; no live model)" in result.stdout
    assert "gemini-9 (not in the database)" in result.stdout
    rows = rows_of(lifecycle("--format", "json"))["announced"]
    assert (rows[SONNET]["successor"]["outcome"], rows[SONNET]["successor"]["model_id"]) == ("cycle", None)
    assert (rows[GEMINI]["successor"]["outcome"], rows[GEMINI]["successor"]["model_id"]) == ("missing", None)
    assert rows[GEMINI]["prices"]["input"] | {"scheduled": None} == {
        "old": 1.25,
        "old_currency": "USD",
        "new": None,
        "new_currency": None,
        "percent": None,
        "scheduled": None,
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("after_retirement = 'error'", " errors "),
        (
            "after_retirement = 'redirect', replacement = NULL",
            "the id is served and billed as an unknown model",
        ),
        (
            "retires_on = '2026-11-01', last_seen_at = '2026-11-20 08:00:00.000000'",
            "its last day has passed, but the provider still listed it on 2026-11-20",
        ),
        ("retires_on = '2026-11-01', last_seen_at = '2026-11-20 08:00:00.000000'", "20 days overdue"),
        ("retires_on = '2026-11-20'", "1 day ago"),
        ("retires_on = '2026-11-21'", " today "),
        ("retires_on = '2026-11-22', status = 'retired'", " already "),
        ("retires_on = NULL, status = 'retired'", " day unknown "),
        ("input_price_per_mtok = 4, price_currency = 'EUR'", "4 EUR → 2 "),
        ("input_price_per_mtok = 0", "0 → 2  "),
    ],
)
def test_everything_unusual_about_a_row_is_said(lifecycle, query, filled, change, said):
    query(filled, f"UPDATE ai_models SET {change} WHERE model_id = '{SONNET}'")
    shown = lifecycle("--provider", "anthropic", "--fail-within", "0d").stdout
    assert any(said in line for line in shown.splitlines() if f"/{SONNET} " in line), shown


def test_a_successor_that_ends_itself_is_named_with_its_day(lifecycle, query, filled):
    query(filled, "UPDATE ai_models SET retires_on = '2027-02-01' WHERE model_id = 'claude-sonnet-5-5'")
    said = "the replacement claude-sonnet-5-5 retires, too, on 2027-02-01"
    assert said in lifecycle().stdout
    assert rows_of(lifecycle("--format", "json"))["announced"][SONNET]["successor"]["ends_on"] == "2027-02-01"


def test_not_sooner_than_is_shown_apart_and_is_no_finding(lifecycle, query, filled):
    query(filled, "UPDATE ai_models SET retires_not_before = '2026-11-25' WHERE model_id = 'claude-sonnet-5-5'")
    query(filled, "UPDATE ai_models SET retires_not_before = '2026-11-01' WHERE model_id = 'claude-opus-4-8'")
    arguments = ("--provider", "anthropic", "--within", "5d", "--fail-within", "5d")
    result = lifecycle(*arguments, "--format", "json")
    assert result.code == 0
    assert rows_of(result)["announced"] == {}
    assert {name: row["days_left"] for name, row in rows_of(result)["not_before"].items()} == {
        "claude-opus-4-8": -20,
        "claude-sonnet-5-5": 4,
    }
    table = lifecycle(*arguments).stdout
    assert "not announced, but possible" in table
    assert "any day" in table


@pytest.mark.parametrize(
    ("day", "fail_within", "code", "said"),
    [
        ("2026-11-21", "8d", 0, ""),
        ("2026-11-21", "9d", 3, f"2 enabled models retire within 9 days: anthropic/{SONNET} (2026-11-30)"),
        ("2026-11-21", "2w", 3, "4 enabled models retire within 14 days"),
        ("2026-11-30", "0d", 3, "2 enabled models retire within 0 days"),
        ("2026-12-02", "0d", 3, f"4 enabled models are retired already: anthropic/{SONNET} (2026-11-30)"),
    ],
)
def test_a_check_fails_when_an_enabled_model_ends_so_soon(lifecycle, day, fail_within, code, said):
    result = lifecycle("--within", "0d", "--fail-within", fail_within, "--format", "json", now=on(day))
    assert (result.code, said in result.stderr) == (code, True)
    findings = [row for rows in rows_of(result).values() for row in rows.values() if row["finding"]]
    assert bool(findings) == (code == 3)
    assert {row["finding"] for row in findings} <= {"ends_soon", "ended_but_enabled"}


def test_what_is_switched_off_makes_no_check_fail(lifecycle, query, filled):
    query(filled, "UPDATE ai_models SET is_enabled = FALSE WHERE retires_on IS NOT NULL")
    result = lifecycle("--fail-within", "30d", "--enabled")
    assert (result.code, result.stdout) == (0, "")
    assert "left out by --enabled: " in result.stderr
    assert SONNET in lifecycle("--fail-within", "30d").stdout


def test_a_retired_model_that_is_still_enabled_is_told_from_one_that_ends_soon(lifecycle, query, filled):
    query(filled, "UPDATE ai_models SET is_enabled = TRUE WHERE model_id = 'claude-3-opus-20240229'")
    quiet = lifecycle("--provider", "anthropic")
    assert quiet.code == 0
    assert "1 model is retired and still enabled; --fail-within names all of them" in quiet.stderr
    result = lifecycle("--provider", "anthropic", "--fail-within", "0d")
    assert result.code == 3
    assert "retired and still enabled: 1" in result.stdout
    assert "1 enabled model is retired already: anthropic/claude-3-opus-20240229" in result.stderr


def test_ended_models_are_shown_on_demand_only(lifecycle):
    assert rows_of(lifecycle("--format", "json"))["ended"] == {}
    ended = rows_of(lifecycle("--past", "30d", "--format", "json"))["ended"]
    assert ended
    assert all(-30 <= row["days_left"] < 0 for row in ended.values())


def test_an_empty_database_and_an_empty_window_are_told_apart(run, lifecycle, query, filled, tmp_path):
    empty = {"version": 1, "today": "2026-11-21", "announced": [], "not_before": [], "ended": []}
    nothing = lifecycle("--within", "3d", "--format", "json")
    assert (nothing.code, json.loads(nothing.stdout)) == (0, empty)
    assert "no model retires within 3 days" in nothing.stderr
    assert f"the next is anthropic/{SONNET} (2026-11-30)" in nothing.stderr
    assert lifecycle("--within", "3d").stdout == ""
    assert "no model retires within 3 days" in lifecycle("--within", "3d", "--format", "markdown").stdout

    query(filled, "DELETE FROM ai_models")
    deserted = lifecycle("--format", "json")
    assert (deserted.code, json.loads(deserted.stdout)) == (0, empty)
    assert "the database has no models" in deserted.stderr

    missing = run("lifecycle", "--database", f"sqlite:///{tmp_path}/none.db")
    assert (missing.code, missing.stdout) == (1, "")
    assert "modelctl sync" in missing.stderr


@pytest.mark.parametrize("text", ["6m", "90s", "d", "-5d", "9 d", "1.5d", "9D", "٣d", "999999d", ""])
@pytest.mark.parametrize("option", ["--within", "--fail-within", "--past"])
def test_a_duration_is_days_weeks_or_hours(run, option, text):
    result = run("lifecycle", option, text)
    assert (result.code, result.stdout) == (2, "")
    assert f"{option}: {text!r} is not a duration" in result.stderr
    assert "write it like 30d, 12w or 12h; a number alone is days" in result.stderr


def test_weeks_are_seven_days_and_the_farthest_window_works(lifecycle):
    assert lifecycle("--within", "2w").stdout.replace("\n", "") == lifecycle("--within", "14d").stdout.replace("\n", "")
    assert lifecycle("--within", "14").stdout == lifecycle("--within", "14d").stdout
    assert lifecycle("--within", "25h").stdout == lifecycle("--within", "2").stdout
    assert lifecycle("--within", "99999w", "--past", "99999w", "--fail-within", "99999w", "--format", "json").code == 3


def test_a_provider_that_the_database_does_not_have_is_refused(lifecycle):
    result = lifecycle("--provider", "antropic")
    assert (result.code, result.stdout) == (2, "")
    assert "did you mean anthropic?" in result.stderr
    assert set(rows_of(lifecycle("--provider", "google", "--format", "json"))["announced"]).isdisjoint({SONNET})
    assert lifecycle("--provider", "all").stdout == lifecycle().stdout


def test_every_kind_of_database_gives_the_same_answer(database_url, sync, run, lifecycle):
    sync(database_url, "--source", "catalog", "--provider", "anthropic", "--provider", "google")
    theirs = run("lifecycle", "--database", database_url, "--past", "30d", "--format", "json")
    assert theirs.stdout == lifecycle("--past", "30d", "--format", "json").stdout


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, url: str, width: int, *argv: str) -> str:
    """What the command shows on a terminal of so many columns."""
    from modelctl.cli.main import main

    terminal = _Terminal()
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setattr(sys, "stdout", terminal)
        assert main(["lifecycle", "--database", url, *argv], now=NOW) == 0
    return terminal.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_it_fits_the_terminal_with_a_line_per_model(monkeypatch, filled, width):
    shown = on_terminal(monkeypatch, filled, width, "--past", "90d")
    ids = rows_of_everything(monkeypatch, filled)
    assert len([line for line in shown.splitlines() if re.match(r"(20\d\d-|unknown)", line)]) == len(ids)
    assert not [line for line in shown.splitlines() if cell_len(line) > width]
    assert all(model_id in shown for model_id in ids if len(model_id) < max(20, width * 2 // 5 - 10))
    assert "\x1b" not in shown
    assert "\N{NO-BREAK SPACE}" not in shown
    assert not [line for line in shown.splitlines() if line != line.rstrip()]


def rows_of_everything(monkeypatch: pytest.MonkeyPatch, url: str) -> set[str]:
    answer = json.loads(on_terminal(monkeypatch, url, 100, "--past", "90d", "--format", "json"))
    return {row["model_id"] for kind in ("announced", "not_before", "ended") for row in answer[kind]}


def test_a_pipe_gets_one_line_per_model_and_no_colour(lifecycle):
    lines = lifecycle("--within", "9d").stdout.splitlines()
    assert [line.split()[:5] for line in lines if line.startswith("2026-11-30")] == [
        ["2026-11-30", "9", "days", "anthropic/claude-sonnet-4-5", "deprecated"],
        ["2026-11-30", "9", "days", "anthropic/claude-sonnet-4-5-20250929", "deprecated"],
    ]


def test_colour_marks_what_needs_somebody(monkeypatch, filled):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[33m2026-11-30" in on_terminal(monkeypatch, filled, 160, "--within", "9d")


def test_markdown_holds_findings_rows_and_notes(lifecycle):
    text = lifecycle("--format", "markdown", "--fail-within", "10d", "--past", "5d").stdout
    assert text.startswith("### modelctl lifecycle, 2026-11-21\n")
    assert "**4 enabled models retire within 10 days: " in text
    assert "| 2026-12-01 | in 10 days | `google/gemini-2.5-pro` | deprecated | yes | gemini-3.8-flash | " in text
    assert "| redirected | 1.25 → 0.75 (-40 %) | 10 → 3.75 (-62.5 %) |" in text
    assert "- `google/gemini-2.5-pro`: after its retirement the id is served and billed as gemini-3.8-flash" in text
    assert "- `google/gemini-2.5-pro`: from 2027-01-01 on, the difference is input 1.25 → 1.5 (+20 %)" in text
