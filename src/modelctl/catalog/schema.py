"""The keys of a catalog file, the type of each, and the closed sets that only a file has."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from modelctl.catalog.shape import (
    A_URL,
    URL_PATTERN,
    Shape,
    as_amount,
    as_count,
    as_day,
    as_flag,
    as_instant,
    as_origin,
    as_table,
    as_text,
    at_most,
    list_of,
    matching,
    one_of,
    words_of,
)
from modelctl.core.model import CAPABILITIES
from modelctl.core.price import Basis, PriceKind, PriceUnit, ServiceTier

URL_MAX_CHARS = 500

_words = words_of(as_text)
_capabilities = words_of(one_of(CAPABILITIES))
_url = at_most(URL_MAX_CHARS, matching(URL_PATTERN, A_URL))


class Document(NamedTuple):
    """The whole file; what is in the tables is looked at one by one, so that one mistake hides no other."""

    provider: dict[str, Any]
    model: tuple[dict[str, Any], ...] = ()


DOCUMENT = Shape(Document, {"provider": as_table, "model": list_of(as_table, "a list of [[model]] tables")})


class ProviderTable(NamedTuple):
    """`[provider]`."""

    display_name: str
    kind: str = ""
    api_base_url: str | None = None
    env_vars: tuple[str, ...] = ()
    auth_header_name: str | None = None
    auth_header_prefix: str | None = None
    docs_url: str | None = None
    pricing_url: str | None = None
    models_url: str | None = None
    deprecations_url: str | None = None


PROVIDER = Shape(
    ProviderTable,
    {
        "display_name": as_text,
        "kind": matching(r"([a-z][a-z0-9-]{0,63})?", "a slug of lower-case letters, digits and '-'"),
        "api_base_url": _url,
        "env_vars": words_of(matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")),
        "auth_header_name": matching(r"[A-Za-z0-9_-]{1,64}", "the name of a header"),
        "auth_header_prefix": matching(r"[!-~]{0,64}", "one word, or empty"),
        "docs_url": _url,
        "pricing_url": _url,
        "models_url": _url,
        "deprecations_url": _url,
    },
)


class PriceLine(NamedTuple):
    """One line of `prices`."""

    from_: datetime | None = None
    to: datetime | None = None
    context_above: int = 0
    service_tier: str = str(ServiceTier.STANDARD)
    hours_utc: str = ""
    per: str = str(PriceUnit.MTOK)
    basis: str = str(Basis.DOCUMENTED)
    source: str | None = None
    """A URL; of a person's price whatever that person said. `price_problems` looks at it."""
    currency: str | None = None
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    video_input: Decimal | None = None
    video_output: Decimal | None = None
    reasoning_output: Decimal | None = None
    web_search: Decimal | None = None
    request: Decimal | None = None


PRICE = Shape(
    PriceLine,
    {
        "from": as_instant,
        "to": as_instant,
        "context_above": as_count,
        "service_tier": one_of(ServiceTier),
        "hours_utc": as_text,
        "per": one_of(PriceUnit),
        "basis": one_of(Basis),
        "source": at_most(URL_MAX_CHARS, as_origin),
        "currency": as_text,
        **dict.fromkeys(map(str, PriceKind), as_amount),
    },
)


class ModelTable(NamedTuple):
    """One `[[model]]`. A key that is None was left out: unknown."""

    id: str
    display_name: str | None = None
    family: str | None = None
    type: str | None = None
    status: str | None = None
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    context_window: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    knowledge_cutoff: str | None = None
    released_on: date | None = None
    deprecated_on: date | None = None
    retires_on: date | None = None
    retires_not_before: date | None = None
    after_retirement: str | None = None
    replacement: str | None = None
    aliases: tuple[str, ...] | None = None
    recommended: bool | None = None
    tier: str | None = None
    tags: tuple[str, ...] | None = None
    sets: tuple[str, ...] | None = None
    """The sets of default models that it is in: `modelctl populate --set NAME`."""
    currency: str = "USD"
    verified_on: date | None = None
    source: str | None = None
    unset: tuple[str, ...] = ()
    """Facts that have no value, whatever a source of less authority says."""
    prices: tuple[PriceLine, ...] = ()


MODEL = Shape(
    ModelTable,
    {
        "id": as_text,
        "display_name": as_text,
        "family": as_text,
        "type": as_text,
        "status": as_text,
        "input_modalities": _words,
        "output_modalities": _words,
        "capabilities": _capabilities,
        "lacks": _capabilities,
        "context_window": as_count,
        "max_input_tokens": as_count,
        "max_output_tokens": as_count,
        "knowledge_cutoff": as_text,
        "released_on": as_day,
        "deprecated_on": as_day,
        "retires_on": as_day,
        "retires_not_before": as_day,
        "after_retirement": as_text,
        "replacement": as_text,
        "aliases": _words,
        "recommended": as_flag,
        "tier": as_text,
        "tags": _words,
        "sets": words_of(matching(r"[a-z][a-z0-9-]{0,31}", "a slug of lower-case letters, digits and '-'")),
        "currency": as_text,
        "verified_on": as_day,
        "source": _url,
        "unset": _words,
        "prices": list_of(PRICE),
    },
)
