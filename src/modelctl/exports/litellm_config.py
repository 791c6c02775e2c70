"""The model list of LiteLLM's proxy: what it offers, which key it takes for each, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelctl.exports.base import Export, Offer, known, yaml_file
from modelctl.exports.litellm_prices import OWN, PROVIDERS, entry, litellm_provider

NAME = "litellm-config"
SUMMARY = "the model_list of LiteLLM's proxy (YAML)"
DOCS = "https://docs.litellm.ai/docs/proxy/configs"
IS_MENU = True


def render(offers: Sequence[Offer]) -> Export:
    """One entry for each model, called `provider/id` as modelctl does."""
    listed = [_entry(offer) for offer in offers]
    return Export(text=yaml_file({"model_list": listed}), models=len(listed))


def _entry(offer: Offer) -> dict[str, Any]:
    provider = offer.provider
    is_own = provider.name not in PROVIDERS
    parameters = {
        "model": f"{litellm_provider(offer, OWN)}/{offer.key.model_id}",
        "api_key": f"os.environ/{provider.env_vars[0]}" if provider.env_vars else None,
        "api_base": provider.api_base_url if is_own else None,
    }
    return {
        "model_name": str(offer.key),
        "litellm_params": known(parameters),
        "model_info": {"id": str(offer.key), **entry(offer)},
    }
