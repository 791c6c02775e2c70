"""Which models a person may add, and the rows that this makes, planned as a sync plans. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from modelctl.core.edits.models import replacement_of
from modelctl.core.facts import (
    FACT_FIELDS,
    FACT_TYPES,
    UNKNOWN,
    FactValue,
    ModelKey,
    ModelRecord,
    Skipped,
    Source,
    Status,
)
from modelctl.core.models.query import COLUMNS
from modelctl.core.models.resolve import Named
from modelctl.core.planning.merge import Snapshot, merge
from modelctl.core.planning.ownership import EVERY, Takeover
from modelctl.core.planning.plan import Plan
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.prices.ledger import MONEY_FIELDS
from modelctl.core.records import all_or_none
from modelctl.core.stored import StoredModel, StoredProvider
from modelctl.core.text import day, did_you_mean, require_known, shorten
from modelctl.core.validation import check_key, contradictions, fact_problems
from modelctl.errors import ModelctlError, UsageError

SETTABLE = tuple(name for name in FACT_FIELDS if name not in MONEY_FIELDS)
"""The facts that a person can state. Prices are the ledger's, with dates: `modelctl price set`."""

NULL = "null"
_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+(_\d+)*", re.ASCII)
_MAX_DIGITS = 40
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def facts_from_words(words: Iterable[str]) -> dict[str, FactValue]:
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


def facts_from_json(row: Mapping[str, Any]) -> dict[str, FactValue]:
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


DEFAULT_SET = "default"


class SeedStatus(StrEnum):
    """What becomes of a default model."""

    CREATED = "created"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One default model and what became of it."""

    key: ModelKey
    status: SeedStatus
    reason: str = ""
    """Why it was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPlan:
    """The default models of one provider."""

    plan: Plan
    results: tuple[SeedResult, ...]


def models_in_sets(
    layers: Sequence[Mapping[ModelKey, tuple[str, ...]]], names: Collection[str], providers: Collection[str]
) -> list[ModelKey]:
    """The models of these sets, `default` where none is named, of these providers or of all, sorted.

    `layers`: the sets in which models are, by catalog in order of authority. UsageError for a set that there is not.
    """
    sets: dict[ModelKey, tuple[str, ...]] = {}
    for layer in reversed(layers):
        sets.update(layer)
    known = sorted({name for each in sets.values() for name in each})
    wanted = {require_known(name, known, "set") for name in names or (DEFAULT_SET,)}
    return sorted(
        key for key, each in sets.items() if wanted.intersection(each) and (not providers or key.provider in providers)
    )


def plan_seed(
    provider: str,
    wanted: Collection[ModelKey],
    stored: StoredProvider,
    desired: Mapping[ModelKey, ModelRecord],
    filtered: Collection[Skipped],
    *,
    now: datetime,
) -> SeedPlan:
    """The plan that creates the wanted models of one provider; rows that are there, or were, are left alone."""
    left_out = {ModelKey(provider, each.item_id): each.reason for each in filtered}
    reasons = {key: _reason(key, stored, desired.get(key), left_out) for key in sorted(wanted)}
    new = {key: desired[key] for key, reason in reasons.items() if not reason}
    made = plan(provider, StoredProvider(), new, consulted=Consulted(), now=now)
    return SeedPlan(
        plan=replace(made, existing=len(stored.models), unchanged=len(wanted) - len(new)),
        results=tuple(
            SeedResult(key=key, status=SeedStatus.SKIPPED if reason else SeedStatus.CREATED, reason=reason)
            for key, reason in reasons.items()
        ),
    )


def _reason(key: ModelKey, stored: StoredProvider, record: ModelRecord | None, left_out: Mapping[ModelKey, str]) -> str:
    """Why a model is skipped; empty where it is created."""
    if key in stored.models:
        return "exists"
    if key in stored.removed_by_hand:
        return "removed by hand"
    if record is None:
        return left_out.get(key, "no catalog states it")
    return "retired" if record.facts.status == Status.RETIRED else ""


_KEYS = ("model", "provider", "model_id", "is_enabled")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
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


def addition(name: str, facts: Mapping[str, FactValue], *, is_enabled: bool | None = None, place: str = "") -> Addition:
    """From `provider/model_id`, whose id may hold slashes itself. UsageError or InvalidFact for what can be no key."""
    provider, slash, model_id = name.partition("/")
    if not slash:
        raise UsageError(f"{shorten(name)!r} does not say who sells it", "write it as provider/model_id")
    key = ModelKey(provider, model_id)
    check_key(key)
    known = {fact: value for fact, value in facts.items() if value is not None}
    return Addition(place=place, key=key, facts=known, is_enabled=is_enabled)


def read_additions(text: str) -> list[Addition | ModelctlError]:
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


def _row(place: str, raw: object) -> Addition | ModelctlError:
    try:
        if isinstance(raw, ModelctlError):
            raise raw
        if not isinstance(raw, dict):
            raise UsageError("is no JSON object")
        return _understood(place, raw)
    except ModelctlError as error:
        return UsageError(f"{place}: {error.message}", error.hint)


