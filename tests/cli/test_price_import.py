"""Prices from a file: all or none, every bad line named with its field, the same file twice changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Query
from tests.cli.prices import Command, acme, amounts, document
from tests.conftest import Run

LEDGER = "SELECT count(*) FROM ai_model_prices"
GOOD = """\ufeffmodel,kind,amount,unit,from,context_above,service_tier,currency,source
acme/argon,input,1.5,,2026-11-01,,,,contract 17
acme/argon,input,1.25,,2027-01-01,,,,contract 17
acme/argon,output,8,,,,,,contract 17

acme/argon,input,0.75,mtok,2026-12-01,200000,batch,USD,contract 17
acme/unpriced,image_output,0.04,image,launch,,,EUR,https://acme.test/pricing
"""


@pytest.fixture
def command(run: Run, sqlite_url: str, tmp_path: Path) -> Command:
    """`modelctl …` on Acme's models."""
    return acme(run, sqlite_url, tmp_path)


def test_a_file_is_entered_once(run: Run, query: Query, database_url: str, tmp_path: Path) -> None:
    command = acme(run, database_url, tmp_path)
    file = tmp_path / "contract.csv"
    file.write_text(GOOD, encoding="utf-8")
    first = document(command("price", "import", str(file), "--json"))
    assert [(each["line"], each["model"], each["amount"], each["currency"]) for each in first["entered"]] == [
        (2, "acme/argon", 1.5, "USD"),
        (3, "acme/argon", 1.25, "USD"),
        (4, "acme/argon", 8, "USD"),
        (6, "acme/argon", 0.75, "USD"),
        (7, "acme/unpriced", 0.04, "EUR"),
    ]
    days = ("2026-10-31", "2026-11-02", "2026-12-02", "2027-01-02")
    assert [amounts(command, "acme/argon", day)["input"] for day in days] == [2, 1.5, 1.5, 1.25]
    written = query(database_url, LEDGER)
    again = command("price", "import", str(file))
    assert (again.code, again.stdout, again.stderr) == (0, "", "5 unchanged: the ledger has that already\n")
    assert query(database_url, LEDGER) == written


def test_json_lines_come_from_stdin(command: Command) -> None:
    rows = [
        {"model": "acme/argon", "kind": "input", "amount": 1.1, "source": "contract 17", "from": "2026-12-24"},
        {"model": "acme/neon", "kind": "output", "amount": "0", "source": "contract 17", "unit": None},
    ]
    entered = document(command("price", "import", "-", "--json", stdin="\n".join(map(json.dumps, rows))))
    assert [(each["amount"], each["currency"]) for each in entered["entered"]] == [(1.1, "USD"), (0, "EUR")]


def test_one_bad_line_and_nothing_is_written(command: Command, query: Query, sqlite_url: str) -> None:
    before = query(sqlite_url, LEDGER)
    header, good = GOOD.splitlines()[:2]
    bad = [
        "acme/argn,input,1,,,,,,x",
        "acme/argon,inptu,1,,,,,,x",
        "acme/argon,input,-1,,,,,,x",
        "acme/argon,input,1,,,,,,",
        "acme/argon,input,1,,2026-13-01,,,,x",
        "acme/argon,input,3,,2026-11-01,,,,x",
        "acme/argon,input,1",
    ]
    refused = command("price", "import", "-", stdin="\n".join([header, good, *bad]))
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [
        "line 3: no model is named 'acme/argn'; similar: acme/argon, acme/neon",
        "line 4: kind: there is no 'inptu'; did you mean input?",
        "line 5: amount: -1 is negative (a free price is 0, an unknown one is left out)",
        "line 6: has no source",
        "line 7: from: '2026-13-01' is not a date; write 2026-12-01, or an instant as 2026-12-01T07:30:00Z",
        "line 8: acme/argon input: overlaps the price 1.5 USD from 2026-11-01 (manual, contract 17);"
        " `modelctl price correct` corrects that one; a new price begins on another day",
        "line 9: has 3 fields where the header has 9",
        "error: nothing was written: 7 of 8 lines are bad",
    ]
    assert query(sqlite_url, LEDGER) == before


def test_a_header_that_cannot_be_used_is_said(command: Command, tmp_path: Path) -> None:
    assert "line 1: unknown field 'amont' (did you mean amount?)" in (
        command("price", "import", "-", stdin="model,kind,amont,source\n").stderr
    )
    assert "no column model" in command("price", "import", "-", stdin="kind,amount\n").stderr
    empty = command("price", "import", "-")
    assert (empty.code, empty.stderr) == (0, "warning: - holds no prices\n")
    missing = command("price", "import", str(tmp_path / "none.csv"))
    assert missing.code == 1
    assert "none.csv" in missing.stderr


def test_a_number_beyond_all_numbers_is_a_bad_line(command: Command) -> None:
    told = command("price", "import", "-", stdin='{"model": "acme/argon", "amount": 1e99999999999999999999}')
    assert told.code == 2
    assert told.stderr.startswith("line 1: is not a JSON object on one line (a number is too long to be read)\n")
