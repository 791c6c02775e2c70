"""What people claim for themselves and give back: pins, releases, adoptions. Pure: each makes a change or a state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from modelctl.core.model import FACT_FIELDS, SET_ON_CREATION, ModelKey, Source
from modelctl.core.names import require_known
from modelctl.core.plan import Action, Change
from modelctl.core.stored import RowState, StoredModel, StoredProvider, Written
from modelctl.errors import UsageError

EVERY = "all"

OWNABLE = tuple(name for name in FACT_FIELDS if name not in SET_ON_CREATION)
"""The fields that a sync writes, and that a person can therefore claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What a person lets the sources take over knowingly: fields, of all models or of one, and deleted rows."""

    fields: frozenset[str] = frozenset()
    """Of every model; `all` is every field."""
    by_model: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """`provider/model_id` or a bare id -> its fields."""
    recreated: frozenset[str] = frozenset()
    """Models whose rows somebody deleted and that may come back; `all`: every one."""

    def of(self, key: ModelKey) -> frozenset[str]:
        """The fields of one model that are taken over."""
        named = self.by_model.get
        wanted = self.fields | named(str(key), frozenset()) | named(key.model_id, frozenset())
        return frozenset(OWNABLE) if EVERY in wanted else wanted

    def recreates(self, key: ModelKey) -> bool:
        """Whether the row, which somebody deleted, may come back."""
        return not self.recreated.isdisjoint({EVERY, str(key), key.model_id})


def taking(words: Collection[str], recreated: Collection[str] = ()) -> Taking:
    """From `FIELD` or `MODEL:FIELD`, where FIELD may be `all`, and the names of models that may come back.

    UsageError for a field that there is not.
    """
    fields, by_model = set(), dict[str, frozenset[str]]()
    for word in words:
        model, _, name = word.rpartition(":")
        _require_ownable(name, (*OWNABLE, EVERY))
        if model:
            by_model[model] = by_model.get(model, frozenset()) | {name}
        else:
            fields.add(name)
    return Taking(fields=frozenset(fields), by_model=by_model, recreated=frozenset(recreated))


def taken_over(stored: StoredProvider, taken: Taking) -> StoredProvider:
    """The rows as if the sources had written the taken fields, so that planning treats them as its own."""
    if not (taken.fields or taken.by_model):
        return stored
    return replace(stored, models={key: _released(model, taken.of(key)) for key, model in stored.models.items()})


def is_taken(change: Change, taking: Taking) -> bool:
    """Whether a change overwrites what a person had set, because it was taken."""
    model = change.existing
    return model is not None and any(
        each.name in taking.of(change.key) and not model.is_ours(each.name) for each in change.fields
    )


def pin(model: StoredModel, names: Collection[str]) -> Change | None:
    """Claim fields whatever their value; None where they are claimed already. UsageError for a row of nobody."""
    state = _state_of(model, names)
    pins = state.pins | set(names)
    if pins == state.pins:
        return None
    return Change(action=Action.UPDATE, key=model.key, state=replace(state, pins=pins), existing=model)


def unpin(model: StoredModel, names: Collection[str]) -> Change | None:
    """Give fields back to the sources, whose values come at the next sync; None where they are theirs already."""
    _state_of(model, names)
    released = _released(model, frozenset(names))
    if released == model:
        return None
    return Change(action=Action.UPDATE, key=model.key, state=released.state, existing=model)


def adopt(model: StoredModel) -> Change | None:
    """Own a row that was there before modelctl, its values included; None where it is owned already."""
    if model.state is not None:
        return None
    known = {name: value for name, value in model.facts.known() if name in OWNABLE}
    state = RowState(written={name: Written(value, Source.PERSON) for name, value in known.items()})
    return Change(action=Action.ADOPT, key=model.key, state=state, existing=model)


def protected_fields(model: StoredModel) -> tuple[str, ...]:
    """The fields that a sync leaves alone, because a person set or pinned them. A row of nobody has none."""
    if model.state is None:
        return ()
    return tuple(name for name in OWNABLE if not model.is_ours(name))


def _released(model: StoredModel, names: frozenset[str]) -> StoredModel:
    """The row with the present values of these fields as if modelctl had written them."""
    if model.state is None:
        return model
    theirs = [name for name in OWNABLE if name in names and not model.is_ours(name)]
    if not theirs:
        return model
    written = {name: Written(getattr(model.facts, name), Source.PERSON) for name in theirs}
    state = replace(model.state, written={**model.state.written, **written}, pins=model.state.pins.difference(theirs))
    return replace(model, state=state)


def _state_of(model: StoredModel, names: Collection[str]) -> RowState:
    for name in names:
        _require_ownable(name, OWNABLE)
    if model.state is None:
        raise UsageError(
            f"{model.key} was there before modelctl, which leaves all of it alone",
            f"run `modelctl adopt {model.key}` to let the sources fill it",
        )
    return model.state


def _require_ownable(name: str, known: Collection[str]) -> None:
    if name in ("is_enabled", *SET_ON_CREATION):
        raise UsageError(f"{name} is set on creation only: no sync changes it", "there is nothing to claim or to take")
    require_known(name, known, "field")
