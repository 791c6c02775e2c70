"""Models that a person adds, as a command line or JSON states them. Pure; every row that cannot be is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelctl.core.assignments import SETTABLE, stated
from modelctl.core.model import UNKNOWN, FactValue, ModelKey, ModelRecord, Source
from modelctl.core.names import did_you_mean
from modelctl.core.validate import check_key, shorten
from modelctl.errors import ModelctlError, UsageError

_KEYS = ("model", "provider", "model_id", "is_enabled")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """One model to add. What is not stated is for the catalogs to say, or unknown."""

    place: str = ""
    """Where it stands, as `line 3`; empty for the command line."""
    key: ModelKey
    facts: Mapping[str, FactValue]
    is_enabled: bool | None = None
    """None: on, if its price is known."""

    @property
    def record(self) -> ModelRecord:
        """What the person says of it."""
        return ModelRecord(
            key=self.key,
            facts=UNKNOWN.replaced(self.facts),
            provenance=dict.fromkeys(self.facts, Source.PERSON.value),
        )

    def __str__(self) -> str:
        return f"{self.place}: {self.key}" if self.place else str(self.key)


def new_row(name: str, facts: Mapping[str, FactValue], *, is_enabled: bool | None = None, place: str = "") -> NewRow:
    """From `provider/model_id`, whose id may hold slashes itself. UsageError or InvalidFact for what can be no key."""
    provider, slash, model_id = name.partition("/")
    if not slash:
        raise UsageError(f"{shorten(name)!r} does not say who sells it", "write it as provider/model_id")
    key = ModelKey(provider, model_id)
    check_key(key)
    known = {fact: value for fact, value in facts.items() if value is not None}
    return NewRow(place=place, key=key, facts=known, is_enabled=is_enabled)


def read_new_rows(text: str) -> list[NewRow | ModelctlError]:
    """The rows of JSON (one object, or a list of them) or of JSONL, and in place of a bad one what is wrong with it.

    UsageError where there is no row at all.
    """
    rows = [_row(place, raw) for place, raw in _objects(text.removeprefix(_BYTE_ORDER_MARK))]
    if not rows:
        raise UsageError("there is no row to add", 'a row is {"model": "openai/gpt-4o", "context_window": 128000}')
    return rows


def _objects(text: str) -> Sequence[tuple[str, object]]:
    """Each row with its place; one that is no JSON is the error itself."""
    whole = _parsed(text) if text.strip() else []
    if isinstance(whole, list):
        return [(f"row {number}", row) for number, row in enumerate(whole, 1)]
    if isinstance(whole, dict):
        return [("row 1", whole)]
    return list(_lines(text))


def _lines(text: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"line {number}", _parsed(line)


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except ModelctlError as error:
        return error
    except (ValueError, RecursionError) as error:
        return UsageError(f"is no JSON ({error})", "one object on a line, or a list of them")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise UsageError("names a field twice")
    return row


def _row(place: str, raw: object) -> NewRow | ModelctlError:
    try:
        if isinstance(raw, ModelctlError):
            raise raw
        if not isinstance(raw, dict):
            raise UsageError("is no JSON object")
        return _understood(place, raw)
    except ModelctlError as error:
        return UsageError(f"{place}: {error.message}", error.hint)


def _understood(place: str, raw: Mapping[str, Any]) -> NewRow:
    for name in raw:
        if name not in (*_KEYS, *SETTABLE) and not name.endswith(("_per_mtok", "currency")):
            raise UsageError(f"there is no field {shorten(name)!r}", did_you_mean(name, (*_KEYS, *SETTABLE)))
    named = {name: raw[name] for name in _KEYS if raw.get(name) is not None}
    is_enabled = named.pop("is_enabled", None)
    if not isinstance(is_enabled, bool | None):
        raise UsageError(f"is_enabled: {shorten(repr(is_enabled))} is not true or false")
    if set(named) not in ({"model"}, {"provider", "model_id"}):
        raise UsageError("has no model", '"model": "openai/gpt-4o", or "provider" and "model_id"')
    if not all(isinstance(each, str) for each in named.values()):
        raise UsageError(f"{' and '.join(named)}: is not text")
    facts = stated({name: value for name, value in raw.items() if name not in _KEYS})
    name = named["model"] if "model" in named else f"{named['provider']}/{named['model_id']}"
    return new_row(name, facts, is_enabled=is_enabled, place=place)
