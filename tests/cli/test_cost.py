"""`modelctl cost` and `price compare` through the front door, on the shipped catalogs, with hand-made bills."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.prices.usage import METERS
from tests.conftest import Result, Run

Price = Callable[..., Result]

ARGON = "google/gemini-4-argon"
ASTRA = "openai/gpt-6-astra"
PEAKY = "deepseek/deepseek-v4-pro"
OPUS = "anthropic/claude-opus-4-5"
PROVIDERS = ("anthropic", "cohere", "deepseek", "google", "openai", "xai")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the shipped catalogs, made once: the commands here only read it."""
    from modelctl.cli.main import main
    from tests.conftest import NOW

    path = tmp_path_factory.mktemp("shipped") / "models.db"
    providers = [word for name in PROVIDERS for word in ("--provider", name)]
    place = ["--database", f"sqlite:///{path}", "--quiet", "--format", "json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO())
        assert main(["sync", "--source", "catalog", *providers, *place], now=NOW) == 0
    return path


@pytest.fixture
def price(run: Run, shipped: Path) -> Price:
    """`modelctl price …` on that database."""

    def price_here(*argv: str, **kwargs: Any) -> Result:
        return run(*argv, "--database", f"sqlite:///{shipped}", **kwargs)

    return price_here


def bill_of(result: Result) -> Any:
    return json.loads(result.stdout)


BILLS = {
    # 1,200 × 5 + 50,000 × 0.5 + 800 × 25 = 51,000 / 1e6
    "a cached prompt": (OPUS, "--input 1200 --cache-read 50000 --output 800", "0.051"),
    # 7 × 5 + 1,000 × 6.25 + 3,000 × 10 = 36,285 / 1e6
    "cache writes of 5 minutes and 1 hour": (OPUS, "--input 7 --cache-write 1000 --cache-write-1h 3000", "0.036285"),
    # 10,000 × 2.5 + 2,000 × 12.5 = 50,000 / 1e6: half of the standard price
    "a batch": (OPUS, "--input 10000 --output 2000 --service-tier batch", "0.05"),
    # 3 × 10 / 1e3
    "web searches": (OPUS, "--web-searches 3", "0.03"),
    # 1,000 × 2 + 500 × 10 = 7,000 / 1e6
    "before the price doubles": (ARGON, "--input 1000 --output 500 --at 2026-11-30T23:59:59Z", "0.007"),
    # 1,000 × 4 + 500 × 20 = 14,000 / 1e6
    "after it has doubled": (ARGON, "--input 1000 --output 500 --at 2026-12-01", "0.014"),
    # 272,000 × 10 + 1,000 × 50 = 2,770,000 / 1e6
    "exactly at the limit": (ASTRA, "--input 272000 --output 1000", "2.77"),
    # 272,001 × 20 + 1,000 × 75 = 5,515,020 / 1e6
    "one above the limit": (ASTRA, "--input 272001 --output 1000", "5.51502"),
    # 1,000,000 × 0.66 + 500,000 × 1.98 = 1,650,000 / 1e6, and twice that in the peak hours
    "before the peak": (PEAKY, "--input 1000000 --output 500000 --at 2026-11-20T00:59:59Z", "1.65"),
    "the peak begins": (PEAKY, "--input 1000000 --output 500000 --at 2026-11-20T01:00:00Z", "3.3"),
    "the peak's last second": (PEAKY, "--input 1000000 --output 500000 --at 2026-11-20T03:59:59Z", "3.3"),
    "after the peak": (PEAKY, "--input 1000000 --output 500000 --at 2026-11-20T04:00:00Z", "1.65"),
    "the peak in another zone's words": (PEAKY, "--input 1000000 --at 2026-11-20T09:00:00+08:00", "1.32"),
    # a past month: 1,000,000 × 1.74 / 1e6
    "a price of the past": (PEAKY, "--input 1000000 --at 2026-05-24", "1.74"),
    # 60 × 0.0001
    "seconds of speech": ("openai/whisper-1", "--seconds 60", "0.006"),
    # 2 × 0.1: per second that comes out
    "seconds of video": ("openai/sora-2", "--seconds 2", "0.2"),
    # until its last day its own price, 1,000 × 3 / 1e6; then grok-4.3's, 1,000 × 1.25 / 1e6
    "the last day of a redirected model": ("xai/grok-4", "--input 1000 --at 2026-05-15T23:59:59Z", "0.003"),
    "a redirected model": ("xai/grok-4", "--input 1000 --at 2026-05-16", "0.00125"),
}


@pytest.mark.parametrize("name", BILLS)
def test_the_bill_is_the_one_computed_by_hand(price: Price, name: str) -> None:
    model, options, amount = BILLS[name]
    result = price("cost", model, *options.split(), "--json")
    assert result.code == 0, result.stdout + result.stderr
    bill = bill_of(result)
    assert bill["totals"] == bill["known_totals"] == {"USD": amount}
    assert sum(Decimal(line["amount"]) for line in bill["lines"]) == Decimal(amount)


def test_a_bill_shows_each_line_and_the_price_points_that_it_used(price: Price) -> None:
    argv = (
        "--input",
        "1000",
        "--output",
        "500",
        "--cache-read",
        "1_000_000",
        "--web-searches",
        "3",
        "--at",
        "2026-12-01",
    )
    result = price("cost", ARGON, *argv)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout == (
        "google/gemini-4-argon  2026-12-01, standard, prompt of 1,001,000 tokens\n"
        "\n"
        "item           quantity  price  per          amount USD\n"
        "input             1,000      4  1M tokens         0.004\n"
        "output              500     20  1M tokens         0.01\n"
        "cache_read    1,000,000    0.2  1M tokens         0.2\n"
        "web_searches          3     14  1,000 calls       0.042\n"
        "\n"
        "total  0.256 USD\n"
        "price  input, output, cache_read: since 2026-12-01, documented,"
        " https://ai.google.dev/gemini-api/docs/pricing\n"
        "price  web_searches: since launch, documented, https://ai.google.dev/gemini-api/docs/pricing\n"
    )
    [line, *_] = bill_of(price("cost", ARGON, *argv, "--json"))["lines"]
    assert line == {
        "item": "input",
        "quantity": 1000,
        "amount": "0.004",
        "currency": "USD",
        "price": {
            "kind": "input",
            "unit": "mtok",
            "amount": 4,
            "currency": "USD",
            "context_above": 0,
            "service_tier": "standard",
            "hours_utc": "",
            "effective_from": "2026-12-01T00:00:00Z",
            "effective_to": None,
            "basis": "documented",
            "source": "https://ai.google.dev/gemini-api/docs/pricing",
        },
    }


def test_an_unknown_price_is_listed_makes_the_total_a_lower_bound_and_exits_3(price: Price) -> None:
    argv = ("cost", ARGON, "--input", "1000", "--images", "2")
    result = price(*argv)
    assert result.code == 3
    assert "total  at least 0.002 USD\nunknown  images 2: no price on record\n" in result.stdout
    as_json = price(*argv, "--json")
    bill = bill_of(as_json)
    assert as_json.code == 3
    assert (bill["complete"], bill["totals"], bill["known_totals"]) == (False, None, {"USD": "0.002"})
    assert bill["unknown"] == [
        {"item": "images", "quantity": 2, "reason": "not_priced", "why": "no price on record"},
    ]
    [row] = csv.DictReader(io.StringIO(price(*argv, "--format", "csv").stdout))
    assert (row["amount"], row["known_amount"], row["unknown"]) == ("", "0.002", "images=2")


def test_a_batch_above_the_limit_is_unknown_and_not_the_short_price(price: Price) -> None:
    result = price("cost", ASTRA, "--input", "272001", "--service-tier", "batch")
    assert result.code == 3
    assert "total  unknown" in result.stdout
    assert "no batch price on record for prompts above 272,000 tokens" in result.stdout


def test_a_fee_per_request_is_not_forgotten_in_silence(price: Price) -> None:
    rerank = "cohere/rerank-v3.5"
    without = price("cost", rerank, "--input", "0")
    assert "cohere/rerank-v3.5 also costs 0.002 USD per request, not in this bill" in without.stderr
    billed = price("cost", rerank, "--requests", "3", "--json")
    assert (billed.stderr, bill_of(billed)["totals"]) == ("", {"USD": "0.006"})
    rows = f"model,input,requests\n{rerank},0,\n{rerank},,1\n"
    many = price("cost", "--from", "-", "--format", "csv", "--at", "2026-11-21", stdin=rows)
    assert "1 row of models with a price per request do not give requests" in many.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "give a MODEL, or --from FILE"),
        ([OPUS], "nothing to bill"),
        ([OPUS, "--input", "1,000"], "--input: '1,000' is not a quantity"),
        ([OPUS, "--cache-write-1h", "-1"], "--cache-write-1h: '-1' is not a quantity"),
        ([OPUS, "--images", "1.5"], "--images: 1.5 is not a whole number"),
        ([OPUS, "--input", "1", "--at", "soon"], "--at: 'soon' is not a date"),
        ([OPUS, "--input", "1", "--service-tier", "turbo"], "turbo"),
        ([OPUS, "--input", "1", "--by-model"], "--by-model needs --from"),
        ([OPUS, "--from", "-"], "it takes no MODEL"),
        (["--input", "1", "--from", "-"], "it takes no MODEL"),
        (["--from", "-", "--at", "soon"], "--at: 'soon' is not a date"),
    ],
)
def test_wrong_usage_is_told_and_bills_nothing(price: Price, argv: list[str], said: str) -> None:
    result = price("cost", *argv, stdin="model,input\ngpt-4o,1\n")
    assert (result.code, result.stdout) == (2, "")
    assert said in result.stderr


