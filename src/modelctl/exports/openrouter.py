"""A listing in the shape of OpenRouter's `GET /api/v1/models`, prices per token as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import decimal_text
from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, json_file, known

NAME = "openrouter"
SUMMARY = "a listing as OpenRouter's API gives it (JSON)"
DOCS = "https://openrouter.ai/docs/api-reference/list-available-models"
IS_MENU = False

_PRICING: Mapping[str, str] = MappingProxyType(
    {
        "prompt": PriceKind.INPUT,
        "completion": PriceKind.OUTPUT,
        "input_cache_read": PriceKind.CACHE_READ,
        "input_cache_write": PriceKind.CACHE_WRITE,
        "internal_reasoning": PriceKind.REASONING_OUTPUT,
    }
)
_PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tools": ("tools", "tool_choice"),
        "structured_output": ("structured_outputs", "response_format"),
        "reasoning": ("reasoning", "include_reasoning"),
        "temperature": ("temperature",),
    }
)


def render(offers: Sequence[Offer]) -> Export:
    """The listing; ids are `provider/id`, OpenRouter's own ones as they are."""
    omissions = Omissions()
    named = omissions.one_of_a_name(offers, _id)
    return Export(
        text=json_file({"data": [_model(name, offer) for name, offer in named.items()]}),
        models=len(named),
        left_out=omissions.done(),
    )


def _id(offer: Offer) -> str:
    return offer.key.model_id if offer.key.provider == "openrouter" else str(offer.key)


def _model(name: str, offer: Offer) -> dict[str, Any]:
    facts = offer.facts
    pricing = {key: decimal_text(amount.scaleb(-6)) for key, amount in offer.amounts(_PRICING).items()}
    architecture = known({"input_modalities": facts.input_modalities, "output_modalities": facts.output_modalities})
    released = datetime.combine(facts.released_on, time(), UTC) if facts.released_on else None
    return known(
        {
            "id": name,
            "canonical_slug": name,
            "name": f"{offer.provider.display_name}: {offer.name}",
            "created": int(released.timestamp()) if released else None,
            "context_length": facts.context_window,
            "architecture": architecture or None,
            "pricing": pricing,
            "top_provider": known(
                {"context_length": facts.context_window, "max_completion_tokens": facts.max_output_tokens}
            )
            or None,
            "supported_parameters": [
                each for capability, names in _PARAMETERS.items() if getattr(facts, capability) for each in names
            ],
        }
    )
