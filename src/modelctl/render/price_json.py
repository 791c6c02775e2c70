"""Prices and bills for programs. A promise: keys are only added, and `version` counts up when one changes its meaning.

Prices are JSON numbers: they have at most 15 digits, which a float keeps. Computed amounts can have more, and are
strings of all their digits; a bill in which something has no price has `totals` null and a lower bound beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from modelctl.core.biller import Billed, Tally
from modelctl.core.billing import Bill
from modelctl.core.encoding import decimal_text, exact_number
from modelctl.core.model import ModelKey
from modelctl.core.price import PricePoint
from modelctl.core.price_changes import Period, PriceChange
from modelctl.core.price_sheet import PriceSheet
from modelctl.core.redirects import Served
from modelctl.render.json_values import plain, price_object
from modelctl.render.price_words import why
from modelctl.render.terminal import Look

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


def tally_object(tally: Tally) -> dict[str, Any]:
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
