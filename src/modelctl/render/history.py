"""The audit trail as text: who, when, with which command, and per field before → after and from which source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelctl.core.history import CREDENTIAL, PROVIDER, HistoryEntry, field_names, field_sources
from modelctl.core.model import FACT_FIELDS
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line, shown

_INDENT = 2
_TITLES = {PROVIDER: "provider ", CREDENTIAL: "key of "}
"""What stands before the name of what is no model."""
_WITHOUT_BEFORE = "create"


def history(entries: Sequence[HistoryEntry], look: Look) -> str:
    """A paragraph per entry, in the order given."""
    return look.text(line for each in entries for line in entry_lines(each, look))


def entry_lines(each: HistoryEntry, look: Look, *, indent: int = 0, with_run: bool = True) -> Iterator[str]:
    """The row, what was done to it by whom, then a line per field and per price."""
    entry = each.entry
    name = _TITLES.get(each.entity, "") + one_line(each.key)
    text = one_line(entry.action)
    if with_run:
        text = f"{text} by {one_line(entry.actor)} with {one_line(entry.command)}, {shown(entry.at)}"
        text += f" (run {one_line(entry.run)})"
    yield from labelled(name, text, look, style="bold", indent=indent)
    sources = field_sources(entry)
    for field in sorted(field_names(entry), key=_fact_order):
        after = _audited(entry.after.get(field))
        moved = after if entry.action == _WITHOUT_BEFORE else f"{_audited(entry.before.get(field))} → {after}"
        if entry.action == "remove":
            moved = f"was {_audited(entry.before.get(field))}"
        source = f" ({one_line(sources[field])})" if field in sources else ""
        yield from labelled(one_line(field), moved + source, look, indent=indent + _INDENT)
    for price in entry.after.get("prices", ()):
        yield from labelled(f"price {one_line(str(price.get('kind')))}", _price(price), look, indent=indent + _INDENT)


def _price(price: Any) -> str:
    unit = f" per {price.get('unit')}" if price.get("unit") else ""
    old = f"{price['old_amount']} {price.get('old_currency')} → " if price.get("old_amount") else ""
    return one_line(f"{old}{price.get('amount')} {price.get('currency')}{unit} from {price.get('effective_from')}")


def _fact_order(name: str) -> tuple[int, str]:
    return (FACT_FIELDS.index(name) if name in FACT_FIELDS else len(FACT_FIELDS), name)


def _audited(value: Any) -> str:
    """A value of the audit trail's JSON; what has an unexpected shape is shown as it is."""
    if isinstance(value, list):
        return shown(tuple(map(str, value)))
    return shown(value) if value is None or isinstance(value, bool | int | str) else one_line(str(value))
