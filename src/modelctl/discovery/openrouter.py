"""OpenRouter: models of every kind with prices, their tiers and hours, limits, modalities and parameters. Public.

A price is that of the provider which OpenRouter puts first. Where it depends on the request, as for `openrouter/auto`,
the list says -1, which is no price: it is unknown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from modelctl.core.facts import MODALITIES, ModelFacts, ModelKey, ModelRecord, ModelType, Skipped
from modelctl.core.prices.price import PriceKind, PricePoint, PriceUnit
from modelctl.core.text import per_mtok
from modelctl.discovery.base import Access, Endpoint, UnusableListing, follow
from modelctl.discovery.fields import (
    amount_of,
    epoch_day,
    is_plausible_apiece,
    is_plausible_per_mtok,
    iso_day,
    limit,
    observed,
    part,
    parts,
    required_id,
    text,
    texts,
    whole,
)
from modelctl.discovery.http import json_api
from modelctl.discovery.openai_compatible import ALWAYS_STATED, PER_TOKEN_KINDS, page_at

KIND = "openrouter"
DOCS = "https://openrouter.ai/docs/guides/overview/models"
BASE_URL, BASE_URL_ENV = "https://openrouter.ai/api/v1", ""
SDK = ""
PUBLIC = True
MODELS = Endpoint(query="output_modalities=all")  # left out, it lists what puts out text
ENDPOINTS = (MODELS,)
COMPLETE = True

TYPES = MappingProxyType(
    {
        "embeddings": ModelType.EMBEDDING,
        "rerank": ModelType.RERANK,
        "video": ModelType.VIDEO,
        "image": ModelType.IMAGE,
        "speech": ModelType.AUDIO,
        "transcription": ModelType.AUDIO,
        "audio": ModelType.AUDIO,
        "text": ModelType.CHAT,
    }
)
"""What comes out says the type, first match wins: a model that makes images talks about them as well."""
SAME = MappingProxyType({"pdf": "file", "audio": "speech"})
"""Our word, and another of theirs: files that a model takes by itself are PDFs (guides/overview/multimodal/pdfs)."""
KINDS = MappingProxyType(
    {
        **PER_TOKEN_KINDS,
        "input_cache_write_1h": PriceKind.CACHE_WRITE_1H,
        "audio": PriceKind.AUDIO_INPUT,
        "audio_output": PriceKind.AUDIO_OUTPUT,
    }
)
"""USD per token, as text. The prices of images are documented as apiece and listed as of tokens: they stay unknown."""


def fetch(access: Access) -> Iterator[Mapping[str, Any]]:
    first = f"{MODELS.path}?{MODELS.query}"
    with json_api(access, access.base_url or BASE_URL) as get:
        yield from follow(lambda cursor: page_at(*get(cursor or first)))


def translate(item: Mapping[str, Any], access: Access) -> ModelRecord | Skipped:
    architecture, listed = part(item, "architecture"), texts(item, "supported_parameters")
    inputs, outputs = (texts(architecture, f"{way}_modalities") for way in ("input", "output"))
    cutoff = iso_day(item, "knowledge_cutoff")
    return ModelRecord(
        key=ModelKey(access.provider, required_id(item)),
        facts=ModelFacts(
            display_name=text(item, "name"),
            type=next((kind for word, kind in TYPES.items() if word in outputs), None),
            input_modalities=_modalities(inputs),
            output_modalities=_modalities(outputs),
            vision=_has("image", inputs),
            pdf_input=_has("file", inputs),
            audio_input=_has("audio", inputs),
            audio_output=_has("audio", outputs) or _has("speech", outputs),
            tools=_has("tools", listed),
            structured_output=_has("structured_outputs", listed),
            reasoning=_has("reasoning", listed),
            temperature=_has("temperature", listed),
            web_search=_has("web_search_options", listed) or None,  # a plug-in of OpenRouter's searches for any other
            context_window=limit(item, "context_length"),
            max_output_tokens=limit(part(item, "top_provider"), "max_completion_tokens"),
            knowledge_cutoff=cutoff.isoformat() if cutoff else None,
            released_on=epoch_day(item, "created"),
            retires_on=iso_day(item, "expiration_date"),
        ),
        prices=tuple({point.key: point for point in _prices(part(item, "pricing"), access)}.values()),
        # `created` is when the model came to OpenRouter.
        provenance={"type": "rule:output_modalities", "released_on": "rule:created"},
    )


def _has(word: str, listed: tuple[str, ...]) -> bool | None:
    """These lists are whole: what they leave out is a no. Unknown where there is none."""
    return word in listed if listed else None


def _modalities(words: tuple[str, ...]) -> tuple[str, ...] | None:
    return tuple(ours for ours in MODALITIES if ours in words or SAME.get(ours) in words) or None


def _prices(pricing: Mapping[str, Any], access: Access) -> Iterator[PricePoint]:
    """The later of two prices for the same thing counts. None where a discount is stated: on them, or in them?"""
    if amount_of(pricing.get("discount")):
        return
    for prices, context_above, hours_utc in _price_lists(pricing):
        for key, kind in KINDS.items():
            amount = amount_of(prices.get(key))
            # 0 is listed as well for what a model does not have.
            if amount is not None and (amount or key in ALWAYS_STATED) and is_plausible_per_mtok(per_mtok(amount)):
                yield observed(kind, per_mtok(amount), access.now, context_above=context_above, hours_utc=hours_utc)
    for kind, unit, count in (
        (PriceKind.REQUEST, PriceUnit.REQUEST, 1),
        (PriceKind.WEB_SEARCH, PriceUnit.THOUSAND, 1000),
    ):
        apiece = amount_of(pricing.get(kind.value))
        if apiece is not None and is_plausible_apiece(apiece):
            yield observed(kind, apiece * count, access.now, unit=unit)


def _price_lists(pricing: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, str]]:
    """Each list of prices, with the prompt above which and the hours in which it holds; what one leaves out is usual.

    Where prices depend on the hour, every window is listed, and the plain ones are those of the window of now. The
    longest one is taken for usual, so that the same day gives the same prices at any hour.
    """
    overrides = parts(pricing, "overrides")
    windows = [each for each in overrides if "utc_start" in each and "min_prompt_tokens" not in each]
    longest = max(windows, key=lambda each: (_minutes(each, "utc_end") - _minutes(each, "utc_start")) % DAY, default={})
    usual = {**pricing, **longest}
    yield usual, 0, ""
    for each in overrides:
        if each is not longest and ("utc_start" in each or "min_prompt_tokens" in each):
            yield {**usual, **each}, limit(each, "min_prompt_tokens") or 0, _hours(each)


DAY = 24 * 60


def _minutes(window: Mapping[str, Any], key: str) -> int:
    """Minutes since midnight of a clock as 1630."""
    hours, minutes = divmod(whole(window, key) or 0, 100)
    if not (0 <= hours < 24 and minutes < 60):
        raise UnusableListing(f"{key!r} is {window[key]}, not an hour of the day")
    return hours * 60 + minutes


def _hours(window: Mapping[str, Any]) -> str:
    """`01:00-04:00`; two spans where it passes midnight; empty for all day."""
    if "utc_start" not in window:
        return ""
    start, end = _minutes(window, "utc_start"), _minutes(window, "utc_end") or DAY
    spans = [(start, end)] if start < end else [(0, end), (start, DAY)]
    return ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans)
