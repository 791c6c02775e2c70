"""Replicate: the official collection, which are the models that Replicate itself keeps running and sells by use.

The public list holds tens of thousands of anybody's models and is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, Skipped
from modelctl.discovery.base import Access, Endpoint, Page, json_of, kept_page
from modelctl.discovery.fields import required_id
from modelctl.discovery.http import http_client, page_of, required_key

if TYPE_CHECKING:
    import httpx


KIND = "replicate"
DOCS = "https://replicate.com/docs/reference/http#collections.get"
BASE_URL, BASE_URL_ENV = "https://api.replicate.com", "REPLICATE_BASE_URL"
SDK = "replicate"
PUBLIC = False
MODELS = Endpoint(path="/v1/collections/official", items="models", id="name")
ENDPOINTS = (MODELS,)
COMPLETE = True
"""For what was listed before: a model of a catalog that was never official is not missed when it is not here."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    import httpx
    from replicate.client import Client

    pages: list[Page] = []

    class Once(httpx.BaseTransport):
        """Raises for an error status, because the SDK repeats such a request up to ten times (1.0.7), sleeping as
        long as Retry-After says. Keeps what was sent, which is the whole collection: collections have no pages."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            with http_client(str(request.url)) as sender:
                response = sender.send(request).raise_for_status()
            pages.append(page_of(json_of(response), MODELS))
            return response

    client = Client(
        api_token=required_key(access),
        base_url=access.base_url.rstrip("/").removesuffix("/v1") if access.base_url else None,
        headers=dict(access.headers),
        timeout=httpx.Timeout(access.timeout_s),
        transport=Once(),
    )
    access.throttle()
    yield from kept_page(lambda: client.collections.get("official"), pages).items


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = f"{required_id(item, 'owner')}/{required_id(item, MODELS.id)}"
    if item.get("visibility") == "private":
        return Skipped(model_id, "private: visible to its owner only")
    return ModelRecord(key=ModelKey(access.provider, model_id), facts=ModelFacts())
