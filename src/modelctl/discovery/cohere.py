"""Cohere: its own listing, page by page, with endpoints and features. It has neither prices, names nor dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped, Status
from modelctl.discovery.base import Access, Page, follow, list_at
from modelctl.discovery.fields import flag, limit, required_id, text, texts
from modelctl.discovery.http import json_api, required_key

KIND = "cohere"
DOCS = "https://docs.cohere.com/reference/list-models"
BASE_URL_ENV = "CO_API_URL"
COMPLETE = True

BASE_URL = "https://api.cohere.com"
PAGE_SIZE = 1000
"""The most that is allowed; the default is 20."""

TYPES = MappingProxyType(
    {
        "chat": ModelType.CHAT,
        "embed": ModelType.EMBEDDING,
        "embed_image": ModelType.EMBEDDING,
        "rerank": ModelType.RERANK,
        "transcriptions": ModelType.AUDIO,
    }
)
"""What an endpoint says about a model's type, first match wins. `classify`, `generate` and others say nothing."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    required_key(access)
    with json_api(access, access.base_url or BASE_URL) as get:

        def get_page(token: str | None) -> Page:
            query = urlencode({"page_size": PAGE_SIZE, **({"page_token": token} if token else {})})
            body = get(f"/v1/models?{query}").body
            return Page(list_at(body, "models"), text(body, "next_page_token"))

        yield from follow(get_page)


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item, "name")
    if flag(item, "finetuned"):
        return Skipped(model_id, "private: a fine-tuned model of one account")
    endpoints, features = texts(item, "endpoints"), texts(item, "features")
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=ModelFacts(
            type=next((kind for endpoint, kind in TYPES.items() if endpoint in endpoints), None),
            status=Status.DEPRECATED if flag(item, "is_deprecated") else None,
            # What the list of features leaves out stays unknown.
            vision="vision" in features or None,
            tools="tools" in features or None,
            structured_output="json_schema" in features or None,
            reasoning="reasoning" in features or None,
            context_window=limit(item, "context_length"),
        ),
        # It counts "special tokens and preambles", which no request can use: the documented window is smaller.
        provenance={"context_window": "rule:context_length"},
    )
