"""The providers' listings as JSON: routes, paging, keys, and one item of each with plausible values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

Query = Mapping[str, list[str]]
Pages = Callable[[list[Any], Query, int, bool], tuple[Any, int]]
"""(items, query, most items, repeat the first page) -> body and number of the page."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one provider's API is laid out."""

    base_path: str
    """Of the base URL that its SDK wants."""
    lists: Mapping[str, Pages]
    """Of the listings, by their path below the base URL; all but xAI have one."""
    key_of: Callable[[Mapping[str, str]], str | None]
    """The key in the request's headers (names in lower case)."""
    base_url_env: str = ""
    key_env: str = ""


def bearer(headers: Mapping[str, str]) -> str | None:
    """The key of `Authorization: Bearer …`."""
    value = headers.get("authorization", "")
    return value.removeprefix("Bearer ") if value.startswith("Bearer ") else None


def _openai_page(items: list[Any], _query: Query, _most: int, _repeats: bool) -> tuple[dict[str, Any], int]:
    return {"object": "list", "data": items}, 1


def _bare_list(items: list[Any], _query: Query, _most: int, _repeats: bool) -> tuple[list[Any], int]:
    return items, 1


def _anthropic_page(items: list[Any], query: Query, most: int, repeats: bool) -> tuple[dict[str, Any], int]:
    lifecycles = query.get("lifecycle[]", ["active", "deprecated"])
    shown = [each for each in items if not isinstance(each, dict) or each.get("lifecycle", "active") in lifecycles]
    size = min(most, int(query.get("limit", ["20"])[0]))
    after = query.get("after_id", [""])[0]
    ids = [each.get("id") if isinstance(each, dict) else None for each in shown]
    start = 0 if repeats or after not in ids else ids.index(after) + 1
    page = shown[start : start + size]
    body = {
        "data": page,
        "has_more": repeats or start + size < len(shown),
        "first_id": page[0].get("id") if page else None,
        "last_id": page[-1].get("id") if page else None,
    }
    return body, start // size + 1


def _google_page(items: list[Any], query: Query, most: int, repeats: bool) -> tuple[dict[str, Any], int]:
    size = min(most, int(query.get("pageSize", ["50"])[0]))
    start = 0 if repeats else int(query.get("pageToken", ["0"])[0])
    body: dict[str, Any] = {"models": items[start : start + size]}
    if repeats or start + size < len(items):
        body["nextPageToken"] = str(start + size)
    return body, start // size + 1


def _replicate_page(items: list[Any], _query: Query, _most: int, _repeats: bool) -> tuple[dict[str, Any], int]:
    collection = {"name": "Official models", "slug": "official", "description": "Always on", "full_description": None}
    return {**collection, "models": items}, 1


def _cohere_page(items: list[Any], query: Query, most: int, repeats: bool) -> tuple[dict[str, Any], int]:
    size = min(most, int(query.get("page_size", ["20"])[0]))
    start = 0 if repeats else int(query.get("page_token", ["0"])[0])
    body: dict[str, Any] = {"models": items[start : start + size]}
    if repeats or start + size < len(items):
        body["next_page_token"] = str(start + size)
    return body, start // size + 1


XAI_TYPED_ONLY = frozenset({"listed_under", "input_modalities", "output_modalities", "fingerprint", "version"})


def _xai_page(items: list[Any], _query: Query, _most: int, _repeats: bool) -> tuple[dict[str, Any], int]:
    plain = [
        {name: value for name, value in each.items() if name not in XAI_TYPED_ONLY} if isinstance(each, dict) else each
        for each in items
    ]
    return {"object": "list", "data": plain}, 1


def _xai_typed_page(name: str) -> Pages:
    """The items whose `listed_under` is this listing, without what only `/models` says."""

    def page(items: list[Any], _query: Query, _most: int, _repeats: bool) -> tuple[dict[str, Any], int]:
        shown = [each for each in items if isinstance(each, dict) and each.get("listed_under") == name]
        hidden = ("listed_under", "context_length")
        return {"models": [{key: each[key] for key in each if key not in hidden} for each in shown]}, 1

    return page


