"""A row whose ledger grows by a person's hand: the price columns follow in the same change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from modelctl.core.ledger import BY_LEDGER, MONEY_FIELDS, projection, projection_sources
from modelctl.core.merge import BY_PRICE, tier_of
from modelctl.core.model import PRICE_FIELDS, FactValue
from modelctl.core.plan import Action, Change, FieldChange
from modelctl.core.price import PriceKey, PricePoint, current
from modelctl.core.stored import RowState, StoredModel, Written


def repriced(model: StoredModel, prices: Sequence[PricePoint], *, now: datetime) -> Change:
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
