"""What OpenAI-compatible listings carry beyond the id, in each server's own words: the one place that converts it.

Pure. A word that no server below uses, and an amount that nobody charges in the unit it would have, stay unknown.

| server | limits | prices | more |
| --- | --- | --- | --- |
| vLLM | `max_model_len` | | `created` is the time of the request |
| Together | `context_length` | `pricing.input/output`, USD per million tokens | `type`, `display_name` |
| Groq | `context_window`, `max_completion_tokens` | | `active` |
| Mistral | `max_context_length` | | `capabilities`, `deprecation`, `aliases`; `created` is the time of the request |
| OpenRouter | `context_length`, `top_provider` | `pricing.prompt/completion/…`, USD per token | `architecture` |
| xAI | | `*_token_price`, USD cents per 100 million tokens | `aliases`, `input_modalities` |
| Fireworks | `context_length` | | `supports_chat`, `supports_image_input`, `supports_tools` |
| LiteLLM | `max_input_tokens`, `max_output_tokens` | | `created` is always 1677610602 |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from modelctl.core.model import MODALITIES, ModelFacts, ModelType
from modelctl.core.price import Basis, PriceKind, PricePoint, PriceUnit
from modelctl.core.units import per_mtok
from modelctl.core.validate import AMOUNT_DECIMALS
from modelctl.discovery.reading import epoch_day, flag, iso_day, limit, part, text, texts

CONTEXT_KEYS = ("context_length", "context_window", "max_model_len", "max_context_length", "max_input_tokens")
OUTPUT_KEYS = ("max_output_tokens", "max_completion_tokens")
END_KEYS = ("deprecation", "expiration_date")

TYPES = {
    "chat": ModelType.CHAT,
    "llm": ModelType.CHAT,
    "vlm": ModelType.CHAT,
    "language": ModelType.OTHER,  # Together's word for plain completion models
    "embedding": ModelType.EMBEDDING,
    "embeddings": ModelType.EMBEDDING,
    "image": ModelType.IMAGE,
    "audio": ModelType.AUDIO,
    "video": ModelType.VIDEO,
    "moderation": ModelType.MODERATION,
    "rerank": ModelType.RERANK,
}

LITELLM_CREATED = 1677610602
"""LiteLLM's constant for every model (`DEFAULT_MODEL_CREATED_AT_TIME`)."""

PER_TOKEN_KINDS = {
    "prompt": PriceKind.INPUT,
    "completion": PriceKind.OUTPUT,
    "input_cache_read": PriceKind.CACHE_READ,
    "input_cache_write": PriceKind.CACHE_WRITE,
    "internal_reasoning": PriceKind.REASONING_OUTPUT,
}
"""OpenRouter: "pricing is in USD per token", as text. https://openrouter.ai/docs/models (2026-11)."""
ALWAYS_STATED = frozenset({"prompt", "completion"})
"""The others are 0 where the model does not have the thing at all, so their zero says nothing."""
PER_MILLION_KINDS = {"input": PriceKind.INPUT, "output": PriceKind.OUTPUT, "cached_input": PriceKind.CACHE_READ}
"""Together: USD per million tokens. https://docs.together.ai/reference/models (2026-11)."""
XAI_KINDS = {
    "prompt_text_token_price": PriceKind.INPUT,
    "cached_prompt_text_token_price": PriceKind.CACHE_READ,
    "completion_text_token_price": PriceKind.OUTPUT,
}
XAI_UNITS_PER_USD = 10_000
"""xAI: whole USD cents per 100 million tokens, so 30000 is 3 USD per million (grok-4). https://docs.x.ai (2026-11)."""

MOST_PER_MTOK = Decimal(10_000)
LEAST_PER_MTOK = Decimal("0.0001")
"""Nobody charges more or less than this per million tokens. Some servers put prices per million under `prompt`,
or prices per token under `input`; such an amount lands outside and stays unknown rather than a million times off."""
MOST_UNITS = Decimal(10**9)
"""More than any price in any server's unit."""
FLOAT_NOISE = Decimal("1e-12")