def _understood(place: str, raw: Mapping[str, Any]) -> Addition:
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
    facts = facts_from_json({name: value for name, value in raw.items() if name not in _KEYS})
    name = named["model"] if "model" in named else f"{named['provider']}/{named['model_id']}"
    return addition(name, facts, is_enabled=is_enabled, place=place)


COMMAND = "add"
_SEPARATORS = re.compile(r"[\s._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModels:
    """What there is before anything is added."""

    providers: Collection[str]
    """All that are known."""
    stored: Mapping[ModelKey, StoredModel]
    layers: Sequence[Snapshot]
    """What the catalogs state, in order of authority."""

    def of(self, provider: str) -> Iterator[Named]:
        """All models of one provider that anybody knows."""
        yield from (model for key, model in self.stored.items() if key.provider == provider)
        for layer in self.layers:
            yield from (record for key, record in layer.records.items() if key.provider == provider)


def require_addable(
    rows: Sequence[Addition | ModelctlError], known: KnownModels, *, misspelt: Callable[[ModelKey], str], today: date
) -> None:
    """UsageError, or BadRows for several: for a model that is there, and for what no such model can be.

    `rows`: those that could not be read as their errors, so that all that is wrong is told at once.
    `misspelt`: what speaks against an id by its vendor's own rules; empty if nothing does, or the person insists.
    """
    places: dict[ModelKey, str] = {}
    read = [row for row in rows if isinstance(row, Addition)]
    new = {row.key: StoredModel(key=row.key, facts=row.record.facts, is_enabled=False) for row in read}
    models = {**known.stored, **new}

    def check(row: Addition | ModelctlError) -> None:
        if isinstance(row, ModelctlError):
            raise row
        if row.key in places:
            raise UsageError(f"{row} is the same model as {places[row.key]}")
        places[row.key] = row.place
        _require_new(row, known)
        if problem := misspelt(row.key):
            raise UsageError(f"{row} {problem}", "--exact insists")
        _require_sound(row, _merged([row], known.layers, today)[row.key], models)

    all_or_none(rows, check)


def other_spelling(key: ModelKey, known: Iterable[Named]) -> str:
    """What the id should be, by the models that are known of its provider; empty where nothing is like it."""
    folded = _folded(key.model_id)
    found = ""
    for each in known:
        if each.key == key:
            return ""
        if key.model_id in (each.facts.aliases or ()):
            found = f"is an alias of {each.key}"
        elif _folded(each.key.model_id) == folded:
            found = found or f"is spelled {each.key}"
    return found


def _folded(model_id: str) -> str:
    """`GPT-4o`, `gpt 4o` and `gpt4o` alike: no two models of the shipped catalogs differ in these alone (2026-11)."""
    return _SEPARATORS.sub("", model_id.casefold())


def plan_additions(
    rows: Sequence[Addition], stored: StoredProvider, layers: Sequence[Snapshot], *, now: datetime
) -> Plan:
    """The plan that adds these models of one provider: a person's facts, pinned, filled up by what catalogs state.

    A row that somebody removed comes back, with its ledger.
    """
    made = plan(
        rows[0].key.provider,
        replace(stored, models={}),
        _merged(rows, layers, now.date()),
        consulted=Consulted(),
        takeover=Takeover(recreated=frozenset({EVERY})),
        now=now,
    )
    switches = {row.key: row.is_enabled for row in rows if row.is_enabled is not None}
    return replace(
        made,
        changes=tuple(replace(each, is_enabled=switches.get(each.key, each.is_enabled)) for each in made.changes),
        needs_review=tuple(key for key in made.needs_review if key not in switches),
    )


def _merged(rows: Sequence[Addition], layers: Sequence[Snapshot], today: date) -> Mapping[ModelKey, ModelRecord]:
    said = {row.key: row.record for row in rows}
    below = [layer.only(said.keys()) for layer in layers]
    return merge([Snapshot(source=Source.PERSON, records=said), *below], today=today)


def _require_new(row: Addition, known: KnownModels) -> None:
    provider = row.key.provider
    if provider not in known.providers:
        near = did_you_mean(provider, sorted(known.providers))
        raise UsageError(f"{row}: there is no provider {shorten(provider)!r}", f"{near}, or `modelctl provider add`")
    if row.key in known.stored:
        raise UsageError(f"{row} is there already", f"`modelctl set {row.key} FIELD=VALUE` changes it")


def _require_sound(row: Addition, record: ModelRecord, known: Mapping[ModelKey, StoredModel]) -> None:
    for each in contradictions(record.facts):
        raise UsageError(f"{row}: {each.name}: {each.message}", "state both")
    if isinstance(name := row.facts.get("replacement"), str):
        try:
            found = replacement_of(row.key, name, known)
        except UsageError as error:
            raise UsageError(f"{row.place}: {error.message}" if row.place else error.message, error.hint) from None
        if found.model_id != name:
            raise UsageError(f"{row}: replacement {shorten(name)} means {found.model_id}", "write the id itself")
