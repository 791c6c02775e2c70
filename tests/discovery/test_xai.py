"""xAI's four listings, laid over each other, and what its integers mean in money."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord
from modelctl.discovery import xai
from modelctl.discovery.base import Access
from modelctl.errors import SourceError
from tests.conftest import NOW
from tests.discovery.conftest import Reach, collect
from tests.loopback import ProviderServer, openai_item

DATA = Path(__file__).parent / "data"
ACCESS = Access(provider="xai", api_key="", timeout_s=1, now=NOW)
SAVED = {each["id"]: each for each in json.loads((DATA / "xai.json").read_text(encoding="utf-8"))["models"]}


def record(item: dict[str, Any]) -> ModelRecord:
    taken = xai.translate(item, ACCESS)
    assert isinstance(taken, ModelRecord)
    return taken


def prices(item: dict[str, Any]) -> dict[tuple[str, str, int], str]:
    return {(point.kind, point.unit, point.context_above): str(point.amount) for point in record(item).prices}


def test_integers_are_cents_per_hundred_million_tokens() -> None:
    assert prices(SAVED["grok-4.3"]) == {
        ("input", "mtok", 0): "1.25",
        ("cache_read", "mtok", 0): "0.2",
        ("output", "mtok", 0): "2.5",
        ("image_input", "mtok", 0): "1.25",
        ("input", "mtok", 200_000): "2.5",
        ("cache_read", "mtok", 200_000): "0.4",
        ("output", "mtok", 200_000): "5",
    }


def test_facts_come_from_both_listings() -> None:
    grok = record(SAVED["grok-4.3"])
    assert dict(grok.facts.known()) == {
        "type": "chat",
        "input_modalities": ("text", "image"),
        "output_modalities": ("text",),
        "vision": True,
        "context_window": 1_000_000,
        "released_on": date(2026, 4, 19),
        "aliases": ("grok-4.3-latest", "grok-4-0709"),
    }
    assert grok.provenance == {"released_on": "rule:created", "input_modalities": "rule:modalities"}
    assert record(SAVED["grok-build-0.1"]).facts.vision is False


def test_a_long_context_price_of_zero_is_the_standard_one() -> None:
    multi_agent = SAVED["grok-4.20-multi-agent-0309"]
    assert prices(multi_agent)["cache_read", "mtok", 200_000] == "0.2"
    assert record(multi_agent).facts.aliases == ("grok-4.20-multi-agent",)


@pytest.mark.parametrize("changes", [{"long_context_threshold": 0}, {"prompt_text_token_price_long_context": 0}])
def test_without_a_threshold_or_a_price_there_is_no_long_context_tier(changes: dict[str, int]) -> None:
    others = dict.fromkeys(
        ("cached_prompt_text_token_price_long_context", "completion_text_token_price_long_context"), 0
    )
    assert all(above == 0 for _, _, above in prices(SAVED["grok-4.3"] | others | changes))


def test_an_image_costs_its_price_at_the_default_quality() -> None:
    assert prices(SAVED["grok-imagine-image"]) == {("output", "image", 0): "0.02"}
    assert prices(SAVED["grok-imagine-image-2.0"]) == {("output", "image", 0): "0.06"}
    image = record(SAVED["grok-imagine-image"]).facts
    assert (image.type, image.context_window, image.vision) == ("image", None, None)


@pytest.mark.parametrize("price", [0, -1, None, "x", True, 10**15])
def test_a_token_price_that_nobody_can_mean_stays_unknown(price: object) -> None:
    assert prices(openai_item("x", **dict.fromkeys((*xai.TOKEN_PRICES, xai.IMAGE_TOKEN_PRICE), price))) == {}


@pytest.mark.parametrize("price", [0, 2, 7, 600, -1, None, "x", True, 10**15])
def test_an_image_price_in_another_unit_stays_unknown(price: object) -> None:
    assert prices(openai_item("x", image_price=price)) == {}


def test_the_four_listings_become_one(provider_server: ProviderServer, reach: Reach) -> None:
    snapshot = collect(xai, reach("xai"), deadline_s=20)
    assert {key.model_id for key in snapshot.records} == set(SAVED)
    assert snapshot.complete_for == {"xai"}
    assert [each.path for each in provider_server.asked("xai")] == [
        "/xai/v1/language-models",
        "/xai/v1/image-generation-models",
        "/xai/v1/video-generation-models",
        "/xai/v1/models",
    ]
    by_id = {key.model_id: each for key, each in snapshot.records.items()}
    for model_id, item in SAVED.items():
        assert by_id[model_id].facts == record(item).facts
        assert by_id[model_id].prices == record(item).prices
    assert by_id["grok-voice-latest"].facts.type is None
    assert by_id["grok-imagine-video-1.5"].facts.type == "video"


def test_a_model_of_a_typed_listing_alone_is_taken(provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.models["xai"] = [SAVED["grok-4.7"]]
    provider_server.hidden["xai", "/models"] = {"grok-4.7"}
    [taken] = collect(xai, reach("xai"), deadline_s=20).records.values()
    assert (taken.facts.type, taken.facts.context_window) == ("chat", None)


def test_no_language_models_is_no_listing(provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.models["xai"] = [SAVED["grok-imagine-image"]]
    with pytest.raises(SourceError, match="the language-models listing is empty"):
        collect(xai, reach("xai"), deadline_s=20)


@pytest.mark.parametrize("path", ["language-models", "image-generation-models", "video-generation-models", "models"])
def test_one_listing_that_fails_fails_all(path: str, provider_server: ProviderServer, reach: Reach) -> None:
    provider_server.missing.add(("xai", f"/{path}"))
    with pytest.raises(SourceError, match=r"^xai: .*HTTP 404"):
        collect(xai, reach("xai"), deadline_s=20)
