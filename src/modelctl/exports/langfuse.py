"""Model definitions for Langfuse: a JSON array of bodies for `POST /api/public/models`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, json_file, per_token

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
    omissions = Omissions()
    priced = omissions.only(offers, _prices, "no price per token in USD")
    return Export(
        text=json_file([_definition(offer) for offer in priced]), models=len(priced), left_out=omissions.done()
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
                "prices": _prices(offer),
            }
        ],
    }


def _prices(offer: Offer) -> dict[str, int | float | None]:
    amounts = {kind: per_token(offer.price(kind)) for kind in _USAGE_TYPES}
    return {name: amounts[kind] for kind, names in _USAGE_TYPES.items() for name in names if amounts[kind] is not None}
