"""Cohere: its own listing, page by page, with endpoints and features. It has neither prices, names nor dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped, Status
from modelctl.discovery.base import Access, Endpoint
from modelctl.discovery.fields import flag, limit, required_id, texts
from modelctl.discovery.http import json_api, list_models, required_key

KIND = "cohere"
DOCS = "https://docs.cohere.com/reference/list-models"
BASE_URL, BASE_URL_ENV = "https://api.cohere.com", "CO_API_URL"
SDK = ""
PUBLIC = False
MODELS = Endpoint(
    path="/v1/models",
    items="models",
    id="name",
    size="page_size",
    most=1000,
    cursor="page_token",
    next_cursor="next_page_token",
)
ENDPOINTS = (MODELS,)
COMPLETE = True

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
        yield from list_models(get, MODELS)


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item, MODELS.id)
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
