"""One bill as text: what was used at which price, what it costs, what has no price, and where the prices come from."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.core.biller import Billed
from modelctl.core.billing import Bill
from modelctl.core.encoding import decimal_text
from modelctl.render.columns import Cell, Column, aligned, total_width
from modelctl.render.price_words import number, per, price_point_text, redirect_text, totals_text, why
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import shown


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
