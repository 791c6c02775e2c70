"""The models of Continue's `config.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import ModelType
from modelctl.exports.base import Export, Offer, Omissions, known, yaml_file

NAME = "continue"
SUMMARY = "the models of Continue's config.yaml (YAML)"
DOCS = "https://docs.continue.dev/reference"
IS_MENU = True

_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "anthropic",
        "cerebras": "cerebras",
        "cohere": "cohere",
        "deepseek": "deepseek",
        "fireworks": "fireworks",
        "google": "gemini",
        "groq": "groq",
        "mistral": "mistral",
        "openai": "openai",
        "openrouter": "openrouter",
        "replicate": "replicate",
        "together": "together",
        "xai": "xAI",
    }
)
"""What Continue calls our providers; every other one is taken for a server that speaks OpenAI's protocol."""
MIN_INPUT_TOKENS = 1000
"""Continue takes `maxTokens` off the window, and complains where less than this is left for the input."""
_ROLES: Mapping[str, list[str]] = MappingProxyType(
    {ModelType.CHAT: ["chat", "edit", "apply"], ModelType.EMBEDDING: ["embed"], ModelType.RERANK: ["rerank"]}
)


def render(offers: Sequence[Offer]) -> Export:
    """The whole file, with the roles that a model's type allows."""
    omissions = Omissions()
    fitting = omissions.only(offers, lambda offer: offer.facts.type in _ROLES, "not a kind of model that Continue uses")
    models = [_entry(offer) for offer in fitting]
    content = {"name": "modelctl", "version": "1.0.0", "schema": "v1", "models": models}
    return Export(text=yaml_file(content), models=len(models), left_out=omissions.done())


def _entry(offer: Offer) -> dict[str, Any]:
    facts, provider = offer.facts, offer.provider
    known_provider = _PROVIDERS.get(provider.name)
    capabilities = ["tool_use"] * bool(facts.tools) + ["image_input"] * bool(offer.has_vision)
    options = known({"contextLength": facts.context_window, "maxTokens": _max_tokens(offer)})
    return known(
        {
            "name": f"{offer.name} ({provider.display_name})",
            "provider": known_provider or "openai",
            "model": offer.key.model_id,
            "apiBase": None if known_provider else provider.api_base_url,
            "apiKey": f"${{{{ secrets.{provider.env_vars[0]} }}}}" if provider.env_vars else None,
            "roles": _ROLES[facts.type or ""],
            "capabilities": capabilities or None,
            "defaultCompletionOptions": options if facts.type == ModelType.CHAT and options else None,
        }
    )


def _max_tokens(offer: Offer) -> int | None:
    """The output limit, where asking for all of it leaves room for an input."""
    window, output = offer.facts.context_window, offer.facts.max_output_tokens
    return output if output is None or window is None or output + MIN_INPUT_TOKENS <= window else None
