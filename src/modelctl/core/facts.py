"""Facts as JSON values and back, the same for the state table, the audit trail, plan files and `--format json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

from modelctl.core.prices.price import PricePoint

FactValue: TypeAlias = str | bool | int | Decimal | date | tuple[str, ...] | None
"""Every type a single fact can have; lists are tuples so that facts can be compared and hashed."""


class ModelType(StrEnum):
    """What a model is for. Speech, transcription and realtime models are `audio`; the modalities tell which way."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    MODERATION = "moderation"
    RERANK = "rerank"
    OTHER = "other"


class Status(StrEnum):
    """Where a model is in its life."""

    PREVIEW = "preview"
    ACTIVE = "active"
    DEPRECATED = "deprecated"  # an end is announced; it still answers
    RETIRED = "retired"  # gone


class AfterRetirement(StrEnum):
    """What a request to a retired id gets."""

    ERROR = "error"
    REDIRECT = "redirect"  # served, and billed, as its replacement


class Tier(StrEnum):
    """A coarse price class for product pages, derived from the price unless a catalog states it."""

    FREE = "free"
    AFFORDABLE = "affordable"
    PREMIUM = "premium"


class Source(StrEnum):
    """Who states a fact, in order of authority: the first that knows wins."""

    PERSON = "person"
    API = "api"
    OVERLAY = "overlay"
    CATALOG = "catalog"
    RULE = "rule"


class ModelKey(NamedTuple):
    """Identity of a model: who sells it and the id exactly as that API spells it, case included."""

    provider: str
    model_id: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model_id}"


MODALITIES = ("text", "image", "audio", "video", "pdf")
"""What can go in and come out. `embedding` vectors and moderation scores are no modality: the type says those."""

CAPABILITIES = (
    "vision",
    "tools",
    "structured_output",
    "reasoning",
    "streaming",
    "prompt_caching",
    "pdf_input",
    "audio_input",
    "audio_output",
    "web_search",
    "code_execution",
    "computer_use",
    "citations",
    "batch",
    "temperature",
)
"""The closed set of capabilities, a nullable boolean column each. `temperature`: sampling parameters are accepted."""

PRICE_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "input_price_per_mtok": "input",
        "output_price_per_mtok": "output",
        "cache_read_price_per_mtok": "cache_read",
        "cache_write_price_per_mtok": "cache_write",
    }
)
"""Columns of a model that are the ledger's projection for now, and the price kind that each one shows."""


class ModelFacts(NamedTuple):
    """The facts of one model as one provider serves it. Limits in tokens, prices per million tokens."""

    display_name: str | None = None
    family: str | None = None
    type: str | None = None
    status: str | None = None
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None
    vision: bool | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    streaming: bool | None = None
    prompt_caching: bool | None = None
    pdf_input: bool | None = None
    audio_input: bool | None = None
    audio_output: bool | None = None
    web_search: bool | None = None
    code_execution: bool | None = None
    computer_use: bool | None = None
    citations: bool | None = None
    batch: bool | None = None
    temperature: bool | None = None
    context_window: int | None = None
    """Input and output together where the vendor counts them so."""
    max_input_tokens: int | None = None
    """Only where the input has a limit of its own (1,050,000 = 922,000 + 128,000)."""
    max_output_tokens: int | None = None
    """Unknown, too, where the vendor has no limit."""
    knowledge_cutoff: str | None = None
    """ISO date as precise as the vendor gives it: `2025`, `2025-01` or `2025-01-31`."""
    released_on: date | None = None
    deprecated_on: date | None = None
    """The day the end was announced."""
    retires_on: date | None = None
    """The last day on which the id answers."""
    retires_not_before: date | None = None
    """A vendor's "not sooner than": no announced end."""
    after_retirement: str | None = None
    replacement: str | None = None
    """A model_id of the same provider; it may be retired itself, so the chain is followed."""
    aliases: tuple[str, ...] | None = None
    recommended: bool | None = None
    tier: str | None = None
    tags: tuple[str, ...] | None = None
    input_price_per_mtok: Decimal | None = None
    output_price_per_mtok: Decimal | None = None
    cache_read_price_per_mtok: Decimal | None = None
    cache_write_price_per_mtok: Decimal | None = None
    price_currency: str | None = None

    def known(self) -> Iterator[tuple[str, FactValue]]:
        """The facts that are known, in declaration order."""
        return ((name, value) for name, value in zip(FACT_FIELDS, self, strict=True) if value is not None)

    def replaced(self, values: Mapping[str, FactValue]) -> ModelFacts:
        """A copy with some facts given anew, by name; the caller vouches for their types."""
        facts: list[FactValue] = list(self)
        for name, value in values.items():
            facts[_POSITIONS[name]] = value
        return ModelFacts._make(facts)  # a third of the time that `_replace` takes for as many fields


