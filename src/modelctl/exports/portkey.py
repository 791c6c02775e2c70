"""Portkey's price lists: by model, in US cents per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, json_file, number

NAME = "portkey"
SUMMARY = "Portkey's price list, in cents per token (JSON)"
DOCS = "https://github.com/Portkey-AI/models"
IS_MENU = False

_PRICES: Mapping[str, str] = MappingProxyType(
    {
        "request_token": PriceKind.INPUT,
        "response_token": PriceKind.OUTPUT,
        "cache_read_input_token": PriceKind.CACHE_READ,
        "cache_write_input_token": PriceKind.CACHE_WRITE,
    }
)


def render(offers: Sequence[Offer]) -> Export:
    """One list; Portkey keeps one for each provider, so export one provider at a time where ids meet."""
    omissions = Omissions()
    priced = omissions.only(offers, _prices, "no price per token in USD")
    named = omissions.one_of_a_name(priced, lambda offer: offer.key.model_id)
    content = {name: {"pricing_config": {"pay_as_you_go": _prices(offer)}} for name, offer in named.items()}
    return Export(text=json_file(content), models=len(named), left_out=omissions.done())


def _prices(offer: Offer) -> dict[str, Any]:
    return {key: {"price": number(amount.scaleb(-4))} for key, amount in offer.amounts(_PRICES).items()}
