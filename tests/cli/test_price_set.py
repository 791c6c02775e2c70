"""Prices that people enter and correct: they hold against every sync, and every wrong one is named before it counts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Query, report_of
from tests.cli.prices import Command, acme, amounts, document
from tests.conftest import NOW, Result, Run

SYNC = ("sync", "--provider", "acme", "--source", "catalog")
COLUMNS = (
    "SELECT input_price_per_mtok, output_price_per_mtok, price_currency, tier FROM ai_models WHERE model_id = 'argon'"
)
LEDGER = "SELECT count(*) FROM ai_model_prices"
CONTRACT = ("--source", "contract 17")


@pytest.fixture
def command(run: Run, sqlite_url: str, tmp_path: Path) -> Command:
    """`modelctl …` on Acme's models."""
    return acme(run, sqlite_url, tmp_path)


def test_a_persons_price_holds_until_it_is_given_back(
    run: Run, query: Query, database_url: str, tmp_path: Path
) -> None:
    command = acme(run, database_url, tmp_path)
    entered = command("price", "set", "acme/argon", "--input", "1.5", "--output", "8", *CONTRACT)
    assert entered.code == 0, entered.stderr
    assert entered.stdout == (
        "acme/argon  input: 2 USD → 1.5 USD per 1M tokens (-25 %), from 2026-11-21 12:00Z\n"
        "acme/argon  output: 10 USD → 8 USD per 1M tokens (-20 %), from 2026-11-21 12:00Z\n"
    )
    assert "4 USD from 2026-12-01 (documented, https://acme.test/pricing) does not come" in entered.stderr
    [row] = query(database_url, COLUMNS)
    assert [*map(float, row[:2]), *row[2:]] == [1.5, 8.0, "USD", "affordable"]
    synced = report_of(command(*SYNC, "--json"))["providers"]["acme"]
    assert [(each["field"], each["kept"], each["offered"], each["source"]) for each in synced["protected"]] == [
        ("input_price_per_mtok", 1.5, 2, "catalog"),
        ("output_price_per_mtok", 8, 10, "catalog"),
    ]
    assert synced["outcome"] == "in_sync"
    assert amounts(command, "acme/argon", "2026-11-20") == {"input": 2, "cache_read": 0.1, "output": 10}
    assert amounts(command, "acme/argon", "2026-12-02") == {"input": 1.5, "cache_read": 0.1, "output": 8}

    corrected = command("price", "correct", "argon", "--input", "1.6", "--source", "contract 17, page 3")
    assert corrected.code == 0, corrected.stderr
    assert amounts(command, "acme/argon", "2026-12-02")["input"] == 1.6
    billed = document(command("cost", "acme/argon", "--input", "1000000", "--json"))
    assert billed["totals"] == {"USD": "1.6"}
    audited = "SELECT after_values FROM ai_changes WHERE command = 'price correct'"
    [(after,)] = query(database_url, audited)
    [first, _] = (after if isinstance(after, dict) else json.loads(after))["prices"]
    assert (first["old_amount"], first["amount"], first["source"]) == ("1.5", "1.6", "contract 17, page 3")

    given = command("override", "unpin", "argon", "input_price_per_mtok")
    assert given.code == 0, given.stderr
    assert amounts(command, "acme/argon", "2026-11-22")["input"] == 2
    assert amounts(command, "acme/argon", "2026-12-02") == {"input": 4, "cache_read": 0.1, "output": 8}
    [row] = query(database_url, COLUMNS)
    assert [*map(float, row[:2])] == [2.0, 8.0]
    before = query(database_url, LEDGER)
    again = report_of(command(*SYNC, "--json"))["providers"]["acme"]
    assert [each["field"] for each in again["protected"]] == ["output_price_per_mtok"]
    assert (again["outcome"], query(database_url, LEDGER)) == ("in_sync", before)


