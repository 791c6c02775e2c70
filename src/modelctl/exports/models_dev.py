"""The document of models.dev (`api.json`), which opencode and others read: providers with their models.

A model's `cost` needs input and output, its `limit` context and output: what is unknown is left out, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import Status
from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, json_file, known, number

NAME = "models-dev"
SUMMARY = "models.dev's api.json, which opencode reads (JSON)"
DOCS = "https://github.com/anomalyco/models.dev/blob/dev/packages/core/src/schema.ts"
IS_MENU = False

PROVIDERS: Mapping[str, str] = MappingProxyType({"fireworks": "fireworks-ai", "together": "togetherai"})
"""What models.dev calls our providers, where that is another name."""
_PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "@ai-sdk/anthropic",
        "cerebras": "@ai-sdk/cerebras",
        "cohere": "@ai-sdk/cohere",
        "google": "@ai-sdk/google",
        "groq": "@ai-sdk/groq",
        "mistral": "@ai-sdk/mistral",
        "openai": "@ai-sdk/openai",
        "openrouter": "@openrouter/ai-sdk-provider",
        "perplexity": "@ai-sdk/perplexity",
        "together": "@ai-sdk/togetherai",
        "xai": "@ai-sdk/xai",
    }
)
"""The package of Vercel's AI SDK that speaks to a provider; else the one for OpenAI's protocol."""
_COSTS: Mapping[str, str] = MappingProxyType(
    {
        "input": PriceKind.INPUT,
        "output": PriceKind.OUTPUT,
        "reasoning": PriceKind.REASONING_OUTPUT,
        "cache_read": PriceKind.CACHE_READ,
        "cache_write": PriceKind.CACHE_WRITE,
        "input_audio": PriceKind.AUDIO_INPUT,
        "output_audio": PriceKind.AUDIO_OUTPUT,
    }
)


def render(offers: Sequence[Offer]) -> Export:
    """Every provider with its models."""
    omissions = Omissions()
    document = providers(offers, omissions)
    return Export(text=json_file(document), models=len(offers), left_out=omissions.done())


def providers(offers: Sequence[Offer], omissions: Omissions) -> dict[str, dict[str, Any]]:
    """By models.dev's names, each provider with its models."""
    found = {}
    for _, group in groupby(offers, key=lambda offer: offer.key.provider):
        of_one = list(group)
        provider = of_one[0].provider
        name = PROVIDERS.get(provider.name, provider.name)
        found[name] = known(
            {
                "id": name,
                "env": list(provider.env_vars),
                "npm": _PACKAGES.get(provider.name, "@ai-sdk/openai-compatible"),
                "api": None if provider.name in _PACKAGES else provider.api_base_url,
                "name": provider.display_name,
                "doc": provider.docs_url,
                "models": {offer.key.model_id: model(offer, omissions) for offer in of_one},
            }
        )
    return found


def model(offer: Offer, omissions: Omissions) -> dict[str, Any]:
    """What models.dev says of one model."""
    facts = offer.facts
    cost = _cost(offer)
    if cost is None:
        omissions.add("listed without cost, as input and output are not both known in USD", offer)
    limit = known({"context": facts.context_window, "input": facts.max_input_tokens, "output": facts.max_output_tokens})
    if not {"context", "output"} <= set(limit):
        omissions.add("listed without limit, as window and output are not both known", offer)
        limit = {}
    modalities = known({"input": facts.input_modalities, "output": facts.output_modalities})
    return known(
        {
            "id": offer.key.model_id,
            "name": offer.name,
            "family": facts.family,
            "attachment": bool(offer.has_vision or facts.pdf_input),
            "reasoning": bool(facts.reasoning),
            "tool_call": bool(facts.tools),
            "structured_output": facts.structured_output,
            "temperature": facts.temperature,
            "knowledge": facts.knowledge_cutoff,
            "release_date": facts.released_on.isoformat() if facts.released_on else None,
            "modalities": modalities if len(modalities) == 2 else None,
            "cost": cost,
            "limit": limit or None,
            "status": _status(facts.status),
        }
    )


def _cost(offer: Offer, context_above: int = 0) -> dict[str, Any] | None:
    found = offer.amounts(_COSTS, context_above=context_above)
    amounts = {key: number(amount) for key, amount in found.items()}
    if not {"input", "output"} <= set(amounts):
        return None
    if context_above:
        return {**amounts, "tier": {"type": "context", "size": context_above}}
    tiers = [each for size in offer.context_tiers if (each := _cost(offer, size)) is not None]
    return {**amounts, "tiers": tiers} if tiers else amounts


def _status(status: str | None) -> str | None:
    if status == Status.PREVIEW:
        return "beta"
    return "deprecated" if status in (Status.DEPRECATED, Status.RETIRED) else None
