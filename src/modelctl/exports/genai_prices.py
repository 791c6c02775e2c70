"""The data of genai-prices, as its `DataSnapshot` reads it: providers with the prices of their models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import Status
from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, json_file, known, number

NAME = "genai-prices"
SUMMARY = "the data of Pydantic's genai-prices (JSON)"
DOCS = "https://github.com/pydantic/genai-prices"
IS_MENU = False

_PROVIDERS: Mapping[str, str] = MappingProxyType({"xai": "x-ai"})
"""What genai-prices calls our providers, where that is another name."""
_PRICES: Mapping[str, str] = MappingProxyType(
    {
        "input_mtok": PriceKind.INPUT,
        "output_mtok": PriceKind.OUTPUT,
        "cache_read_mtok": PriceKind.CACHE_READ,
        "cache_write_mtok": PriceKind.CACHE_WRITE,
        "input_audio_mtok": PriceKind.AUDIO_INPUT,
        "output_audio_mtok": PriceKind.AUDIO_OUTPUT,
    }
)


def render(offers: Sequence[Offer]) -> Export:
    """Every provider with its priced models."""
    omissions = Omissions()
    priced = omissions.only(offers, _prices, "no price per token in USD")
    for offer in priced:
        if _needs_cached_audio(offer):
            omissions.add("listed without its price for audio, which needs one for cached audio beside it", offer)
    providers = [_provider(list(group)) for _, group in groupby(priced, key=lambda offer: offer.key.provider)]
    return Export(text=json_file(providers), models=len(priced), left_out=omissions.done())


def _provider(offers: Sequence[Offer]) -> dict[str, Any]:
    provider = offers[0].provider
    address = re.escape(provider.api_base_url or "") or r"(?!)"
    return known(
        {
            "id": _PROVIDERS.get(provider.name, provider.name),
            "name": provider.display_name,
            "api_pattern": address,
            "pricing_urls": [provider.pricing_url] if provider.pricing_url else None,
            "models": [_model(offer) for offer in offers],
        }
    )


def _model(offer: Offer) -> dict[str, Any]:
    names = (offer.key.model_id, *(offer.facts.aliases or ()))
    return known(
        {
            "id": offer.key.model_id,
            "name": offer.facts.display_name,
            "match": {"or": [{"equals": name} for name in names]} if len(names) > 1 else {"equals": names[0]},
            "context_window": offer.facts.context_window,
            "deprecated": offer.facts.status in (Status.DEPRECATED, Status.RETIRED) or None,
            "prices": _prices(offer),
        }
    )


def _prices(offer: Offer) -> dict[str, Any]:
    """Amounts per million tokens; with long-context tiers as base and tiers, which reprice the whole request."""
    prices: dict[str, Any] = {}
    for key, kind in _PRICES.items():
        base = number(offer.price(kind))
        if base is None or (kind == PriceKind.AUDIO_INPUT and _needs_cached_audio(offer)):
            continue
        tiers = [
            {"start": size, "price": amount}
            for size in offer.context_tiers
            if (amount := number(offer.price(kind, context_above=size))) is not None
        ]
        prices[key] = {"base": base, "tiers": tiers} if tiers else base
    if (request := offer.price(PriceKind.REQUEST, unit="request")) is not None:
        prices["requests_kcount"] = number(request.scaleb(3))
    return prices


def _needs_cached_audio(offer: Offer) -> bool:
    """Whether it has prices for cached input and for audio: genai-prices refuses to bill with these two alone."""
    return None not in (offer.price(PriceKind.CACHE_READ), offer.price(PriceKind.AUDIO_INPUT))