def test_the_trail_names_tier_and_context_of_a_price_that_has_one(command: Command) -> None:
    for argv in (["0.8", "--service-tier", "batch"], ["3", "--context-above", "200000"], ["1.9"]):
        assert command("price", "set", "argon", "--input", *argv, *CONTRACT).code == 0
    [created] = [
        each for each in document(command("history", "acme/argon", "--json"))["entries"] if each["command"] == "sync"
    ]
    of_batch = [each for each in created["prices"] if each.get("service_tier") == "batch"]
    assert [(each["kind"], each["amount"]) for each in of_batch] == [("input", "1"), ("output", "5")]
    assert sum("service_tier" in each or "context_above" in each for each in created["prices"]) == 2
    assert " price output, batch  5 USD per mtok" in command("runs", "show", created["run"]).stdout
    for argv in (["history"], ["show"]):
        text = " ".join(command(*argv, "acme/argon").stdout.split())
        assert " price input, batch 1 USD → 0.8 USD per mtok from 2026-11-21" in text
        assert " price input, prompt above 200,000 tokens 3 USD per mtok from 2026-11-21" in text
        assert " price input 2 USD → 1.9 USD per mtok from 2026-11-21" in text


def test_a_plain_price_tells_which_prices_stay_and_what_a_long_prompt_costs(command: Command) -> None:
    long = command("price", "set", "argon", "--input", "4", "--output", "16", "--context-above", "200000", *CONTRACT)
    assert "unchanged" not in long.stderr, "no plain price is entered"
    plain = command("price", "set", "argon", "--input", "3", *CONTRACT)
    assert plain.stderr.endswith(
        "note: acme/argon: unchanged: cache_read 0.1 USD; input, batch 1 USD; input, prompt above 200,000 tokens 4 USD;"
        " output, batch 5 USD; output, prompt above 200,000 tokens 16 USD\n"
        "note: acme/argon: 200,001 input and 1,000 output tokens cost 0.816004 USD: above 200,000 the unchanged prices"
        " count (--context-above sets them)\n"
    )
    later = document(command("price", "set", "argon", "--input", "3.5", "--from", "2026-11-22", *CONTRACT, "--json"))
    [beside] = later["beside"]
    assert (beside["above"]["totals"], len(beside["prices"])) == ({"USD": 0.816004}, 5)
    billed = document(command("cost", "argon", "--input", "200001", "--output", "1000", "--json"))
    assert billed["totals"] == {"USD": "0.816004"}
    assert document(command("price", "set", "neon", "--input", "3", *CONTRACT, "--json"))["beside"] == []


def test_a_future_price_turns_over_at_the_sync_of_that_day(command: Command, query: Query, sqlite_url: str) -> None:
    assert command("price", "set", "argon", "--input", "3", "--from", "2027-01-01", *CONTRACT).code == 0
    assert float(query(sqlite_url, COLUMNS)[0][0]) == 2
    for days, price in ((11, 4), (50, 3)):
        assert command(*SYNC, now=NOW + timedelta(days=days)).code == 0
        assert float(query(sqlite_url, COLUMNS)[0][0]) == price
    later = NOW + timedelta(days=60)
    assert command("price", "set", "argon", "--input", "3.5", *CONTRACT, now=later).code == 0
    assert float(query(sqlite_url, COLUMNS)[0][0]) == 3.5
    assert command(*SYNC, "--dry-run", "--exit-code", now=later).code == 0


def test_the_sources_take_a_price_over_knowingly(command: Command, query: Query, sqlite_url: str) -> None:
    assert command("price", "set", "argon", "--input", "0.5", *CONTRACT).code == 0
    listed = document(command("list", "--protected", "--json"))
    assert [(each["model_id"], each["protected"]) for each in listed] == [("argon", ["input_price_per_mtok"])]
    assert command(*SYNC, "--take", "argon:input_price_per_mtok").code == 0
    assert float(query(sqlite_url, COLUMNS)[0][0]) == 2
    assert command(*SYNC, "--dry-run", "--exit-code").code == 0
    assert document(command("list", "--protected", "--json")) == []


