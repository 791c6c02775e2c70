"""Cerebras' public list: everything is stated in its own words, in objects of yes and no."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord
from modelctl.discovery import cerebras
from modelctl.discovery.base import Access, UnusableListing
from tests.conftest import NOW
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer
from tests.loopback.shapes import DATA

ACCESS = Access(provider="cerebras", api_key="", timeout_s=1, now=NOW)
SAVED = {each["id"]: each for each in json.loads((DATA / "cerebras.json").read_text(encoding="utf-8"))["data"]}


def record(item: dict[str, Any]) -> ModelRecord:
    taken = cerebras.translate(item, ACCESS)
    assert isinstance(taken, ModelRecord)
    return taken


def test_the_documented_model_is_read_whole() -> None:
    taken = record(SAVED["gpt-oss-120b"])
    assert dict(taken.facts.known()) == {
        "display_name": "OpenAI GPT OSS",
        "type": "chat",
        "input_modalities": ("text",),
        "vision": False,
        "tools": True,
        "structured_output": True,
        "reasoning": True,
        "streaming": True,
        "temperature": True,
        "context_window": 131_072,
        "max_output_tokens": 40_960,
        "released_on": date(2025, 8, 6),
    }
    assert {point.kind: str(point.amount) for point in taken.prices} == {"input": "0.35", "output": "0.75"}


def test_stages_and_images() -> None:
    assert {name: record(item).facts.status for name, item in SAVED.items()} == {
        "gpt-oss-120b": None,
        "gemma-4-31b": None,
        "zai-glm-4.7": "preview",
        "llama3.1-8b": "deprecated",
    }
    assert record(SAVED["gemma-4-31b"]).facts.input_modalities == ("text", "image")
    multimodal = SAVED["gemma-4-31b"] | {"architecture": {"modality": "multimodal", "tokenizer": "Gemma"}}
    assert record(multimodal).facts.input_modalities is None


@pytest.mark.parametrize("pricing", [None, {}, {"prompt": "n/a", "completion": "-0.1"}, {"prompt": "2.25"}])
def test_a_price_that_is_none_stays_unknown(pricing: Any) -> None:
    assert record(SAVED["gpt-oss-120b"] | {"pricing": pricing}).prices == ()


def test_a_word_in_place_of_yes_or_no_is_an_error() -> None:
    with pytest.raises(UnusableListing, match="'tools' is 'yes'"):
        record(SAVED["gpt-oss-120b"] | {"capabilities": {"tools": "yes"}})


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_address_for_calling_models_leads_to_the_list(
    ending: str, provider_server: ProviderServer, reach: Reach
) -> None:
    access = reach("cerebras", base_url=provider_server.base_url("cerebras") + ending)
    assert len(collect(cerebras, access, deadline_s=20).records) == len(SAVED)
    assert provider_server.asked("cerebras")[0].path == "/cerebras/public/v1/models"
