"""Decisions on what guards hold: on one pair of values, until either side moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run

CATALOG = """
[provider]
display_name = "Acme"
kind = ""

[[model]]
id = "one"
type = "chat"
context_window = {window}
family = "{family}"
verified_on = 2026-11-01
[[model.prices]]
from = {start}
input = {price}
output = 8
source = "https://example.com/pricing"
"""


@pytest.fixture
def state(run: Run, tmp_path: Path) -> Callable[..., Result]:
    """A sync of a provider whose catalog states these values: `state(url, price=2)`."""

    def sync_with(url: str, *argv: str, window: int = 1000, price: str = "2", family: str = "a") -> Result:
        overlay = tmp_path / "overlay"
        overlay.mkdir(exist_ok=True)
        start = {"2": "2026-01-01", "9": "2026-02-01", "30": "2026-03-01"}[price]
        text = CATALOG.format(window=window, price=price, family=family, start=start)
        (overlay / "acme.toml").write_text(text, encoding="utf-8")
        return run("sync", "--provider", "acme", "--migrate", "--database", url, "--catalog", str(overlay), *argv)

    return sync_with


def shown(query: Query, url: str) -> tuple[int, str, str]:
    [(window, price, family)] = query(url, "SELECT context_window, input_price_per_mtok, family FROM ai_models")
    return window, f"{float(price):g}", family


def held(run: Run, url: str) -> list[tuple[str, str, str | None]]:
    found = json.loads(run("review", "list", "--json", "--database", url).stdout)
    return [(each["key"], each["guard"], each["verdict"]) for each in found]


def test_an_accepted_value_is_written_by_the_next_sync(
    run: Run, state: Callable[..., Result], query: Query, database_url: str
) -> None:
    assert state(database_url).code == 0
    assert state(database_url, price="9").code == 4
    assert held(run, database_url) == [("acme/one", "price-rise", None)]
    accepted = run("review", "accept", "acme/one", "--note", "seen on their page", "--database", database_url)
    assert accepted.code == 0
    assert "input_price_per_mtok: 2 USD → 9 USD" in accepted.stdout
    assert state(database_url, price="9").code == 0
    assert shown(query, database_url) == (1000, "9", "a")
    assert state(database_url, price="9").code == 0
    assert held(run, database_url) == []
    assert query(database_url, "SELECT count(*) FROM ai_changes WHERE entity = 'hold'") == [(1,)]


def test_a_declined_value_is_left_out_and_the_rest_of_the_row_goes_on(
    run: Run, state: Callable[..., Result], query: Query, database_url: str
) -> None:
    assert state(database_url).code == 0
    assert state(database_url, price="9", window=100, family="b").code == 4
    assert {guard for _, guard, _ in held(run, database_url)} == {"price-rise", "limit-drop"}
    assert run("review", "decline", "one", "--database", database_url).code == 0
    for _ in range(2):
        declined = state(database_url, "--json", price="9", window=100, family="b")
        assert declined.code == 0
        [report] = json.loads(declined.stdout)["providers"]
        assert {each["guard"] for each in report["declined"]} == {"price-rise", "limit-drop"}
        assert report["held"] == []
        assert shown(query, database_url) == (1000, "2", "b")
    assert report["counts"]["updated"] == 0


def test_a_decision_lapses_when_the_source_moves(
    run: Run, state: Callable[..., Result], query: Query, sqlite_url: str
) -> None:
    assert state(sqlite_url).code == 0
    assert state(sqlite_url, price="9").code == 4
    assert run("review", "decline", "acme/one", "--database", sqlite_url).code == 0
    assert state(sqlite_url, price="9").code == 0
    assert state(sqlite_url, price="30").code == 4
    assert held(run, sqlite_url) == [("acme/one", "price-rise", None)]
    assert shown(query, sqlite_url) == (1000, "2", "a")


def test_a_decision_lapses_when_the_row_moves(
    run: Run, state: Callable[..., Result], query: Query, sqlite_url: str
) -> None:
    assert state(sqlite_url).code == 0
    assert state(sqlite_url, window=100).code == 4
    assert run("review", "accept", "acme/one", "--database", sqlite_url).code == 0
    query(sqlite_url, "UPDATE ai_models SET context_window = 5000")
    assert state(sqlite_url, window=100).code == 0  # a person's value now, and protected
    assert held(run, sqlite_url) == []


def test_nothing_held_is_said(run: Run, state: Callable[..., Result], sqlite_url: str) -> None:
    assert state(sqlite_url).code == 0
    assert run("review", "list", "--database", sqlite_url).stderr == "nothing is held\n"
    assert run("review", "list", "--json", "--database", sqlite_url).stdout == "[]\n"
    refused = run("review", "accept", "acme/two", "--database", sqlite_url)
    assert (refused.code, refused.stderr.count("\n")) == (2, 1)
    assert "nothing is held for 'acme/two'" in refused.stderr