def test_every_kind_tier_and_unit_can_be_set_and_given_back(command: Command) -> None:
    entered = document(
        command(
            *("price", "set", "unpriced", "--price", "image_output=0.04/image", "--price", "web_search=10/thousand"),
            *("--cache-read", "0.1", "--cache-write", "0.2", "--service-tier", "batch", "--context-above", "200_000"),
            *("--currency", "CHF", "--json", *CONTRACT),
        )
    )
    assert [
        (each["kind"], each["unit"], each["amount"], each["currency"], each["old"]) for each in entered["entered"]
    ] == [
        ("cache_read", "mtok", 0.1, "CHF", None),
        ("cache_write", "mtok", 0.2, "CHF", None),
        ("image_output", "image", 0.04, "CHF", None),
        ("web_search", "thousand", 10, "CHF", None),
    ]
    assert {(each["service_tier"], each["context_above"]) for each in entered["entered"]} == {("batch", 200_000)}
    assert command("price", "set", "argon", "--input", "0.9", "--service-tier", "batch", *CONTRACT).code == 0
    kept = report_of(command(*SYNC, "--json"))["providers"]["acme"]["protected"]
    assert [(each["field"], each["kept"], each["offered"]) for each in kept] == [("batch input price per mtok", 0.9, 1)]
    assert command("override", "unpin", "argon", "batch input price per mtok").code == 0
    assert report_of(command(*SYNC, "--json"))["providers"]["acme"]["protected"] == []


def test_the_same_price_twice_changes_nothing(command: Command, query: Query, sqlite_url: str) -> None:
    wanted = ("price", "set", "acme/argon", "--input", "3", *CONTRACT)
    assert command(*wanted).code == 0
    before = query(sqlite_url, LEDGER)
    again = command(*wanted, now=NOW + timedelta(hours=1))
    assert (again.code, again.stdout, again.stderr) == (0, "", "1 unchanged: the ledger has that already\n")
    assert query(sqlite_url, LEDGER) == before


def test_another_price_from_the_same_day_is_a_correction(command: Command, query: Query, sqlite_url: str) -> None:
    refused = command("price", "set", "argon", "--input", "3", "--from", "2026-12-01", *CONTRACT)
    assert refused.code == 2
    assert refused.stderr.endswith(
        "error: acme/argon input: overlaps the price 4 USD from 2026-12-01 (documented, https://acme.test/pricing);"
        " `modelctl price correct` corrects that one; a new price begins on another day\n"
    )
    assert command("price", "correct", "argon", "--input", "3", "--from", "2026-12-01", *CONTRACT).code == 0
    assert command("price", "correct", "argon", "--output", "9", "--from", "launch", *CONTRACT).code == 0
    assert amounts(command, "argon", "2026-11-20")["output"] == 9
    assert amounts(command, "argon", "2026-12-02") == {"input": 3, "cache_read": 0.1, "output": 20}
    assert float(query(sqlite_url, COLUMNS)[0][1]) == 9
    assert command(*SYNC, "--dry-run", "--exit-code").code == 0
    nothing = command("price", "correct", "argon", "--input", "3", "--from", "2026-12-05", *CONTRACT)
    assert nothing.code == 2
    assert "there is no price that begins on 2026-12-05; there are 2 USD from launch" in nothing.stderr


def test_what_looks_wrong_is_said_and_written(command: Command, query: Query, sqlite_url: str) -> None:
    doubted = command("price", "set", "argon", "--input", "0.1", "--output", "0", *CONTRACT)
    assert doubted.code == 0
    assert "input_price_per_mtok 2 → 0.1 falls to less than 1/10: is that right?" in doubted.stderr
    assert "output_price_per_mtok 10 → 0 crosses zero: is that right?" in doubted.stderr
    mixed = command("price", "set", "neon", "--input", "1", "--currency", "USD", *CONTRACT)
    assert "prices in several currencies (input in USD, output in EUR)" in mixed.stderr
    backdated = command("price", "set", "argon", "--cache-read", "0.2", "--from", "2026-11-01", *CONTRACT)
    assert "begins before now: bills since 2026-11-01 change" in backdated.stderr


