"""Google's Gemini API: names, token limits, supported actions and thinking. No prices, no days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.discovery.base import Access, Endpoint, KeyRefused, Page, UnusableListing, follow, json_of, kept_page
from modelctl.discovery.fields import flag, limit, required_id, text, texts
from modelctl.discovery.http import ResponseLimit, page_of, required_key, trust

if TYPE_CHECKING:
    from google.genai import Client


KIND = "google"
DOCS = "https://ai.google.dev/api/models#method:-models.list"
BASE_URL, BASE_URL_ENV = "https://generativelanguage.googleapis.com", "GOOGLE_GEMINI_BASE_URL"
API_VERSION = "v1beta"
"""The version that the listing is documented for. Pinned: left to itself google-genai 3.4 asks `v1` (2026-11-21)."""
SDK = "google.genai"
PUBLIC = False
MODELS = Endpoint(
    path=f"/{API_VERSION}/models",
    items="models",
    id="name",
    size="pageSize",
    most=1000,
    cursor="pageToken",
    next_cursor="nextPageToken",
)
ENDPOINTS = (MODELS,)
COMPLETE = True
WRONG_KEY = "API_KEY_INVALID"
"""The reason that comes with HTTP 400 for a key that does not exist (2026-11)."""

ACTION_TYPES = (
    ("generateContent", ModelType.CHAT),
    ("embedContent", ModelType.EMBEDDING),
    ("predict", ModelType.IMAGE),
    ("predictLongRunning", ModelType.VIDEO),
    ("bidiGenerateContent", ModelType.AUDIO),
    ("generateAnswer", ModelType.OTHER),
)
"""What a model can be asked for, first match wins: a chat model may be callable live as well."""

ID_TYPES: tuple[tuple[re.Pattern[str], ModelType], ...] = (
    (re.compile(r"-image\b|nano-banana"), ModelType.IMAGE),
    (re.compile(r"-tts\b|^lyria|-transcribe\b"), ModelType.AUDIO),
)
"""Images, speech and music are made by `generateContent`, too; only the id tells them from chat (seen 2026-11)."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    import httpx2
    from google.genai import errors, types

    pages: list[Page] = []
    limit = ResponseLimit(httpx2.ByteStream)

    def keep(response: httpx2.Response) -> None:
        # The SDK (3.4) reads an answer of another shape as an empty page: what was really sent is looked at here.
        if response.status_code == 200:
            response.read()
            pages.append(page_of(json_of(response), MODELS))

    client = _client(access, {"request": [limit.prepare], "response": [limit.read, keep]})

    def get_page(cursor: str | None) -> Page:
        access.throttle()
        config = types.ListModelsConfig(page_size=MODELS.most, page_token=cursor)
        try:
            return kept_page(lambda: client.models.list(config=config), pages)
        except errors.ClientError as error:
            if WRONG_KEY in str(error):
                raise KeyRefused(error.code) from error
            raise

    with client:
        yield from follow(get_page)


def _client(access: Access, event_hooks: Mapping[str, list[Callable[[Any], None]]]) -> Client:
    from google import genai
    from google.genai import types

    trusted = trust()
    return genai.Client(
        vertexai=False,
        api_key=required_key(access),
        http_options=types.HttpOptions(
            base_url=access.base_url.rstrip("/").removesuffix(f"/{API_VERSION}") if access.base_url else None,
            api_version=API_VERSION,
            headers=dict(access.headers) or None,
            timeout=int(access.timeout_s * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
            # No redirects: the SDK would carry the key along.
            client_args={"event_hooks": event_hooks, "follow_redirects": False, "verify": trusted},
            async_client_args={"ssl": trusted},  # never used, but the SDK would load all certificates again
        ),
    )


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    name = required_id(item, MODELS.id)
    if name.startswith("tunedModels/"):
        return Skipped(name, "private: a tuned model of one account")
    model_id = name.removeprefix("models/")
    if model_id == name:
        raise UnusableListing("a name does not begin with 'models/'")
    actions = texts(item, "supportedGenerationMethods")
    by_id = next((kind for pattern, kind in ID_TYPES if pattern.search(model_id)), None)
    by_action = next((kind for action, kind in ACTION_TYPES if action in actions), None)
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=ModelFacts(
            display_name=text(item, "displayName"),
            type=by_id or by_action,
            reasoning=flag(item, "thinking"),
            prompt_caching=True if "createCachedContent" in actions else None,
            batch=True if {"batchGenerateContent", "asyncBatchEmbedContent"} & set(actions) else None,
            # Google states no window of input and output together; its input limit is what everybody calls the window.
            context_window=limit(item, "inputTokenLimit"),
            max_output_tokens=limit(item, "outputTokenLimit"),
        ),
        provenance={"type": "rule:type"} if by_id else {},
    )
