"""Usage records: what can be read, and that nothing which cannot be billed slips through."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.prices.usage import MAX_WHOLE, METERS, Usage, UsageRows, read_quantity, read_usage_rows, usage_of
from modelctl.errors import InvalidFact


def read(text: str) -> UsageRows:
    return read_usage_rows(text.splitlines(keepends=True))


def problems(text: str) -> list[tuple[int, str]]:
    found = read(text)
    assert not found.rows
    return [(each.line, each.problem) for each in found.bad]


def test_csv_and_jsonl_say_the_same() -> None:
    csv = read(
        "id,model,at,service_tier,input,output,seconds\n"
        "a,openai/gpt-4o,2026-12-01,batch,1200,800,\n"
        "b,gpt-4o,2026-12-01T02:00:00+02:00,,1,,1.5\n"
    )
    jsonl = read(
        '{"id": "a", "model": "openai/gpt-4o", "at": "2026-12-01", "service_tier": "batch",'
        ' "input": 1200, "output": 800}\n'
        '{"id": "b", "model": "gpt-4o", "at": "2026-12-01T00:00:00Z", "input": "1", "output": null, "seconds": 1.5}\n'
    )
    assert not csv.bad
    assert not jsonl.bad
    assert [row._replace(line=0) for row in csv.rows] == [row._replace(line=0) for row in jsonl.rows]
    first, second = csv.rows
    assert (first.model, first.service_tier, first.usage) == (
        "openai/gpt-4o",
        "batch",
        usage_of(input=1200, output=800),
    )
    assert first.at == second.at == datetime(2026, 12, 1, tzinfo=UTC)
    assert second.usage.quantities == {"input": 1, "seconds": Decimal("1.5")}


def test_lines_are_numbered_as_an_editor_does() -> None:
    assert [row.line for row in read("\ufeffmodel,input\na,1\n\nb,2\n").rows] == [2, 4]
    assert [row.line for row in read('\n\n{"model":"a","input":1}\n\n{"model":"b","input":1}').rows] == [3, 5]


def test_a_spreadsheets_whole_numbers_are_whole() -> None:
    [row] = read("model,input\na,1200.0\n").rows
    assert str(row.usage.quantities["input"]) == "1200"


@pytest.mark.parametrize("text", ["", "\n\n", "model,input\n"])
def test_nothing_is_no_rows(text: str) -> None:
    assert read(text) == UsageRows()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,inptu\na,1\n", "unknown field 'inptu' (did you mean input?)"),
        ("input\n1\n", "no column model"),
        ("model,input,input\na,1,2\n", "names a column twice"),
    ],
)
def test_a_header_that_cannot_be_used_is_one_error(text: str, said: str) -> None:
    [(line, problem)] = problems(text)
    assert line == 1
    assert said in problem


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ('{"model": "a", "cached_tokens": 1}', "unknown field 'cached_tokens'"),
        ('{"model": "a", "input": 1, "input": 2}', "twice"),
        ('{"model": "a", "input": NaN}', "NaN is not a quantity"),
        ('{"model": "a", "input": Infinity}', "Infinity is not a quantity"),
        ('{"model": "a", "input": -1}', "'-1' is not a quantity"),
        ('{"model": "a", "input": 1.5}', "not a whole number"),
        ('{"model": "a", "input": true}', "neither text nor a number"),
        ('{"model": "a", "input": [1]}', "neither text nor a number"),
        ('{"model": "a", "input": "1,000"}', "plain digits"),
        ('{"model": "a", "input": 1000000000001}', "is more than"),
        ('{"model": "a", "input": 1e999999999}', "is not a quantity"),
        ('{"model": "a", "seconds": 0.0000001}', "digits after the point"),
        ('{"model": "a", "seconds": 1000000000}', "not below"),
        ('{"model": "a", "input": "٣"}', "not a quantity"),
        ('{"model": "a"}', "has no quantity"),
        ('{"input": 1}', "has no model"),
        ('{"model": "", "input": 1}', "has no model"),
        ('{"model": "a", "input": 1, "at": "yesterday"}', "at: 'yesterday' is not a date"),
        ('{"model": "a", "input": 1, "at": "2026-13-01"}', "is not a date"),
        ('{"model": "a", "input": 1, "at": 1764547200}', "is not a date"),
        ('{"model": "a", "input": 1, "service_tier": "turbo"}', "there are standard, batch"),
        ('{"model": "a", "input": 1', "not a JSON object on one line"),
        ('["a", 1]', "one on each line"),
        ("[" * 100_000, "not a JSON object on one line"),
    ],
)
def test_a_record_that_cannot_be_billed_says_why(record: str, said: str) -> None:
    [(line, problem)] = problems(record)
    assert line == 1
    assert said in problem


def test_every_bad_line_is_named_and_the_others_are_read() -> None:
    found = read("model,input\na,1\nb,x\nc,2,3\n,4\nd,5\n")
    assert [row.model for row in found.rows] == ["a", "d"]
    assert [each.line for each in found.bad] == [3, 4, 5]


def test_a_quote_that_never_ends_is_an_error() -> None:
    [(_, problem)] = problems('model,input\n"a,1\nb,2\n')
    assert "is not CSV" in problem


@given(st.text())
def test_no_text_is_a_crash(text: str) -> None:
    read(text)
    read("{" + text)
    read("model,input\n" + text)


@given(st.sampled_from(sorted(METERS)), st.text(max_size=20))
def test_a_quantity_is_what_was_written_or_refused(name: str, text: str) -> None:
    try:
        number = read_quantity(name, text)
    except InvalidFact as error:
        assert error.message.startswith(f"{name}: ")
    else:
        assert number == Decimal(text.replace("_", ""))
        Usage({name: number})


@pytest.mark.parametrize(
    "bad", [Decimal(-1), Decimal("NaN"), Decimal("Infinity"), Decimal("0.5"), Decimal(MAX_WHOLE + 1)]
)
def test_a_usage_holds_only_what_is_possible(bad: Decimal) -> None:
    with pytest.raises(InvalidFact, match="input"):
        Usage({"input": bad})


def test_a_usage_of_something_that_is_not_metered_is_refused() -> None:
    with pytest.raises(InvalidFact, match="nothing is counted as 'inputs'"):
        usage_of(inputs=1)
