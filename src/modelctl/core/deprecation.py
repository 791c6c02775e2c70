"""What a person says of a model's end, and takes back. Pure; the status follows from the dates, as it always does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from modelctl.core.batches import all_or_none
from modelctl.core.edits import set_facts, status_following
from modelctl.core.lifecycle import DATES, ENDED
from modelctl.core.model import FactValue, ModelFacts, ModelKey, Source, Status
from modelctl.core.outcome import state_after
from modelctl.core.plan import Action, Change, FieldChange
from modelctl.core.planning import action_of
from modelctl.core.replacing import replacement_of, require_live
from modelctl.core.stored import StoredModel

_SAID = (*DATES, "replacement", "status")
"""The fields with which a person states an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a model as a person states it."""

    replacement: str | None = None
    """Any name of a model of the same provider."""
    on: date | None = None
    """The day it was announced; None: today, unless one is known."""
    retires: date | None = None
    """The last day on which the model answers."""


def deprecate(
    models: Sequence[StoredModel], known: Mapping[ModelKey, StoredModel], end: End, *, today: date
) -> list[Change]:
    """State the same end of all these models; no change where it is stated so already.

    UsageError for an end that cannot be; BadRows, naming every model for which it cannot, where there are several.
    """
    ending = {model.key for model in models}
    changes = all_or_none(models, lambda model: _deprecate(model, known, end, ending=ending, today=today))
    return [change for change in changes if change is not None]


def _deprecate(
    model: StoredModel,
    known: Mapping[ModelKey, StoredModel],
    end: End,
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
        found = replacement_of(model.key, end.replacement, known)
        until = end.retires or model.facts.retires_on
        require_live(model.key, found, known, ending=ending, until=until, today=today)
        values["replacement"] = found.model_id
    if model.state is not None and not model.is_ours("status") and model.facts.status not in ENDED:
        values["status"] = Status.DEPRECATED.value  # a person had set it, and now says otherwise
    return set_facts(model, values, known, today=today)


def undeprecate(model: StoredModel, *, today: date) -> Change | None:
    """Take an end back; None where there is none.

    What a person said of it goes back to the sources, so that an end which the vendor announces later comes through.
    Where the sources themselves state an end, the person's word is that there is none.
    """
    if not _has_end(model.facts):
        return None
    after = _given_back(model)
    moved = status_following(after, {}, today)
    if moved:
        state = state_after(Change(action=Action.UPDATE, key=model.key, fields=tuple(moved), existing=after))
        after = replace(after, facts=after.facts.replaced({each.name: each.new for each in moved}), state=state)
    denied: Mapping[str, FactValue] = {}
    if _has_end(after.facts):
        denied = {**dict.fromkeys(DATES), "status": Status.ACTIVE.value}
        state = after.state and replace(after.state, pins=after.state.pins | denied.keys())
        after = replace(after, facts=after.facts.replaced(denied), state=state)
    fields = tuple(
        FieldChange(name=name, old=old, new=new, source=_source(after, name, denied))
        for name in _SAID
        if (old := getattr(model.facts, name)) != (new := getattr(after.facts, name))
    )
    return Change(action=action_of(model, fields), key=model.key, fields=fields, state=after.state, existing=model)


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


def _source(after: StoredModel, name: str, denied: Collection[str]) -> str:
    return Source.PERSON if name in denied else after.owner_of(name) or Source.PERSON
