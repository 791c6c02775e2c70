"""The words of --where, and assignments: what is read is what was meant, and anything else is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelctl.core.edits.models import SETTABLE, facts_from_json, facts_from_words
from modelctl.core.facts import encode
from modelctl.core.models.query import Filter, where
from modelctl.errors import UsageError


def test_terms_hold_together():
    assert where("provider=openai,groq type=embedding tag='a b' context_window>=1000 enabled=no search=x") == Filter(
        providers=frozenset({"openai", "groq"}),
        types=frozenset({"embedding"}),
        tags=frozenset({"a b"}),
        at_least={"context_window": Decimal(1000)},
        is_enabled=False,
        search="x",
    )
    exact = where("output_price_per_mtok=2.5")
    assert exact.at_least == exact.at_most == {"output_price_per_mtok": Decimal("2.5")}
    assert where("context_window>=1 context_window<=2").at_most == {"context_window": Decimal(2)}


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_refused(text):
    try:
        wanted = where(text)
    except UsageError:
        return
    assert wanted != Filter(), "a filter that lets everything pass is never what was meant"


FACTS = {
    "context_window": st.integers(1, 10**12),
    "vision": st.booleans(),
    "released_on": st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    "tags": st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
    "type": st.sampled_from(["chat", "image"]),
    "family": st.sampled_from(["gpt", "a b", "null-ish"]),
}


@given(st.fixed_dictionaries({}, optional={name: each | st.none() for name, each in FACTS.items()}))
def test_a_row_of_json_and_the_words_of_a_command_say_the_same(row):
    raw = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    words = [f"{name}={_text(value)}" for name, value in row.items()]
    assert facts_from_json(raw) == facts_from_words(words)
    assert {name: encode(value) for name, value in facts_from_json(raw).items()} == raw


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(value)
        case _:
            return str(value)


@given(
    st.sampled_from(SETTABLE), st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text())
)
def test_any_value_is_taken_as_it_is_or_refused_by_its_name(name, value):
    try:
        assert {key: encode(each) for key, each in facts_from_json({name: value}).items()} == {name: value}
    except UsageError as error:
        assert str(error).startswith(f"{name}: ")


@pytest.mark.parametrize("value", [1.5, True, "1", [1], {"a": 1}])
def test_a_json_value_of_another_type_is_not_converted(value):
    with pytest.raises(UsageError, match="context_window: "):
        facts_from_json({"context_window": value})
