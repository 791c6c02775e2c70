"""The keys of a catalog file, the type of each, and the closed sets that only a file has."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from modelctl.catalog.findings import Problem
from modelctl.core.facts import CAPABILITIES, FACT_FIELDS, FACT_TYPES, PRICE_FIELDS, ModelFacts
from modelctl.core.prices.price import SINCE_LAUNCH, Basis, PriceKind, PriceUnit, ServiceTier
from modelctl.core.text import shorten, start_of_day, suggestion
from modelctl.core.toml import KeyPath, printable

URL_PATTERN = r"https?://[!-~]+"
A_URL = "a URL like https://host/path"

TOML_INTEGERS = range(-(2**63), 2**63)
"""Printing a longer one can raise."""

_LIST = (list, tuple)  # of a file, and of what was read from one already

ValueT = TypeVar("ValueT")
TableT = TypeVar("TableT", bound=tuple[Any, ...])
Rule: TypeAlias = Callable[[Any], ValueT]
"""The value that a key has by what stands in the file. Raises Misshapen."""


class Misshapen(Exception):
    """A value that a key cannot have, with everything that is wrong in it; each path begins below the key."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    @classmethod
    def because(cls, message: str) -> Misshapen:
        """One thing, which is wrong with the value itself."""
        return cls(Problem(at=(), message=message))


class Shape(Generic[TableT]):
    """A table: its keys as a file has them, the rule of each, and what it becomes."""

    def __init__(
        self,
        become: Callable[[Iterable[Any]], TableT],
        rules: Mapping[str, Rule[Any]],
        *,
        unstated: Mapping[str, Any],
        required: Collection[str],
    ) -> None:
        """`become` takes the values in the order of the keys; `unstated`: those of keys that a file need not have."""
        self._become, self._rules, self._required = become, rules, required
        self._unstated = {key: unstated.get(key) for key in rules}

    @classmethod
    def of(cls, become: type[TableT], rules: Mapping[str, Rule[Any]]) -> Shape[TableT]:
        """That of a NamedTuple whose fields are the keys, in their order; one without a default is required."""
        fields: tuple[str, ...] = become._fields  # type: ignore[attr-defined]  # it is a NamedTuple
        defaults: Mapping[str, Any] = become._field_defaults  # type: ignore[attr-defined]
        assert tuple(rules) == tuple(field.rstrip("_") for field in fields), become
        unstated = {field.rstrip("_"): value for field, value in defaults.items()}
        make: Callable[[Iterable[Any]], TableT] = become._make  # type: ignore[attr-defined]
        return Shape(make, rules, unstated=unstated, required=[key for key in rules if key not in unstated])

    def __call__(self, table: object) -> TableT:
        """The rule for a value that is such a table."""
        if not isinstance(table, dict):
            raise _is_not(table, "a table")
        values, rules, problems = self._unstated.copy(), self._rules, []
        for key, value in table.items():
            rule = rules.get(key)
            if rule is None:
                hint = suggestion(key, rules, most=1) or "docs/catalogs.md lists the keys"
                problems.append(Problem(at=(key,), message="is not a known key", hint=hint))
                continue
            try:
                values[key] = rule(value)
            except Misshapen as error:
                problems += _within(key, error)
        for key in self._required:
            if key not in table:
                problems.append(Problem(at=(key,), message="is missing"))
        if problems:
            raise Misshapen(*sorted(problems, key=self._place))
        return self._become(values.values())

    def _place(self, problem: Problem) -> int:
        """Problems are told in the order of the keys of the format, unknown keys last."""
        return [*self._rules, problem.at[0]].index(problem.at[0])


def read_table(
    shape: Shape[TableT], table: Mapping[str, Any], at: KeyPath, report: Callable[[Problem], None]
) -> TableT | None:
    """The table in its shape; None, after each thing that is wrong was reported, when it has not that shape."""
    try:
        return shape(table)
    except Misshapen as error:
        for problem in error.problems:
            report(replace(problem, at=(*at, *problem.at)))
        return None


def _within(place: str | int, error: Misshapen) -> Iterator[Problem]:
    return (replace(problem, at=(place, *problem.at)) for problem in error.problems)


def _is_not(value: object, expected: str) -> Misshapen:
    return Misshapen.because(f"{_shown(value)} is not {expected}")


