"""Any server that answers `GET {base_url}/models` as OpenAI does: vLLM, Ollama, LiteLLM, Together, Groq, Mistral …

Configured by an `ai_providers` row alone: base URL, header name and prefix, variable of the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from modelctl.core.model import ModelKey, ModelRecord, Skipped
from modelctl.discovery.json_api import json_api
from modelctl.discovery.listing_extras import facts_of, prices_of, rules_of
from modelctl.discovery.pages import Page, follow, list_at, objects
from modelctl.discovery.reading import flag, part, required_id, text
from modelctl.discovery.source import Access, UnusableListing
from modelctl.errors import SourceError

KIND = "openai-compatible"
DOCS = "https://platform.openai.com/docs/api-reference/models/list"
BASE_URL_ENV = ""
COMPLETE = True

PRIVATE_KINDS = ("HF_PEFT_ADDON", "HF_TEFT_ADDON", "FLUMINA_ADDON", "LIVE_MERGE")


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    if not access.base_url:
        raise SourceError(
            f"{access.provider}: no base URL",
            "an openai-compatible provider needs api_base_url, as http://host:8080/v1",
        )
    with json_api(access, access.base_url) as get:
        yield from follow(lambda cursor: _page(*get(cursor or "/models")))


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item)
    if flag(item, "active") is False:  # Groq, https://console.groq.com/docs/api-reference#models-list
        return Skipped(model_id, "the provider lists it as not active")
    # OpenAI's, Mistral's and Fireworks' words: https://docs.fireworks.ai/api-reference/list-models
    if model_id.startswith("ft:") or item.get("type") == "fine-tuned" or item.get("kind") in PRIVATE_KINDS:
        return Skipped(model_id, "private: a fine-tuned model of one account")
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=facts_of(item, access.now),
        prices=prices_of(item, access.now),
        provenance=rules_of(item),
    )


def _page(body: Any, url: str) -> Page:
    """OpenAI's `{"data": [...]}`, or a bare list (Together), with OpenRouter's link to the next page.

    A listing that says it goes on, in a way that is not followed here, must not be taken for whole.
    """
    if isinstance(body, list):
        return Page(objects(body))
    items = list_at(body, "data")
    link = text(part(body, "links"), "next")
    if link:
        following = urljoin(url, link)
        if urlsplit(following)[:2] != urlsplit(url)[:2]:
            raise UnusableListing("the listing goes on at another server")
        return Page(items, following)
    if body.get("has_more") is True:
        raise UnusableListing("the listing says that it has more, but not where")
    return Page(items)
