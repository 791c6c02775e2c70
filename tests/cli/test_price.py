"""`modelctl price show/at/history/changes`, through the front door, on a catalog of its own and on the shipped ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Query
from tests.conftest import Result, Run

CATALOG = """
[provider]
display_name = "Acme"
pricing_url = "https://acme.test/pricing"

[[model]]
id = "argon"
type = "chat"
context_window = 1_000_000
released_on = 2026-10-13
aliases = ["argon-latest"]
verified_on = 2026-11-21
prices = [
  { input = 2, cache_read = 0.1, output = 10 },
  { from = 2026-12-01, input = 4, cache_read = 0.2, output = 20 },
  { service_tier = "batch", to = 2026-12-01, input = 1, output = 5 },
  { context_above = 200_000, input = 3, cache_read = 0.15, output = 15 },
  { per = "thousand", web_search = 14 },
]

[[model]]
id = "peaky"
type = "chat"
verified_on = 2026-11-21
prices = [
  { input = 1.74, output = 3.48 },
  { from = 2026-08-16, input = 0.66, output = 1.98 },
  { from = 2026-08-16, hours_utc = "01:00-04:00,06:00-10:00", input = 1.32, output = 3.96 },
]

[[model]]
id = "old"
type = "chat"
verified_on = 2026-11-21
deprecated_on = 2026-01-01
retires_on = 2026-05-15
after_retirement = "redirect"
replacement = "argon"
prices = [{ input = 7, output = 70 }]

[[model]]
id = "gone"
type = "chat"
verified_on = 2026-11-21
retires_on = 2026-05-15
after_retirement = "error"
prices = [{ input = 7, output = 70 }]

[[model]]
id = "unpriced"
type = "chat"
verified_on = 2026-11-21
"""

Price = Callable[..., Result]


@pytest.fixture
def price(run: Run, sqlite_url: str, tmp_path: Path) -> Price:
    """`modelctl price …` on a database with Acme's models."""
    catalogs = tmp_path / "catalogs"
    catalogs.mkdir()
    (catalogs / "acme.toml").write_text(CATALOG, encoding="utf-8")
    place = ("--database", sqlite_url, "--catalog", str(catalogs))
    filled = run("sync", *place, "--provider", "acme", "--source", "catalog")
    assert filled.code == 0, filled.stderr

    def price_here(*argv: str, **kwargs: Any) -> Result:
        return run("price", *argv, *place, **kwargs)

    return price_here


def document(result: Result) -> Any:
    assert result.code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_prices_in_force_stand_by_tier_and_prompt_with_those_to_come(price: Price) -> None:
    shown = price("show", "acme/argon")
    assert shown.code == 0
    assert shown.stderr == ""
    assert shown.stdout == (
        "acme/argon  prices in USD at 2026-11-21 12:00Z\n"
        "\n"
        "tier      prompt         per          input  output  cache_read  web_search\n"
        "standard  up to 200,000  1M tokens        2      10         0.1           -\n"
        "standard  any            1,000 calls      -       -           -          14\n"
        "standard  above 200,000  1M tokens        3      15        0.15           -\n"
        "batch     up to 200,000  1M tokens        1       5           -           -\n"
        "\n"
        "to come\n"
        "from        price            old       new  change  basis       source\n"
        "2026-12-01  input              2     4 USD  +100 %  documented  https://acme.test/pricing\n"
        "2026-12-01  output            10    20 USD  +100 %  documented  https://acme.test/pricing\n"
        "2026-12-01  cache_read       0.1   0.2 USD  +100 %  documented  https://acme.test/pricing\n"
        "2026-12-01  input, batch   1 USD  no price    ends  documented  https://acme.test/pricing\n"
        "2026-12-01  output, batch  5 USD  no price    ends  documented  https://acme.test/pricing\n"
        "\n"
        "price  since launch, documented, https://acme.test/pricing (input; output; cache_read;"
        " web_search per thousand; input, prompt above 200,000 tokens; output, prompt above 200,000 tokens;"
        " and 1 more)\n"
        "price  since launch until 2026-12-01, documented, https://acme.test/pricing (input, batch; output, batch)\n"
    )


