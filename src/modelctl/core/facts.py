"""What is known of a model: the one list of its facts, the values that hold them, and how they are written as JSON.

Whatever else names facts (columns and their constraints, keys of a catalog, checks, `set` and `list`, JSON) is made
of that list. Its annotations are values, not text, so that no command has to evaluate them before it can begin.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    NamedTuple,
    TypeAlias,
    dataclass_transform,
    get_args,
    get_origin,
)

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


PREMIUM_OUTPUT_PER_MTOK = Decimal(10)
"""From this price per million output tokens on, a model is `premium` unless a catalog says otherwise."""
PREMIUM_INPUT_PER_MTOK = Decimal("2.5")
"""The same for models that have no output price."""


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

    def beside(self, provider: str) -> str:
        """As it is named beside a model of `provider`: the id alone where that sells it, too."""
        return self.model_id if self.provider == provider else str(self)


TABLE_PREFIX = "ai_"
"""Begins the names of all tables, unless a setting says otherwise."""
PROVIDER_MAX_CHARS = 64
MODEL_ID_MAX_CHARS = 191
"""What is safe as a key on every database."""

MODALITIES = ("text", "image", "audio", "video", "pdf")
"""What can go in and come out. `embedding` vectors and moderation scores are no modality: the type says those."""

MAX_COUNT = 10**12
"""Of tokens, or of whatever else is counted."""
AMOUNT_DIGITS, AMOUNT_DECIMALS = 15, 9
"""Of a price: as many as are exact on every database."""
MAX_AMOUNT = Decimal("999999.999999999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is to be known of a fact besides its name and its type."""

    comment: str = ""
    unit: str = ""
    """What a number counts."""
    max_chars: int | None = None
    """Of a text, or of each text of a list."""
    minimum: int | None = None
    maximum: int | Decimal = MAX_COUNT
    words: tuple[str, ...] = ()
    """All that a text, or each text of a list, can be; empty: anything."""
    pattern: str = ""
    """What the whole text must match, and `form`, which says that to a person."""
    form: str = ""
    is_id: bool = False
    """A model_id: equal only to itself, case included, on every database."""
    is_capability: bool = False
    is_set_once: bool = False
    """A sync states it when it creates a row and then leaves it to people, like the app's own switch `is_enabled`."""
    price: str = ""
    """The kind of price of the ledger that it shows for now."""

    @property
    def description(self) -> str:
        """All of that in one line, as the database keeps it beside the column."""
        return "; ".join(filter(None, (self.unit, self.comment)))


def _one_of(words: type[StrEnum], comment: str) -> Fact:
    return Fact(max_chars=16, words=tuple(words), comment=comment)


def _tokens(comment: str = "") -> Fact:
    return Fact(unit="tokens", minimum=1, comment=comment)


def _price(kind: str, comment: str = "per million tokens, standard tier, today") -> Fact:
    return Fact(minimum=0, maximum=MAX_AMOUNT, comment=comment, price=kind)


_Capability: TypeAlias = Annotated[bool | None, Fact(is_capability=True)]
_Modalities: TypeAlias = Annotated[tuple[str, ...] | None, Fact(max_chars=191, words=MODALITIES)]
_Texts: TypeAlias = Annotated[tuple[str, ...] | None, Fact(max_chars=191)]
_Day: TypeAlias = Annotated[date | None, Fact()]


@dataclass_transform()
class _Fields:
    """Tells type checkers that what is annotated below it are fields; at run time it does nothing."""


