"""Edits of models: the facts and the end that a person states, and takes back; removals; the application's switch.

What is stated cannot contradict itself, and a status that nobody set follows from the dates, as it always does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from modelctl.core.facts import (
    FACT_FIELDS,
    FACT_TYPES,
    SET_ON_CREATION,
    UNKNOWN,
    FactValue,
    ModelFacts,
    ModelKey,
    Source,
    Status,
)
from modelctl.core.models.lifecycle import (
    BY_DATES,
    BY_DEFAULT,
    BY_LISTING,
    DATES,
    ENDED,
    api_is_newer,
    chain_of,
    with_status,
)
from modelctl.core.models.query import COLUMNS
from modelctl.core.models.resolve import resolve
from modelctl.core.planning.plan import Action, Change, FieldChange, action_of, state_after
from modelctl.core.prices.ledger import MONEY_FIELDS
from modelctl.core.records import all_or_none
from modelctl.core.stored import ModelsByKey, RowState, StoredModel
from modelctl.core.text import day, did_you_mean, shorten
from modelctl.core.validation import contradictions, fact_problems
from modelctl.errors import ModelctlError, UsageError

SETTABLE = tuple(name for name in FACT_FIELDS if name not in MONEY_FIELDS)
"""The facts that a person can state. Prices are the ledger's, with dates: `modelctl price set`."""
NULL = "null"
MAX_NAMED = 5

_COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+(_\d+)*", re.ASCII)
_MAX_DIGITS = 40
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_EXPECTED = {
    bool: "true or false",
    int: "a whole number like 128000",
    date: "a day like 2026-12-01",
    tuple: "a list of texts",
    str: "text",
}
_DERIVED = (BY_DATES, BY_DEFAULT, BY_LISTING)
"""Who states a status that follows from the dates."""
_SAID = (*DATES, "replacement", "replacement_provider", "status")
"""The fields with which a person states an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """The end of a model as a person states it."""

    replacement: str | None = None
    """Any name of a model of the same provider, or `provider/model_id` of another one's."""
    on: date | None = None
    """The day it was announced; None: today, unless one is known."""
    retires: date | None = None
    """The last day on which the model answers."""


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


def set_facts(model: StoredModel, values: Mapping[str, FactValue], known: ModelsByKey, *, today: date) -> Change | None:
    """Give a row these facts and pin them; None where they are so and pinned already.

    The status follows the dates of the model's end, unless a person has set it. UsageError where the row would
    contradict itself, or its replacement leads nowhere.
    """
    values = _with_replacement(model, values, known, today)
    _require_sound(model, values)
    fields = [
        FieldChange(name=name, old=old, new=value, source=Source.PERSON)
        for name, value in values.items()
        if (old := getattr(model.facts, name)) != value
    ]
    if "status" not in values and values.keys() & set(DATES):
        fields += _status_changes(model, values, today)
    change = Change(action=action_of(model, fields), key=model.key, fields=tuple(fields), existing=model)
    return _with_pins(change, values.keys())


def set_enabled(model: StoredModel, *, is_enabled: bool) -> Change | None:
    """Turn the application's switch; None where it stands so."""
    if model.is_enabled is is_enabled:
        return None
    return Change(action=Action.UPDATE, key=model.key, is_enabled=is_enabled, existing=model)


def deprecate(models: Sequence[StoredModel], known: ModelsByKey, end: Deprecation, *, today: date) -> list[Change]:
    """State the same end of all these models; no change where it is stated so already.

    UsageError for an end that cannot be; BadRows, naming every model for which it cannot, where there are several.
    """
    ending = {model.key for model in models}
    changes = all_or_none(models, lambda model: _deprecate(model, known, end, ending=ending, today=today))
    return [change for change in changes if change is not None]


def undeprecate(model: StoredModel, *, today: date) -> Change | None:
    """Take an end back; None where there is none.

    What a person said of it goes back to the sources, so that an end which the vendor announces later comes through.
    Where the sources themselves state an end, the person's word is that there is none.
    """
    if not _has_end(model.facts):
        return None
    after = _given_back(model)
    moved = _status_changes(after, {}, today)
    if moved:
        state = state_after(Change(action=Action.UPDATE, key=model.key, fields=tuple(moved), existing=after))
        after = replace(after, facts=after.facts.replaced({each.name: each.new for each in moved}), state=state)
    denied: Mapping[str, FactValue] = {}
    if _has_end(after.facts):
        denied = {**dict.fromkeys(DATES), "status": Status.ACTIVE.value}
        state = after.state and replace(after.state, pins=after.state.pins | denied.keys())
        after = replace(after, facts=after.facts.replaced(denied), state=state)
    fields = tuple(
        FieldChange(
            name=name,
            old=old,
            new=new,
            source=Source.PERSON if name in denied else after.owner_of(name) or Source.PERSON,
        )
        for name in _SAID
        if (old := getattr(model.facts, name)) != (new := getattr(after.facts, name))
    )
    return Change(action=action_of(model, fields), key=model.key, fields=fields, state=after.state, existing=model)


