"""How two states of the catalogs differ, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from modelctl.core.catalog_diff import ModelDifference, PriceDifference, ProviderDifference
from modelctl.core.counts import counted
from modelctl.core.database_url import masked
from modelctl.core.model import ModelRecord
from modelctl.core.plan import FieldChange
from modelctl.core.price import Basis, PricePoint
from modelctl.render.json_values import plain, price_object
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import old_to_new, one_line, price_label, shown, since

NAMES_SHOWN = 5
"""Of a provider that only one side has, this many models are named; JSON names all."""


def diff_text(found: Sequence[ProviderDifference], look: Look) -> str:
    """A block per provider: `+` is only in the new state, `-` only in the old one, `~` differs."""
    blocks = [list(_block(each, look)) for each in found]
    return look.text("\n\n".join("\n".join(block) for block in blocks).split("\n")) if blocks else ""


def diff_json(found: Sequence[ProviderDifference], old: str, new: str) -> str:
    """The same as a document; `old` and `new` say what was compared."""
    document = {"version": 1, "old": old, "new": new, "providers": [_provider(each) for each in found]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def diff_summary(found: Sequence[ProviderDifference]) -> str:
    """How much differs, in one line."""
    if not found:
        return "no difference"
    added, removed, changed = (sum(len(getattr(each, name)) for each in found) for name in _KINDS)
    providers = f"{counted(len(found), 'provider')} {'differs' if len(found) == 1 else 'differ'}"
    return f"{providers}: {counted(added, 'model')} added, {removed:,} removed, {changed:,} changed"


_KINDS = ("added", "removed", "changed")


def _block(each: ProviderDifference, look: Look) -> Iterator[str]:
    counts = ", ".join(f"{len(getattr(each, name)):,} {name}" for name in _KINDS)
    whole = "added" if each.is_added else "removed"
    title = f"the whole provider is {whole}" if each.is_added or each.is_removed else counts
    yield from labelled(each.provider, title, look, style="bold")
    yield from (line for change in each.settings for line in _field(change, look, indent=2))
    for sign, style, records in (("+", "green", each.added), ("-", "red", each.removed)):
        limit = NAMES_SHOWN if each.is_added or each.is_removed else len(records)
        for record in records[:limit]:
            yield from labelled(f"{sign} {one_line(record.key.model_id)}", _about(record), look, style=style, indent=2)
        if len(records) > limit:
            yield f"  {sign} … and {len(records) - limit:,} more"
    for model in each.changed:
        yield from labelled(f"~ {one_line(model.key.model_id)}", "", look, style="yellow", indent=2)
        yield from (line for change in model.fields for line in _field(change, look, indent=6))
        yield from (line for price in model.prices for line in _price(price, look))


def _about(record: ModelRecord) -> str:
    facts = record.facts
    return ", ".join(one_line(each) for each in (facts.display_name, facts.type, facts.status) if each)


def _field(change: FieldChange, look: Look, *, indent: int) -> list[str]:
    old, new = (masked(each) if isinstance(each, str) and "://" in each else each for each in (change.old, change.new))
    return labelled(change.name, old_to_new(old, new), look, indent=indent)


def _price(price: PriceDifference, look: Look) -> list[str]:
    text = f"{_charged(price.old)} → {_charged(price.new)} from {since(price.effective_from)}"
    return labelled(f"price {price_label(price.key)}", text, look, indent=6)


def _charged(point: PricePoint | None) -> str:
    if point is None:
        return "not stated"
    text = f"{shown(point.amount)} {point.currency}"
    if point.basis != Basis.DOCUMENTED:
        text += f" ({point.basis})"
    return text if point.effective_to is None else f"{text} to {shown(point.effective_to)}"


def _provider(each: ProviderDifference) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "is_added": each.is_added,
        "is_removed": each.is_removed,
        "settings": [_field_object(change) for change in each.settings],
        "added": [record.key.model_id for record in each.added],
        "removed": [record.key.model_id for record in each.removed],
        "changed": [_model(model) for model in each.changed],
    }


def _model(model: ModelDifference) -> dict[str, Any]:
    return {
        "model_id": model.key.model_id,
        "fields": [_field_object(change) for change in model.fields],
        "prices": [
            {
                "kind": str(price.key.kind),
                "unit": str(price.key.unit),
                "context_above": price.key.context_above,
                "service_tier": str(price.key.service_tier),
                "hours_utc": price.key.hours_utc,
                "effective_from": plain(price.effective_from),
                "old": None if price.old is None else price_object(price.old),
                "new": None if price.new is None else price_object(price.new),
            }
            for price in model.prices
        ],
    }


def _field_object(change: FieldChange) -> dict[str, Any]:
    old, new = (
        masked(each) if isinstance(each, str) and "://" in each else plain(each) for each in (change.old, change.new)
    )
    return {"name": change.name, "old": old, "new": new}
