"""Facts and prices as JSON has them, the same in every command's output."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from modelctl.core.facts import FACT_FIELDS, PRICE_FIELDS, FactValue, decimal_text, encode, exact_number
from modelctl.core.models.query import COLUMNS, column_value
from modelctl.core.prices.price import SINCE_LAUNCH, PriceKey, PricePoint, PriceUnit, current, price_label
from modelctl.core.stored import StoredModel

if TYPE_CHECKING:
    from modelctl.core.planning.plan import Change


def plain(value: FactValue | datetime) -> Any:
    """A fact as JSON has it: amounts as exact numbers, instants with a `Z`."""
    if isinstance(value, Decimal):
        return exact_number(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return encode(value)


def model_object(model: StoredModel, columns: Sequence[str] = ()) -> dict[str, Any]:
    """A model by column names, all of them unless some are named; null is unknown."""
    return {name: plain(column_value(model, name)) for name in columns or COLUMNS}


UNKNOWN_TEXT = "unknown"


def fact_order(name: str) -> tuple[int, str]:
    """Sorts fields of a row: the facts as they are always shown, then the others by name."""
    return (FACT_FIELDS.index(name) if name in FACT_FIELDS else len(FACT_FIELDS), name)


def audited(value: Any) -> str:
    """A value of the audit trail's JSON as people read it; what has an unexpected shape is shown as it is."""
    if isinstance(value, list):
        return shown(tuple(map(str, value)))
    return shown(value) if value is None or isinstance(value, bool | int | str) else one_line(str(value))


def audited_price(price: Mapping[str, Any]) -> tuple[str, str]:
    """A price of the audit trail's JSON: which one it is, as `price input, batch`, and its step."""
    usual = PriceKey(str(price.get("kind")))._asdict()
    label = price_label(PriceKey(**{name: price.get(name) or value for name, value in usual.items()}))
    old = f"{price['old_amount']} {price.get('old_currency')} → " if price.get("old_amount") else ""
    unit = f" per {price.get('unit')}" if price.get("unit") else ""
    text = f"{old}{price.get('amount')} {price.get('currency')}{unit} from {price.get('effective_from')}"
    return f"price {one_line(label)}", one_line(text)


def one_line(text: str) -> str:
    """The text in one line, and harmless to a terminal: what an API or a file said may be part of it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))


_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def csv_text(text: str) -> str:
    """The text for a field of CSV, with a quote before what a spreadsheet would take for a formula and run.

    https://owasp.org/www-community/attacks/CSV_Injection; JSON and JSON lines have the text as it is.
    """
    is_formula = _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
    return f"'{text}" if is_formula else text


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


def since(at: datetime) -> str:
    """From when a price holds."""
    return "launch" if at == SINCE_LAUNCH else shown(at)


UNIT_WORDS = MappingProxyType(
    {
        PriceUnit.MTOK.value: "1M tokens",
        PriceUnit.MCHAR.value: "1M characters",
        PriceUnit.THOUSAND.value: "1,000 calls",
    }
)
"""What one amount buys; the other units are called what they are."""


def per(unit: str) -> str:
    """The unit of a price: `1M tokens`, `image`."""
    return UNIT_WORDS.get(unit, unit)


def money(amount: Decimal, currency: str) -> str:
    """An exact amount."""
    return f"{decimal_text(amount)} {currency}"


def price_text(point: PricePoint) -> str:
    """A price with its unit: `2.5 USD per 1M tokens`."""
    return f"{decimal_text(point.amount)} {point.currency} per {per(point.unit)}"


def price_step(old: PricePoint | None, new: PricePoint) -> str:
    """A price after the one that it follows: `2.5 USD → 2 USD per 1M tokens (-20 %)`."""
    if old is None:
        return price_text(new)
    same = old.currency == new.currency
    moved = percent(old.amount, new.amount) if same and old.amount != new.amount else ""
    return f"{money(old.amount, old.currency)} → {price_text(new)}" + (f" ({moved})" if moved else "")


def price_point_text(point: PricePoint) -> str:
    """Where a price comes from: `since launch, documented, https://…`."""
    until = "" if point.effective_to is None else f" until {shown(point.effective_to)}"
    origin = [f"since {since(point.effective_from)}{until}", str(point.basis), one_line(point.source)]
    return ", ".join(part for part in origin if part)


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


_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#@])")


def escaped(text: str) -> str:
    """Text that stands for itself: no table cell, link, tag or mention can come of it."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def code(text: str) -> str:
    """Text as code, in a table too: there a pipe ends the cell even inside of code."""
    return "`" + one_line(text).replace("`", "'").replace("|", "\\|") + "`"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """A table; the cells are Markdown already. Columns numbered in `right` are flush right."""
    rule = ["---:" if index in right else "---" for index in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
