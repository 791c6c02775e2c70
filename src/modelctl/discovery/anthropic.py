"""Anthropic: names, days, limits, capabilities and lifecycle of every model, retired ones included. No prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.discovery.base import Access, Endpoint, Page, follow, json_of
from modelctl.discovery.fields import flag, iso_day, limit, part, required_id, text
from modelctl.discovery.http import page_of, required_key, sdk_client

KIND = "anthropic"
DOCS = "https://docs.claude.com/en/api/models-list"
BASE_URL, BASE_URL_ENV = "https://api.anthropic.com", "ANTHROPIC_BASE_URL"
SDK = "anthropic"
PUBLIC = False
MODELS = Endpoint(
    path="/v1/models", size="limit", most=1000, cursor="after_id", next_cursor="last_id", has_more="has_more"
)
ENDPOINTS = (MODELS,)
COMPLETE = True


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    from anthropic import Anthropic, omit

    with Anthropic(
        api_key=required_key(access),
        base_url=access.base_url.rstrip("/").removesuffix("/v1") if access.base_url else None,
        timeout=access.timeout_s,
        max_retries=0,
        default_headers=access.headers,
        http_client=sdk_client(),
    ) as client:

        def get_page(cursor: str | None) -> Page:
            access.throttle()
            # Left out, `lifecycle` hides the retired models (2026-11).
            raw = client.models.with_raw_response.list(
                lifecycle=["active", "deprecated", "retired"], limit=MODELS.most, after_id=cursor or omit
            )
            return page_of(json_of(raw.http_response), MODELS)

        yield from follow(get_page)


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    line = text(item, "line")
    capabilities = part(item, "capabilities")
    server_tools = part(capabilities, "server_tools")
    vision, pdf_input = _is_supported(capabilities, "image_input"), _is_supported(capabilities, "pdf_input")
    return ModelRecord(
        key=ModelKey(access.provider, required_id(item)),
        facts=ModelFacts(
            display_name=text(item, "display_name"),
            family=f"claude-{line}" if line else None,
            type=ModelType.CHAT,
            status=text(item, "lifecycle"),
            input_modalities=_input_modalities(vision, pdf_input),
            vision=vision,
            pdf_input=pdf_input,
            structured_output=_is_supported(capabilities, "structured_outputs"),
            reasoning=_is_supported(capabilities, "thinking"),
            batch=_is_supported(capabilities, "batch"),
            citations=_is_supported(capabilities, "citations"),
            # `capabilities.code_execution` is about programmatic tool calling; the tool itself is a server tool.
            code_execution=_is_supported(server_tools, "code_execution"),
            web_search=_is_supported(server_tools, "web_search"),
            # "Maximum input context window size in tokens": the window, which the output shares.
            context_window=limit(item, "max_input_tokens"),
            max_output_tokens=limit(item, "max_tokens"),
            released_on=iso_day(item, "created_at"),
            deprecated_on=iso_day(item, "deprecated_at"),
            retires_on=iso_day(item, "retires_at"),
        ),
        # The listing is that of the Messages API, so every model in it takes text and chats.
        provenance={"type": "rule:type", "input_modalities": "rule:modalities"},
        stated_none=_without_an_end(item),
    )


def _without_an_end(item: Mapping[str, Any]) -> frozenset[str]:
    """The dates that are documented to be null for an active model: null there means that no end is scheduled."""
    if item.get("lifecycle") != "active":
        return frozenset()
    dates = {"deprecated_at": "deprecated_on", "retires_at": "retires_on"}
    return frozenset(name for key, name in dates.items() if key in item and item[key] is None)


def _is_supported(capabilities: Mapping[str, Any], name: str) -> bool | None:
    return flag(part(capabilities, name), "supported")


def _input_modalities(vision: bool | None, pdf_input: bool | None) -> tuple[str, ...] | None:
    if vision is None or pdf_input is None:
        return None
    return ("text", *(("image",) if vision else ()), *(("pdf",) if pdf_input else ()))