def list_of(item: Rule[ValueT], expected: str = "a list") -> Rule[tuple[ValueT, ...]]:
    """A list of such values."""

    def rule(value: object) -> tuple[ValueT, ...]:
        if not isinstance(value, _LIST):
            raise _is_not(value, expected)
        try:
            return tuple(map(item, value))
        except Misshapen:  # once more, for all of them
            raise Misshapen(*_problems_of_items(item, value)) from None

    return rule


def words_of(word: Rule[str]) -> Rule[tuple[str, ...]]:
    """A list of such texts. Equal lists are one value, which is looked at once: thousands of models share theirs."""
    remembered = lru_cache(maxsize=1024)(lambda words: tuple(map(word, words)))
    unshared = list_of(word)

    def rule(value: object) -> tuple[str, ...]:
        if isinstance(value, _LIST):
            try:
                return remembered(tuple(value))
            except (Misshapen, TypeError):  # TypeError: something without a hash, which is no text
                pass
        return unshared(value)  # refuses it

    return rule


def _problems_of_items(item: Rule[Any], values: Iterable[object]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        try:
            item(value)
        except Misshapen as error:
            yield from _within(index, error)


def as_text(value: object) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise _is_not(value, "text in quotes")


def matching(pattern: str, expected: str) -> Rule[str]:
    """A text that the whole pattern fits."""

    def rule(value: object) -> str:
        text = as_text(value)
        if not re.fullmatch(pattern, text):  # compiled when it is needed first, and kept by `re`
            raise _is_not(text, expected)
        return text

    return rule


def one_of(choices: Iterable[str]) -> Rule[str]:
    """One text of a closed set."""
    allowed = dict.fromkeys(map(str, choices))

    def rule(value: object) -> str:
        text = as_text(value)
        if text not in allowed:
            raise _is_not(text, f"one of {', '.join(allowed)}")
        return text

    return rule


def at_most(max_chars: int, rule: Rule[str]) -> Rule[str]:
    """Such a text, if it is not too long."""

    def checked(value: object) -> str:
        if len(as_text(value)) > max_chars:
            raise Misshapen.because(f"has more than {max_chars} characters")
        return rule(value)

    return checked


def as_origin(value: object) -> str:
    """A text in one line."""
    text = as_text(value)
    if not text.isprintable() or text != text.strip() or not text:
        raise _is_not(text, A_URL)
    return text


def as_count(value: object) -> int:
    """A whole number that can be written in TOML."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _is_not(value, "a whole number")
    if value not in TOML_INTEGERS:
        raise Misshapen.because("is too big a number")
    return value


def as_flag(value: object) -> bool:
    """true or false."""
    if isinstance(value, bool):
        return value
    raise _is_not(value, "true or false")


def as_day(value: object) -> date:
    """A day without a time."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise _is_not(value, "a day like 2026-11-21 (without quotes or a time)")


def as_amount(value: object) -> Decimal:
    """A number of any kind, exactly as it is written."""
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > 2**63:
            raise Misshapen.because("is too big a number")
        return Decimal(value)
    raise _is_not(value, "a number")


def as_instant(value: object) -> datetime:
    """A day means its start in UTC. Whole seconds only: that is all that every database keeps."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Misshapen.because(f"{_shown(value)} does not say in which time zone; end it with Z for UTC")
        if value.microsecond:
            raise Misshapen.because(f"{_shown(value)} has a fraction of a second")
        try:
            instant = value.astimezone(UTC)
        except OverflowError as error:
            raise Misshapen.because(f"{_shown(value)} is not a real day or time") from error
    elif isinstance(value, date):
        instant = start_of_day(value)
    else:
        raise _is_not(value, "a day like 2026-12-01 or an instant like 2026-12-01T07:00:00Z")
    if instant < SINCE_LAUNCH:
        raise Misshapen.because(f"{_shown(value)} is before {SINCE_LAUNCH:%Y-%m-%d}")
    return instant


def as_table(value: object) -> dict[str, Any]:
    """A table of any keys."""
    if isinstance(value, dict):
        return value
    raise _is_not(value, "a table")


def _shown(value: object) -> str:
    """A value of the file as its author wrote it, in few characters."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return shorten(repr(value))
        case dict():
            return "a table"
        case list():
            return "a list"
        case int():
            return printable(str(value)) if abs(value) < 2**63 else "a big number"
        case date():
            return value.isoformat()
        case _:
            return printable(str(value))


URL_MAX_CHARS = 500

_words = words_of(as_text)
_capabilities = words_of(one_of(CAPABILITIES))
_url = at_most(URL_MAX_CHARS, matching(URL_PATTERN, A_URL))


class CatalogTable(NamedTuple):
    """The whole file; what is in the tables is looked at one by one, so that one mistake hides no other."""

    provider: dict[str, Any]
    model: tuple[dict[str, Any], ...] = ()


DOCUMENT = Shape.of(CatalogTable, {"provider": as_table, "model": list_of(as_table, "a list of [[model]] tables")})


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


_as_variable = matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "the name of an environment variable")


