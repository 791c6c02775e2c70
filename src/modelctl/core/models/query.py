"""Which models a list shows, and in which order. Unknown is neither yes nor no: it is left out and counted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import ge, le
from typing import Any, NamedTuple, TypeAlias

from modelctl.core.facts import CAPABILITIES, FACT_FIELDS, FACT_TYPES, FactValue, ModelType, Status, Tier
from modelctl.core.stored import StoredModel, protected_fields
from modelctl.core.text import did_you_mean, require_known, shorten
from modelctl.errors import UsageError

COLUMNS: tuple[str, ...] = (
    "id",
    "provider",
    "model_id",
    *FACT_FIELDS,
    "is_enabled",
    "last_seen_at",
    "last_verified_at",
    "created_at",
    "updated_at",
)
"""The columns of the model table, in its order: what a list can show and sort by, and the keys of its JSON."""
PROTECTED = "protected"
SHOWABLE = (*COLUMNS, PROTECTED)
"""What a list can be asked to show: the columns, and which fields a person protects from syncs."""

_ROW_COLUMNS: dict[str, Callable[[StoredModel], FactValue | datetime]] = {
    "id": lambda model: model.row_id,
    "provider": lambda model: model.key.provider,
    "model_id": lambda model: model.key.model_id,
    "is_enabled": lambda model: model.is_enabled,
    "last_seen_at": lambda model: model.last_seen_at,
    "last_verified_at": lambda model: model.last_verified_at,
    "created_at": lambda model: model.created_at,
    "updated_at": lambda model: model.updated_at,
    PROTECTED: protected_fields,
}

_TERM = re.compile(r"(?P<key>[a-z_]+)(?P<sign>=|>=|<=)(?P<value>.*)", re.DOTALL)
_SETS: dict[str, tuple[str, Collection[str]]] = {
    "provider": ("providers", ()),
    "status": ("statuses", tuple(Status)),
    "type": ("types", tuple(ModelType)),
    "tier": ("tiers", tuple(Tier)),
    "capability": ("capabilities", CAPABILITIES),
    "tag": ("tags", ()),
    "missing": ("missing", ()),
}
"""Key -> the filter's field, and what it can be where that is a closed set."""
_SWITCHES = {"enabled": "is_enabled", "recommended": "is_recommended"}
_LIMITED = tuple(name for name, kind in FACT_TYPES.items() if kind in (int, Decimal))
_BOUNDS = {">=": ("at_least",), "<=": ("at_most",), "=": ("at_least", "at_most")}
_KEYS = (*_SETS, *_SWITCHES, "search", *_LIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a model must be to be listed. Nothing given means everything but what is retired."""

    providers: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    """All of them."""
    tags: frozenset[str] = frozenset()
    """All of them."""
    at_least: Mapping[str, Decimal | int] = field(default_factory=dict)
    """Column -> its lowest value. Prices are per million tokens, in the currency of the row."""
    at_most: Mapping[str, Decimal | int] = field(default_factory=dict)
    is_enabled: bool | None = None
    is_recommended: bool | None = None
    missing: frozenset[str] = frozenset()
    """Columns that must all be unknown."""
    is_protected: bool = False
    """A person owns at least one field."""
    search: str = ""
    """Part of the id, the display name or an alias, in any case."""
    with_retired: bool = False

    def __post_init__(self) -> None:
        """UsageError for a capability or a column that there is not."""
        for name in sorted(self.capabilities):
            require_known(name, CAPABILITIES, "capability")
        for name in sorted(self.missing):
            require_known(name, COLUMNS, "column")


@dataclass(frozen=True, slots=True)
class Selection:
    """The models that pass, and how many were left out without being asked for."""

    models: tuple[StoredModel, ...]
    retired: int = 0
    """They pass but for being retired."""
    unknown: int = 0
    """Nothing speaks against them, but a fact that decides is unknown."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int | None = None
    offset: int = 0
    """So many of the first are left out."""
    after: str | None = None
    """The key of the last model of the page before."""

    def of(self, models: Sequence[StoredModel]) -> Sequence[StoredModel]:
        """The part. UsageError where the list has no such model to go on after."""
        begin = self.offset
        if self.after is not None:
            keys = [str(each.key) for each in models]
            if self.after not in keys:
                raise UsageError(
                    f"--after {shorten(self.after)}: the list has no such model", "write provider/model_id"
                )
            begin += keys.index(self.after) + 1
        return models[begin:][: self.limit]


ALL_MODELS = Page()


def column_value(model: StoredModel, column: str) -> FactValue | datetime:
    """The value of one of `COLUMNS`."""
    read = _ROW_COLUMNS.get(column)
    if read is not None:
        return read(model)
    value: FactValue = getattr(model.facts, column)
    return value


def columns_decisive(wanted: Filter, order: Sequence[str]) -> set[str]:
    """The columns that must be known of every model, so that it can be told which are listed, and in which order."""
    decisive = {name for condition in _conditions(wanted) for name in condition.columns}
    if _is_without_retired(wanted):
        decisive.add("status")
    return decisive | {term.removeprefix("-") for term in order}


def select(models: Iterable[StoredModel], wanted: Filter) -> Selection:
    """The models that pass the filter, in their order."""
    tests = [condition.test for condition in _conditions(wanted)]
    without_retired = _is_without_retired(wanted)
    passed, retired, unknown = [], 0, 0
    for model in models:
        answers = {test(model) for test in tests}
        if False in answers:
            continue
        if without_retired and model.facts.status == Status.RETIRED:
            retired += 1
        elif None in answers:
            unknown += 1
        else:
            passed.append(model)
    return Selection(tuple(passed), retired, unknown)


def ordered(models: Iterable[StoredModel], order: Sequence[str]) -> list[StoredModel]:
    """The models by the columns of `order`; `-COLUMN` the other way round. Unknown comes last either way.

    UsageError for a column that there is not. Sorted here and not by the database: each has its own order of text.
    """
    result = sorted(models, key=lambda model: model.key)
    for term in reversed(order):
        column = require_known(term.removeprefix("-"), COLUMNS, "column")
        known = [model for model in result if column_value(model, column) is not None]
        unknown = [model for model in result if column_value(model, column) is None]
        known.sort(key=lambda model: _sortable(column_value(model, column)), reverse=term.startswith("-"))
        result = known + unknown
    return result


def where(text: str) -> Filter:
    """The filter that the terms say together. UsageError for a term that says nothing, or says it twice."""
    try:
        terms = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--where {shorten(text)!r} cannot be read: {error}", "close the quotes") from None
    if not terms:
        raise UsageError("--where names no rows", "write it like 'provider=openai type=embedding'")
    values: dict[str, Any] = {"at_least": {}, "at_most": {}}
    for term in terms:
        found = _TERM.fullmatch(term)
        if found is None or not found["value"]:
            raise UsageError(f"--where: {shorten(term)!r} is not KEY=VALUE", "write it like provider=openai")
        _add(values, found["key"], found["sign"], found["value"])
    return Filter(**values)


_Test: TypeAlias = Callable[[StoredModel], bool | None]
"""Whether a model passes; None where the fact that decides is unknown."""


class _Condition(NamedTuple):
    """A test with the columns that it looks at, besides the key."""

    columns: Collection[str]
    test: _Test


def _sortable(value: Any) -> Any:
    """Text without regard to case, so that `Qwen` does not come before `aya`."""
    return (value.lower(), value) if isinstance(value, str) else value


def _is_without_retired(wanted: Filter) -> bool:
    return not (wanted.with_retired or wanted.statuses)


def _conditions(wanted: Filter) -> Iterator[_Condition]:
    if wanted.providers:
        yield _Condition((), lambda model: model.key.provider in wanted.providers)
    for column, allowed in (("status", wanted.statuses), ("type", wanted.types), ("tier", wanted.tiers)):
        if allowed:
            yield _Condition((column,), _one_of(column, allowed))
    yield from (_Condition((name,), _capability(name)) for name in wanted.capabilities)
    if wanted.tags:
        yield _Condition(("tags",), lambda model: wanted.tags <= set(model.facts.tags or ()))
    if wanted.is_enabled is not None:
        yield _Condition(("is_enabled",), lambda model: model.is_enabled is wanted.is_enabled)
    if wanted.is_recommended is not None:
        yield _Condition(("recommended",), lambda model: bool(model.facts.recommended) is wanted.is_recommended)
    if wanted.missing:
        names = wanted.missing
        yield _Condition(names, lambda model: all(column_value(model, name) is None for name in names))
    if wanted.is_protected:
        yield _Condition(COLUMNS, lambda model: bool(protected_fields(model)))
    if wanted.search:
        yield _Condition(("display_name", "aliases"), _text_test(wanted.search.lower()))
    yield from (_Condition((column,), _compared(column, ge, limit)) for column, limit in wanted.at_least.items())
    yield from (_Condition((column,), _compared(column, le, limit)) for column, limit in wanted.at_most.items())


def _one_of(column: str, allowed: frozenset[str]) -> _Test:
    def test(model: StoredModel) -> bool | None:
        value = getattr(model.facts, column)
        return None if value is None else value in allowed

    return test


def _capability(name: str) -> _Test:
    def test(model: StoredModel) -> bool | None:
        value: bool | None = getattr(model.facts, name)
        return value

    return test


def _text_test(lowered: str) -> _Test:
    def test(model: StoredModel) -> bool:
        texts = (str(model.key), model.facts.display_name or "", *(model.facts.aliases or ()))
        return any(lowered in text.lower() for text in texts)

    return test


def _compared(column: str, holds: Callable[[Any, Any], bool], limit: Decimal | int) -> _Test:
    def test(model: StoredModel) -> bool | None:
        value = getattr(model.facts, column)
        return None if value is None else holds(value, limit)

    return test


def _add(values: dict[str, Any], key: str, sign: str, value: str) -> None:
    if key not in _KEYS:
        raise UsageError(f"--where: there is no key {shorten(key)!r}", did_you_mean(key, _KEYS))
    if key in _LIMITED:
        for name in _BOUNDS[sign]:
            _once(values[name], key, _number(key, value), key)
        return
    if sign != "=":
        raise UsageError(f"--where: {key} goes with '=' only", f"there are amounts: {', '.join(_LIMITED)}")
    if key == "search":
        _once(values, key, value, key)
    elif key in _SWITCHES:
        _once(values, _SWITCHES[key], _yes(key, value), key)
    else:
        name, allowed = _SETS[key]
        words = frozenset(value.split(","))
        for word in sorted(words) if allowed else ():
            require_known(word, allowed, key)
        _once(values, name, words, key)


def _once(values: dict[str, Any], name: str, value: object, key: str) -> None:
    if name in values:
        raise UsageError(f"--where: {key} is given twice", f"several at once: {key}=A,B" if key in _SETS else "")
    values[name] = value


def _yes(key: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise UsageError(f"--where: {key} is yes or no, not {shorten(value)!r}")
    return value == "yes"


def _number(key: str, value: str) -> Decimal:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value, re.ASCII):
        raise UsageError(f"--where: {key}: {shorten(value)!r} is not a number", "write it like 128000 or 2.5")
    return Decimal(value)