def _with_replacement(
    model: StoredModel, values: Mapping[str, FactValue], known: ModelsByKey, today: date
) -> Mapping[str, FactValue]:
    """The values with the id of the replacement that is meant, and who sells it where that changes."""
    if values.keys().isdisjoint({"replacement", "replacement_provider"}):
        return values
    name, seller = values.get("replacement", model.facts.replacement), values.get("replacement_provider")
    if not isinstance(name, str):
        if seller is not None:
            raise UsageError(f"{model.key}: replacement_provider sells no replacement", "name one: replacement=MODEL")
        found, seller = None, None
    else:
        found = replacement_of(model.key, name, known, today, seller=seller if isinstance(seller, str) else None)
        seller = found.provider if found.provider != model.key.provider else None
    values = {**values, "replacement": found and found.model_id}
    if seller != model.facts.replacement_provider or "replacement_provider" in values:
        values["replacement_provider"] = seller
    return values


def replacement_of(key: ModelKey, name: str, known: ModelsByKey, today: date, *, seller: str | None = None) -> ModelKey:
    """The model that `name` means. UsageError where it cannot replace `key`.

    It is one of `seller`, where that is given; else of the same provider, or the `provider/model_id` of another one.
    """
    named = next((other for other in known if str(other) == name and other.provider != key.provider), None)
    is_own = ModelKey(key.provider, name) in known  # as OpenRouter's id openai/gpt-4o
    if seller is None and named is not None and not is_own:
        seller = named.provider
    others = [model for other, model in known.items() if other.provider == (seller or key.provider)]
    try:
        found = resolve(name, others, today).key
    except ModelctlError as error:
        raise UsageError(f"{key}: replacement: {error.message}", error.hint) from None
    if found == key:
        raise UsageError(f"{key}: the replacement is the model itself", "name another one")
    path, at = [key, found], known.get(found)
    while at is not None and (following := at.facts.successor_of(at.key.provider)) and following not in path[1:]:
        path.append(following)
        if following == key:
            circle = " -> ".join(each.beside(key.provider) for each in path)
            raise UsageError(f"{key}: the replacements would go in a circle: {circle}")
        at = known.get(following)
    return found


def referrers_of(gone: Collection[ModelKey], known: ModelsByKey) -> list[ModelKey]:
    """The rows that stay and name one of the models as their replacement, or its id among their aliases."""
    those = [known[key] for key in gone]
    return sorted(key for key, model in known.items() if key not in gone and _without(model, those))


def remove(models: Sequence[StoredModel], known: ModelsByKey) -> list[Change]:
    """Remove rows at which no other points. UsageError, or BadRows for several, naming those at which one does."""
    gone = {model.key for model in models}
    return all_or_none(models, lambda model: _removed(model, referrers_of([model.key], known), gone))


def remove_cascading(models: Sequence[StoredModel], known: ModelsByKey, *, today: date) -> list[Change]:
    """Remove rows, and take the pointers at them out of the rows that stay; a person's word, so pinned."""
    gone = {model.key for model in models}
    changes = [_removed(model, [], ()) for model in models]
    for key in referrers_of(gone, known):
        values = _without(known[key], models)
        if (change := set_facts(known[key], values, known, today=today)) is not None:
            changes.append(change)
    return sorted(changes, key=lambda change: change.key)


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
        return f"{name} comes from the ledger: use `modelctl price set`"
    if name == "is_enabled":
        return "is_enabled is set by `modelctl enable` or `modelctl disable`"
    if name in COLUMNS:
        return f"{name} is not a fact that you can set; modelctl keeps it"
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


def _require_sound(model: StoredModel, values: Mapping[str, FactValue]) -> None:
    """UsageError where the row would contradict itself as it does not do yet."""
    known = set(contradictions(model.facts))
    found = [each for each in contradictions(model.facts.replaced(values)) if each not in known]
    if found:
        problems = "; ".join(f"{each.name}: {each.message}" for each in found)
        raise UsageError(f"{model.key}: {problems}", "set both, or clear one with FIELD=")


def _with_pins(change: Change, names: Collection[str]) -> Change | None:
    """The change with these fields a person's, whatever their value; None where that changes nothing."""
    before, after = change.existing.state if change.existing else None, state_after(change)
    if after is not None:
        after = replace(after, pins=after.pins | (set(names) - SET_ON_CREATION))
    if not change.fields and after == before:
        return None
    return replace(change, state=after)