def as_key_variable(value: object) -> str:
    """The name of a variable that holds a key. A file that travels cannot have any other variable sent to its host."""
    name = _as_variable(value)
    if not re.search(r"KEY|TOKEN|SECRET", name):
        raise _is_not(name, "the name of a key's variable, with KEY, TOKEN or SECRET in it")
    return name


PROVIDER = Shape.of(
    ProviderTable,
    {
        "display_name": as_text,
        "kind": matching(r"([a-z][a-z0-9-]{0,63})?", "a slug of lower-case letters, digits and '-'"),
        "api_base_url": _url,
        "env_vars": words_of(as_key_variable),
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


PRICE = Shape.of(
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


STATED_FACTS = tuple(name for name in FACT_FIELDS if name not in {*CAPABILITIES, *PRICE_FIELDS, "price_currency"})
"""Facts whose key in a file is their own name. Capabilities stand in two lists; prices are the ledger's to project."""

BEFORE_CAPABILITIES = FACT_FIELDS[: FACT_FIELDS.index(CAPABILITIES[0])]
AFTER_CAPABILITIES = STATED_FACTS[len(BEFORE_CAPABILITIES) :]
"""The same in two parts: between them a file has its two lists of capabilities."""


class ModelTable(NamedTuple):
    """One `[[model]]`. A fact that is None was left out: unknown."""

    id: str
    facts: ModelFacts
    """What it states; the prices are in `prices`."""
    capabilities: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    sets: tuple[str, ...] | None = None
    """The sets of default models that it is in: `modelctl populate --set NAME`."""
    currency: str = "USD"
    verified_on: date | None = None
    source: str | None = None
    unset: tuple[str, ...] = ()
    """Facts that have no value, whatever a source of less authority says."""
    prices: tuple[PriceLine, ...] = ()


def _model_table(values: Iterable[Any]) -> ModelTable:
    model_id, *others = values
    facts = others[: len(STATED_FACTS) + 2]
    can = slice(len(BEFORE_CAPABILITIES), len(BEFORE_CAPABILITIES) + 2)
    capabilities, lacks = facts[can]
    facts[can] = _can(capabilities, lacks)
    return ModelTable(model_id, ModelFacts(*facts), capabilities, lacks, *others[len(STATED_FACTS) + 2 :])


@lru_cache(maxsize=1024)
def _can(capabilities: Sequence[str], lacks: Sequence[str]) -> Sequence[bool | None]:
    stated = dict.fromkeys(lacks, False) | dict.fromkeys(capabilities, True)
    return tuple(stated.get(name) for name in CAPABILITIES)


_RULES: Mapping[type, Rule[Any]] = {str: as_text, int: as_count, bool: as_flag, date: as_day, tuple: _words}
"""By the type of a fact."""

MODEL = Shape(
    _model_table,
    {
        "id": as_text,
        **{name: _RULES[FACT_TYPES[name]] for name in BEFORE_CAPABILITIES},
        "capabilities": _capabilities,
        "lacks": _capabilities,
        **{name: _RULES[FACT_TYPES[name]] for name in AFTER_CAPABILITIES},
        "sets": words_of(matching(r"[a-z][a-z0-9-]{0,31}", "a slug of lower-case letters, digits and '-'")),
        "currency": as_text,
        "verified_on": as_day,
        "source": _url,
        "unset": _words,
        "prices": list_of(PRICE),
    },
    unstated=ModelTable._field_defaults,
    required=("id",),
)