UNKNOWN = ModelFacts()
"""No fact known."""

FACT_FIELDS: tuple[str, ...] = ModelFacts._fields
"""Names of all facts, which are also their column names, in the order in which they are shown."""

_POSITIONS = {name: position for position, name in enumerate(FACT_FIELDS)}

SET_ON_CREATION = frozenset({"recommended"})
"""Facts that a sync states once and then leaves to people, like the app's own switch `is_enabled`."""


@lru_cache(maxsize=4096)
def provenance_of(*stated: tuple[str, str]) -> Mapping[str, str]:
    """A provenance from its facts and who stated each. One for all models of which the same is known: most of them."""
    return MappingProxyType(dict(stated))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """What one source, or the merge of several, says of one model."""

    key: ModelKey
    facts: ModelFacts
    prices: tuple[PricePoint, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Fact name -> who stated it: a `Source` value, or `rule:NAME` for what a rule derived."""
    stated_none: frozenset[str] = frozenset()
    """Facts that the source states to have no value (an API's `retires_at: null` on an active model): that is
    knowledge, too, and keeps a source of less authority from filling them in."""
    known_to: frozenset[str] = frozenset()
    """Sources that have the model at all, where the record is the merge of several."""
    verified_on: date | None = None
    """The day on which a catalog's author last checked this model against the vendor."""
    listed_at: datetime | None = None
    """When the provider's API showed it in this run; None when the API was not asked or did not show it."""
    remembered_on: date | None = None
    """The day on which the API last showed it alive, where this record holds what the API said then."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item of a listing that was deliberately not taken, and why. Counted and shown, never silent."""

    item_id: str
    reason: str


JsonValue: TypeAlias = str | bool | int | float | list[str] | None

_HINTS = get_type_hints(ModelFacts)


def _first_type(alternatives: tuple[Any, ...]) -> type:
    """`str` of `str | None`, `tuple` of `tuple[str, ...] | None`."""
    first = get_origin(alternatives[0]) or alternatives[0]
    assert isinstance(first, type)
    return first


FACT_TYPES: dict[str, type] = {name: _first_type(get_args(_HINTS[name])) for name in FACT_FIELDS}
"""Fact name -> its Python type (`tuple` for lists)."""


def encode(value: FactValue | datetime) -> JsonValue:
    """A JSON value without loss: amounts are strings (`"2.5"`), days and instants ISO 8601, lists lists."""
    convert = _ENCODERS.get(type(value))
    return value if convert is None else convert(value)  # type: ignore[return-value]  # the others are JSON values


def decode(name: str, raw: Any) -> FactValue:
    """The fact that `encode` made the JSON value from."""
    if raw is None:
        return None
    kind = FACT_TYPES[name]
    if kind is Decimal:
        return Decimal(raw)
    if kind is date:
        return date.fromisoformat(raw)
    return tuple(raw) if kind is tuple else raw


def decode_exactly(name: str, raw: Any) -> FactValue:
    """The known fact whose encoding this is. ValueError for any other JSON value, as one that a person has altered."""
    try:
        value = decode(name, raw)
        is_fact = type(value) is FACT_TYPES[name] and encode(value) == raw
    except (TypeError, ArithmeticError):
        is_fact = False
    if not is_fact or (isinstance(value, tuple) and not all(isinstance(each, str) for each in value)):
        raise ValueError(f"{name}: {raw!r} is not how it is written")
    return value


def encoded(values: Iterable[tuple[str, FactValue]]) -> dict[str, JsonValue]:
    """Names and values, each as `encode` makes it."""
    return {
        name: value if (convert := _ENCODERS.get(type(value))) is None else convert(value)  # type: ignore[misc]
        for name, value in values
    }


def exact_number(amount: Decimal) -> int | float:
    """An amount as a JSON number with exactly its digits.

    A float's shortest text has the same digits for every decimal of at most 15 significant ones, which is all that
    a price can have (see `validate`).
    """
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def decimal_text(amount: Decimal) -> str:
    """An amount without padding or exponent: `0.15`, never `0.150000000` or `1.5E-1`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_ENCODERS: dict[type, Callable[[Any], JsonValue]] = {
    Decimal: decimal_text,
    date: date.isoformat,
    datetime: datetime.isoformat,
    tuple: list,
}
"""By the very type: most values are texts and booleans, and there are millions of them."""
