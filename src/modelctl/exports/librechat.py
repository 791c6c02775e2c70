"""LibreChat's `librechat.yaml`: an endpoint for each provider, with the window and the prices of its models.

LibreChat drops what it has no place for without a word: a `tokenConfig` needs prompt, completion and context, and the
lists of its built-in endpoints are read from `.env` (OPENAI_MODELS and the like), which comments at the top give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from modelctl.core.prices.price import PriceKind
from modelctl.exports.base import Export, Offer, Omissions, known, number, yaml_file

NAME = "librechat"
SUMMARY = "LibreChat's endpoints and their models (YAML)"
DOCS = "https://www.librechat.ai/docs/configuration/librechat_yaml"
IS_MENU = True

CONFIG_VERSION = "1.3.17"
"""`Constants.CONFIG_VERSION` of librechat-data-provider 0.8.524."""
_BUILT_IN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "anthropic": ("ANTHROPIC_MODELS", "anthropic"),
        "google": ("GOOGLE_MODELS", "google"),
        "openai": ("OPENAI_MODELS", "openAI"),
    }
)
"""Provider -> the variable that lists its models, and the endpoint's name."""


def render(offers: Sequence[Offer]) -> Export:
    """The whole file. Providers that LibreChat has built in get lines for `.env`, the others an endpoint."""
    omissions = Omissions()
    by_provider = [
        (of_one[0].provider, of_one)
        for _, group in groupby(omissions.chat_only(offers), key=lambda offer: offer.key.provider)
        if (of_one := list(group))
    ]
    lines = [
        f"# {_BUILT_IN[provider.name][0]}={','.join(offer.key.model_id for offer in of_one)}\n"
        for provider, of_one in by_provider
        if provider.name in _BUILT_IN
    ]
    custom = []
    for provider, of_one in by_provider:
        if provider.name in _BUILT_IN:
            continue
        if provider.api_base_url is None:
            for offer in of_one:
                omissions.add("no address of its provider", offer)
            continue
        custom.append(_endpoint(of_one, omissions))
    head = "# These lines belong into .env: LibreChat reads the models of its own endpoints from there.\n"
    text = "".join([head, *lines] if lines else ())
    content = {"version": CONFIG_VERSION, "endpoints": {"custom": custom} if custom else {}}
    count = sum(len(of_one) for provider, of_one in by_provider if provider.name in _BUILT_IN or provider.api_base_url)
    return Export(text=text + yaml_file(content), models=count, left_out=omissions.done())


def _endpoint(offers: Sequence[Offer], omissions: Omissions) -> dict[str, Any]:
    provider = offers[0].provider
    costs = {}
    for offer in offers:
        cost = {
            "prompt": number(offer.price(PriceKind.INPUT)),
            "completion": number(offer.price(PriceKind.OUTPUT)),
            "context": offer.facts.context_window,
        }
        if None in cost.values():
            omissions.add("listed without window and price, of which LibreChat takes all or none", offer)
        else:
            costs[offer.key.model_id] = cost
    return known(
        {
            "name": provider.name,
            "apiKey": f"${{{provider.env_vars[0]}}}" if provider.env_vars else "none",
            "baseURL": provider.api_base_url,
            "models": {"default": [offer.key.model_id for offer in offers], "fetch": False},
            "modelDisplayLabel": provider.display_name,
            "tokenConfig": costs or None,
        }
    )