def test_the_past_is_shown_when_it_is_asked_for(price: Price) -> None:
    assert "1.74" not in price("show", "acme/peaky").stdout
    assert "\npast\n" in (shown := price("show", "acme/peaky", "--all").stdout)
    assert "input   1.74 USD  launch  2026-08-16  documented" in shown
    told = document(price("show", "acme/peaky", "--all", "--json"))
    assert [(each["kind"], each["amount"], each["held_until"]) for each in told["past"]] == [
        ("input", 1.74, "2026-08-16T00:00:00Z"),
        ("output", 3.48, "2026-08-16T00:00:00Z"),
    ]
    assert "past" not in document(price("show", "acme/peaky", "--json"))


def test_prices_at_an_instant_are_those_of_that_day_and_say_which_hour_it_is(price: Price) -> None:
    amounts = {
        text: {
            each["hours_utc"]: (each["amount"], each["applies"]) for each in told["prices"] if each["kind"] == "input"
        }
        for text in ("2026-08-15", "2026-08-16T00:59:59", "2026-08-16T01:00:00")
        for told in [document(price("at", "acme/peaky", text, "--json"))]
    }
    peak = "01:00-04:00,06:00-10:00"
    assert amounts == {
        "2026-08-15": {"": (1.74, True)},
        "2026-08-16T00:59:59": {"": (0.66, True), peak: (1.32, False)},
        "2026-08-16T01:00:00": {"": (0.66, False), peak: (1.32, True)},
    }


def test_a_date_and_an_instant_mean_utc(price: Price) -> None:
    for text in ("2026-12-01", "2026-12-01T00:00:00", "2026-12-01T02:00:00+02:00"):
        told = document(price("at", "argon", text, "--json"))
        assert told["at"] == "2026-12-01T00:00:00Z"
        assert {each["amount"] for each in told["prices"] if each["kind"] == "output"} == {20, 15}


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "12/01/2026"])
def test_a_bad_date_is_wrong_usage(price: Price, text: str) -> None:
    result = price("at", "acme/argon", text)
    assert result.code == 2
    assert f"{text!r} is not a date; write 2026-12-01" in " ".join(result.stderr.replace("\n  ", "; ").split())
    assert result.stdout == ""


def test_a_redirected_model_says_whose_prices_count(price: Price) -> None:
    assert "ended: served and billed as acme/argon" in price("show", "acme/old").stdout
    assert document(price("show", "acme/old", "--json"))["billed_as"] == "acme/argon"
    assert "ended" not in price("at", "acme/old", "2026-05-15").stdout


def test_a_model_that_has_ended_or_was_not_there_yet_is_doubted(price: Price) -> None:
    gone = price("show", "acme/gone")
    assert (gone.code, gone.stderr) == (0, "warning: acme/gone ended on 2026-05-15; these are its last prices\n")
    early = price("at", "acme/argon", "2026-01-01")
    assert "acme/argon was released on 2026-10-13" in early.stderr


def test_a_model_without_prices_says_so(price: Price) -> None:
    assert "no price on record at this time" in price("show", "acme/unpriced").stdout
    assert "no price on record" in price("history", "acme/unpriced").stdout


def test_a_shorter_name_says_how_it_was_understood_and_a_wrong_one_what_is_similar(price: Price) -> None:
    assert "acme/argon (by its alias)" in price("show", "argon-latest").stderr
    wrong = price("show", "acme/argo")
    assert wrong.code == 2
    assert "acme/argon" in wrong.stderr


def test_history_tells_every_dated_price_and_its_source(price: Price) -> None:
    shown = price("history", "acme/peaky", "--kind", "input")
    assert shown.stdout == (
        "acme/peaky\n"
        "\n"
        "price                               from        until        old       new   change  basis       source\n"
        "input                               launch      2026-08-16        1.74 USD           documented  [1]\n"
        "input                               2026-08-16              1.74  0.66 USD  -62.1 %  documented  [1]\n"
        "input, 01:00-04:00,06:00-10:00 UTC  2026-08-16                    1.32 USD      new  documented  [1]\n"
        "\n"
        "[1] https://acme.test/pricing\n"
    )
    [first, second, _] = document(price("history", "acme/peaky", "--kind", "input", "--json"))["history"]
    assert (first["amount"], first["held_until"], first["old_amount"]) == (1.74, "2026-08-16T00:00:00Z", None)
    assert (second["amount"], second["old_amount"], second["percent"]) == (0.66, 1.74, -62.1)


