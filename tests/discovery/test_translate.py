"""What each provider's item becomes: facts stated, facts derived, facts left unknown."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelctl.core.facts import ModelRecord, ModelType, Skipped
from modelctl.discovery import anthropic, google, openai, replicate
from modelctl.discovery.base import MAX_PAGES, Access, Discovery, Page, UnusableListing, follow, kept_page
from tests.conftest import NOW
from tests.loopback import anthropic_item, google_item, openai_item, replicate_item

DATA = Path(__file__).parent / "data"
ACCESS = Access(provider="acme", api_key="", timeout_s=1, now=NOW)


def taken(source: Any, item: dict[str, Any]) -> ModelRecord:
    record = source.translate(item, ACCESS)
    assert isinstance(record, ModelRecord)
    return record


def known(source: Any, item: dict[str, Any]) -> dict[str, Any]:
    return dict(taken(source, item).facts.known())


def saved(name: str) -> dict[str, dict[str, Any]]:
    body = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)
    items = body.get("data") or body["models"]
    return {each.get("id", each.get("name", "")): each for each in items}


OPENAI_TYPES = {
    "gpt-6.1-sol": "chat",
    "o3-deep-research": "chat",
    "chatgpt-4o-latest": "chat",
    "gpt-5-search-api": "chat",
    "gpt-oss-120b": "chat",
    "text-embedding-ada-002": "embedding",
    "omni-moderation-latest": "moderation",
    "dall-e-3": "image",
    "gpt-image-2.5-flare": "image",
    "chatgpt-image-latest": "image",
    "sora-2-pro": "video",
    "whisper-1": "audio",
    "tts-1-hd": "audio",
    "gpt-4o-mini-tts": "audio",
    "gpt-4o-transcribe-diarize": "audio",
    "gpt-realtime-2.1-mini": "audio",
    "gpt-4o-audio-preview": "audio",
    "gpt-live-1": "audio",
    "gpt-3.5-turbo-instruct": "other",
    "babbage-002": "other",
    "computer-use-preview": None,
    "something-new": None,
}


@pytest.mark.parametrize(("model_id", "expected"), OPENAI_TYPES.items())
def test_openai_types_follow_the_stated_rule(model_id: str, expected: str | None) -> None:
    record = taken(openai, openai_item(model_id))
    assert record.facts.type == expected
    assert record.provenance["type"] == "rule:type"


def test_openai_days() -> None:
    assert known(openai, saved("openai")["gpt-4o"]) == {
        "type": ModelType.CHAT,
        "released_on": date(2024, 5, 10),
        "retires_on": date(2027, 2, 14),
    }
    assert "released_on" not in known(openai, saved("openai")["chat-latest"])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (openai_item("ft:gpt-4o-mini:acme::x"), "fine-tuned"),
        (openai_item("acme-gpt", owned_by="acme-corp"), "owned by acme-corp"),
    ],
)
def test_openai_skips_what_is_private(item: dict[str, Any], reason: str) -> None:
    skipped = openai.translate(item, ACCESS)
    assert isinstance(skipped, Skipped)
    assert skipped.item_id == item["id"]
    assert reason in skipped.reason


@pytest.mark.parametrize("created", ["yesterday", 1e300, float("nan"), True, [], -1e18])
def test_a_creation_time_of_no_sense_is_an_error(created: Any) -> None:
    with pytest.raises(UnusableListing, match="created"):
        openai.translate(openai_item("gpt-4o", created=created), ACCESS)


def test_anthropic_states_nearly_everything() -> None:
    assert known(anthropic, saved("anthropic")["claude-opus-4-5-20251101"]) == {
        "display_name": "Claude Opus 4.5",
        "family": "claude-opus",
        "type": "chat",
        "status": "deprecated",
        "input_modalities": ("text", "image", "pdf"),
        "vision": True,
        "structured_output": True,
        "reasoning": True,
        "pdf_input": True,
        "web_search": True,
        "code_execution": True,
        "citations": True,
        "batch": True,
        "context_window": 200_000,
        "max_output_tokens": 64_000,
        "released_on": date(2025, 11, 24),
        "deprecated_on": date(2026, 9, 15),
        "retires_on": date(2026, 11, 24),
    }


def test_anthropic_retired_models_get_only_what_is_stated() -> None:
    assert known(anthropic, saved("anthropic")["claude-3-opus-20240229"]) == {
        "display_name": "Claude Opus 3",
        "family": "claude-opus",
        "type": "chat",
        "status": "retired",
        "released_on": date(2024, 2, 29),
        "deprecated_on": date(2025, 6, 30),
        "retires_on": date(2026, 1, 5),
    }


def test_anthropic_unknowns() -> None:
    facts = known(anthropic, saved("anthropic")["claude-experimental"])
    assert not {"family", "released_on", "context_window", "max_output_tokens", "vision"} & facts.keys()
    no = {"supported": False}
    text_only = anthropic_item("x", capabilities={"image_input": no, "pdf_input": no, "server_tools": None})
    assert known(anthropic, text_only)["input_modalities"] == ("text",)
    assert known(anthropic, text_only)["vision"] is False


@pytest.mark.parametrize(
    "change", [{"max_tokens": "many"}, {"created_at": 5}, {"capabilities": []}, {"line": 3}, {"max_tokens": 1.5}]
)
def test_values_of_another_type_are_errors(change: dict[str, Any]) -> None:
    with pytest.raises(UnusableListing):
        anthropic.translate(anthropic_item("x", **change), ACCESS)


GOOGLE_TYPES = {
    "gemini-3.8-flash": ("chat", None),
    "gemini-3.1-flash-image": ("image", "rule:type"),
    "gemini-3.8-flash-tts": ("audio", "rule:type"),
    "gemini-3.8-live": ("audio", None),
    "gemini-embedding-001": ("embedding", None),
    "imagen-4.0-generate-001": ("image", None),
    "veo-3.1-generate-preview": ("video", None),
    "aqa": ("other", None),
}


@pytest.mark.parametrize(("model_id", "expected"), GOOGLE_TYPES.items())
def test_google_types_come_from_the_actions_or_the_stated_rule(model_id: str, expected: Any) -> None:
    record = taken(google, saved("google")[f"models/{model_id}"])
    assert record.key.model_id == model_id
    assert (record.facts.type, record.provenance.get("type")) == expected


def test_google_facts() -> None:
    assert known(google, saved("google")["models/gemini-3.8-flash"]) == {
        "display_name": "Gemini 3.8 Flash",
        "type": "chat",
        "reasoning": True,
        "prompt_caching": True,
        "batch": True,
        "context_window": 1_048_576,
        "max_output_tokens": 65_536,
    }
    bare = known(google, google_item("x", supportedGenerationMethods=None, inputTokenLimit=0, outputTokenLimit=None))
    assert bare == {"display_name": "Gemini x"}


def test_google_skips_tuned_models_and_refuses_other_names() -> None:
    assert isinstance(google.translate({"name": "tunedModels/x"}, ACCESS), Skipped)
    with pytest.raises(UnusableListing, match="models/"):
        google.translate({"name": "publishers/x"}, ACCESS)


def test_replicate_has_ids_and_visibility_only() -> None:
    record = taken(replicate, replicate_item("black-forest-labs/flux-1.1-pro"))
    assert record.key.model_id == "black-forest-labs/flux-1.1-pro"
    assert not list(record.facts.known())
    assert isinstance(replicate.translate(replicate_item("a/b", visibility="private"), ACCESS), Skipped)


@pytest.mark.parametrize("source", [openai, anthropic, google, replicate])
@pytest.mark.parametrize("value", [None, 5, ["a"], {}])
def test_an_id_must_be_text(source: Discovery, value: Any) -> None:
    with pytest.raises(UnusableListing, match="has no"):
        source.translate({"id": value, "name": value, "owner": "x"}, ACCESS)


def test_paging_is_bounded() -> None:
    with pytest.raises(UnusableListing, match=f"more than {MAX_PAGES} pages"):
        list(follow(lambda cursor: Page([{"id": cursor}], str(int(cursor or 0) + 1))))
    with pytest.raises(UnusableListing, match="already read"):
        list(follow(lambda _: Page([{"id": "a"}], "same")))
    with pytest.raises(UnusableListing, match="empty although"):
        list(follow(lambda _: Page([], "next")))


def test_a_kept_page_counts_and_not_what_the_sdk_makes_of_it() -> None:
    def refuse() -> None:
        raise ValueError("1 validation error")

    page = Page([{"id": "a"}])
    assert kept_page(refuse, [page]) is page
    with pytest.raises(ValueError, match="validation"):
        kept_page(refuse, [])
