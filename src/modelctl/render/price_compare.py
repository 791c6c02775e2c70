"""One workload on several models: cheapest first, those with unknown prices last."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from modelctl.core.biller import Billed
from modelctl.core.encoding import decimal_text
from modelctl.render.columns import Cell, Column, aligned
from modelctl.render.price_json import bill_object, document
from modelctl.render.price_words import totals_text, why
from modelctl.render.terminal import Look, labelled


def compare_text(ranked: Sequence[Billed], look: Look) -> str:
    """A line per model, and why some have no sure cost."""
    cheapest = {currency: cost for billed in reversed(ranked) for currency, cost in _single(billed)}
    columns = [
        Column(title="model", cells=[Cell(str(billed.key)) for billed in ranked]),
        Column(title="cost", right=True, cells=[_cost(billed) for billed in ranked]),
        Column(title="times", right=True, cells=[Cell(_times(billed, cheapest)) for billed in ranked]),
        Column(title="billed as", cells=[Cell(_other(billed)) for billed in ranked]),
    ]
    kept = [each for each in columns if each.title in ("model", "cost") or any(cell.text for cell in each.cells)]
    lines = aligned(kept, look)
    for billed in ranked:
        for unpriced in billed.bill.unknown:
            lines += labelled("unknown", f"{billed.key}: {unpriced.item}: {why(unpriced, billed.bill)}", look)
    if len({currency for billed in ranked for currency in billed.bill.totals}) > 1:
        lines += ["costs in different currencies are not compared with each other"]
    return look.text(lines)


def compare_json(ranked: Sequence[Billed], look: Look) -> str:
    """The bills in the same order."""
    bills: list[dict[str, Any]] = [bill_object(billed) for billed in ranked]
    return document({"bills": bills}, look)


def _cost(billed: Billed) -> Cell:
    bill = billed.bill
    return Cell(totals_text(bill.totals, is_complete=bill.is_complete), "" if bill.is_complete else "yellow")


def _single(billed: Billed) -> list[tuple[str, Decimal]]:
    """Currency and cost of a bill that is complete and in one currency."""
    totals = list(billed.bill.totals.items())
    return totals if billed.bill.is_complete and len(totals) == 1 else []


def _times(billed: Billed, cheapest: dict[str, Decimal]) -> str:
    """How many times the cheapest of its currency it costs."""
    for currency, cost in _single(billed):
        if cheapest[currency]:
            return f"{decimal_text(round(cost / cheapest[currency], 2))}x"
    return ""


def _other(billed: Billed) -> str:
    return str(billed.served.key) if len(billed.served.path) > 1 else ""
