"""Whose a field is: what sources may change, what a person protects, pins, gives back, or lets them take over.

Each function makes a change or a state; the ledger itself says which prices are a person's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from modelctl.core.facts import (
    FACT_FIELDS,
    PRICE_FIELDS,
    SET_ON_CREATION,
    FactValue,
    ModelKey,
    ModelRecord,
    Source,
    tier_of,
)
from modelctl.core.planning.plan import Action, Change, FieldChange, Protected, price_name
from modelctl.core.prices.ledger import BY_LEDGER, BY_PRICE, MONEY_FIELDS, projection, projection_sources
from modelctl.core.prices.price import Basis, PriceKey, PricePoint, current
from modelctl.core.stored import OWNABLE, RowState, StoredModel, StoredProvider, Written, protected_fields
from modelctl.core.text import require_known
from modelctl.errors import UsageError

EVERY = "all"
_REPLACEMENT = ("replacement", "replacement_provider")
"""Together they are one word: of one source, and protected or given back together."""
WITHDRAWN = "withdrawn"
"""`api:withdrawn`: the source says nothing any more. That is not the same as `api`: it says that there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
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


class How(StrEnum):
    """How a value became an override."""

    PINNED = "pinned"  # by `set`, `deprecate` or `override pin`
    EDITED = "edited"  # by another program, as SQL or an admin panel
    PRICE = "price"  # by `price set`


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An override."""

    key: ModelKey
    name: str
    """A field, or the name of a price that no column shows."""
    how: How
    value: FactValue
    """None: kept unknown."""
    replaced: FactValue
    """What modelctl last wrote there; None where it never did, and of a price, which the ledger keeps."""
    source: str
    """Who stated what was replaced; empty where nobody did."""


def overrides(model: StoredModel, *, now: datetime) -> Iterator[Override]:
    """What a person keeps of one model, by name; of a row that was there before modelctl nothing, as nobody owns it."""
    from modelctl.core.prices.manual import manual_points  # nothing else here enters prices

    if model.state is None:
        return
    priced = {price_name(point.key): point for point in manual_points(model.prices, now=now)}
    for name in protected_fields(model):
        written = None if name in priced else model.state.written.get(name)
        yield Override(
            key=model.key,
            name=name,
            how=How.PRICE if name in priced else How.PINNED if name in model.state.pins else How.EDITED,
            value=getattr(model.facts, name),
            replaced=written.value if written is not None else None,
            source=written.source if written is not None else "",
        )
    for name, point in priced.items():
        if name not in protected_fields(model):
            yield Override(key=model.key, name=name, how=How.PRICE, value=point.amount, replaced=None, source="")


def field_changes(
    stored: StoredModel, record: ModelRecord, *, consulted: Collection[str]
) -> tuple[list[FieldChange], list[Protected]]:
    """The fields that the sources may change, and those that a person protects from them.

    `consulted`: the sources that were asked for this very model. Only such a source can take back what it once said.
    """
    changes: list[FieldChange] = []
    protected: list[Protected] = []
    for name in FACT_FIELDS:
        old, new = getattr(stored.facts, name), getattr(record.facts, name)
        if old == new or name in SET_ON_CREATION:
            continue
        said_together = _REPLACEMENT if name in _REPLACEMENT else (name,)
        source = record.provenance.get(name) or record.provenance.get(said_together[0], "")
        if not all(map(stored.is_ours, said_together)):
            if new is not None:
                protected.append(Protected(key=record.key, name=name, kept=old, offered=new, source=source))
        elif new is not None or (source := source or _withdrawn_by(stored, name, consulted)):
            changes.append(FieldChange(name=name, old=old, new=new, source=source))
    return changes, protected


def append_prices(model: StoredModel, prices: Sequence[PricePoint], *, now: datetime) -> Change:
    """The change that appends the prices, and gives the columns what is then in force.

    A column that somebody has edited follows only where one of these very prices is what it shows. No column is pinned:
    the ledger itself says that a price is a person's.
    """
    state = model.state or RowState()
    ledger = (*model.prices, *prices)
    names = [name for name in MONEY_FIELDS if model.is_ours(name) or name in _shown_now(ledger, prices, now)]
    values, sources = projection(ledger, at=now), projection_sources(ledger, at=now)
    fields = [
        FieldChange(name=name, old=old, new=new, source=sources.get(name, BY_LEDGER))
        for name in names
        if (old := getattr(model.facts, name)) != (new := values.get(name))
    ]
    fields += _tier(model, {each.name: each.new for each in fields})
    written = {name: Written(values[name], sources[name]) for name in names if values.get(name) is not None}
    written |= {each.name: Written(each.new, each.source) for each in fields}
    state = replace(state, written={**state.written, **written}, pins=state.pins - written.keys())
    return Change(
        action=Action.UPDATE,
        key=model.key,
        fields=tuple(fields),
        prices=tuple(prices),
        state=state,
        existing=model,
    )


def takeover_of(words: Collection[str], recreated: Collection[str] = ()) -> Takeover:
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
    return Takeover(fields=frozenset(fields), by_model=by_model, recreated=frozenset(recreated))


def with_takeover(stored: StoredProvider, taken: Takeover) -> StoredProvider:
    """The rows as if the sources had written the taken fields, so that planning treats them as its own."""
    if not (taken.fields or taken.by_model):
        return stored
    return replace(stored, models={key: _taken(model, taken.of(key)) for key, model in stored.models.items()})


def is_takeover(change: Change, takeover: Takeover) -> bool:
    """Whether a change overwrites what a person had set, because it was taken."""
    model = change.existing
    return model is not None and any(
        each.name in takeover.of(change.key) and not model.is_ours(each.name) for each in change.fields
    )


def pin(model: StoredModel, names: Collection[str]) -> Change | None:
    """Claim fields whatever their value; None where they are claimed already. UsageError for a row of nobody."""
    state = _state_of(model, names)
    pins = state.pins | set(names)
    if pins == state.pins:
        return None
    return Change(action=Action.UPDATE, key=model.key, state=replace(state, pins=pins), existing=model)


def unpin(model: StoredModel, names: Collection[str], *, now: datetime) -> Change | None:
    """Give fields and prices back to the sources; None where they are theirs already.

    Values come at the next sync, prices at once: the ledger has what the sources last stated.
    """
    from modelctl.core.prices.manual import manual_points, points_to_release  # nothing else here enters prices

    priced = {price_name(point.key): point.key for point in manual_points(model.prices, now=now)}
    if EVERY in names:
        names = (*OWNABLE, *priced)
    _state_of(model, [name for name in names if name not in priced])
    released = _released(model, frozenset(names))
    prices = points_to_release(model.prices, [key for name, key in priced.items() if name in names], now=now)
    if prices:
        return replace(append_prices(released, prices, now=now), existing=model)
    if released == model:
        return None
    return Change(action=Action.UPDATE, key=model.key, state=released.state, existing=model)


def adopt(model: StoredModel) -> Change | None:
    """Own a row that was there before modelctl, its values included; None where it is owned already."""
    if model.state is not None:
        return None
    known = {name: value for name, value in model.facts.known() if name in OWNABLE}
    state = RowState(written={name: _as_ours(name, value) for name, value in known.items()})
    return Change(action=Action.ADOPT, key=model.key, state=state, existing=model)


def _withdrawn_by(stored: StoredModel, name: str, consulted: Collection[str]) -> str:
    """The source that was asked and no longer states what it once did; empty where nobody takes the value back."""
    written = stored.state.written.get(name) if stored.state is not None else None
    origin = written.source.partition(":")[0] if written is not None else ""
    return f"{origin}:{WITHDRAWN}" if origin in consulted else ""


def _shown_now(ledger: Sequence[PricePoint], prices: Sequence[PricePoint], now: datetime) -> set[str]:
    in_force = current(ledger, now)
    shown = {name for name, kind in PRICE_FIELDS.items() if in_force.get(PriceKey(kind)) in prices}
    return shown | {"price_currency"} if shown else shown


def _tier(model: StoredModel, moved: Mapping[str, FactValue]) -> list[FieldChange]:
    """The price class, where it follows from the price."""
    if not moved or not model.is_ours("tier") or model.owner_of("tier") not in ("", BY_PRICE):
        return []
    tier = tier_of(model.facts.replaced(moved))
    return (
        [FieldChange(name="tier", old=model.facts.tier, new=tier, source=BY_PRICE)] if tier != model.facts.tier else []
    )


def _taken(model: StoredModel, names: frozenset[str]) -> StoredModel:
    """The row with the fields released, and a person's prices as if they had been observed."""
    if not names:
        return model
    keys = {PriceKey(kind) for name, kind in PRICE_FIELDS.items() if name in names}
    prices = tuple(
        point._replace(basis=Basis.OBSERVED)
        if point.is_persons and (point.key in keys or names.issuperset(OWNABLE))
        else point
        for point in model.prices
    )
    return _released(replace(model, prices=prices), names)


