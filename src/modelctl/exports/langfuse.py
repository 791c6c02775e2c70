"""Model definitions for Langfuse: a JSON array of bodies for `POST /api/public/models`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, LeftOut, Offer, json_file, per_token

NAME = "langfuse"
SUMMARY = "Langfuse's model definitions (JSON)"
DOCS = "https://langfuse.com/docs/observability/features/token-and-cost-tracking"
IS_MENU = False

_USAGE_TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        PriceKind.INPUT: ("input",),
        PriceKind.OUTPUT: ("output",),
        PriceKind.CACHE_READ: ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens"),
        PriceKind.CACHE_WRITE: ("input_cache_creation", "cache_creation_input_tokens"),
        PriceKind.AUDIO_INPUT: ("input_audio_tokens",),
        PriceKind.AUDIO_OUTPUT: ("output_audio_tokens",),
    }
)
"""SDKs report one thing under several names; Langfuse's own list has a price for each."""


def render(offers: Sequence[Offer]) -> Export:
    """One definition for each model that has a price."""
    left_out = LeftOut()
    priced = left_out.only(offers, lambda offer: dict(_prices(offer)), "no price per token in USD")
    return Export(
        text=json_file([_definition(offer) for offer in priced]), models=len(priced), left_out=left_out.done()
    )


def _definition(offer: Offer) -> dict[str, Any]:
    names = "|".join(re.escape(name) for name in (offer.key.model_id, *(offer.facts.aliases or ())))
    return {
        "modelName": offer.key.model_id,
        "matchPattern": f"(?i)^({re.escape(offer.key.provider)}/)?({names})$",
        "unit": "TOKENS",
        "pricingTiers": [
            {
                "name": "Standard",
                "isDefault": True,
                "priority": 0,
                "conditions": [],
                "prices": dict(_prices(offer)),
            }
        ],
    }


def _prices(offer: Offer) -> Iterator[tuple[str, int | float]]:
    for kind, usage_types in _USAGE_TYPES.items():
        amount = per_token(offer.price(kind))
        if amount is not None:
            yield from ((usage_type, amount) for usage_type in usage_types)
