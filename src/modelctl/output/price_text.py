"""What a person's prices did to the ledger, for people and for programs, and what has to be said of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol

from modelctl.core.facts import PRICE_FIELDS, ModelKey, decimal_text, exact_number
from modelctl.core.prices.billing import Bill, Billed, BillTotals, Reason, Served, Unpriced, overruled_prices
from modelctl.core.prices.manual import entry_text
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint, PriceUnit, current, price_label
from modelctl.core.prices.timeline import Period, PriceChange, PriceSheet
from modelctl.core.prices.usage import METERS
from modelctl.core.stored import StoredModel
from modelctl.core.text import start_of_day
from modelctl.output.console import Look
from modelctl.output.format import one_line, percent, plain, price_object, shown, since

_A_DAY = timedelta(days=1)
"""Between the first and the last place on earth where a day begins."""

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


def price_text(point: PricePoint) -> str:
    """A price with its unit: `2.5 USD per 1M tokens`."""
    return f"{decimal_text(point.amount)} {point.currency} per {per(point.unit)}"


def money(amount: Decimal, currency: str) -> str:
    """An exact amount."""
    return f"{decimal_text(amount)} {currency}"


def totals_text(totals: Mapping[str, Decimal], *, is_complete: bool) -> str:
    """Sums by currency; `at least` where something has no price."""
    text = " + ".join(money(amount, currency) for currency, amount in totals.items())
    if is_complete:
        return text or "0"
    return f"at least {text}" if text else "unknown"


def number(quantity: Decimal) -> str:
    """A quantity with separators: `1,200,000`, `12.5`."""
    return f"{quantity:,f}"


def why(unpriced: Unpriced, bill: Bill) -> str:
    """Why a quantity is not billed."""
    tier = "" if bill.service_tier == STANDARD else f"{bill.service_tier} "
    match unpriced.reason:
        case Reason.NOT_PRICED:
            return "no price on record"
        case Reason.NOT_IN_SERVICE_TIER:
            return f"no {bill.service_tier} price on record, only of other service tiers"
        case Reason.NOT_IN_CONTEXT if bill.context_above:
            return f"no {tier}price on record for prompts above {bill.context_above:,} tokens"
        case Reason.NOT_IN_CONTEXT:
            return f"no {tier}price on record for prompts of this size"
        case Reason.NOT_AT_THAT_HOUR:
            return f"no {tier}price on record for this hour of the day"
        case Reason.SEVERAL_PRICES:
            return f"more than one price could be meant{_narrower(unpriced.item)}"


def price_point_text(point: PricePoint) -> str:
    """Where a price comes from: `since launch, documented, https://…`."""
    until = "" if point.effective_to is None else f" until {shown(point.effective_to)}"
    origin = [f"since {since(point.effective_from)}{until}", str(point.basis), one_line(point.source)]
    return ", ".join(part for part in origin if part)


def redirect_text(served: Served) -> str:
    """That another model answers; empty where it is the one that was asked for."""
    if len(served.path) == 1 or not served.is_known:
        return ""
    return f"ended: served and billed as {' → '.join(str(key) for key in served.path[1:])}"


def served_text(served: Served, known: Mapping[ModelKey, StoredModel], at: datetime) -> Iterator[str]:
    """That perhaps nothing answers: the model has ended, or was not there yet."""
    released_on = known[served.path[0]].facts.released_on
    if released_on is not None and at < start_of_day(released_on) - _A_DAY:
        yield f"warning: {served.path[0]} was released on {released_on}; these are its first prices"
    if not served.is_known:
        target = str(served.path[-1]) if len(served.path) > 1 else "a model that nobody states"
        yield f"warning: {served.path[0]} has ended and is billed as {target}, whose prices are not on record"
    elif served.ended_on is not None:
        yield f"warning: {served.key} ended on {served.ended_on}; these are its last prices"


def overruled_text(known: Mapping[ModelKey, StoredModel], served: Served, now: datetime) -> Iterator[str]:
    """That somebody wrote another price into the row than the ledger has."""
    if not served.is_known:
        return
    for column, amount in overruled_prices(known[served.key], now).items():
        yield (
            f"warning: {served.key}: {column} was set by hand to {decimal_text(amount)}, which has no date:"
            f" the dated {PRICE_FIELDS[column]} price of the ledger counts"
        )


def not_given_text(billed: Billed) -> Iterator[str]:
    """That each request costs something by itself, which the usage does not mention."""
    for point in billed.bill.not_given:
        yield f"note: {billed.served.key} also costs {price_text(point)}, not in this bill (requests was not given)"


def oversized_text(billed: Billed) -> Iterator[str]:
    """That a long-context price was probably not meant."""
    if billed.is_oversized:
        yield (
            f"warning: {billed.served.key}: a prompt of {billed.bill.prompt_tokens:,} tokens does not fit its window."
            " A bill is for one request: the sum of many is wrongly billed at the long-context price"
        )


def unknown_text(unknown: Iterable[tuple[str, str]]) -> str:
    """Meters and how much of each: `cache_read=500;images=2`."""
    return ";".join(f"{item}={quantity}" for item, quantity in unknown)


def label_of(point: PricePoint) -> str:
    """What a price is for."""
    return price_label(point.key)


def _narrower(item: str) -> str:
    narrower = [name for name in (f"input_{item}", f"output_{item}") if name in METERS]
    return f": say {' or '.join(narrower)}" if narrower else ""


VERSION = 1


def document(content: Mapping[str, Any], look: Look) -> str:
    """A whole document, with its version first."""
    return json.dumps({"version": VERSION, **content}, indent=2, ensure_ascii=not look.unicode)


def bill_object(billed: Billed) -> dict[str, Any]:
    """A bill with all its lines and the price point of each."""
    bill = billed.bill
    return {
        "model": str(billed.key),
        "billed_as": str(billed.served.key) if billed.served.is_known else None,
        "at": plain(bill.at),
        "service_tier": bill.service_tier,
        "prompt_tokens": bill.prompt_tokens,
        "context_above": bill.context_above,
        **totals_object(bill.totals, is_complete=bill.is_complete),
        "lines": [
            {
                "item": line.item,
                "quantity": exact_number(line.quantity),
                "amount": decimal_text(line.amount),
                "currency": line.point.currency,
                "price": price_object(line.point),
            }
            for line in bill.lines
        ],
        "unknown": unknown_objects(bill),
        "not_given": [price_object(point) for point in bill.not_given],
    }


def unknown_objects(bill: Bill) -> list[dict[str, Any]]:
    """What could not be billed, and why."""
    return [
        {
            "item": each.item,
            "quantity": exact_number(each.quantity),
            "reason": each.reason.value,
            "why": why(each, bill),
        }
        for each in bill.unknown
    ]


def totals_object(totals: Mapping[str, Decimal], *, is_complete: bool) -> dict[str, Any]:
    """Sums by currency: `totals` only where they are the whole truth."""
    known = {currency: decimal_text(amount) for currency, amount in totals.items()}
    return {"complete": is_complete, "totals": known if is_complete else None, "known_totals": known}


def tally_object(tally: BillTotals) -> dict[str, Any]:
    """What many bills come to."""
    return {
        "rows": tally.rows,
        "rows_with_unknown_prices": tally.incomplete_rows,
        "unknown": dict(sorted(tally.unknown.items())),
        **totals_object(tally.totals, is_complete=not tally.incomplete_rows),
    }


def sheet_json(key: ModelKey, sheet: PriceSheet, served: Served, look: Look, *, with_past: bool) -> str:
    """The prices of a model as of an instant."""
    past = {"past": [_period_object(each) for each in sheet.past]} if with_past else {}
    content = {
        "model": str(key),
        "at": plain(sheet.at),
        "billed_as": str(served.key) if served.is_known else None,
        "ended_on": plain(served.ended_on),
        "prices": [{**price_object(point), "applies": sheet.applies(point)} for point in sheet.in_force],
        "upcoming": [change_object(each) for each in sheet.upcoming],
        **past,
    }
    return document(content, look)


def _period_object(period: Period) -> dict[str, Any]:
    return {
        **price_object(period.point),
        "held_until": plain(period.until),
        "corrected": period.is_corrected,
    }


def history_object(period: Period, before: PricePoint | None, percent: Decimal | None) -> dict[str, Any]:
    """A dated point of the ledger, and what it followed."""
    return {
        **_period_object(period),
        "old_amount": exact_number(before.amount) if before is not None else None,
        "percent": exact_number(percent) if percent is not None else None,
    }


def change_object(change: PriceChange) -> dict[str, Any]:
    """A price that becomes another."""
    key, point = change.key, change.point
    return {
        "at": plain(change.at),
        "kind": str(key.kind),
        "unit": str(key.unit),
        "context_above": key.context_above,
        "service_tier": str(key.service_tier),
        "hours_utc": key.hours_utc,
        "old": _amount(change.old),
        "new": _amount(change.new),
        "percent": exact_number(change.percent) if change.percent is not None else None,
        "basis": str(point.basis),
        "source": point.source,
    }


def _amount(point: PricePoint | None) -> dict[str, Any] | None:
    return {"amount": exact_number(point.amount), "currency": point.currency} if point is not None else None


def instant_text(at: datetime) -> str:
    """An instant as JSON and CSV have it."""
    text: str = plain(at)
    return text


class PriceEntry(Protocol):
    """One price that was entered or corrected."""

    @property
    def line(self) -> int:
        """Its line in the file; 0 on the command line."""

    @property
    def key(self) -> ModelKey:
        """The model."""

    @property
    def point(self) -> PricePoint:
        """What the ledger has now."""

    @property
    def old(self) -> PricePoint | None:
        """What it had for that start."""

    @property
    def set_aside(self) -> Sequence[PricePoint]:
        """What was announced and does not come."""


def entries_text(entries: Sequence[PriceEntry], look: Look) -> str:
    """A line per price: `openai/gpt-4o  input: 2.5 USD → 2 USD per 1M tokens (-20 %), from 2026-12-01`."""
    return look.text(
        f"{one_line(str(each.key))}  {price_label(each.point.key)}: {_change(each)}, from"
        f" {since(each.point.effective_from)}"
        for each in entries
    )


def entries_json(entries: Sequence[PriceEntry], look: Look, *, run: str, unchanged: int) -> str:
    """The same for programs, with the run that the audit trail has it under."""
    return document({"run": run, "entered": [_object(each) for each in entries], "unchanged": unchanged}, look)


def remarks(entries: Sequence[PriceEntry], *, now: datetime) -> Iterator[str]:
    """What a person should know of the prices just entered."""
    for each in entries:
        name = f"{one_line(str(each.key))} {price_label(each.point.key)}"
        for announced in each.set_aside:
            yield f"warning: {name}: {one_line(entry_text(announced))} does not come: yours goes on until you change it"
        if each.point.effective_from < now:
            yield f"warning: {name}: begins before now: bills since {since(each.point.effective_from)} change"


def remarks_on_row(key: ModelKey, ledger: Sequence[PricePoint], *, now: datetime) -> Iterator[str]:
    """What the row of a model cannot show of its prices now."""
    in_force = current(ledger, now)
    plain = {kind: in_force[PriceKey(kind)] for kind in PRICE_FIELDS.values() if PriceKey(kind) in in_force}
    currencies = {point.currency for point in plain.values()}
    if len(currencies) > 1:
        kinds = ", ".join(f"{kind} in {point.currency}" for kind, point in plain.items())
        yield f"warning: {key}: prices in several currencies ({kinds}): its row shows those of the first one only"
    at_hours = sorted({point.hours_utc for point in in_force.values() if point.hours_utc})
    if at_hours:
        yield f"note: {key}: at {'; '.join(at_hours)} UTC prices of their own hold as before"


def _change(entry: PriceEntry) -> str:
    old, new = entry.old, entry.point
    if old is None:
        return price_text(new)
    same = old.currency == new.currency
    moved = percent(old.amount, new.amount) if same and old.amount != new.amount else ""
    return f"{money(old.amount, old.currency)} → {price_text(new)}" + (f" ({moved})" if moved else "")


def _object(entry: PriceEntry) -> dict[str, Any]:
    old = entry.old
    return {
        **({"line": entry.line} if entry.line else {}),
        "model": str(entry.key),
        **price_object(entry.point),
        "revision": entry.point.revision,
        "old": {"amount": exact_number(old.amount), "currency": old.currency} if old is not None else None,
        "set_aside": [price_object(point) for point in entry.set_aside],
    }
