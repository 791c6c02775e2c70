"""One row's change as text and for programs, the same whoever made it: a person by hand, or an undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelctl.core.plan import Action, Change
from modelctl.render.json_values import plain, price_object
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import old_to_new, one_line, price_label, shown, since

_INDENT = 2


def change_lines(change: Change, what: str, look: Look) -> Iterator[str]:
    """The model and what is done to it, then each field of a row that stays, old → new."""
    yield from labelled(one_line(str(change.key)), what, look, style="bold")
    if change.action in (Action.REMOVE, Action.CREATE):
        return
    for field in change.fields:
        yield from labelled(field.name, old_to_new(field.old, field.new), look, indent=_INDENT)
    model = change.existing
    if change.is_enabled is not None and model is not None:
        yield from labelled("is_enabled", old_to_new(model.is_enabled, change.is_enabled), look, indent=_INDENT)
    if change.state is not None and model is not None and model.state is not None:
        old, new = tuple(sorted(model.state.pins)), tuple(sorted(change.state.pins))
        if old != new:
            yield from labelled("pins", old_to_new(old, new), look, indent=_INDENT)
    for point in change.prices:
        text = f"{shown(point.amount)} {point.currency} from {since(point.effective_from)}"
        yield from labelled(f"price {price_label(point.key)}", text, look, indent=_INDENT)


def change_object(change: Change) -> dict[str, Any]:
    """The change with its action, its fields old and new, its prices and the switch."""
    return {
        "key": str(change.key),
        "action": change.action.value,
        "fields": {each.name: {"old": plain(each.old), "new": plain(each.new)} for each in change.fields},
        "prices": [price_object(each) for each in change.prices],
        "is_enabled": change.is_enabled,
    }
