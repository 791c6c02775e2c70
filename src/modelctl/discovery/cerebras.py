"""Cerebras: its public list, with names, prices, limits, capabilities and stage. Dates of an end are not in it.

The list of a key (`/v1/models`) has ids alone, so the public one is asked, with or without a key. What runs for one
customer alone is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import ModelFacts, ModelKey, ModelRecord, ModelType, Skipped, Status
from modelctl.core.prices.price import PriceKind
from modelctl.core.text import per_mtok
from modelctl.discovery.base import Access, Endpoint
from modelctl.discovery.fields import (
    amount_of,
    epoch_day,
    flag,
    is_plausible_per_mtok,
    limit,
    observed,
    part,
    required_id,
    text,
)
from modelctl.discovery.http import json_api, list_models

KIND = "cerebras"
DOCS = "https://inference-docs.cerebras.ai/api-reference/models/public-models"
BASE_URL, BASE_URL_ENV = "https://api.cerebras.ai", ""
SDK = ""
PUBLIC = True
MODELS = Endpoint(path="/public/v1/models")
ENDPOINTS = (MODELS,)
COMPLETE = True
"""For what was listed before: a model of a customer's own endpoint is not missed when it is not here."""

MODALITIES = MappingProxyType({"text": ("text",), "text+vision": ("text", "image")})
"""`architecture.modality`; what `multimodal` takes in, the list does not say."""
PRICES = MappingProxyType({"prompt": PriceKind.INPUT, "completion": PriceKind.OUTPUT})
"""USD per token, as text."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    address = (access.base_url or BASE_URL).rstrip("/").removesuffix("/v1")  # models are called below /v1
    with json_api(access, address) as get:
        yield from list_models(get, MODELS)


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    capabilities, limits, pricing = part(item, "capabilities"), part(item, "limits"), part(item, "pricing")
    amounts = {kind: amount_of(pricing.get(key)) for key, kind in PRICES.items()}
    per_million = {kind: per_mtok(amount) for kind, amount in amounts.items() if amount is not None}
    return ModelRecord(
        key=ModelKey(access.provider, required_id(item)),
        facts=ModelFacts(
            display_name=text(item, "name"),
            type=ModelType.CHAT,
            status=_status(item),
            input_modalities=MODALITIES.get(str(part(item, "architecture").get("modality"))),
            vision=flag(capabilities, "vision"),
            tools=flag(capabilities, "tools"),
            structured_output=flag(capabilities, "structured_outputs"),
            reasoning=flag(capabilities, "reasoning"),
            streaming=flag(capabilities, "streaming"),
            temperature=flag(part(item, "supported_parameters"), "temperature"),
            context_window=limit(limits, "max_context_length"),
            max_output_tokens=limit(limits, "max_completion_tokens"),
            released_on=epoch_day(item, "created"),
        ),
        prices=tuple(
            observed(kind, amount, access.now) for kind, amount in per_million.items() if is_plausible_per_mtok(amount)
        ),
        # Everything listed chats; `created` is when Cerebras made the entry.
        provenance={"type": "rule:type", "released_on": "rule:created"},
    )


def _status(item: Mapping[str, Any]) -> Status | None:
    if flag(item, "deprecated"):
        return Status.DEPRECATED
    return Status.PREVIEW if flag(item, "preview") else None
