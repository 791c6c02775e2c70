"""Values as people read them: amounts, percentages, lists of ids, changes old → new. Pure text, no layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from modelctl.core.encoding import decimal_text
from modelctl.core.model import PRICE_FIELDS, FactValue
from modelctl.core.price import SINCE_LAUNCH, STANDARD, PriceKey, PricePoint, PriceUnit, current
from modelctl.core.stored import StoredModel

if TYPE_CHECKING:
    from modelctl.core.plan import Change

UNKNOWN_TEXT = "unknown"


def one_line(text: str) -> str:
    """The text in one line, and harmless to a terminal: what an API or a file said may be part of it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))


def shown(value: FactValue | datetime, *, unknown: str = UNKNOWN_TEXT) -> str:
    """A fact as people read it: `128,000`, `yes`, `2026-12-01`, `text, image`."""
    match value:
        case None:
            return unknown
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return decimal_text(value)
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}Z" if value.time() != datetime.min.time() else f"{value:%Y-%m-%d}"
        case date():
            return value.isoformat()
        case tuple():
            return ", ".join(map(one_line, value)) or "none"
        case _:
            return one_line(value)


def percent(old: Decimal, new: Decimal) -> str:
    """By how much an amount changes: `-20 %`, `+33.3 %`; empty where the old one was free."""
    if not old:
        return ""
    change = round((new - old) * 100 / old, 1)
    return f"{'+' if new > old else ''}{decimal_text(change)} %"


def old_to_new(old: FactValue, new: FactValue, *, as_price: bool = False) -> str:
    """Both values with an arrow between, and for prices the percentage."""
    text = f"{shown(old)} → {shown(new)}"
    if as_price and isinstance(old, Decimal) and isinstance(new, Decimal) and (change := percent(old, new)):
        return f"{text} ({change})"
    return text


def some(names: Iterable[object], limit: int) -> str:
    """The first names, then how many there are besides."""
    everything = [one_line(str(name)) for name in names]
    rest = len(everything) - limit
    listed = ", ".join(everything[:limit])
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def price_label(key: PriceKey) -> str:
    """What a price is for: `input`, `output, prompt above 200,000 tokens, batch`."""
    parts = [key.kind]
    if key.unit != PriceUnit.MTOK:
        parts[0] += f" per {key.unit}"
    if key.context_above:
        parts.append(f"prompt above {key.context_above:,} tokens")
    if key.service_tier != STANDARD:
        parts.append(key.service_tier)
    if key.hours_utc:
        parts.append(f"{key.hours_utc} UTC")
    return ", ".join(parts)


def since(at: datetime) -> str:
    """From when a price holds."""
    return "launch" if at == SINCE_LAUNCH else shown(at)


def what_changes(change: Change, *, now: datetime) -> Iterator[tuple[str, str]]:
    """All that a change does to an existing row, as name and text: the fields, then the prices that no field shows."""
    for field in change.fields:
        yield field.name, old_to_new(field.old, field.new, as_price=field.name in PRICE_FIELDS)
    visible = {field.name for field in change.fields}
    for point in change.prices:
        column = next((name for name, kind in PRICE_FIELDS.items() if PriceKey(kind) == point.key), None)
        if column not in visible or point.effective_from > now:
            yield f"price {price_label(point.key)}", _point_text(point, change.existing)


def _point_text(point: PricePoint, existing: StoredModel | None) -> str:
    """A price that is appended, against the one that it follows: `2.5 → 5 USD (+100 %) from 2026-12-01`."""
    before = current(existing.prices if existing else (), point.effective_from).get(point.key)
    new = f"{decimal_text(point.amount)} {point.currency}"
    if before is None or before.currency != point.currency:
        text = new
    else:
        change = percent(before.amount, point.amount)
        text = f"{decimal_text(before.amount)} → {new}" + (f" ({change})" if change else "")
    return f"{text} from {since(point.effective_from)}"
