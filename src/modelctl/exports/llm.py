"""`extra-openai-models.yaml` of the command line tool `llm`: models of servers that speak OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelctl.exports.base import Export, Offer, Omissions, known, yaml_file

NAME = "llm"
SUMMARY = "extra-openai-models.yaml of the tool llm (YAML)"
DOCS = "https://llm.datasette.io/en/stable/other-models.html#openai-compatible-models"
IS_MENU = True

_SPEAKERS = ("openai", "openai-compatible", "cerebras", "openrouter", "xai")
"""Kinds of provider whose API is OpenAI's."""


def render(offers: Sequence[Offer]) -> Export:
    """One entry for each chat model that llm can call by OpenAI's protocol."""
    omissions = Omissions()
    speaking = omissions.only(
        omissions.chat_only(offers),
        lambda offer: offer.provider.kind in _SPEAKERS and offer.provider.api_base_url,
        "no provider that speaks OpenAI's protocol at a known address",
    )
    entries = [_entry(offer) for offer in speaking]
    return Export(text=yaml_file(entries), models=len(entries), left_out=omissions.done())


def _entry(offer: Offer) -> dict[str, Any]:
    facts, provider = offer.facts, offer.provider
    return known(
        {
            "model_id": str(offer.key),
            "model_name": offer.key.model_id,
            "api_base": provider.api_base_url,
            "api_key_name": provider.name if provider.env_vars else None,
            "supports_tools": facts.tools,
            "supports_schema": facts.structured_output,
            "vision": offer.has_vision,
            "reasoning": facts.reasoning,
            "can_stream": facts.streaming,
        }
    )
