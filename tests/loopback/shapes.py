"""What the providers' listings look like: what their modules say of their APIs, around the items of a saved answer.

A provider's kind is its name, where there is a module of that name, or what its catalog says. Two APIs do more than a
module can say: Anthropic's hides what has ended, and xAI's listings each say something else of a model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from modelctl.catalog.load import load, shipped_directory
from modelctl.core.provider import Provider
from modelctl.discovery.base import Discovery, Endpoint
from modelctl.discovery.registry import REGISTRY

Query = Mapping[str, list[str]]

COMPATIBLE = "openai-compatible"
"""The kind of every provider of which nothing else is known."""
DATA = Path(__file__).parent.parent / "discovery" / "data"


def kind_of(saved: Path) -> str:
    """The kind of module that a saved answer is for: `KIND.json`, or `KIND-SERVER.json`."""
    return max((kind for kind in REGISTRY if f"{saved.stem}-".startswith(f"{kind}-")), key=len)


@cache
def saved_answers() -> Mapping[str, Path]:
    """The saved answers by provider; that of a module of its own before that of the same server's OpenAI listing."""
    files = sorted(DATA.glob("*.json"))
    return {path.stem.removeprefix(f"{COMPATIBLE}-"): path for path in files if path.stem not in REGISTRY} | {
        path.stem: path for path in files if path.stem in REGISTRY
    }


def saved_body(provider: str) -> Any:
    """The saved answer of a provider; one without models where none was saved."""
    path = saved_answers().get(provider)
    return {"object": "list", "data": []} if path is None else json.loads(_text(path))


@cache
def _text(path: Path) -> str:
    """Every server is made with all of the answers, and most tests make one."""
    return path.read_text(encoding="utf-8")


def saved_items(provider: str) -> list[Any]:
    """The models of the provider's saved answer."""
    body = saved_body(provider)
    return body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))


@cache
def _shipped() -> Mapping[str, Provider]:
    return load(shipped_directory()).providers


def module_of(provider: str) -> Discovery:
    """What lists this provider's models."""
    shipped = _shipped().get(provider)
    return REGISTRY.get(provider) or REGISTRY[shipped.kind if shipped is not None else COMPATIBLE]


def base_path_of(provider: str, module: Discovery) -> str:
    """The path of the base URL: that of its module's API, else that of its catalog."""
    shipped = _shipped().get(provider)
    address = module.BASE_URL or (shipped.api_base_url if shipped is not None else None) or "http://llm.test/v1"
    return urlsplit(address).path


def key_env_of(provider: str) -> str:
    """The variable of the provider's key."""
    shipped = _shipped().get(provider)
    return shipped.env_vars[0] if shipped is not None else f"{provider.upper()}_API_KEY"


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key in the request's headers (names in lower case)."""
    value = headers.get("authorization", "")
    bearer = value.removeprefix("Bearer ") if value.startswith("Bearer ") else None
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or bearer


def page_of(
    provider: str, endpoint: Endpoint, items: list[Any], query: Query, most: int, *, repeats: bool
) -> tuple[Any, int]:
    """The answer of an endpoint with the page that was asked for, and the number of that page."""
    body = saved_body(provider)
    if isinstance(body, list):
        return items, 1
    size = min(most, int(query.get(endpoint.size, ["20"])[0])) if endpoint.size else len(items)
    start = 0 if repeats or not endpoint.cursor else int(query.get(endpoint.cursor, ["0"])[0])
    is_followed = endpoint.cursor and (repeats or start + size < len(items))
    page = {key: value for key, value in body.items() if not isinstance(value, list)}
    page |= {endpoint.items: items[start : start + size]}
    if "total_count" in page:  # OpenRouter's
        page["total_count"] = len(items)
    if endpoint.has_more:
        page[endpoint.has_more] = bool(is_followed)
    if is_followed:
        page[endpoint.next_cursor] = str(start + size)
    return page, start // size + 1 if size else 1


def _of_lifecycle(items: list[Any], query: Query, _path: str) -> list[Any]:
    """Anthropic's: retired models are shown to those who ask for them."""
    wanted = query.get("lifecycle[]", ["active", "deprecated"])
    return [each for each in items if not isinstance(each, dict) or each.get("lifecycle", "active") in wanted]


MARK = "listed_under"
TYPED_ONLY = frozenset({MARK, "input_modalities", "output_modalities", "fingerprint", "version"})
PLAIN_ONLY = frozenset({MARK, "context_length"})


def _of_listing(items: list[Any], _query: Query, path: str) -> list[Any]:
    """xAI's: all models with their context, and those of a type with their modalities."""
    if path == "/models":
        return [_without(each, TYPED_ONLY) for each in items]
    return [
        _without(each, PLAIN_ONLY) for each in items if isinstance(each, dict) and each.get(MARK) == path.lstrip("/")
    ]


def _without(item: Any, names: frozenset[str]) -> Any:
    return {key: value for key, value in item.items() if key not in names} if isinstance(item, dict) else item


SHOWN: Mapping[str, Callable[[list[Any], Query, str], list[Any]]] = {"anthropic": _of_lifecycle, "xai": _of_listing}
"""By kind: what an API shows of its items to such a query at such a path."""


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
