"""What OpenAI-compatible listings carry beyond the id, in each server's own words: the one place that converts it.

Pure. A word that no server below uses, and an amount that nobody charges in the unit it would have, stay unknown.

| server | limits | prices | more |
| --- | --- | --- | --- |
| vLLM | `max_model_len` | | `created` is the time of the request |
| Together | `context_length` | `pricing.input/output`, USD per million tokens | `type`, `display_name` |
| Groq | `context_window`, `max_completion_tokens` | | `active` |
| Mistral | `max_context_length` | | `capabilities`, `deprecation`, `aliases`; `created` is the time of the request |
| OpenRouter | `context_length`, `top_provider` | `pricing.prompt/completion/…`, USD per token | `architecture` |
| Fireworks | `context_length` | | `supports_chat`, `supports_image_input`, `supports_tools` |
| LiteLLM | `max_input_tokens`, `max_output_tokens` | | `mode`; `created` is always 1677610602 |
| DeepSeek, Perplexity | | | ids alone |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from modelctl.core.facts import MODALITIES, ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.core.prices.price import PriceKind, PricePoint, PriceUnit
from modelctl.core.text import per_mtok
from modelctl.discovery.base import Access, Endpoint, Page, follow, last_page, list_at, objects
from modelctl.discovery.fields import (
    amount_of,
    epoch_day,
    flag,
    is_plausible_apiece,
    is_plausible_per_mtok,
    iso_day,
    limit,
    observed,
    part,
    required_id,
    text,
    texts,
)
from modelctl.discovery.http import json_api, next_address
from modelctl.errors import SourceError

CONTEXT_KEYS = ("context_length", "context_window", "max_model_len", "max_context_length", "max_input_tokens")
OUTPUT_KEYS = ("max_output_tokens", "max_completion_tokens")
END_KEYS = ("deprecation", "expiration_date")

TYPES = {
    "chat": ModelType.CHAT,
    "llm": ModelType.CHAT,
    "vlm": ModelType.CHAT,
    "language": ModelType.OTHER,  # Together's word for plain completion models
    "embedding": ModelType.EMBEDDING,
    "embeddings": ModelType.EMBEDDING,
    "image": ModelType.IMAGE,
    "audio": ModelType.AUDIO,
    "transcribe": ModelType.AUDIO,
    "video": ModelType.VIDEO,
    "moderation": ModelType.MODERATION,
    "rerank": ModelType.RERANK,
}

MODES = {
    "chat": ModelType.CHAT,
    "responses": ModelType.CHAT,
    "completion": ModelType.OTHER,
    "embedding": ModelType.EMBEDDING,
    "image_generation": ModelType.IMAGE,
    "image_edit": ModelType.IMAGE,
    "audio_transcription": ModelType.AUDIO,
    "audio_speech": ModelType.AUDIO,
    "video_generation": ModelType.VIDEO,
    "moderation": ModelType.MODERATION,
    "rerank": ModelType.RERANK,
}
"""LiteLLM's `mode` (seen in the listing of 1.106 on 2026-11-21; its other words, as `search`, are no type of ours)."""

LITELLM_CREATED = 1677610602
"""LiteLLM's constant for every model (`DEFAULT_MODEL_CREATED_AT_TIME`)."""

PER_TOKEN_KINDS = {
    "prompt": PriceKind.INPUT,
    "completion": PriceKind.OUTPUT,
    "input_cache_read": PriceKind.CACHE_READ,
    "input_cache_write": PriceKind.CACHE_WRITE,
    "internal_reasoning": PriceKind.REASONING_OUTPUT,
}
"""OpenRouter: "pricing is in USD per token", as text. https://openrouter.ai/docs/models (2026-11)."""
ALWAYS_STATED = frozenset({"prompt", "completion"})
"""The others are 0 where the model does not have the thing at all, so their zero says nothing."""
PER_MILLION_KINDS = {"input": PriceKind.INPUT, "output": PriceKind.OUTPUT, "cached_input": PriceKind.CACHE_READ}
"""Together: USD per million tokens. https://docs.together.ai/reference/models (2026-11)."""
SOLD_OTHERWISE = frozenset({"audio", "transcribe", "image", "video"})
"""Types whose `pricing.input` at Together is per million characters (cartesia/sonic-2: 65), minute or image."""
WITHOUT_OUTPUT = frozenset({"embedding", "rerank", "moderation"})
"""Types that cost nothing for their output. A chat model's 0 beside another price is no statement."""


def facts_of(item: Mapping[str, Any], now: datetime) -> ModelFacts:
    """The facts that a listing item states."""
    top = part(item, "top_provider")
    own, listed = _own_capabilities(item), texts(item, "supported_parameters")
    inputs = _modalities(item, "input_modalities")
    return ModelFacts(
        display_name=text(item, "display_name") or _name(item),
        type=_stated_type(item) or _type_by_rule(item),
        input_modalities=inputs,
        output_modalities=_modalities(item, "output_modalities"),
        vision=_first_known(
            flag(own, "vision"), flag(item, "supports_image_input"), None if inputs is None else "image" in inputs
        ),
        # What a list of supported parameters leaves out stays unknown.
        tools=_first_known(flag(own, "function_calling"), flag(item, "supports_tools"), "tools" in listed or None),
        structured_output="structured_outputs" in listed or None,
        reasoning=_first_known(flag(own, "reasoning"), "reasoning" in listed or None),
        context_window=_first_limit(item, CONTEXT_KEYS),
        max_output_tokens=_first_limit(item, OUTPUT_KEYS) or _first_limit(top, OUTPUT_KEYS),
        released_on=_released(item, now),
        retires_on=next((day for key in END_KEYS if (day := iso_day(item, key))), None),
        replacement=text(item, "deprecation_replacement_model"),
        aliases=tuple(alias for alias in texts(item, "aliases") if alias != item.get("id")) or None,
    )


