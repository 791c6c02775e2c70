"""What a person changes in a row by hand: facts, which are the person's from then on, and the app's switch. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from modelctl.core.contradictions import contradictions
from modelctl.core.desired import api_is_newer
from modelctl.core.lifecycle import BY_DATES, BY_DEFAULT, BY_LISTING, DATES, with_status
from modelctl.core.model import SET_ON_CREATION, FactValue, ModelFacts, ModelKey, Source, Status
from modelctl.core.outcome import state_after
from modelctl.core.plan import Action, Change, FieldChange
from modelctl.core.planning import action_of
from modelctl.core.replacing import replacement_of
from modelctl.core.stored import StoredModel
from modelctl.errors import UsageError

_DERIVED = (BY_DATES, BY_DEFAULT, BY_LISTING)
"""Who states a status that follows from the dates."""


def set_facts(
    model: StoredModel, values: Mapping[str, FactValue], known: Mapping[ModelKey, StoredModel], *, today: date
) -> Change | None:
    """Give a row these facts and pin them; None where they are so and pinned already.

    The status follows the dates of the model's end, unless a person has set it. UsageError where the row would
    contradict itself, or its replacement leads nowhere.
    """
    if isinstance(name := values.get("replacement"), str):
        values = {**values, "replacement": replacement_of(model.key, name, known).model_id}
    _require_sound(model, values)
    fields = [
        FieldChange(name=name, old=old, new=value, source=Source.PERSON)
        for name, value in values.items()
        if (old := getattr(model.facts, name)) != value
    ]
    if "status" not in values and values.keys() & set(DATES):
        fields += status_following(model, values, today)
    change = Change(action=action_of(model, fields), key=model.key, fields=tuple(fields), existing=model)
    return pinned(change, values.keys())


def switch(model: StoredModel, *, is_enabled: bool) -> Change | None:
    """Turn the application's switch; None where it stands so."""
    if model.is_enabled is is_enabled:
        return None
    return Change(action=Action.UPDATE, key=model.key, is_enabled=is_enabled, existing=model)


def pinned(change: Change, names: Collection[str]) -> Change | None:
    """The change with these fields a person's, whatever their value; None where that changes nothing."""
    before, after = change.existing.state if change.existing else None, state_after(change)
    if after is not None:
        after = replace(after, pins=after.pins | (set(names) - SET_ON_CREATION))
    if not change.fields and after == before:
        return None
    return replace(change, state=after)


def status_following(model: StoredModel, values: Mapping[str, FactValue], today: date) -> list[FieldChange]:
    """The change of status that these dates bring about; none where a person has set the status."""
    if model.state is not None and not model.is_ours("status"):
        return []
    owner = model.owner_of("status")
    facts = _undecided(model.facts) if owner in _DERIVED else model.facts
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


def _undecided(facts: ModelFacts) -> ModelFacts:
    """Without a status that a rule has derived: it is to be derived anew."""
    return facts._replace(status=None)


def _require_sound(model: StoredModel, values: Mapping[str, FactValue]) -> None:
    """UsageError where the row would contradict itself as it does not do yet."""
    known = set(contradictions(model.facts))
    found = [each for each in contradictions(model.facts.replaced(values)) if each not in known]
    if found:
        problems = "; ".join(f"{each.name}: {each.message}" for each in found)
        raise UsageError(f"{model.key}: {problems}", "set both, or clear one with FIELD=")
