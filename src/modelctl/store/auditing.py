"""The audit trail's row for one change: what it was, what it is, and who stated it."""

from __future__ import annotations

from typing import TypeAlias

from modelctl.core.encoding import encode, encoded
from modelctl.core.outcome import state_before
from modelctl.core.plan import Action, Change
from modelctl.core.price import Basis, PricePoint, current
from modelctl.core.run import Author
from modelctl.core.stored import RowState, StoredModel
from modelctl.store.bulk import Row

_Pins: TypeAlias = tuple[frozenset[str], frozenset[str]]


def audit_row(change: Change, state: RowState | None, author: Author) -> Row:
    """What the audit trail keeps of a change; `state` is what is remembered of the row after it."""
    pins = _pins_moved(change, state)
    new = _values_after(change, pins)
    prices = [_audited_price(change, point) for point in change.prices]
    return {
        "run": author.run,
        "entity": "model",
        "entity_key": str(change.key),
        "at": author.now,
        "actor": author.actor,
        "command": author.command,
        "action": change.action.value,
        "before_values": None if change.existing is None else _values_before(change, change.existing, pins),
        "after_values": {**new, **({"prices": prices} if prices else {}), **_sources(change)},
    }


def _audited_price(change: Change, point: PricePoint) -> dict[str, object]:
    """A point that is appended, and the price that it takes over from."""
    audited: dict[str, object] = {
        "kind": point.kind,
        "unit": point.unit,
        "amount": encode(point.amount),
        "currency": point.currency,
        "effective_from": encode(point.effective_from),
    }
    of_key = [each for each in change.existing.prices if each.key == point.key] if change.existing is not None else ()
    if of_key and (before := current(of_key, point.effective_from).get(point.key)) is not None:
        audited |= {"old_amount": encode(before.amount), "old_currency": before.currency}
    if point.basis == Basis.MANUAL:
        audited |= {"service_tier": point.service_tier, "context_above": point.context_above, "source": point.source}
    return audited


def _sources(change: Change) -> dict[str, dict[str, list[str]]]:
    """Who stated the new values: source -> fields. Nothing for a change of prices alone, which name theirs."""
    sources: dict[str, list[str]] = {}
    for each in change.fields:
        sources.setdefault(str(each.source), []).append(each.name)
    return {"sources": sources} if sources else {}


def _values_before(change: Change, existing: StoredModel, pins: _Pins | None) -> dict[str, object]:
    """What the audit keeps of the old values; of a row that goes, all that is known."""
    before: dict[str, object] = {**encoded((each.name, each.old) for each in change.fields)}
    if change.action is Action.REMOVE:
        before |= encoded(existing.facts.known())
    if change.is_enabled is not None or change.action is Action.REMOVE:
        before["is_enabled"] = existing.is_enabled
    if pins is not None:
        before["pins"] = sorted(pins[0])
    return before


def _values_after(change: Change, pins: _Pins | None) -> dict[str, object]:
    new: dict[str, object] = {**encoded((each.name, each.new) for each in change.fields)}
    if change.is_enabled is not None:
        new["is_enabled"] = change.is_enabled
    if pins is not None:
        new["pins"] = sorted(pins[1])
    return new


def _pins_moved(change: Change, state: RowState | None) -> _Pins | None:
    """The pins before and after, where they differ."""
    if change.action is Action.REMOVE:
        return None
    before = state_before(change)
    pins = before.pins if before is not None else frozenset(), state.pins if state is not None else frozenset()
    return pins if pins[0] != pins[1] else None