def rules_of(item: Mapping[str, Any]) -> dict[str, str]:
    """The facts that follow from what an item says of something else, by rule: a catalog knows them better.

    `created` is when the server made its entry: Groq has its model before the vendor's release, Together long after.
    """
    by_type = {} if _stated_type(item) else {"type": "rule:capabilities"}
    return {"released_on": "rule:created", **by_type}


def prices_of(item: Mapping[str, Any], now: datetime) -> tuple[PricePoint, ...]:
    """The prices that a listing item states, observed at `now`. None of them where the listing has none."""
    pricing = part(item, "pricing")
    amounts: dict[PriceKind, Decimal] = {}
    for key, kind in PER_TOKEN_KINDS.items():
        amount = amount_of(pricing.get(key))
        if amount is not None and (amount or key in ALWAYS_STATED):
            amounts[kind] = per_mtok(amount)
    sold_as = str(item.get("type"))
    if sold_as not in SOLD_OTHERWISE:
        amounts |= dict(_per_million(pricing, sold_as))
    points = [observed(kind, amount, now) for kind, amount in amounts.items() if is_plausible_per_mtok(amount)]
    request = amount_of(pricing.get("request"))
    if request is not None and is_plausible_apiece(request):
        points.append(observed(PriceKind.REQUEST, request, now, unit=PriceUnit.REQUEST))
    return tuple(points)


def _per_million(pricing: Mapping[str, Any], sold_as: str) -> Iterator[tuple[PriceKind, Decimal]]:
    amounts = {kind: amount_of(pricing.get(key)) for key, kind in PER_MILLION_KINDS.items()}
    # Together puts 0 for whatever a model is not billed by: image models are 0 and 0, which is not free.
    if not any(amounts.values()):
        return
    for kind, amount in amounts.items():
        if amount or (amount is not None and kind is PriceKind.OUTPUT and sold_as in WITHOUT_OUTPUT):
            yield kind, amount


def _first_limit(item: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((tokens for key in keys if (tokens := limit(item, key))), None)


def _released(item: Mapping[str, Any], now: datetime) -> date | None:
    """The day of `created`, unless it is the server's clock (vLLM, llama.cpp, Mistral) or LiteLLM's constant.

    A day that moves with every listing would be a change in every plan.
    """
    if item.get("created") == LITELLM_CREATED:
        return None
    day = epoch_day(item, "created")
    return day if day and day < (now - timedelta(days=1)).date() else None


def _modalities(item: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    stated = texts(part(item, "architecture"), key) or texts(item, key)
    return tuple(word for word in MODALITIES if word in stated) or None


def _name(item: Mapping[str, Any]) -> str | None:
    """A name for people. Mistral's `name` is an id: its own, or that of the version behind an alias."""
    name = text(item, "name")
    return None if name == item.get("id") or "completion_chat" in _own_capabilities(item) else name


def _stated_type(item: Mapping[str, Any]) -> ModelType | None:
    return TYPES.get(str(item.get("type"))) or MODES.get(str(item.get("mode")))


def _type_by_rule(item: Mapping[str, Any]) -> ModelType | None:
    own = _own_capabilities(item)
    if item.get("kind") == "EMBEDDING_MODEL":  # Fireworks, rerankers too; it says that they support chat
        return None
    if flag(own, "completion_chat") or flag(item, "supports_chat"):
        return ModelType.CHAT
    return ModelType.MODERATION if flag(own, "moderation") else None


def _own_capabilities(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mistral's object of capabilities; other servers have lists of words of their own under that name."""
    return item["capabilities"] if isinstance(item.get("capabilities"), Mapping) else {}


def _first_known(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


KIND = "openai-compatible"
DOCS = "https://platform.openai.com/docs/api-reference/models/list"
BASE_URL = BASE_URL_ENV = ""
SDK = ""
PUBLIC = False
ENDPOINTS = (Endpoint(),)
COMPLETE = True

PRIVATE_KINDS = ("HF_PEFT_ADDON", "HF_TEFT_ADDON", "FLUMINA_ADDON", "LIVE_MERGE")


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    if not access.base_url:
        raise SourceError(
            f"{access.provider}: no base URL",
            "an openai-compatible provider needs api_base_url, as http://host:8080/v1",
        )
    with json_api(access, access.base_url) as get:
        yield from follow(lambda cursor: page_at(*get(cursor or "/models")))


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item)
    if flag(item, "active") is False:  # Groq, https://console.groq.com/docs/api-reference#models-list
        return Skipped(model_id, "the provider lists it as not active")
    # OpenAI's, Mistral's and Fireworks' words: https://docs.fireworks.ai/api-reference/list-models
    if model_id.startswith("ft:") or item.get("type") == "fine-tuned" or item.get("kind") in PRIVATE_KINDS:
        return Skipped(model_id, "private: a fine-tuned model of one account")
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=facts_of(item, access.now),
        prices=prices_of(item, access.now),
        provenance=rules_of(item),
    )


def page_at(body: Any, url: str, link: str = "") -> Page:
    """OpenAI's `{"data": [...]}`, or a bare list (Together), with the next page's address in it (OpenRouter) or as
    `link`, from the answer's header.
    """
    items = objects(body) if isinstance(body, list) else list_at(body, "data")
    if isinstance(body, Mapping):
        link = text(part(body, "links"), "next") or link
    return Page(items, next_address(url, link)) if link else last_page(items, body)
