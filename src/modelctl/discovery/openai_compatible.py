"""Any server that answers `GET {base_url}/models` as OpenAI does: vLLM, Ollama, LiteLLM, Together, Groq, Mistral …

Configured by an `ai_providers` row alone: base URL, header name and prefix, variable of the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from modelctl.core.model import ModelKey, ModelRecord, Skipped
from modelctl.discovery.listing_extras import facts_of, prices_of
from modelctl.discovery.pages import Page, follow, json_of, list_at, objects
from modelctl.discovery.reading import flag, part, required_id, text
from modelctl.discovery.source import Access, UnusableListing
from modelctl.errors import SourceError

KIND = "openai-compatible"
DOCS = "https://platform.openai.com/docs/api-reference/models/list"
BASE_URL_ENV = ""
COMPLETE = True

HEADER, PREFIX = "Authorization", "Bearer"
SENT_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "user-agent"})


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    if not access.base_url:
        raise SourceError(
            f"{access.provider}: no base URL",
            "an openai-compatible provider needs api_base_url, as http://host:8080/v1",
        )
    key_header = _key_header(access)

    def send_only_ours(request: httpx2.Request) -> None:
        # The SDK adds OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and its own key header: none of this server's business.
        for name in request.headers.keys() - SENT_HEADERS - {name.lower() for name in key_header}:
            del request.headers[name]

    with OpenAI(
        api_key="none",  # wanted by the SDK; the key goes into the provider's own header
        admin_api_key="",
        base_url=access.base_url,
        timeout=access.timeout_s,
        max_retries=0,
        # No redirects: the SDK would carry the key along.
        http_client=DefaultHttpxClient(follow_redirects=False, event_hooks={"request": [send_only_ours]}),
    ) as client:

        def get_page(cursor: str | None) -> Page:
            answer = client.get(cursor or "/models", cast_to=httpx2.Response, options={"headers": key_header})
            return _page(json_of(answer), str(answer.url))

        yield from follow(get_page)


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    model_id = required_id(item)
    if flag(item, "active") is False:  # Groq, https://console.groq.com/docs/api-reference#models-list
        return Skipped(model_id, "the provider lists it as not active")
    if model_id.startswith("ft:") or item.get("type") == "fine-tuned":  # OpenAI's and Mistral's words
        return Skipped(model_id, "private: a fine-tuned model of one account")
    return ModelRecord(
        key=ModelKey(access.provider, model_id),
        facts=facts_of(item, access.now),
        prices=prices_of(item, access.now),
    )


def _key_header(access: Access) -> dict[str, str]:
    """The key in the header that the provider wants; nothing for a server without keys."""
    if not access.api_key:
        return {}
    name = access.auth_header_name or HEADER
    prefix = PREFIX if access.auth_header_prefix is None else access.auth_header_prefix
    return {HEADER if name.lower() == HEADER.lower() else name: f"{prefix} {access.api_key}".strip()}


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