def test_a_price_without_a_currency_is_in_the_models(command: Command) -> None:
    entered = document(command("price", "set", "neon", "--cache-read", "0.1", "--json", *CONTRACT))
    assert entered["entered"][0]["currency"] == "EUR"


def test_a_row_of_nobody_is_left_alone(command: Command, query: Query, sqlite_url: str) -> None:
    query(sqlite_url, "DELETE FROM ai_model_state WHERE model_id = 'argon'")
    refused = command("price", "set", "argon", "--input", "3", *CONTRACT)
    assert refused.code == 2
    assert "modelctl override adopt acme/argon" in refused.stderr


REFUSED = (
    ((), "no price is given"),
    (("--input", "-1"), "--input: -1 is negative"),
    (("--input", "1e3"), "--input: '1e3' is not an amount"),
    (("--output", "1234567"), "--output: 1234567 has more than 6 digits"),
    (("--output", "0.0000000001"), "--output: 0.0000000001 has more than 6 digits before or 9 after the point"),
    (("--cache-read", ""), "--cache-read: '' is not an amount"),
    (("--price", "image_output"), "--price: 'image_output' is not a price; write KIND=AMOUNT/UNIT"),
    (("--price", "imge_output=1/image"), "did you mean image_output"),
    (("--price", "image_output=1/imag"), "did you mean image?"),
    (("--price", "web_search=1"), "--price web_search: web_search is a price per call"),
    (("--input", "1", "--price", "input=2"), "the input price per mtok is given twice"),
    (("--input", "1", "--currency", "usd"), "--currency: there is no currency 'usd'; did you mean USD?"),
    (("--input", "1", "--currency", "XQQ"), "--currency: there is no currency 'XQQ'"),
    (("--input", "1", "--service-tier", "bach"), "--service-tier: there is no 'bach'; did you mean batch?"),
    (("--input", "1", "--context-above", "200k"), "--context-above: '200k' is not a number of tokens"),
    (("--input", "1", "--from", "December"), "--from: 'December' is not a date"),
    (("--input", "1", "--from", "1969-12-31"), "--from: '1969-12-31' is before 1970"),
    (
        ("--input", "1", "--from", "2026-12-01T00:00:00.5Z"),
        "--from: '2026-12-01T00:00:00.5Z' has fractions of a second",
    ),
    (("--input", "1", "--source", " "), "--source: begins or ends with a blank"),
)
"""Options, and what is said of them."""


def test_what_cannot_be_a_price_names_its_option(command: Command, query: Query, sqlite_url: str) -> None:
    before = query(sqlite_url, LEDGER)
    for options, said in REFUSED:
        source = () if "--source" in options else CONTRACT
        refused = command("price", "set", "argon", *options, *source)
        assert refused.code == 2, options
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert query(sqlite_url, LEDGER) == before


def test_an_unknown_model_offers_near_ones(command: Command) -> None:
    refused = command("price", "set", "argn", "--input", "1", *CONTRACT)
    assert refused.code == 2
    assert refused.stderr == "error: no model is named 'argn'; similar: acme/argon\n"


def test_two_at_once_never_overlap(run: Run, run_process: Run, query: Query, database_url: str, tmp_path: Path) -> None:
    acme(run, database_url, tmp_path)

    def enter(amount: int) -> Result:
        options = ("--input", str(amount), "--from", "2027-01-01", "--database", database_url)
        return run_process("price", "set", "acme/argon", *options, *CONTRACT)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(enter, (3, 5)))
    assert sorted(each.code for each in done) == [0, 2], [each.stderr for each in done]
    refused = next(each for each in done if each.code)
    assert "overlaps the price" in refused.stderr
    assert len(query(database_url, "SELECT amount FROM ai_model_prices WHERE basis = 'manual'")) == 1
