"""The table of models at different widths: the least important column goes first, then ids are shortened."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modelctl.core.facts import ModelFacts, ModelKey
from modelctl.core.stored import StoredModel
from modelctl.output.console import PLAIN, Look, render
from modelctl.output.models import ModelList, models_table, not_whole

MODELS = [
    StoredModel(
        key=ModelKey("openai", "gpt-4o-2024-08-06"),
        facts=ModelFacts(
            status="deprecated",
            type="chat",
            context_window=128_000,
            max_output_tokens=16_384,
            input_price_per_mtok=Decimal("2.500000000"),
            output_price_per_mtok=Decimal("10.000000000"),
            price_currency="USD",
        ),
        is_enabled=True,
    ),
    StoredModel(key=ModelKey("openai", "gpt|evil`"), facts=ModelFacts(status="active"), is_enabled=False),
]

AT_120 = """\
model                     status      type  context  max output  input/mtok  output/mtok  enabled
openai/gpt-4o-2024-08-06  deprecated  chat  128,000      16,384         2.5           10  yes
openai/gpt|evil`          active      -           -           -           -            -  no"""

AT_80 = """\
model                     status      type  context  input/mtok  output/mtok
openai/gpt-4o-2024-08-06  deprecated  chat  128,000         2.5           10
openai/gpt|evil`          active      -           -           -            -"""

AT_40 = """\
model                     status
openai/gpt-4o-2024-08-06  deprecated
openai/gpt|evil`          active"""

AT_20 = """\
model
openai/gpt…024-08-06
openai/gpt|evil`"""


@pytest.mark.parametrize(("width", "expected"), [(None, AT_120), (120, AT_120), (80, AT_80), (40, AT_40), (20, AT_20)])
def test_width(width, expected):
    assert models_table(MODELS, (), Look(width=width)) == expected


def test_of_columns_that_were_asked_for_the_last_go_first():
    asked = ("model_id", "type", "context_window")
    assert models_table(MODELS, asked, Look(width=24)).splitlines()[0] == "model_id           type"
    assert models_table(MODELS, asked, Look(width=10)).splitlines()[1] == "gpt-4o-20…"
    assert not_whole(MODELS, asked, Look(width=10)) == (["type", "context_window"], 1)


def test_a_status_to_worry_about_has_a_colour():
    assert "\x1b[33mdeprecated" in models_table(MODELS, (), Look(width=80, colour=True))
    assert "\x1b[33mdeprecated\x1b[0m" in models_table(MODELS, (), Look(colour=True))


def test_markdown_cannot_be_broken_out_of():
    assert "| openai/gpt\\|evil\\` | active |" in ModelList(MODELS).to_markdown(PLAIN)


@pytest.mark.parametrize("name", ["table", "json", "jsonl", "csv", "markdown", "ids"])
def test_no_models(name):
    assert len("".join(render(ModelList([]), name, PLAIN)).splitlines()) <= 2
