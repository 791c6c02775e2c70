"""What requests cost: a bill, the bills of many usage records, and what they come to by model."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import RootModel
from typing_extensions import TypedDict

from modelctl.core.facts import PRICE_FIELDS, ModelKey, decimal_text, exact_number
from modelctl.core.prices.billing import (
    Bill,
    Billed,
    BillTotals,
    Reason,
    RecordBill,
    Served,
    Unpriced,
    overruled_prices,
)
from modelctl.core.prices.price import STANDARD, PriceKey, PricePoint, current
from modelctl.core.prices.usage import METERS
from modelctl.core.stored import ModelsByKey
from modelctl.core.text import counted, start_of_day
from modelctl.output.console import (
    Cell,
    Column,
    Look,
    columns_of,
    json_line,
    json_text,
    labelled,
    table,
)
from modelctl.output.document import AsJson, Instant, Number, PriceJson, Printed, VersionedDocument, price_json
from modelctl.output.format import csv_text, money, one_line, per, plain, price_point_text, price_text, shown

_A_DAY = timedelta(days=1)
"""Between the first and the last place on earth where a day begins."""


class TotalsJson(TypedDict):
    """Sums by currency, as exact text."""

    complete: bool
    totals: dict[str, str] | None
    """Only where they are the whole truth."""
    known_totals: dict[str, str]


class BillLineJson(TypedDict):
    """What one quantity costs."""

    item: str
    quantity: Number
    amount: str
    currency: str
    price: PriceJson


class UnpricedJson(TypedDict):
    """What could not be billed, and why."""

    item: str
    quantity: Number
    reason: Reason
    why: str


class BillJson(TotalsJson):
    """A bill with all its lines and the price of each."""

    model: str
    billed_as: str | None
    at: Instant
    service_tier: str
    prompt_tokens: int
    context_above: int
    lines: list[BillLineJson]
    unknown: list[UnpricedJson]
    not_given: list[PriceJson]
    """What each request costs besides, and the usage does not mention."""


class WholeBillJson(BillJson):
    """The same as a document."""

    version: Literal[1]


class RecordBillJson(BillJson):
    """The bill of one usage record."""

    line: int
    id: str | None


class ManyBillsJson(TotalsJson):
    """What many bills come to."""

    rows: int
    rows_with_unknown_prices: int
    unknown: dict[str, int]
    """In how many rows something has no price, by what it is."""


class ModelBillsJson(ManyBillsJson):
    """The same of one model."""

    model: str


class RecordBillsJson(ManyBillsJson):
    """The bills of usage records."""

    version: Literal[1]
    bills: list[RecordBillJson]


class BillsByModelJson(ManyBillsJson):
    """What the bills of usage records come to by model."""

    version: Literal[1]
    models: list[ModelBillsJson]


def _totals(totals: Mapping[str, Decimal], *, is_complete: bool) -> TotalsJson:
    known = {currency: decimal_text(amount) for currency, amount in totals.items()}
    return {"complete": is_complete, "totals": known if is_complete else None, "known_totals": known}


def _bill(billed: Billed) -> BillJson:
    bill = billed.bill
    return {
        "model": str(billed.key),
        "billed_as": str(billed.served.key) if billed.served.is_known else None,
        "at": plain(bill.at),
        "service_tier": bill.service_tier,
        "prompt_tokens": bill.prompt_tokens,
        "context_above": bill.context_above,
        **_totals(bill.totals, is_complete=bill.is_complete),
        "lines": [
            {
                "item": line.item,
                "quantity": exact_number(line.quantity),
                "amount": decimal_text(line.amount),
                "currency": line.point.currency,
                "price": price_json(line.point),
            }
            for line in bill.lines
        ],
        "unknown": [
            {
                "item": each.item,
                "quantity": exact_number(each.quantity),
                "reason": each.reason,
                "why": why(each, bill),
            }
            for each in bill.unknown
        ],
        "not_given": [price_json(point) for point in bill.not_given],
    }


def _whole_bill(billed: Billed) -> WholeBillJson:
    return {"version": 1, **_bill(billed)}


def _many(total: BillTotals) -> ManyBillsJson:
    return {
        "rows": total.rows,
        "rows_with_unknown_prices": total.incomplete_rows,
        "unknown": dict(sorted(total.unknown.items())),
        **_totals(total.totals, is_complete=not total.incomplete_rows),
    }


class BillDocument(Printed, RootModel[Annotated[Billed, AsJson(_whole_bill)]]):
    """What one request costs."""

    def to_table(self, look: Look) -> str:
        """The whole bill: what was used at which price, what has no price, and where the prices come from."""
        billed, bill = self.root, self.root.bill
        lines = [look.paint(str(billed.key), "bold") + f"  {_circumstances(bill)}"]
        if redirect := redirect_text(billed.served):
            lines.append(look.paint(redirect, "yellow"))
        if bill.lines:
            lines += ["", *table(_columns(bill), look)]
        lines += ["", *labelled("total", totals_text(bill.totals, is_complete=bill.is_complete), look, style="bold")]
        for unpriced in bill.unknown:
            text = f"{unpriced.item} {_number(unpriced.quantity)}: {why(unpriced, bill)}"
            lines += labelled("unknown", text, look, style="yellow")
        lines += [line for text in _origins(bill) for line in labelled("price", text, look, style="dim")]
        return look.text(lines)

    def to_jsonl(self, look: Look) -> str:
        """As the bill of the first of many records."""
        return "\n".join(RecordBills([self._record], BillTotals()).to_jsonl(look))

    def to_csv(self, look: Look) -> str:
        """The same."""
        return "\n".join(RecordBills([self._record], BillTotals()).to_csv(look))

    @property
    def _record(self) -> RecordBill:
        return RecordBill(1, "", self.root)


def _circumstances(bill: Bill) -> str:
    """When, how served, and how long the prompt was: all that the prices hang on."""
    parts = [shown(bill.at) if bill.at.time().second == 0 else f"{bill.at:%Y-%m-%d %H:%M:%S}Z", bill.service_tier]
    parts.append(f"prompt of {bill.prompt_tokens:,} tokens")
    if bill.context_above:
        parts.append(f"above {bill.context_above:,}")
    return ", ".join(parts)


def _columns(bill: Bill) -> list[Column]:
    currencies = {line.point.currency for line in bill.lines}
    unit = f" {currencies.pop()}" if len(currencies) == 1 else ""
    amounts = [f"{decimal_text(line.amount)}{'' if unit else ' ' + line.point.currency}" for line in bill.lines]
    return [
        Column(title="item", cells=[Cell(line.item) for line in bill.lines]),
        Column(title="quantity", right=True, cells=[Cell(_number(line.quantity)) for line in bill.lines], rank=1),
        Column(title="price", right=True, cells=[Cell(decimal_text(line.point.amount)) for line in bill.lines], rank=1),
        Column(title="per", cells=[Cell(per(line.point.unit)) for line in bill.lines], rank=1),
        Column(title=f"amount{unit}", right=True, cells=_on_the_point([Cell(amount) for amount in amounts])),
    ]


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


def _record_bill(record: RecordBill) -> RecordBillJson:
    return {"line": record.line, "id": record.id or None, **_bill(record.billed)}


@dataclass(frozen=True, slots=True)
class RecordBills:
    """The bills of usage records, printed as they are computed: there may be millions."""

    records: Iterable[RecordBill]
    total: BillTotals
    """Counts while the records pass."""

    def to_csv(self, look: Look) -> Iterator[str]:
        """A header, and a line per record and currency: nearly always one per record."""
        yield _csv_line(RECORD_FIELDS)
        for record in self.records:
            for currency, amount in _known(record.billed):
                yield _csv_line(_record_values(record, currency, amount))

    def to_jsonl(self, look: Look) -> Iterator[str]:
        """An object per record, with the lines of its bill."""
        for record in self.records:
            yield json_line(_record_bill(record), look)

    def to_json(self, look: Look) -> Iterator[str]:
        """One document: the bills first, then what they come to."""
        yield '{"version": 1, "bills": ['
        waiting = None
        for text in self.to_jsonl(look):
            if waiting is not None:
                yield f"{waiting},"
            waiting = text
        if waiting is not None:
            yield waiting
        yield "]," + json_line(_many(self.total), look)[1:]

    def to_table(self, look: Look) -> Iterator[str]:
        """A line per record."""
        columns = columns_of(
            list(self.records),
            {
                "line": lambda each: str(each.line),
                "id": lambda each: one_line(each.id),
                "model": lambda each: str(each.billed.key),
                "at": lambda each: plain(each.billed.bill.at),
                "cost": lambda each: _cost(each.billed),
                "unknown": lambda each: Cell(_unknown(each.billed), "yellow"),
            },
            right=["line", "cost"],
            drop=["at", "line", "unknown", "id"],
            ids=["model"],
        )
        yield look.text(table(_telling(columns, "id", "unknown"), look))
        yield f"\n{summary(self.total)}"


@dataclass(frozen=True, slots=True)
class BillsByModel:
    """What the bills of usage records come to by model."""

    totals: Mapping[ModelKey, BillTotals]
    total: BillTotals

    def to_csv(self, look: Look) -> Iterator[str]:
        """A header, and a line per model and currency."""
        yield _csv_line(MODEL_FIELDS)
        for key, total in sorted(self.totals.items()):
            for currency, known in total.totals.items() or [("", None)]:
                text = decimal_text(known) if known is not None else ""
                amount = "" if total.incomplete_rows else text
                yield _csv_line([str(key), total.rows, total.incomplete_rows, currency, amount, text])

    def to_jsonl(self, look: Look) -> Iterator[str]:
        """An object per model."""
        for each in self._models():
            yield json_line(each, look)

    def to_json(self, look: Look) -> str:
        """One document: models, then what they come to."""
        document: BillsByModelJson = {"version": 1, "models": self._models(), **_many(self.total)}
        return json_text(document, look)

    def _models(self) -> list[ModelBillsJson]:
        return [{"model": str(key), **_many(total)} for key, total in sorted(self.totals.items())]

    def to_table(self, look: Look) -> Iterator[str]:
        """A line per model."""
        columns = columns_of(
            sorted(self.totals.items()),
            {
                "model": lambda each: str(each[0]),
                "rows": lambda each: f"{each[1].rows:,}",
                "cost": lambda each: totals_text(each[1].totals, is_complete=not each[1].incomplete_rows),
                "unknown": lambda each: Cell(
                    f"in {counted(each[1].incomplete_rows, 'row')}" * bool(each[1].incomplete_rows), "yellow"
                ),
            },
            right=["rows", "cost"],
            drop=["unknown"],
            ids=["model"],
        )
        yield look.text(table(_telling(columns, "unknown"), look))
        yield f"\n{summary(self.total)}"


def _telling(columns: Sequence[Column], *optional: str) -> list[Column]:
    """The columns without the optional ones that say nothing."""
    return [each for each in columns if each.title not in optional or any(cell.text for cell in each.cells)]


class BillComparisonDocument(VersionedDocument):
    """What one request costs on several models, the cheapest first."""

    bills: tuple[Annotated[Billed, AsJson(_bill)], ...]

    def to_table(self, look: Look) -> str:
        """A line per model, and why some have no sure cost."""
        cheapest = {currency: cost for billed in reversed(self.bills) for currency, cost in _single(billed)}
        columns = columns_of(
            self.bills,
            {
                "model": lambda each: str(each.key),
                "cost": lambda each: Cell(_cost(each), "" if each.bill.is_complete else "yellow"),
                "times": lambda each: _times(each, cheapest),
                "billed as": lambda each: str(each.served.key) if len(each.served.path) > 1 else "",
            },
            right=["cost", "times"],
            drop=["billed as", "times"],
            ids=["model"],
        )
        lines = table(_telling(columns, "times", "billed as"), look)
        for billed in self.bills:
            for unpriced in billed.bill.unknown:
                lines += labelled("unknown", f"{billed.key}: {unpriced.item}: {why(unpriced, billed.bill)}", look)
        if len({currency for billed in self.bills for currency in billed.bill.totals}) > 1:
            lines += ["costs in different currencies are not compared with each other"]
        return look.text(lines)

    def to_jsonl(self, look: Look) -> str:
        """As the bills of so many records."""
        return "\n".join(RecordBills(self._records, BillTotals()).to_jsonl(look))

    def to_csv(self, look: Look) -> str:
        """The same."""
        return "\n".join(RecordBills(self._records, BillTotals()).to_csv(look))

    @property
    def _records(self) -> list[RecordBill]:
        return [RecordBill(number, "", billed) for number, billed in enumerate(self.bills, start=1)]


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


def summary(total: BillTotals) -> str:
    """What all bills come to, in one line."""
    amount = totals_text(total.totals, is_complete=not total.incomplete_rows)
    return f"total {amount} for {counted(total.rows, 'row')}"


def total_warnings(total: BillTotals) -> Iterator[str]:
    """What must be said before the total is relied on."""
    if total.incomplete_rows:
        items = ", ".join(f"{item} in {count:,}" for item, count in sorted(total.unknown.items()))
        rows = counted(total.incomplete_rows, "row")
        yield f"warning: {rows} used what has no price on record, which is not billed: {items}"
    if total.ended_rows:
        rows = counted(total.ended_rows, "row")
        yield f"warning: {rows} of models that were retired by then: billed at their last prices"
    if total.rows_without_fee:
        rows = counted(total.rows_without_fee, "row")
        yield f"warning: {rows} of models with a price per request do not give requests"
    if total.oversized_rows:
        rows = counted(total.oversized_rows, "row")
        yield (
            f"warning: {rows} with prompts that do not fit the model's window were billed at"
            " a long-context price; a row must be one request, not the sum of many"
        )


RECORD_FIELDS = (
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


def _record_values(record: RecordBill, currency: str, known: str) -> Sequence[str | int]:
    served, bill = record.billed.served, record.billed.bill
    return [
        record.line,
        record.id,
        str(record.billed.key),
        str(served.key) if served.is_known else "",
        plain(bill.at),
        bill.service_tier,
        bill.prompt_tokens,
        bill.context_above,
        currency,
        known if bill.is_complete else "",
        known,
        _unknown(record.billed),
    ]


def _known(billed: Billed) -> list[tuple[str, str]]:
    """Currency and amount of what has a price; without any, a usage of nothing is 0 of no currency."""
    known = [(currency, decimal_text(amount)) for currency, amount in billed.bill.totals.items()]
    return known or [("", "0" if billed.bill.is_complete else "")]


def _cost(billed: Billed) -> str:
    return totals_text(billed.bill.totals, is_complete=billed.bill.is_complete)


def _unknown(billed: Billed) -> str:
    return ";".join(f"{each.item}={decimal_text(each.quantity)}" for each in billed.bill.unknown)


def _csv_line(values: Iterable[str | int]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([csv_text(each) if isinstance(each, str) else each for each in values])
    return text.getvalue()


def totals_text(totals: Mapping[str, Decimal], *, is_complete: bool) -> str:
    """Sums by currency; `at least` where something has no price."""
    text = " + ".join(money(amount, currency) for currency, amount in totals.items())
    if is_complete:
        return text or "0"
    return f"at least {text}" if text else "unknown"


def _number(quantity: Decimal) -> str:
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


def redirect_text(served: Served) -> str:
    """That another model answers; empty where it is the one that was asked for."""
    if len(served.path) == 1 or not served.is_known:
        return ""
    return f"ended: served and billed as {' → '.join(str(key) for key in served.path[1:])}"


def served_text(served: Served, known: ModelsByKey, at: datetime) -> Iterator[str]:
    """That perhaps nothing answers: the model has ended, or was not there yet."""
    released_on = known[served.path[0]].facts.released_on
    if released_on is not None and at < start_of_day(released_on) - _A_DAY:
        yield f"warning: {served.path[0]} was released on {released_on}; these are its first prices"
    if not served.is_known:
        target = str(served.path[-1]) if len(served.path) > 1 else "an unknown model"
        yield f"warning: {served.path[0]} is retired and billed as {target}, whose prices are not on record"
    elif served.ended_on is not None:
        yield f"warning: {served.key} ended on {served.ended_on}; these are its last prices"


def overruled_text(known: ModelsByKey, served: Served, now: datetime) -> Iterator[str]:
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


def _narrower(item: str) -> str:
    narrower = [name for name in (f"input_{item}", f"output_{item}") if name in METERS]
    return f": say {' or '.join(narrower)}" if narrower else ""


def row_warnings(key: ModelKey, ledger: Sequence[PricePoint], *, now: datetime) -> Iterator[str]:
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
