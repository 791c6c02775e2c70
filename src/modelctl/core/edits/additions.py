"""Models that are created: those that a person adds, and the default ones of a set. Planned as a sync plans."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any

from modelctl.core.edits.models import SETTABLE, facts_from_json, replacement_of
from modelctl.core.facts import UNKNOWN, FactValue, ModelKey, ModelRecord, Skipped, Source, Status
from modelctl.core.models.resolve import Named
from modelctl.core.planning.merge import Snapshot, merge
from modelctl.core.planning.ownership import EVERY, Takeover
from modelctl.core.planning.plan import Plan
from modelctl.core.planning.planner import Consulted, plan
from modelctl.core.records import BYTE_ORDER_MARK, all_or_none, json_lines, read_json
from modelctl.core.stored import ModelsByKey, StoredModel, StoredProvider
from modelctl.core.text import did_you_mean, shorten
from modelctl.core.validation import check_key, contradictions
from modelctl.errors import ModelctlError, NearMiss, UsageError

COMMAND = "add"
DEFAULT_SET = "default"

_KEYS = ("model", "provider", "model_id", "is_enabled")
MIN_LIKE_CHARS = 5
"""A shorter id is no slip of another: there is `o1`, and there is `r1`."""
_SEPARATORS = re.compile(r"[\s._-]+")


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
        raise UsageError(f"{shorten(name)!r} does not name its provider", "write it as provider/model_id")
    key = ModelKey(provider, model_id)
    check_key(key)
    known = {fact: value for fact, value in facts.items() if value is not None}
    return Addition(place=place, key=key, facts=known, is_enabled=is_enabled)


def read_additions(text: str) -> list[Addition | ModelctlError]:
    """The rows of JSON (one object, or a list of them) or of JSONL, and in place of a bad one what is wrong with it.

    UsageError where there is no row at all.
    """
    rows = [_row(place, raw) for place, raw in _objects(text.removeprefix(BYTE_ORDER_MARK))]
    if not rows:
        raise UsageError("there is no row to add", 'a row is {"model": "openai/gpt-4o", "context_window": 128000}')
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModels:
    """What there is before anything is added."""

    providers: Collection[str]
    """All that are known."""
    stored: ModelsByKey
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
    first: dict[ModelKey, str] = {}
    read = [row for row in rows if isinstance(row, Addition)]
    new = {row.key: StoredModel(key=row.key, facts=row.record.facts, is_enabled=False) for row in read}
    models = {**known.stored, **new}

    def check(row: Addition | ModelctlError) -> None:
        if isinstance(row, ModelctlError):
            raise row
        if row.key in first:
            raise UsageError(f"{row} is the same model as {first[row.key]}")
        first[row.key] = row.place
        _require_new(row, known)
        if problem := misspelt(row.key):
            raise NearMiss(f"{row} {problem}", "--exact insists")
        _require_sound(row, _merged([row], known.layers, today)[row.key], models, today)

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
        elif (other := _folded(each.key.model_id)) == folded:
            found = f"is spelled {each.key}"
        elif not found and is_one_slip(folded, other):
            found = f"is one letter from {each.key}"
    return found


def is_one_slip(one: str, other: str) -> bool:
    """Whether a letter is added, left out, another, or swapped with its neighbour. Digits tell versions apart."""
    start = _alike(one, other)
    end = _alike(one[start:][::-1], other[start:][::-1])
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    is_slip = max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1])
    return is_slip and len(one) >= MIN_LIKE_CHARS and not any(each.isdigit() for each in left + right)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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


def models_by_set(layers: Sequence[Mapping[ModelKey, tuple[str, ...]]]) -> dict[str, list[ModelKey]]:
    """The models of each set, sorted. `layers`: in which sets models are, by catalog in order of authority."""
    sets: dict[ModelKey, tuple[str, ...]] = {}
    for layer in reversed(layers):
        sets.update(layer)
    members: dict[str, list[ModelKey]] = {}
    for key in sorted(sets):
        for name in sets[key]:
            members.setdefault(name, []).append(key)
    return members


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


def _objects(text: str) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Each row with its place, or what is wrong with it."""
    try:
        whole = read_json(text, parse_float=float) if text.strip() else []
    except UsageError:
        whole = None  # not one document: JSONL, or a mistake that its line tells
    match whole:
        case list():
            for number, row in enumerate(whole, 1):
                yield f"row {number}", row if isinstance(row, dict) else "is not a JSON object"
        case dict():
            yield "row 1", whole
        case _:
            for number, line in json_lines(text.splitlines(), parse_float=float):
                yield f"line {number}", line


def _row(place: str, raw: Mapping[str, Any] | str) -> Addition | ModelctlError:
    try:
        if isinstance(raw, str):
            raise UsageError(raw)
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


def _require_new(row: Addition, known: KnownModels) -> None:
    provider = row.key.provider
    if provider not in known.providers:
        near = did_you_mean(provider, sorted(known.providers))
        raise UsageError(f"{row}: there is no provider {shorten(provider)!r}", f"{near}, or `modelctl provider add`")
    if row.key in known.stored:
        raise UsageError(f"{row} is there already", f"`modelctl set {row.key} FIELD=VALUE` changes it")


def _require_sound(row: Addition, record: ModelRecord, known: ModelsByKey, today: date) -> None:
    for each in contradictions(record.facts):
        raise UsageError(f"{row}: {each.name}: {each.message}", "state both")
    seller = row.facts.get("replacement_provider")
    if seller is not None and row.facts.get("replacement") is None:
        raise UsageError(f"{row}: replacement_provider sells no replacement", "name one: replacement=MODEL")
    if isinstance(name := row.facts.get("replacement"), str):
        try:
            found = replacement_of(row.key, name, known, today, seller=seller if isinstance(seller, str) else None)
        except UsageError as error:
            raise UsageError(f"{row.place}: {error.message}" if row.place else error.message, error.hint) from None
        if found.model_id != name:
            raise UsageError(
                f"{row}: replacement {shorten(name)} means {found.beside(row.key.provider)}",
                "write the id itself, and who sells it as replacement_provider where that is another one",
            )


def _merged(rows: Sequence[Addition], layers: Sequence[Snapshot], today: date) -> Mapping[ModelKey, ModelRecord]:
    said = {row.key: row.record for row in rows}
    below = [layer.only(said.keys()) for layer in layers]
    return merge([Snapshot(source=Source.PERSON, records=said), *below], today=today)


def _folded(model_id: str) -> str:
    """`GPT-4o`, `gpt 4o` and `gpt4o` alike: no two models of the shipped catalogs differ in these alone (2026-11)."""
    return _SEPARATORS.sub("", model_id.casefold())


def _reason(key: ModelKey, stored: StoredProvider, record: ModelRecord | None, left_out: Mapping[ModelKey, str]) -> str:
    """Why a model is skipped; empty where it is created."""
    if key in stored.models:
        return "exists"
    if key in stored.removed_by_hand:
        return "removed by hand"
    if record is None:
        return left_out.get(key, "no catalog states it")
    return "retired" if record.facts.status == Status.RETIRED else ""