class Facts(_Fields):
    """What a model's facts are, in the order in which they are shown: each one's name, type, unit, bounds and words.

    None is unknown: never "no", never free. Nothing else lists facts.
    """

    display_name: Annotated[str | None, Fact(max_chars=255)] = None
    """The name for people."""
    family: Annotated[str | None, Fact(max_chars=64)] = None
    """What its vendor calls the line that it belongs to."""
    type: Annotated[
        str | None, _one_of(ModelType, "chat, embedding, image, audio, video, moderation, rerank or other")
    ] = None
    status: Annotated[str | None, _one_of(Status, "preview, active, deprecated (still answers) or retired (gone)")] = (
        None
    )
    input_modalities: _Modalities = None
    output_modalities: _Modalities = None
    vision: _Capability = None
    tools: _Capability = None
    structured_output: _Capability = None
    reasoning: _Capability = None
    streaming: _Capability = None
    prompt_caching: _Capability = None
    pdf_input: _Capability = None
    audio_input: _Capability = None
    audio_output: _Capability = None
    web_search: _Capability = None
    code_execution: _Capability = None
    computer_use: _Capability = None
    citations: _Capability = None
    batch: _Capability = None
    temperature: _Capability = None
    """Sampling parameters are accepted."""
    context_window: Annotated[int | None, _tokens("input and output together where the vendor counts them so")] = None
    max_input_tokens: Annotated[int | None, _tokens("only where the input has a limit of its own")] = None
    """1,050,000 = 922,000 + 128,000."""
    max_output_tokens: Annotated[int | None, _tokens()] = None
    """Unknown, too, where the vendor has no limit."""
    max_images: Annotated[int | None, Fact(unit="images", minimum=0, comment="most that one request may hold")] = None
    knowledge_cutoff: Annotated[
        str | None,
        Fact(
            max_chars=10,
            pattern=r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?",
            form="YYYY, YYYY-MM or YYYY-MM-DD",
            comment="YYYY, YYYY-MM or YYYY-MM-DD",
        ),
    ] = None
    """As precise as the vendor gives it."""
    released_on: _Day = None
    """The day on which it could first be called."""
    deprecated_on: Annotated[date | None, Fact(comment="day the end was announced")] = None
    retires_on: Annotated[date | None, Fact(comment="last day on which the id answers")] = None
    retires_not_before: Annotated[date | None, Fact(comment="no announced end")] = None
    """A vendor's "not sooner than"."""
    after_retirement: Annotated[
        str | None, _one_of(AfterRetirement, "error, or redirect: served and billed as the replacement")
    ] = None
    replacement: Annotated[str | None, Fact(max_chars=MODEL_ID_MAX_CHARS, is_id=True)] = None
    """A model_id; it may be retired itself, so the chain is followed."""
    replacement_provider: Annotated[
        str | None,
        Fact(
            max_chars=PROVIDER_MAX_CHARS,
            is_id=True,
            pattern="[a-z0-9][a-z0-9._-]*",
            form="the name of a provider",
            comment="who sells the replacement; NULL: the same provider",
        ),
    ] = None
    """It goes with `replacement`: whoever states that one states this one, too."""
    aliases: _Texts = None
    """Other names that mean this model."""
    recommended: Annotated[bool | None, Fact(is_set_once=True)] = None
    """For new work."""
    tier: Annotated[str | None, _one_of(Tier, "free, affordable or premium")] = None
    tags: _Texts = None
    """Words of whoever sorts the models."""
    input_price_per_mtok: Annotated[Decimal | None, _price("input")] = None
    output_price_per_mtok: Annotated[Decimal | None, _price("output")] = None
    cache_read_price_per_mtok: Annotated[Decimal | None, _price("cache_read")] = None
    cache_write_price_per_mtok: Annotated[
        Decimal | None, _price("cache_write", "per million tokens, standard tier, today; kept 5 minutes")
    ] = None
    price_currency: Annotated[str | None, Fact(max_chars=3, pattern="[A-Z]{3}", form="three capital letters")] = None


def _kind(alternatives: Any) -> type:
    """`str` of `str | None`, `tuple` of `tuple[str, ...] | None`."""
    first = get_args(alternatives)[0]
    kind = get_origin(first) or first
    assert isinstance(kind, type)
    return kind


_HINTS = {name: get_args(hint) for name, hint in Facts.__annotations__.items()}

FACTS: Mapping[str, Fact] = MappingProxyType({name: fact for name, (_, fact) in _HINTS.items()})
"""Each fact by its name, which is also its column's and its key in JSON, in the order in which they are shown."""