def _status_changes(model: StoredModel, values: Mapping[str, FactValue], today: date) -> list[FieldChange]:
    """The change of status that these dates bring about; none where a person has set the status."""
    if model.state is not None and not model.is_ours("status"):
        return []
    owner = model.owner_of("status")
    facts = model.facts._replace(status=None) if owner in _DERIVED else model.facts  # it is to be derived anew
    dates = {
        name: values.get(name, getattr(model.facts, name))
        for name in DATES
        if name in values or not model.is_ours(name)
    }
    seen_at = model.last_seen_at if api_is_newer(model, None) and model.facts.status != Status.RETIRED else None
    after, provenance = with_status(
        facts.replaced(values),
        {"status": owner},
        today=today,
        seen_on=seen_at.date() if seen_at is not None else None,
        dates=dates,
    )
    if after.status == model.facts.status:
        return []
    return [FieldChange(name="status", old=model.facts.status, new=after.status, source=provenance["status"])]


def _deprecate(
    model: StoredModel,
    known: ModelsByKey,
    end: Deprecation,
    *,
    ending: Collection[ModelKey],
    today: date,
) -> Change | None:
    values: dict[str, FactValue] = {}
    announced_on = model.facts.deprecated_on
    if end.on is not None or announced_on is None or announced_on > today:
        values["deprecated_on"] = end.on or today
    if end.retires is not None:
        values["retires_on"] = end.retires
    if end.replacement is not None:
        found = replacement_of(model.key, end.replacement, known, today)
        until = end.retires or model.facts.retires_on
        _require_live(model.key, found, known, ending=ending, until=until, today=today)
        values["replacement"] = found.model_id
        if found.provider != model.key.provider:
            values["replacement_provider"] = found.provider
    if model.state is not None and not model.is_ours("status") and model.facts.status not in ENDED:
        values["status"] = Status.DEPRECATED.value  # a person had set it, and now says otherwise
    return set_facts(model, values, known, today=today)


def _require_live(
    key: ModelKey,
    replacement: ModelKey,
    known: ModelsByKey,
    *,
    ending: Collection[ModelKey],
    until: date | None,
    today: date,
) -> None:
    """UsageError unless the replacement lives, and longer than what it replaces.

    `ending`: the models whose end is being stated together with this one. `until`: the last day of `key`.
    """
    facts = known[replacement].facts
    ends = facts.retires_on
    if replacement in ending:
        raise UsageError(f"{key}: its replacement {replacement} is being deprecated, too", "name one that stays")
    if facts.status in ENDED or (ends is not None and ends < max(until or today, today)):
        chain = chain_of(known[replacement], known, after=until or today, today=today)
        hint = f"{chain.live.beside(key.provider)} replaces that one" if chain.live else "name one that stays"
        end = f" and retires on {ends}" if ends is not None and ends >= today else ""
        raise UsageError(f"{key}: its replacement {replacement} is {facts.status or 'not live'}{end}", hint)


def _has_end(facts: ModelFacts) -> bool:
    return facts.status in ENDED or any(getattr(facts, name) is not None for name in DATES)


def _given_back(model: StoredModel) -> StoredModel:
    """The row with the sources' last word on its end in place of a person's."""
    if model.state is None:
        return model
    written = model.state.written
    theirs = {name: written[name].value if name in written else None for name in _SAID if not model.is_ours(name)}
    state = replace(model.state, pins=model.state.pins.difference(theirs))
    return replace(model, facts=model.facts.replaced(theirs), state=state)


def _removed(model: StoredModel, pointing: Sequence[ModelKey], gone: Collection[ModelKey]) -> Change:
    stay = [key for key in pointing if key not in gone]
    if stay:
        more = f" and {len(stay) - MAX_NAMED} more" if len(stay) > MAX_NAMED else ""
        raise UsageError(
            f"{model.key}: {', '.join(map(str, stay[:MAX_NAMED]))}{more} would name a model that does not exist",
            "--cascade removes the replacement or alias from those rows",
        )
    # What is remembered of a row says that its going was a decision: also of one that modelctl did not own.
    state = RowState() if model.state is None else None
    return Change(action=Action.REMOVE, key=model.key, state=state, existing=model)


def _without(model: StoredModel, gone: Collection[StoredModel]) -> dict[str, FactValue]:
    """The facts of a row that point at those others, without that; empty where none does."""
    values: dict[str, FactValue] = {}
    successor = model.facts.successor_of(model.key.provider)
    ids = {each.key.model_id for each in gone if each.key.provider == model.key.provider}
    aliases = model.facts.aliases or ()
    if any(
        successor is not None
        and successor.provider == each.key.provider
        and successor.model_id in (each.key.model_id, *(each.facts.aliases or ()))
        for each in gone
    ):
        values["replacement"] = None
    if ids.intersection(aliases):
        values["aliases"] = tuple(each for each in aliases if each not in ids)
    return values