def test_history_of_a_kind_that_has_no_price_names_those_that_have(price: Price) -> None:
    result = price("history", "acme/peaky", "--kind", "web_search")
    assert result.code == 2
    assert "it has input, output" in result.stderr


def test_the_plot_is_drawn_when_asked_for_and_future_prices_are_lighter(price: Price) -> None:
    plain, drawn = (price("history", "acme/argon", "--kind", "input", *more).stdout for more in ((), ("--plot",)))
    assert "█" not in plain
    assert plain.rstrip("\n") in drawn
    top, *_, bottom, _axis, dates = [line for line in drawn.splitlines() if line.startswith((" ", "4", "0"))]
    assert top.startswith("4 │ ")
    assert top.endswith("░")
    assert bottom.startswith("0 │█")
    assert dates.split() == ["2026-11-11", "2026-12-11"]


def test_changes_in_a_span_include_those_to_come_and_exclude_its_end(price: Price) -> None:
    told = document(price("changes", "--since", "2026-08-16", "--until", "2026-12-01", "--json"))
    assert {each["at"] for each in told["changes"]} == {"2026-08-16T00:00:00Z"}
    assert [(each["kind"], each["hours_utc"] != "", each["old"], each["percent"]) for each in told["changes"]] == [
        ("input", False, {"amount": 1.74, "currency": "USD"}, -62.1),
        ("output", False, {"amount": 3.48, "currency": "USD"}, -43.1),
        ("input", True, {"amount": 1.74, "currency": "USD"}, -24.1),
        ("output", True, {"amount": 3.48, "currency": "USD"}, 13.8),
    ]
    shown = price("changes", "--since", "2026-12-01")
    assert "2026-12-01  acme/argon  input              2     4 USD  +100 %" in shown.stdout
    assert shown.stderr == "5 price changes since 2026-12-01\n"


def test_a_span_without_changes_says_so(price: Price) -> None:
    shown = price("changes", "--since", "2027-06-01")
    assert (shown.code, shown.stdout, shown.stderr) == (0, "", "no price changes since 2027-06-01\n")
    assert document(price("changes", "--since", "2027-06-01", "--json"))["changes"] == []


def test_a_span_that_ends_before_it_begins_and_an_unknown_provider_are_wrong_usage(price: Price) -> None:
    assert price("changes", "--since", "2026-12-01", "--until", "2026-12-01").code == 2
    wrong = price("changes", "--provider", "acm")
    assert wrong.code == 2
    assert "did you mean acme?" in wrong.stderr


def test_without_a_database_the_next_step_is_named(run: Run) -> None:
    for argv in (["price", "show", "x"], ["cost", "x", "--input", "1"], ["price", "changes"]):
        result = run(*argv)
        assert result.code == 1
        assert "modelctl sync" in result.stderr


def test_a_price_that_somebody_wrote_into_the_row_is_told(
    price: Price, run: Run, query: Query, sqlite_url: str
) -> None:
    query(sqlite_url, "UPDATE ai_models SET input_price_per_mtok = 9 WHERE model_id = 'argon'")
    told = "acme/argon: input_price_per_mtok was set by hand to 9"
    assert told in price("show", "acme/argon").stderr
    assert told in run("cost", "acme/argon", "--input", "1", "--database", sqlite_url).stderr


def test_the_announced_doubling_of_the_shipped_catalog_is_seen_in_time(run: Run, sqlite_url: str) -> None:
    assert run("sync", "--database", sqlite_url, "--provider", "google", "--source", "catalog").code == 0
    argv = ("price", "show", "google/gemini-4-argon", "--json", "--database", sqlite_url)
    before, after = (
        json.loads(run(*argv, now=datetime(2026, *day, 12, tzinfo=UTC)).stdout) for day in ((11, 30), (12, 1))
    )
    amounts = [
        {each["kind"]: each["amount"] for each in told["prices"] if each["service_tier"] == "standard"}
        for told in (before, after)
    ]
    assert amounts == [
        {"input": 2, "cache_read": 0.1, "output": 10, "reasoning_output": 10, "web_search": 14},
        {"input": 4, "cache_read": 0.2, "output": 20, "reasoning_output": 20, "web_search": 14},
    ]