FACT_FIELDS: tuple[str, ...] = tuple(FACTS)

FACT_HINTS: Mapping[str, Any] = MappingProxyType({name: hint for name, (hint, _) in _HINTS.items()})
"""Fact name -> its type as a type checker sees it, as `str | None`."""

FACT_TYPES: Mapping[str, type] = MappingProxyType({name: _kind(hint) for name, hint in FACT_HINTS.items()})
"""Fact name -> its Python type (`tuple` for lists)."""

CAPABILITIES = tuple(name for name, fact in FACTS.items() if fact.is_capability)
"""The closed set of capabilities, a nullable boolean column each."""

PRICE_FIELDS: Mapping[str, str] = MappingProxyType({name: fact.price for name, fact in FACTS.items() if fact.price})
"""Columns of a model that are the ledger's projection for now, and the price kind that each one shows."""

SET_ON_CREATION = frozenset(name for name, fact in FACTS.items() if fact.is_set_once)
"""Facts that a sync states once and then leaves to people."""

_POSITIONS = {name: position for position, name in enumerate(FACT_FIELDS)}

if TYPE_CHECKING:

    class _Positional(Facts, tuple[FactValue, ...]):
        """As a type checker sees a named tuple with the fields of `Facts`."""

        @classmethod
        def _make(cls, values: Iterable[Any]) -> "ModelFacts": ...
        def _replace(self, **values: FactValue) -> "ModelFacts": ...
else:
    _Positional = namedtuple("ModelFacts", FACT_FIELDS, defaults=(None,) * len(FACT_FIELDS))


class ModelFacts(_Positional):
    """The facts of one model as one provider serves it: a named tuple of `Facts`.

    There are hundreds of thousands of them, and C code makes, compares and reads tuples.
    """

    __slots__ = ()

    def known(self) -> Iterator[tuple[str, FactValue]]:
        """The facts that are known, in declaration order."""
        return ((name, value) for name, value in zip(FACT_FIELDS, self, strict=True) if value is not None)

    def successor_of(self, provider: str) -> ModelKey | None:
        """What replaces this model, which `provider` sells; None where nothing is stated."""
        return ModelKey(self.replacement_provider or provider, self.replacement) if self.replacement else None

    def replaced(self, values: Mapping[str, FactValue]) -> "ModelFacts":
        """A copy with some facts given anew, by name; the caller vouches for their types."""
        facts: list[FactValue] = list(self)
        for name, value in values.items():
            facts[_POSITIONS[name]] = value
        return ModelFacts._make(facts)  # a third of the time that `_replace` takes for as many fields


UNKNOWN = ModelFacts()
"""No fact known."""


def tier_of(facts: ModelFacts) -> Tier | None:
    """The price class that the projected prices give; None while no token price is known, or it is not in USD."""
    prices = [price for price in (facts.input_price_per_mtok, facts.output_price_per_mtok) if price is not None]
    if not prices or facts.price_currency != "USD":
        return None
    if not any(prices):
        is_complete = len(prices) == 2 or facts.type not in (ModelType.CHAT, None)
        return Tier.FREE if is_complete else None  # one price of 0 does not make the other one 0
    if facts.output_price_per_mtok is not None:
        premium = facts.output_price_per_mtok >= PREMIUM_OUTPUT_PER_MTOK
    else:
        premium = prices[0] >= PREMIUM_INPUT_PER_MTOK
    return Tier.PREMIUM if premium else Tier.AFFORDABLE


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


MAX_DIGITS = 40
"""Beyond so many, a number is not written out."""


def exact_number(amount: Decimal) -> int | float:
    """An amount as a JSON number with exactly its digits.

    A float's shortest text has the same digits for every decimal of at most 15 significant ones, which is all that
    a price can have (see `validate`).
    """
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def plain_number(number: int | str | Decimal) -> str:
    """A number of a program's as plain digits, for what reads numbers of people; what is no such number stays so."""
    if isinstance(number, Decimal) and number.is_finite() and abs(number.adjusted()) < MAX_DIGITS:
        return decimal_text(number)
    return str(number)


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