def facts_of(item: Mapping[str, Any], now: datetime) -> ModelFacts:
    """The facts that a listing item states."""
    top = part(item, "top_provider")
    own, listed = _own_capabilities(item), texts(item, "supported_parameters")
    inputs = _modalities(item, "input_modalities")
    return ModelFacts(
        display_name=text(item, "display_name") or text(item, "name"),
        type=_type(item),
        input_modalities=inputs,
        output_modalities=_modalities(item, "output_modalities"),
        vision=_first_known(
            flag(own, "vision"), flag(item, "supports_image_input"), None if inputs is None else "image" in inputs
        ),
        # What a list of supported parameters leaves out stays unknown.
        tools=_first_known(flag(own, "function_calling"), flag(item, "supports_tools"), "tools" in listed or None),
        structured_output="structured_outputs" in listed or None,
        reasoning=_first_known(flag(own, "reasoning"), "reasoning" in listed or None),
        context_window=_first_limit(item, CONTEXT_KEYS),
        max_output_tokens=_first_limit(item, OUTPUT_KEYS) or _first_limit(top, OUTPUT_KEYS),
        released_on=_released(item, now),
        retires_on=next((day for key in END_KEYS if (day := iso_day(item, key))), None),
        replacement=text(item, "deprecation_replacement_model"),
        aliases=tuple(alias for alias in texts(item, "aliases") if alias != item.get("id")) or None,
    )


def prices_of(item: Mapping[str, Any], now: datetime) -> tuple[PricePoint, ...]:
    """The prices that a listing item states, observed at `now`. None of them where the listing has none."""
    pricing = part(item, "pricing")
    amounts: dict[PriceKind, Decimal] = {}
    for key, kind in PER_TOKEN_KINDS.items():
        amount = _amount(pricing.get(key))
        if amount is not None and (amount or key in ALWAYS_STATED):
            amounts[kind] = per_mtok(amount)
    amounts |= dict(_per_million(pricing))
    for key, kind in XAI_KINDS.items():
        amount = _amount(item.get(key))
        if amount:  # 0 on models that are not sold by the token (image models)
            amounts[kind] = amount / XAI_UNITS_PER_USD
    points = [
        _observed(kind, amount, now)
        for kind, amount in amounts.items()
        if amount == 0 or LEAST_PER_MTOK <= amount <= MOST_PER_MTOK
    ]
    if request := _amount(pricing.get("request")):
        points.append(_observed(PriceKind.REQUEST, request, now, PriceUnit.REQUEST))
    return tuple(points)


def _observed(kind: PriceKind, amount: Decimal, now: datetime, unit: PriceUnit = PriceUnit.MTOK) -> PricePoint:
    return PricePoint(
        kind=kind, amount=_plain(amount), unit=unit, effective_from=now, basis=Basis.OBSERVED, source="api"
    )


def _per_million(pricing: Mapping[str, Any]) -> Iterator[tuple[PriceKind, Decimal]]:
    amounts = {kind: _amount(pricing.get(key)) for key, kind in PER_MILLION_KINDS.items()}
    # Together puts 0 for whatever a model is not billed by: image models are 0 and 0, which is not free.
    if not any(amounts.values()):
        return
    for kind, amount in amounts.items():
        if amount is not None and (amount or kind is not PriceKind.CACHE_READ):
            yield kind, amount


def _amount(value: object) -> Decimal | None:
    """A price as sent; None for what is no number, and for OpenRouter's -1, which means "it varies"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MOST_UNITS else None


def _plain(amount: Decimal) -> Decimal:
    """Without the noise that a server's floating point left (0.30000000000000004), and without trailing zeros."""
    rounded = round(amount, AMOUNT_DECIMALS)
    plain = rounded if rounded and abs(rounded - amount) < FLOAT_NOISE else amount
    return Decimal(f"{plain.normalize():f}")


def _first_limit(item: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((tokens for key in keys if (tokens := limit(item, key))), None)


def _released(item: Mapping[str, Any], now: datetime) -> date | None:
    """The day of `created`, unless it is the server's clock (vLLM, llama.cpp, Mistral) or LiteLLM's constant.

    A day that moves with every listing would be a change in every plan.
    """
    if item.get("created") == LITELLM_CREATED:
        return None
    day = epoch_day(item, "created")
    return day if day and day < (now - timedelta(days=1)).date() else None


def _modalities(item: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    stated = texts(part(item, "architecture"), key) or texts(item, key)
    return tuple(word for word in MODALITIES if word in stated) or None


def _type(item: Mapping[str, Any]) -> ModelType | None:
    stated = item.get("type")
    if isinstance(stated, str) and stated in TYPES:
        return TYPES[stated]
    own = _own_capabilities(item)
    if flag(own, "completion_chat") or flag(item, "supports_chat"):
        return ModelType.CHAT
    return ModelType.MODERATION if flag(own, "moderation") else None


def _own_capabilities(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mistral's object of capabilities; other servers have lists of words of their own under that name."""
    return item["capabilities"] if isinstance(item.get("capabilities"), Mapping) else {}


def _first_known(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)