def test_every_meter_is_an_option_a_column_and_in_the_help(price: Price) -> None:
    shown = price("cost", "--help").stdout
    assert price("cost", "--help").code == 0
    for name in METERS:
        assert f"--{name.replace('_', '-')} N" in shown


ROWS = f"""id,model,at,service_tier,input,output,cache_read
a,{ARGON},2026-11-30T23:59:59Z,,1000,500,
b,{ARGON},2026-12-01,,1000,500,
c,{ARGON},2026-12-01,batch,1000,500,7
d,xai/grok-4,2026-05-16,,1000,,
e,{OPUS},,,1200,800,50000
"""


def test_many_records_are_billed_at_once(price: Price) -> None:
    result = price("cost", "--from", "-", "--format", "csv", stdin=ROWS)
    assert result.code == 3, result.stderr
    bills = {row["id"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert {name: row["amount"] for name, row in bills.items()} == {
        "a": "0.007",
        "b": "0.014",
        "c": "",  # its batch has no price for cached tokens
        "d": "0.00125",
        "e": "0.051",
    }
    assert (bills["c"]["known_amount"], bills["c"]["unknown"], bills["c"]["line"]) == ("0.007", "cache_read=7", "4")
    assert (bills["d"]["model"], bills["d"]["billed_as"]) == ("xai/grok-4", "xai/grok-4.3")
    assert "total at least 0.08025 USD for 5 rows" in result.stderr
    assert "1 row used what has no price on record, which is not billed: cache_read in 1" in result.stderr
    assert "note: 1 row without an instant billed as of 2026-11-21 12:00 UTC" in result.stderr


def test_each_format_gives_the_same_bills_and_totals(price: Price, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(ROWS, encoding="utf-8")
    told = {
        name: price("cost", "--from", str(path), "--format", name, *more).stdout
        for name in ("json", "jsonl", "table")
        for more in [[]]
    }
    document = json.loads(told["json"])
    assert document["bills"] == [json.loads(line) for line in told["jsonl"].splitlines()]
    assert (document["rows"], document["rows_with_unknown_prices"], document["unknown"]) == (5, 1, {"cache_read": 1})
    assert (document["totals"], document["known_totals"]) == (None, {"USD": "0.08025"})
    assert (
        "   4  c   google/gemini-4-argon      2026-12-01T00:00:00Z  at least 0.007 USD  cache_read=7" in told["table"]
    )
    assert told["table"].endswith("\n\ntotal at least 0.08025 USD for 5 rows\n")


def test_totals_by_model(price: Price) -> None:
    argv = ("cost", "--from", "-", "--by-model")
    rows = list(csv.DictReader(io.StringIO(price(*argv, "--format", "csv", stdin=ROWS).stdout)))
    assert [(row["model"], row["rows"], row["amount"], row["known_amount"]) for row in rows] == [
        (OPUS, "1", "0.051", "0.051"),
        (ARGON, "3", "", "0.028"),
        ("xai/grok-4", "1", "0.00125", "0.00125"),
    ]
    document = json.loads(price(*argv, "--json", stdin=ROWS).stdout)
    lines = price(*argv, "--format", "jsonl", stdin=ROWS).stdout.splitlines()
    assert document["models"] == [json.loads(line) for line in lines]
    assert document["known_totals"] == {"USD": "0.08025"}
    assert "google/gemini-4-argon         3  at least 0.028 USD  in 1 row" in price(*argv, stdin=ROWS).stdout


def test_one_bad_record_and_none_is_billed(price: Price) -> None:
    records = (f"{OPUS},1,", "nobody/knows,1,", f"{OPUS},x,", f"{OPUS},1,2026-02-30", *["nobody/knows,2,"] * 2)
    bad = "\n".join(["model,input,at", *records])
    result = price("cost", "--from", "-", "--format", "csv", stdin=bad)
    assert (result.code, result.stdout) == (2, "")
    assert "lines 3, 6-7: no model is named 'nobody/knows'" in result.stderr
    assert "line 4: input: 'x' is not a quantity" in result.stderr
    assert "line 5: at: '2026-02-30' is not a date" in result.stderr
    assert "error: nothing was billed: 5 of 6 usage records are wrong" in result.stderr


def test_an_unknown_column_is_named(price: Price) -> None:
    result = price("cost", "--from", "-", stdin=f"model,input,cached\n{OPUS},1,2\n")
    assert (result.code, result.stdout) == (2, "")
    assert "line 1: unknown field 'cached'" in result.stderr


@pytest.mark.parametrize("text", ["", "model,input\n"])
def test_no_records_are_no_bill_and_that_is_said(price: Price, text: str) -> None:
    result = price("cost", "--from", "-", "--json", "--quiet", stdin=text)
    assert result.code == 0
    assert json.loads(result.stdout) == {
        "version": 1,
        "bills": [],
        "rows": 0,
        "rows_with_unknown_prices": 0,
        "unknown": {},
        "complete": True,
        "totals": {},
        "known_totals": {},
    }
    assert "no usage records" in result.stderr


def test_records_without_an_instant_or_a_tier_take_those_of_the_command_line(price: Price) -> None:
    rows = f"model,input\n{ARGON},1000000\n"
    argv = ("cost", "--from", "-", "--json", "--at", "2026-12-01", "--service-tier", "batch")
    [bill] = json.loads(price(*argv, stdin=rows).stdout)["bills"]
    assert (bill["totals"], bill["at"], bill["service_tier"]) == ({"USD": "2"}, "2026-12-01T00:00:00Z", "batch")


def test_the_sum_of_many_requests_is_not_taken_for_one_long_prompt_in_silence(price: Price) -> None:
    alone = price("cost", ASTRA, "--input", "50000000")
    assert "does not fit its window" in alone.stderr
    many = price("cost", "--from", "-", "--format", "csv", stdin=f"model,input\n{ASTRA},50000000\n{ASTRA},5\n")
    assert "1 row with prompts that do not fit the model's window" in many.stderr


def test_a_file_that_is_not_there_or_not_text_is_an_error_without_a_bill(price: Price, tmp_path: Path) -> None:
    missing = price("cost", "--from", str(tmp_path / "none.csv"))
    assert (missing.code, missing.stdout) == (1, "")
    assert "none.csv: No such file" in missing.stderr
    (tmp_path / "latin.csv").write_bytes("model,input\ncaf\xe9,1\n".encode("latin-1"))
    latin = price("cost", "--from", str(tmp_path / "latin.csv"))
    assert (latin.code, latin.stdout) == (2, "")
    assert "is not UTF-8 text" in latin.stderr


@pytest.mark.slow
def test_a_hundred_thousand_records_add_up(price: Price) -> None:
    rows = "".join(f"{OPUS if n % 2 else ARGON},{n},2026-{1 + n % 12:02d}-01\n" for n in range(100_000))
    result = price("cost", "--from", "-", "--by-model", "--json", stdin="model,input,at\n" + rows)
    assert result.code == 0, result.stderr
    of_argon = sum(n * (4 if n % 12 == 11 else 2) for n in range(0, 100_000, 2))
    of_opus = sum(n * 5 for n in range(1, 100_000, 2))
    assert Decimal(json.loads(result.stdout)["totals"]["USD"]) == Decimal(of_argon + of_opus) / 1_000_000


def test_models_are_compared_for_one_workload(price: Price) -> None:
    argv = ("cost", "--compare", OPUS, ARGON, "openai/whisper-1", "xai/grok-4", "--input", "8000", "--output", "1000")
    result = price(*argv)
    assert result.code == 3
    assert result.stdout == (
        "model                            cost  times  billed as\n"
        "xai/grok-4                 0.0125 USD     1x  xai/grok-4.3\n"
        "google/gemini-4-argon       0.026 USD  2.08x\n"
        "anthropic/claude-opus-4-5   0.065 USD   5.2x\n"
        "openai/whisper-1              unknown\n"
        "unknown  openai/whisper-1: input: no price on record\n"
        "unknown  openai/whisper-1: output: no price on record\n"
    )
    assert "1 of 4 models have no price on record" in result.stderr
    document = json.loads(price(*argv, "--json").stdout)
    assert [bill["model"] for bill in document["bills"]][-1] == "openai/whisper-1"
    assert [bill["complete"] for bill in document["bills"]] == [True, True, True, False]


def test_a_comparison_looks_into_the_future(price: Price) -> None:
    def costs(day: str) -> dict[str, str]:
        document = json.loads(
            price("cost", "--compare", ARGON, OPUS, "--input", "1000000", "--json", "--at", day).stdout
        )
        return {bill["model"]: bill["totals"]["USD"] for bill in document["bills"]}

    assert costs("2026-11-30") == {ARGON: "2", OPUS: "5"}
    assert costs("2026-12-01") == {ARGON: "4", OPUS: "5"}


def test_now_is_the_instant_of_the_command(price: Price) -> None:
    argv = ("cost", ARGON, "--input", "1000000", "--json")
    in_november, in_december = (
        bill_of(price(*argv, now=datetime.fromisoformat(f"{text}.123456+00:00")))
        for text in ("2026-11-30T23:59:59", "2026-12-01T00:00:00")
    )
    assert (in_november["totals"], in_november["at"]) == ({"USD": "2"}, "2026-11-30T23:59:59Z")
    assert (in_december["totals"], in_december["at"]) == ({"USD": "4"}, "2026-12-01T00:00:00Z")


def test_every_kind_of_database_gives_the_same_bill(run: Run, sync: Callable[..., Result], database_url: str) -> None:
    assert sync(database_url, "--provider", "deepseek", "--source", "catalog").code == 0
    argv = (
        "cost",
        PEAKY,
        "--input",
        "7",
        "--cache-read",
        "3",
        "--at",
        "2026-08-15",
        "--database",
        database_url,
    )
    bill = bill_of(run(*argv, "--json"))
    assert bill["totals"] == {"USD": "0.000003055875"}  # 7 × 0.435 + 3 × 0.003625 = 3.055875 / 1e6
    assert [line["price"]["effective_from"] for line in bill["lines"]] == ["2026-05-25T00:00:00Z"] * 2
