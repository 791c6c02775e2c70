"""xAI: every model with its prices, long-context tier and context, and from the typed listings its modalities.

`/models` shows all ids, with prices and context; the three typed listings have no context but say what goes in and
comes out. All four are asked, and the listing is whole only if all four answered. A newer kind of model, as voice,
may be in `/models` alone. Checked 2026-11-21; xAI's own SDK speaks gRPC and reads no variable for the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import MODALITIES, ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.core.prices.price import PriceKind, PricePoint, PriceUnit
from modelctl.discovery.base import Access, Endpoint, UnusableListing
from modelctl.discovery.fields import (
    amount_of,
    epoch_day,
    is_plausible_apiece,
    is_plausible_per_mtok,
    limit,
    observed,
    required_id,
    texts,
)
from modelctl.discovery.http import json_api, list_models, required_key

KIND = "xai"
DOCS = "https://docs.x.ai/developers/rest-api-reference/inference/models"
BASE_URL, BASE_URL_ENV = "https://api.x.ai/v1", ""
SDK = ""
PUBLIC = False
LANGUAGE = Endpoint(path="/language-models", items="models")
IMAGE = Endpoint(path="/image-generation-models", items="models")
VIDEO = Endpoint(path="/video-generation-models", items="models")
"""The typed listings. `/embedding-models` is no longer documented; such a model would come from `/models`."""
ALL = Endpoint()
ENDPOINTS = (LANGUAGE, IMAGE, VIDEO, ALL)
COMPLETE = True

TYPES = MappingProxyType(
    {
        "language-models": ModelType.CHAT,
        "image-generation-models": ModelType.IMAGE,
        "video-generation-models": ModelType.VIDEO,
    }
)
LISTED_UNDER = "listed_under"
"""Added to an item by `fetch`: the typed listing that shows it."""

TOKEN_PRICES = MappingProxyType(
    {
        "prompt_text_token_price": PriceKind.INPUT,
        "cached_prompt_text_token_price": PriceKind.CACHE_READ,
        "completion_text_token_price": PriceKind.OUTPUT,
    }
)
IMAGE_TOKEN_PRICE = "prompt_image_token_price"
TOKEN_UNITS_PER_USD = 10_000
"""Documented as USD cents per 100 million tokens: 12500 is 1.25 USD per million, the price of grok-4.3."""
IMAGE_UNITS_PER_USD = 10**10
"""`image_price` is documented as USD cents, but the documented example is 200000000 for grok-imagine-image, which
costs 0.02 USD, and the tiers beside it are in "1/100,000,000ths of a USD cent". Whole cents would land far outside
what is plausible and stay unknown. Where quality and resolution matter, it is the price of the default (medium, 1k)."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    required_key(access)
    with json_api(access, access.base_url or BASE_URL) as get:
        typed: dict[str, Mapping[str, Any]] = {}
        for endpoint in (LANGUAGE, IMAGE, VIDEO):
            items, name = list(list_models(get, endpoint)), endpoint.path.removeprefix("/")
            if endpoint is LANGUAGE and not items:
                raise UnusableListing(f"the {name} listing is empty")
            for item in items:
                if required_id(item) in typed:
                    raise UnusableListing(f"{item['id']!r} is listed twice")
                typed[item["id"]] = {**_stated(item), LISTED_UNDER: name}
        for item in list_models(get, ALL):
            yield {**_stated(item), **typed.pop(required_id(item), {})}
        yield from typed.values()


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item)
    kind = TYPES.get(str(item.get(LISTED_UNDER)))
    inputs = _modalities(item, "input_modalities")
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=ModelFacts(
            type=kind,
            input_modalities=inputs,
            output_modalities=_modalities(item, "output_modalities"),
            vision="image" in inputs if inputs and kind is ModelType.CHAT else None,
            # For images and videos it is the longest prompt (1024 for grok-imagine-image), which is no context.
            context_window=limit(item, "context_length") if kind is ModelType.CHAT else None,
            released_on=epoch_day(item, "created"),
            aliases=tuple(alias for alias in texts(item, "aliases") if alias != model_id) or None,
        ),
        prices=tuple(_prices(item, access)),
        # `created` is when xAI made the model object (grok-4.3: eleven days before its release), and the modalities
        # have no word for documents: a catalog knows both better.
        provenance={"released_on": "rule:created", "input_modalities": "rule:modalities"},
    )


def _prices(item: Mapping[str, Any], access: Access) -> Iterator[PricePoint]:
    """0 is what a model shows that is not sold so; nobody can tell it from free, so it stays unknown."""
    for key, kind in (*TOKEN_PRICES.items(), (IMAGE_TOKEN_PRICE, PriceKind.IMAGE_INPUT)):
        if price := _per_mtok(item, key):
            yield observed(kind, price, access.now)
    yield from _long_context_prices(item, access)
    price = (amount_of(item.get("image_price")) or Decimal(0)) / IMAGE_UNITS_PER_USD
    if is_plausible_apiece(price):
        yield observed(PriceKind.OUTPUT, price, access.now, unit=PriceUnit.IMAGE)


def _long_context_prices(item: Mapping[str, Any], access: Access) -> Iterator[PricePoint]:
    """The prices above `long_context_threshold`; "when 0, the standard price applies", which is then stated anew.

    The reference says "at or above", the pricing page "which exceed the 200K context window": above, as in the catalog.
    """
    threshold = limit(item, "long_context_threshold")
    longs = {key: _per_mtok(item, f"{key}_long_context") for key in TOKEN_PRICES}
    if threshold is None or not any(longs.values()):
        return
    for key, kind in TOKEN_PRICES.items():
        if price := longs[key] or _per_mtok(item, key):
            yield observed(kind, price, access.now, context_above=threshold)


def _per_mtok(item: Mapping[str, Any], key: str) -> Decimal | None:
    """USD per million tokens; None for 0, for nothing, and for what nobody can mean."""
    price = (amount_of(item.get(key)) or Decimal(0)) / TOKEN_UNITS_PER_USD
    return price if price and is_plausible_per_mtok(price) else None


def _modalities(item: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    stated = texts(item, key)
    return tuple(word for word in MODALITIES if word in stated) or None


def _stated(item: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not null, so that one listing never blanks what the other says."""
    return {name: value for name, value in item.items() if value is not None}