def _released(model: StoredModel, names: frozenset[str]) -> StoredModel:
    """The row with the present values of these fields as if modelctl had written them."""
    if model.state is None:
        return model
    if not names.isdisjoint(_REPLACEMENT):
        names |= set(_REPLACEMENT)
    theirs = [name for name in OWNABLE if name in names and not model.is_ours(name)]
    if not theirs:
        return model
    written = {name: _as_ours(name, getattr(model.facts, name)) for name in theirs}
    state = replace(model.state, written={**model.state.written, **written}, pins=model.state.pins.difference(theirs))
    return replace(model, state=state)


def _as_ours(name: str, value: FactValue) -> Written:
    """A person's value as if modelctl had written it. What a person's price column shows is the ledger's to say."""
    return Written(value, BY_LEDGER if name in MONEY_FIELDS else Source.PERSON)


def _state_of(model: StoredModel, names: Collection[str]) -> RowState:
    for name in names:
        _require_ownable(name, OWNABLE)
    if model.state is None:
        raise UsageError(
            f"{model.key} was there before modelctl, which leaves it alone",
            f"run `modelctl override adopt {model.key}` to let the sources fill it",
        )
    return model.state


def _require_ownable(name: str, known: Collection[str]) -> None:
    if name in ("is_enabled", *SET_ON_CREATION):
        raise UsageError(f"{name} is set on creation only: no sync changes it", "it cannot be pinned or taken")
    require_known(name, known, "field")
