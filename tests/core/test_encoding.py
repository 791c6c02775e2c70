"""Facts as JSON and back without loss, amounts as text, and the patterns that leave models out."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.facts import FACT_FIELDS, FACT_TYPES, decimal_text, decode, encode, exact_number
from modelctl.core.planning.policy import Patterns, split
from tests.core.strategies import key, record

AMOUNTS = st.decimals(min_value=0, max_value=Decimal("999999.999999999"), places=9)
OF_TYPE = {
    str: st.text(),
    bool: st.booleans(),
    int: st.integers(1, 10**12),
    Decimal: AMOUNTS,
    date: st.dates(),
    tuple: st.lists(st.text()).map(tuple),
}


@given(data=st.data(), name=st.sampled_from(FACT_FIELDS))
def test_every_fact_comes_back_from_json_as_it_was(data, name):
    value = data.draw(st.none() | OF_TYPE[FACT_TYPES[name]])
    back = decode(name, json.loads(json.dumps(encode(value))))
    assert back == value
    assert type(back) is type(value)


@given(amount=AMOUNTS)
def test_an_amount_as_text_is_exact_without_padding_or_exponent(amount):
    text = decimal_text(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


@given(amount=AMOUNTS)
def test_an_amount_as_json_number_has_exactly_its_digits(amount):
    assert Decimal(json.dumps(exact_number(amount))) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("0.000", "0"), ("0.150000000", "0.15"), ("100", "100"), ("1E+2", "100"), ("1E-9", "0.000000001")],
)
def test_an_amount_reads_as_people_write_it(amount, text):
    assert decimal_text(Decimal(amount)) == text


def test_instants_are_iso_8601():
    assert encode(datetime(2026, 11, 21, 12, tzinfo=UTC)) == "2026-11-21T12:00:00+00:00"


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), "gpt-4o gpt-4o-mini GPT-4o o1"),
        (("gpt-*",), (), "gpt-4o gpt-4o-mini"),
        (("gpt-4o",), (), "gpt-4o"),
        ((), ("*-mini",), "gpt-4o GPT-4o o1"),
        (("gpt-*",), ("*-mini",), "gpt-4o"),
        (("gpt-*", "o?"), (), "gpt-4o gpt-4o-mini o1"),
        (("gpt-4o",), ("gpt-4o",), ""),
        (("[a-z]*",), (), "gpt-4o gpt-4o-mini o1"),
    ],
)
def test_patterns_are_case_sensitive_and_exclude_wins(include, exclude, taken):
    ids = ("gpt-4o", "gpt-4o-mini", "GPT-4o", "o1")
    kept, filtered = split({key(each): record(each) for each in ids}, Patterns(include=include, exclude=exclude))
    assert " ".join(each.model_id for each in kept) == taken
    assert {each.item_id for each in filtered} == set(ids) - set(taken.split())
    assert all(any(repr(pattern) in each.reason for pattern in (*include, *exclude)) for each in filtered)
