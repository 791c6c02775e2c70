"""One bill as text: what was used at which price, what it costs, what has no price, and where the prices come from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from modelctl.core.facts import ModelKey, decimal_text
from modelctl.core.prices.billing import Bill, Billed, BillTotals
from modelctl.core.text import counted
from modelctl.output.console import Cell, Column, Look, aligned, labelled, total_width
from modelctl.output.format import one_line, shown
from modelctl.output.price_text import (
    VERSION,
    bill_object,
    document,
    instant_text,
    number,
    per,
    price_point_text,
    redirect_text,
    tally_object,
    totals_text,
    unknown_text,
    why,
)


def bill_text(billed: Billed, look: Look) -> str:
    """The whole bill."""
    bill = billed.bill
    lines = [look.paint(str(billed.key), "bold") + f"  {circumstances(bill)}"]
    if redirect := redirect_text(billed.served):
        lines.append(look.paint(redirect, "yellow"))
    if bill.lines:
        lines += ["", *aligned(_columns(bill, look), look)]
    lines += ["", *labelled("total", totals_text(bill.totals, is_complete=bill.is_complete), look, style="bold")]
    for unpriced in bill.unknown:
        text = f"{unpriced.item} {number(unpriced.quantity)}: {why(unpriced, bill)}"
        lines += labelled("unknown", text, look, style="yellow")
    lines += [line for text in _origins(bill) for line in labelled("price", text, look, style="dim")]
    return look.text(lines)


def circumstances(bill: Bill) -> str:
    """When, how served, and how long the prompt was: all that the prices hang on."""
    parts = [shown(bill.at) if bill.at.time().second == 0 else f"{bill.at:%Y-%m-%d %H:%M:%S}Z", bill.service_tier]
    parts.append(f"prompt of {bill.prompt_tokens:,} tokens")
    if bill.context_above:
        parts.append(f"above {bill.context_above:,}")
    return ", ".join(parts)


def _columns(bill: Bill, look: Look) -> list[Column]:
    currencies = {line.point.currency for line in bill.lines}
    unit = f" {currencies.pop()}" if len(currencies) == 1 else ""
    amounts = [f"{decimal_text(line.amount)}{'' if unit else ' ' + line.point.currency}" for line in bill.lines]
    columns = [
        Column(title="item", cells=[Cell(line.item) for line in bill.lines]),
        Column(title="quantity", right=True, cells=[Cell(number(line.quantity)) for line in bill.lines]),
        Column(title="price", right=True, cells=[Cell(decimal_text(line.point.amount)) for line in bill.lines]),
        Column(title="per", cells=[Cell(per(line.point.unit)) for line in bill.lines]),
        Column(title=f"amount{unit}", right=True, cells=_on_the_point([Cell(amount) for amount in amounts])),
    ]
    return columns if look.width is None or total_width(columns) <= look.width else [columns[0], columns[-1]]


def _on_the_point(cells: list[Cell]) -> list[Cell]:
    """Amounts with their decimal points below each other, so that sizes can be compared at a glance."""
    decimals = [len(cell.text.partition(".")[2]) + bool(cell.text.count(".")) for cell in cells]
    widest = max(decimals, default=0)
    return [Cell(cell.text + " " * (widest - mine)) for cell, mine in zip(cells, decimals, strict=True)]


def _origins(bill: Bill) -> Iterator[str]:
    """What the price points are: those that one line of a source states are told together."""
    items: dict[str, list[str]] = {}
    for line in bill.lines:
        label = line.item if not line.point.hours_utc else f"{line.item} ({line.point.hours_utc} UTC)"
        items.setdefault(price_point_text(line.point), []).append(label)
    for text, labels in items.items():
        yield f"{', '.join(labels)}: {text}"


ROW_FIELDS = (
    "line",
    "id",
    "model",
    "billed_as",
    "at",
    "service_tier",
    "prompt_tokens",
    "context_above",
    "currency",
    "amount",
    "known_amount",
    "unknown",
)
"""`amount` is empty where something has no price: what is known of it is `known_amount`."""
MODEL_FIELDS = ("model", "rows", "rows_with_unknown_prices", "currency", "amount", "known_amount")


class BilledRow(NamedTuple):
    """The bill of one usage record."""

    line: int
    id: str
    billed: Billed


def rows_csv(rows: Iterable[BilledRow]) -> Iterator[str]:
    """A header, and a line per record and currency: nearly always one per record."""
    yield _csv_line(ROW_FIELDS)
    for row in rows:
        for currency, amount in _known(row.billed):
            yield _csv_line(_row_values(row, currency, amount))


def rows_jsonl(rows: Iterable[BilledRow], look: Look) -> Iterator[str]:
    """An object per record, with the lines of its bill."""
    for row in rows:
        yield _row_json(row, look)


def rows_json(rows: Iterable[BilledRow], total: BillTotals, look: Look) -> Iterator[str]:
    """One document: the bills first, then what they come to; `total` counts while the rows pass."""
    yield f'{{"version": {VERSION}, "bills": ['
    waiting = None
    for row in rows:
        if waiting is not None:
            yield f"{waiting},"
        waiting = _row_json(row, look)
    if waiting is not None:
        yield waiting
    yield "]," + json.dumps(tally_object(total))[1:]


def rows_table(rows: Iterable[BilledRow], look: Look) -> Iterator[str]:
    """A line per record."""
    listed = list(rows)
    columns = [
        Column(title="line", right=True, cells=[Cell(str(row.line)) for row in listed]),
        Column(title="id", cells=[Cell(one_line(row.id)) for row in listed]),
        Column(title="model", cells=[Cell(str(row.billed.key)) for row in listed]),
        Column(title="at", cells=[Cell(instant_text(row.billed.bill.at)) for row in listed]),
        Column(title="cost", right=True, cells=[Cell(_cost(row.billed)) for row in listed]),
        Column(title="unknown", cells=[Cell(_unknown(row.billed), "yellow") for row in listed]),
    ]
    kept = [each for each in columns if each.title not in ("id", "unknown") or any(cell.text for cell in each.cells)]
    yield look.text(aligned(kept, look))


def models_csv(tallies: Mapping[ModelKey, BillTotals]) -> Iterator[str]:
    """A header, and a line per model and currency."""
    yield _csv_line(MODEL_FIELDS)
    for key, tally in sorted(tallies.items()):
        for currency, known in tally.totals.items() or [("", None)]:
            text = decimal_text(known) if known is not None else ""
            amount = "" if tally.incomplete_rows else text
            yield _csv_line([str(key), tally.rows, tally.incomplete_rows, currency, amount, text])


def models_jsonl(tallies: Mapping[ModelKey, BillTotals]) -> Iterator[str]:
    """An object per model."""
    for key, tally in sorted(tallies.items()):
        yield json.dumps({"model": str(key), **tally_object(tally)})


def models_json(tallies: Mapping[ModelKey, BillTotals], total: BillTotals) -> Iterator[str]:
    """One document: models, then what they come to."""
    models = [{"model": str(key), **tally_object(tally)} for key, tally in sorted(tallies.items())]
    yield json.dumps({"version": VERSION, "models": models, **tally_object(total)}, indent=2)


def models_table(tallies: Mapping[ModelKey, BillTotals], look: Look) -> Iterator[str]:
    """A line per model."""
    listed = sorted(tallies.items())
    costs = [totals_text(tally.totals, is_complete=not tally.incomplete_rows) for _, tally in listed]
    columns = [
        Column(title="model", cells=[Cell(str(key)) for key, _ in listed]),
        Column(title="rows", right=True, cells=[Cell(f"{tally.rows:,}") for _, tally in listed]),
        Column(title="cost", right=True, cells=[Cell(cost) for cost in costs]),
        Column(title="unknown", cells=[Cell(_unknown_rows(tally), "yellow") for _, tally in listed]),
    ]
    kept = [each for each in columns if each.title != "unknown" or any(cell.text for cell in each.cells)]
    yield look.text(aligned(kept, look))


def summary(total: BillTotals) -> str:
    """What all bills come to, in one line."""
    amount = totals_text(total.totals, is_complete=not total.incomplete_rows)
    return f"total {amount} for {counted(total.rows, 'row')}"


def alarms(total: BillTotals) -> Iterator[str]:
    """What must be said before the total is relied on."""
    if total.incomplete_rows:
        items = ", ".join(f"{item} in {count:,}" for item, count in sorted(total.unknown.items()))
        rows = counted(total.incomplete_rows, "row")
        yield f"warning: {rows} used what has no price on record, which is not billed: {items}"
    if total.ended_rows:
        rows = counted(total.ended_rows, "row")
        yield f"warning: {rows} of models that had ended by then: billed at their last prices"
    if total.rows_without_fee:
        rows = counted(total.rows_without_fee, "row")
        yield f"warning: {rows} of models with a price per request do not give requests"
    if total.oversized_rows:
        rows = counted(total.oversized_rows, "row")
        yield (
            f"warning: {rows} with prompts that do not fit the model's window were billed at"
            " a long-context price; a row must be one request, not the sum of many"
        )


def _row_values(row: BilledRow, currency: str, known: str) -> Sequence[str | int]:
    served, bill = row.billed.served, row.billed.bill
    return [
        row.line,
        row.id,
        str(row.billed.key),
        str(served.key) if served.is_known else "",
        instant_text(bill.at),
        bill.service_tier,
        bill.prompt_tokens,
        bill.context_above,
        currency,
        known if bill.is_complete else "",
        known,
        _unknown(row.billed),
    ]


def _known(billed: Billed) -> list[tuple[str, str]]:
    """Currency and amount of what has a price; without any, a usage of nothing is 0 of no currency."""
    known = [(currency, decimal_text(amount)) for currency, amount in billed.bill.totals.items()]
    return known or [("", "0" if billed.bill.is_complete else "")]


def _row_json(row: BilledRow, look: Look) -> str:
    record = {"line": row.line, "id": row.id or None, **bill_object(row.billed)}
    return json.dumps(record, ensure_ascii=not look.unicode)


def _cost(billed: Billed) -> str:
    return totals_text(billed.bill.totals, is_complete=billed.bill.is_complete)


def _unknown(billed: Billed) -> str:
    return unknown_text((each.item, decimal_text(each.quantity)) for each in billed.bill.unknown)


def _unknown_rows(tally: BillTotals) -> str:
    return f"in {counted(tally.incomplete_rows, 'row')}" if tally.incomplete_rows else ""


def _csv_line(values: Iterable[str | int]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def compare_text(ranked: Sequence[Billed], look: Look) -> str:
    """A line per model, and why some have no sure cost."""
    cheapest = {currency: cost for billed in reversed(ranked) for currency, cost in _single(billed)}
    columns = [
        Column(title="model", cells=[Cell(str(billed.key)) for billed in ranked]),
        Column(title="cost", right=True, cells=[_cost_cell(billed) for billed in ranked]),
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


def _cost_cell(billed: Billed) -> Cell:
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
