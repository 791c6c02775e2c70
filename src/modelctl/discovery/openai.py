"""OpenAI: one page of ids with their creation and shutdown days. Limits, prices and names are not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.discovery.base import Access, Endpoint, json_of
from modelctl.discovery.fields import epoch_day, iso_day, required_id, text
from modelctl.discovery.http import page_of, required_key, sdk_client

KIND = "openai"
DOCS = "https://platform.openai.com/docs/api-reference/models/list"
BASE_URL, BASE_URL_ENV = "https://api.openai.com/v1", "OPENAI_BASE_URL"
SDK = "openai"
PUBLIC = False
ENDPOINTS = (Endpoint(),)
COMPLETE = True

PUBLIC_OWNERS = frozenset({"openai", "openai-internal", "openai-dev", "system"})
"""Owners of models that everybody can call; any other is an organisation's own (seen 2026-11)."""

TYPE_RULES: tuple[tuple[re.Pattern[str], ModelType], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"embedding", ModelType.EMBEDDING),
        (r"moderation", ModelType.MODERATION),
        (r"^dall-e|^gpt-image|^chatgpt-image", ModelType.IMAGE),
        (r"^sora", ModelType.VIDEO),
        (r"^whisper|^tts-|-tts\b|transcribe|realtime|audio|^gpt-live", ModelType.AUDIO),
        (r"^babbage|^davinci|-instruct\b", ModelType.OTHER),
        (r"^gpt-|^chatgpt-|^o\d", ModelType.CHAT),
    )
)
"""What an id says about its type, first match wins: the listing has no such field. Unknown names stay unknown."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    import httpx  # noqa: F401 - openai (3.52) looks into that module while replicate's thread is still loading it
    from openai import OpenAI, not_given

    with OpenAI(
        api_key=required_key(access),
        admin_api_key="",
        base_url=access.base_url or not_given,
        timeout=access.timeout_s,
        max_retries=0,
        default_headers=access.headers,
        http_client=sdk_client(),
    ) as client:
        access.throttle()
        yield from page_of(json_of(client.models.with_raw_response.list().http_response), ENDPOINTS[0]).items


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item)
    if model_id.startswith("ft:"):
        return Skipped(model_id, "private: a fine-tuned model of one account")
    owner = text(item, "owned_by")
    if owner and owner not in PUBLIC_OWNERS:
        return Skipped(model_id, f"private: owned by {owner}")
    kind = next((kind for pattern, kind in TYPE_RULES if pattern.search(model_id)), None)
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=ModelFacts(type=kind, released_on=epoch_day(item, "created"), retires_on=iso_day(item, "shutdown_date")),
        # `created` is when OpenAI made the model object, days before or after its release: any catalog knows better.
        provenance={"type": "rule:type", "released_on": "rule:created"},
    )