SHAPES: dict[str, Shape] = {
    "openai": Shape("/v1", {"/models": _openai_page}, bearer, "OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "anthropic": Shape(
        "",
        {"/v1/models": _anthropic_page},
        lambda headers: headers.get("x-api-key") or bearer(headers),
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_API_KEY",
    ),
    "google": Shape(
        "",
        {"/v1beta/models": _google_page},
        lambda headers: headers.get("x-goog-api-key"),
        "GOOGLE_GEMINI_BASE_URL",
        "GEMINI_API_KEY",
    ),
    "replicate": Shape(
        "", {"/v1/collections/official": _replicate_page}, bearer, "REPLICATE_BASE_URL", "REPLICATE_API_TOKEN"
    ),
    "cohere": Shape("", {"/v1/models": _cohere_page}, bearer, "CO_API_URL", "CO_API_KEY"),
    "xai": Shape(
        "/v1",
        {
            "/models": _xai_page,
            **{
                f"/{name}": _xai_typed_page(name)
                for name in ("language-models", "image-generation-models", "video-generation-models")
            },
        },
        bearer,
        key_env="XAI_API_KEY",
    ),
    "deepseek": Shape("", {"/models": _openai_page}, bearer, key_env="DEEPSEEK_API_KEY"),
    "fireworks": Shape("/inference/v1", {"/models": _openai_page}, bearer, key_env="FIREWORKS_API_KEY"),
    "groq": Shape("/openai/v1", {"/models": _openai_page}, bearer, key_env="GROQ_API_KEY"),
    "mistral": Shape("/v1", {"/models": _openai_page}, bearer, key_env="MISTRAL_API_KEY"),
    "perplexity": Shape("/v1", {"/models": _openai_page}, bearer, key_env="PERPLEXITY_API_KEY"),
    "together": Shape("/v1", {"/models": _bare_list}, bearer, key_env="TOGETHER_API_KEY"),
}
FOUR = ("openai", "anthropic", "google", "replicate")
"""The providers with an SDK here that reads its base URL from the environment."""

COMPATIBLE = Shape("/v1", {"/models": _openai_page}, bearer)
"""Of every other provider."""


def parse_query(query: str) -> Query:
    """The query as lists of values."""
    return parse_qs(query, keep_blank_values=True)


def openai_item(model_id: Any, **more: Any) -> dict[str, Any]:
    """A model as OpenAI lists it."""
    return {"id": model_id, "object": "model", "created": 1752019200, "owned_by": "system", **more}


def anthropic_item(model_id: Any, **more: Any) -> dict[str, Any]:
    """A model as Anthropic lists it."""
    return {
        "type": "model",
        "id": model_id,
        "display_name": f"Claude {model_id}",
        "created_at": "2026-02-05T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "max_input_tokens": 200000,
        "max_tokens": 64000,
        **more,
    }


def google_item(model_id: Any, **more: Any) -> dict[str, Any]:
    """A model as the Gemini API lists it; the id without `models/`."""
    return {
        "name": f"models/{model_id}",
        "version": "001",
        "displayName": f"Gemini {model_id}",
        "inputTokenLimit": 1048576,
        "outputTokenLimit": 65536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"],
        **more,
    }


def cohere_item(model_id: Any, **more: Any) -> dict[str, Any]:
    """A model as Cohere lists it."""
    return {
        "name": model_id,
        "is_deprecated": False,
        "endpoints": ["chat"],
        "finetuned": False,
        "context_length": 132096,
        "features": ["tools"],
        **more,
    }


def replicate_item(model_id: str, **more: Any) -> dict[str, Any]:
    """A model as Replicate lists it; the id as `owner/name`."""
    owner, _, name = model_id.partition("/")
    return {
        "url": f"https://replicate.com/{model_id}",
        "owner": owner,
        "name": name,
        "description": f"{name} by {owner}",
        "visibility": "public",
        "is_official": True,
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 1,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": None,
        **more,
    }
