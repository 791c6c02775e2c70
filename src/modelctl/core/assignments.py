"""Facts as a person states them: `context_window=128000` on a command line, or a value in a row of JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from modelctl.core.encoding import FACT_TYPES
from modelctl.core.instants import day
from modelctl.core.ledger import MONEY_FIELDS
from modelctl.core.model import FACT_FIELDS, UNKNOWN, FactValue
from modelctl.core.names import did_you_mean
from modelctl.core.query import COLUMNS
from modelctl.core.validate import fact_problems, shorten
from modelctl.errors import UsageError

SETTABLE = tuple(name for name in FACT_FIELDS if name not in MONEY_FIELDS)
"""The facts that a person can state. Prices are the ledger's, with dates: `modelctl price set`."""

NULL = "null"
_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+(_\d+)*", re.ASCII)
_MAX_DIGITS = 40
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def assigned(words: Iterable[str]) -> dict[str, FactValue]:
    """Facts from `FIELD=VALUE`; an empty value, or `null`, is None: unknown. UsageError naming all that is wrong."""
    values: dict[str, Any] = {}
    problems = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            problems.append(f"{shorten(word)!r} is not FIELD=VALUE")
        elif name in values:
            problems.append(f"{shorten(name)} is given twice")
        else:
            values[name] = text
    return _read(values, _from_text, problems)


def stated(row: Mapping[str, Any]) -> dict[str, FactValue]:
    """The same from a row of JSON, whose values have types of their own; null is None: unknown."""
    return _read(row, _from_json, [])


def _read(raw: Mapping[str, Any], read: Callable[[str, Any], FactValue], problems: list[str]) -> dict[str, FactValue]:
    values: dict[str, FactValue] = {}
    for name, value in raw.items():
        if name not in SETTABLE:
            problems.append(_no_such_field(name))
            continue
        try:
            values[name] = read(name, value)
        except UsageError as error:
            problems.append(str(error))
    problems += fact_problems(UNKNOWN.replaced(values))
    if problems:
        raise UsageError("; ".join(problems))
    return values


def _no_such_field(name: str) -> str:
    shown = shorten(name)
    if name in MONEY_FIELDS:
        return f"{name} is the ledger's, with dates and sources: use `modelctl price set`"
    if name == "is_enabled":
        return "is_enabled is the application's switch: use `modelctl enable` or `modelctl disable`"
    if name in COLUMNS:
        return f"{name} is no fact that a person states; modelctl keeps it"
    return f"there is no field {shown!r} ({did_you_mean(name, SETTABLE)})"


def _from_text(name: str, text: str) -> FactValue:
    """UsageError with what was expected."""
    kind = FACT_TYPES[name]
    if text in ("", NULL):
        return None
    if kind is bool:
        if text.lower() not in _WORDS:
            raise UsageError(f"{name}: {shorten(text)!r} is not yes or no")
        return _WORDS[text.lower()]
    if kind is int:
        if len(text) > _MAX_DIGITS or not _COUNT.fullmatch(text):
            raise UsageError(f"{name}: {shorten(text)!r} is not a whole number like 128000")
        return int(text.replace(",", "").replace("_", ""))
    if kind is date:
        return day(text, name)
    if kind is tuple:
        return tuple(item.strip() for item in text.split(","))
    return text


def _from_json(name: str, value: Any) -> FactValue:
    """UsageError with what was expected."""
    kind = FACT_TYPES[name]
    match value:
        case None:
            return None
        case bool() if kind is bool:
            return value
        case int() if kind is int and not isinstance(value, bool):
            return value
        case str() if kind is date:
            return day(value, name)
        case str() if kind is str:
            return value
        case list() if kind is tuple and all(isinstance(item, str) for item in value):
            return tuple(value)
    raise UsageError(f"{name}: {shorten(repr(value))} is not {_EXPECTED[kind]}")


_EXPECTED = {
    bool: "true or false",
    int: "a whole number like 128000",
    date: "a day like 2026-12-01",
    tuple: "a list of texts",
    str: "text",
}
