"""LiteLLM's price map, as its `register_model` and its proxy read it: a JSON object with an entry for each model.

What LiteLLM is not told it takes for unknown. Keys that it reads: `ModelInfoBase` in its `types/utils.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import ModelType
from modelctl.core.prices.price import STANDARD, PriceKind, PriceUnit, ServiceTier
from modelctl.exports.base import Export, Offer, Omissions, json_file, known, number, per_token

NAME = "litellm-prices"
SUMMARY = "LiteLLM's map of prices and limits (JSON)"
DOCS = "https://docs.litellm.ai/docs/proxy/custom_pricing"
IS_MENU = False

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "anthropic",
        "cerebras": "cerebras",
        "cohere": "cohere",
        "deepseek": "deepseek",
        "fireworks": "fireworks_ai",
        "google": "gemini",
        "groq": "groq",
        "mistral": "mistral",
        "openai": "openai",
        "openrouter": "openrouter",
        "perplexity": "perplexity",
        "replicate": "replicate",
        "together": "together_ai",
        "xai": "xai",
    }
)
"""What LiteLLM calls our providers (https://docs.litellm.ai/docs/providers)."""

OWN = "openai"
"""How LiteLLM calls a server of one's own that speaks OpenAI's protocol."""

_MODES: Mapping[str, str] = MappingProxyType(
    {
        ModelType.CHAT: "chat",
        ModelType.EMBEDDING: "embedding",
        ModelType.IMAGE: "image_generation",
        ModelType.VIDEO: "video_generation",
        ModelType.MODERATION: "moderation",
        ModelType.RERANK: "rerank",
    }
)
_PER_TOKEN: Mapping[str, str] = MappingProxyType(
    {
        PriceKind.INPUT: "input_cost_per_token",
        PriceKind.OUTPUT: "output_cost_per_token",
        PriceKind.CACHE_READ: "cache_read_input_token_cost",
        PriceKind.CACHE_WRITE: "cache_creation_input_token_cost",
        PriceKind.CACHE_WRITE_1H: "cache_creation_input_token_cost_above_1hr",
        PriceKind.AUDIO_INPUT: "input_cost_per_audio_token",
        PriceKind.AUDIO_OUTPUT: "output_cost_per_audio_token",
        PriceKind.IMAGE_INPUT: "input_cost_per_image_token",
        PriceKind.IMAGE_OUTPUT: "output_cost_per_image_token",
        PriceKind.REASONING_OUTPUT: "output_cost_per_reasoning_token",
    }
)
_PER_UNIT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (PriceKind.IMAGE_INPUT, PriceUnit.IMAGE): "input_cost_per_image",
        (PriceKind.IMAGE_OUTPUT, PriceUnit.IMAGE): "output_cost_per_image",
        (PriceKind.AUDIO_INPUT, PriceUnit.SECOND): "input_cost_per_second",
        (PriceKind.VIDEO_OUTPUT, PriceUnit.SECOND): "output_cost_per_video_per_second",
        (PriceKind.REQUEST, PriceUnit.REQUEST): "input_cost_per_query",
    }
)
_TIERS: Mapping[str, str] = MappingProxyType(
    {ServiceTier.BATCH: "_batches", ServiceTier.FLEX: "_flex", ServiceTier.PRIORITY: "_priority"}
)
_TIERED = (PriceKind.INPUT, PriceKind.OUTPUT, PriceKind.CACHE_READ)
"""The kinds for which LiteLLM has a key in each service tier; batches have no price for cached input."""

_CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "tools": "supports_function_calling",
        "structured_output": "supports_response_schema",
        "reasoning": "supports_reasoning",
        "streaming": "supports_native_streaming",
        "prompt_caching": "supports_prompt_caching",
        "pdf_input": "supports_pdf_input",
        "audio_input": "supports_audio_input",
        "audio_output": "supports_audio_output",
        "web_search": "supports_web_search",
        "computer_use": "supports_computer_use",
    }
)


def litellm_provider(offer: Offer, other: str) -> str:
    """The provider as LiteLLM calls it, which has two words for Cohere; `other` for one that it does not know."""
    if offer.key.provider == "cohere" and offer.is_chat:
        return "cohere_chat"
    return PROVIDERS.get(offer.key.provider, other)


def litellm_name(offer: Offer) -> str:
    """`gemini/gemini-2.5-pro`: the provider as LiteLLM calls it, and the id; our own name where it has none."""
    return f"{litellm_provider(offer, offer.key.provider)}/{offer.key.model_id}"


def entry(offer: Offer) -> dict[str, Any]:
    """What LiteLLM is told of one model."""
    facts = offer.facts
    return known(
        {
            "litellm_provider": litellm_provider(offer, OWN),
            "mode": _MODES.get(facts.type or ""),
            "max_tokens": facts.max_output_tokens or facts.context_window,
            "max_input_tokens": facts.max_input_tokens or facts.context_window,
            "max_output_tokens": facts.max_output_tokens,
            **dict(costs(offer)),
            **{key: getattr(facts, name) for name, key in _CAPABILITIES.items()},
            "supports_vision": offer.has_vision,
            "deprecation_date": facts.retires_on.isoformat() if facts.retires_on else None,
            "successor_model": _successor(offer),
            "source": offer.provider.pricing_url,
        }
    )


def _successor(offer: Offer) -> str | None:
    """The id of its replacement; of another provider's with that in front, as LiteLLM calls it."""
    successor = offer.facts.successor_of(offer.key.provider)
    if successor is None or successor.provider == offer.key.provider:
        return offer.facts.replacement
    return f"{PROVIDERS.get(successor.provider, successor.provider)}/{successor.model_id}"


def costs(offer: Offer) -> Iterator[tuple[str, int | float | None]]:
    """The keys of what it costs: per token, in each service tier, above a length of prompt, per image and second."""
    for kind, key in _PER_TOKEN.items():
        yield key, per_token(offer.price(kind))
        for size in offer.context_tiers:
            if size % 1000 == 0:
                yield f"{key}_above_{size // 1000}k_tokens", per_token(offer.price(kind, context_above=size))
    for tier, ending in _TIERS.items():
        for kind in _TIERED:
            yield f"{_PER_TOKEN[kind]}{ending}", per_token(offer.price(kind, service_tier=tier))
    for (kind, unit), key in _PER_UNIT.items():
        yield key, number(offer.price(kind, unit=unit))


def cannot_be_said(offer: Offer) -> bool:
    """Whether it has a price that LiteLLM has no key for."""
    return any(
        key.hours_utc
        or key.service_tier not in (STANDARD, *_TIERS)
        or (key.unit != PriceUnit.MTOK and (key.kind, key.unit) not in _PER_UNIT)
        for key in offer.in_force
    )


def render(offers: Sequence[Offer]) -> Export:
    """The whole map, by LiteLLM's names."""
    omissions = Omissions()
    entries = entries_of(offers, omissions)
    return Export(text=json_file(entries), models=len(entries), left_out=omissions.done())


def entries_of(offers: Sequence[Offer], omissions: Omissions) -> dict[str, dict[str, Any]]:
    """By LiteLLM's names, what it is told of each model."""
    named = omissions.one_of_a_name(offers, litellm_name)
    for offer in named.values():
        if offer.price(PriceKind.INPUT) is None and not any(amount is not None for _, amount in costs(offer)):
            omissions.add("no price in USD; listed without one", offer)
        elif cannot_be_said(offer):
            omissions.add("further prices that the format has no key for", offer)
    return {name: entry(offer) for name, offer in named.items()}
