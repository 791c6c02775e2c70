"""Which rows a command changes at once: `provider=openai type=embedding context_window>=100000`. Pure.

The words are those of `modelctl list`, and what they mean is the same: see `query`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from modelctl.core.encoding import FACT_TYPES
from modelctl.core.model import CAPABILITIES, ModelType, Status, Tier
from modelctl.core.names import did_you_mean, require_known
from modelctl.core.query import Filter
from modelctl.core.validate import shorten
from modelctl.errors import UsageError

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
