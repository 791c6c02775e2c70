"""The prices of a model: in force, over time, changing, and entered by a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Annotated, NamedTuple, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from modelctl.core.facts import ModelKey, decimal_text, exact_number
from modelctl.core.prices.billing import EXAMPLE_OUTPUT_TOKENS, Beside, Bill, Served
from modelctl.core.prices.manual import PriceResult, entry_text
from modelctl.core.prices.price import (
    SINCE_LAUNCH,
    PriceKey,
    PriceKind,
    PricePoint,
    percent_between,
    price_label,
)
from modelctl.core.prices.timeline import Period, PriceChange, PriceTimeline
from modelctl.output.bills import redirect_text, totals_text
from modelctl.output.console import (
    Cell,
    Column,
    Look,
    columns_of,
    labelled,
    plot,
    table,
    total_width,
    wrapped,
)
from modelctl.output.document import (
    AsJson,
    ForPeople,
    Instant,
    MoneyJson,
    Number,
    PriceJson,
    VersionedDocument,
    money_json,
    price_json,
)
from modelctl.output.format import (
    money,
    one_line,
    per,
    percent,
    plain,
    price_point_text,
    price_step,
    shown,
    since,
)


class PeriodJson(PriceJson):
    """A dated price, and until when it held."""

    held_until: Instant | None
    corrected: bool
    """Whether another took its place for the same start: then it never held."""


class HistoryJson(PeriodJson):
    """The same, and what it followed."""

    old_amount: Number | None
    percent: Number | None


class AppliedPriceJson(PriceJson):
    """A price in force."""

    applies: bool
    """Whether a request can be billed at it now: at some hours another one holds."""


class PriceChangeJson(TypedDict):
    """A price that becomes another; no `old` is a new one, no `new` an end."""

    at: Instant
    kind: str
    unit: str
    context_above: int
    service_tier: str
    hours_utc: str
    old: MoneyJson | None
    new: MoneyJson | None
    percent: Number | None
    basis: str
    source: str


class ModelPriceChangeJson(PriceChangeJson):
    """The same of one of many models."""

    model: str


class LineJson(TypedDict):
    """Where a row of a file stands."""

    line: NotRequired[int]


class EnteredPriceJson(LineJson, PriceJson):
    """A price that was set or corrected."""

    model: str
    revision: int
    old: MoneyJson | None
    """What the ledger had for that start."""
    set_aside: list[PriceJson]
    """What was announced and does not count any more."""


class ExampleJson(TypedDict):
    """What a request with a long prompt costs."""

    input_tokens: int
    output_tokens: int
    context_above: int
    """Of the prices that count for it."""
    complete: bool
    """False: something has no price, and the totals are lower bounds."""
    totals: dict[str, Number]
    """By currency."""


class BesideJson(TypedDict):
    """The prices of a model that stay as they are beside those that were entered."""

    model: str
    prices: list[PriceJson]
    above: ExampleJson | None
    """A request above the least size of prompt that has prices of its own; null where none has."""


def _period(period: Period) -> PeriodJson:
    return {**price_json(period.point), "held_until": plain(period.until), "corrected": period.is_corrected}


def _history(periods: tuple[Period, ...]) -> list[HistoryJson]:
    return [
        {
            **_period(period),
            "old_amount": exact_number(before.amount) if before is not None else None,
            "percent": _percent(percent_between(before, period.point)),
        }
        for period, before in _followed(periods)
    ]


def _in_force_json(sheet: PriceTimeline) -> list[AppliedPriceJson]:
    return [{**price_json(point), "applies": sheet.applies(point)} for point in sheet.in_force]


def _percent(change: Decimal | None) -> Number | None:
    return exact_number(change) if change is not None else None


def _change(change: PriceChange) -> PriceChangeJson:
    key, point = change.key, change.point
    return {
        "at": plain(change.at),
        "kind": str(key.kind),
        "unit": str(key.unit),
        "context_above": key.context_above,
        "service_tier": str(key.service_tier),
        "hours_utc": key.hours_utc,
        "old": money_json(change.old),
        "new": money_json(change.new),
        "percent": _percent(change.percent),
        "basis": str(point.basis),
        "source": point.source,
    }


def _of_model(changed: tuple[ModelKey, PriceChange]) -> ModelPriceChangeJson:
    key, change = changed
    return {"model": str(key), **_change(change)}


class PriceSheetDocument(VersionedDocument):
    """The prices of a model as of an instant."""

    model: str
    at: datetime
    billed_as: str | None
    """The model that answers and is billed; null where its prices are not on record."""
    ended_on: date | None
    prices: Annotated[PriceTimeline, AsJson(_in_force_json)]
    upcoming: tuple[Annotated[PriceChange, AsJson(_change)], ...]
    past: tuple[Annotated[Period, AsJson(_period)], ...] | None = Field(exclude_if=lambda past: past is None)
    """Only where it was asked for."""
    served: ForPeople[Served]

    @classmethod
    def of(cls, key: ModelKey, sheet: PriceTimeline, served: Served, *, with_past: bool) -> PriceSheetDocument:
        """Of what the ledger says, and of who answers at that instant."""
        return cls(
            model=str(key),
            at=sheet.at,
            billed_as=str(served.key) if served.is_known else None,
            ended_on=served.ended_on,
            prices=sheet,
            upcoming=sheet.upcoming,
            past=sheet.past if with_past else None,
            served=served,
        )

    def to_table(self, look: Look) -> str:
        """Prices in force, those to come, and where they come from; those of the past if asked for."""
        sheet = self.prices
        currencies = {point.currency for point in sheet.in_force}
        unit = f" in {currencies.pop()}" if len(currencies) == 1 else ""
        lines = [f"{look.paint(self.model, 'bold')}  prices{unit} at {shown(self.at)}"]
        if redirect := redirect_text(self.served):
            lines.append(look.paint(redirect, "yellow"))
        lines += ["", *_in_force(sheet, look)] if sheet.in_force else ["", "no price on record at this time"]
        if self.upcoming:
            lines += ["", look.paint("to come", "bold"), *_changes([(None, each) for each in self.upcoming], look)]
        if self.past:
            lines += ["", look.paint("past", "bold"), *_past(self.past, look)]
        if sheet.in_force:
            lines += ["", *_origins(sheet.in_force, look)]
        return look.text(lines)


_NO_PRICE_YET = "-"
_MAX_LABELS = 6
_KINDS = [str(kind) for kind in PriceKind]


class _Row(NamedTuple):
    """What the prices of one row have in common."""

    service_tier: str
    per: str
    prompt: str
    hours: str
    currency: str


def _in_force(sheet: PriceTimeline, look: Look) -> list[str]:
    rows: dict[_Row, dict[str, PricePoint]] = {}
    for point in sheet.in_force:
        rows.setdefault(_row(point, sheet), {})[point.kind] = point
    columns = _pivot(rows, sheet)
    if look.width is None or total_width(columns) <= look.width:
        return table(columns, look)
    return _list(sheet, look)


def _pivot(rows: dict[_Row, dict[str, PricePoint]], sheet: PriceTimeline) -> list[Column]:
    kinds = sorted({kind for points in rows.values() for kind in points}, key=_KINDS.index)
    shared = {
        "tier": [row.service_tier for row in rows],
        "prompt": [row.prompt for row in rows],
        "hours UTC": [row.hours for row in rows],
        "per": [row.per for row in rows],
        "currency": [row.currency for row in rows],
    }
    idle = {"prompt": {"any"}, "hours UTC": {"all day"}, "currency": {next(iter(rows)).currency}}
    said = [(title, texts) for title, texts in shared.items() if set(texts) != idle.get(title)]
    return [
        *(Column(title=title, cells=[Cell(text) for text in texts]) for title, texts in said),
        *(
            Column(title=kind, right=True, cells=[_cell(points.get(kind), sheet) for points in rows.values()])
            for kind in kinds
        ),
    ]


def _list(sheet: PriceTimeline, look: Look) -> list[str]:
    """A price on each line, for terminals that are too narrow for a table."""
    points = sheet.in_force
    columns = [
        Column(title="price", cells=[Cell(price_label(point.key)) for point in points]),
        Column(title="amount", right=True, cells=[_cell(point, sheet) for point in points]),
        Column(title="per", cells=[Cell(per(point.unit)) for point in points]),
        Column(title="currency", cells=[Cell(point.currency) for point in points]),
    ]
    is_mixed = len({point.currency for point in points}) > 1
    return table(columns if is_mixed else columns[:-1], look)


def _row(point: PricePoint, sheet: PriceTimeline) -> _Row:
    hours = point.hours_utc or ("other hours" if _has_hours(point, sheet) else "all day")
    return _Row(point.service_tier, per(point.unit), _prompt(point, sheet), hours, point.currency)


def _has_hours(point: PricePoint, sheet: PriceTimeline) -> bool:
    same = (point.unit, point.service_tier)
    return any(each.hours_utc and (each.unit, each.service_tier) == same for each in sheet.in_force)


def _prompt(point: PricePoint, sheet: PriceTimeline) -> str:
    """The prompts, in tokens, for which a price holds."""
    above = point.context_above
    next_limit = min((limit for limit in sheet.limits(point.key) if limit > above), default=None)
    parts = [f"above {above:,}" if above else "", f"up to {next_limit:,}" if next_limit else ""]
    return ", ".join(part for part in parts if part) or "any"


def _cell(point: PricePoint | None, sheet: PriceTimeline) -> Cell:
    if point is None:
        return Cell(_NO_PRICE_YET, "dim")
    return Cell(decimal_text(point.amount), "" if sheet.applies(point) else "dim")


def _past(past: Sequence[Period], look: Look) -> list[str]:
    columns = columns_of(
        past,
        {
            "price": lambda each: price_label(each.point.key),
            "amount": lambda each: money(each.point.amount, each.point.currency),
            "from": lambda each: since(each.point.effective_from),
            "until": _until_text,
            "basis": lambda each: each.point.basis,
        },
        right=["amount"],
        drop=["basis"],
    )
    return table(columns, look)


def _until_text(period: Period) -> str:
    """When a price ends, or that it never held."""
    if period.is_corrected:
        return "corrected"
    return shown(period.until) if period.until is not None else ""


def _origins(points: Iterable[PricePoint], look: Look) -> list[str]:
    """Where the prices come from: those that one line of a source states are told together."""
    labels: dict[str, list[str]] = {}
    for point in points:
        labels.setdefault(price_point_text(point), []).append(price_label(point.key))
    texts = [f"{origin}{_names(names) if len(labels) > 1 else ''}" for origin, names in labels.items()]
    return [line for text in texts for line in labelled("price", text, look, style="dim")]


def _names(labels: Sequence[str]) -> str:
    """What prices are for, in brackets; of many the first ones."""
    rest = len(labels) - _MAX_LABELS
    more = [f"and {rest} more"] if rest > 0 else []
    return f" ({'; '.join([*labels[:_MAX_LABELS], *more])})"


class PriceChangesDocument(VersionedDocument):
    """Which prices change in a span of time."""

    since: datetime
    until: datetime | None
    changes: tuple[Annotated[tuple[ModelKey, PriceChange], AsJson(_of_model)], ...]

    def to_table(self, look: Look) -> str:
        """A line per change."""
        return look.text(_changes(self.changes, look)) if self.changes else ""


def _changes(changed: Sequence[tuple[ModelKey | None, PriceChange]], look: Look) -> list[str]:
    """A line per change; the model where one is given."""
    columns = columns_of(
        changed,
        {
            "from": lambda each: shown(each[1].at),
            "model": lambda each: str(each[0] or ""),
            "price": lambda each: price_label(each[1].key),
            "old": lambda each: _amount_text(each[1].old, each[1].new),
            "new": lambda each: _amount_text(each[1].new, None),
            "change": lambda each: _percent_cell(each[1].old, each[1].new),
            "basis": lambda each: each[1].point.basis,
            "source": lambda each: one_line(each[1].point.source),
        },
        right=["old", "new", "change"],
        drop=["source", "basis", "old"],
        ids=["model", "source"],
    )
    return table([each for each in columns if each.title != "model" or any(key for key, _ in changed)], look)


def _amount_text(point: PricePoint | None, beside: PricePoint | None) -> str:
    """An amount with its currency, which is not repeated before an amount of the same."""
    if point is None:
        return "no price"
    is_same = beside is not None and beside.currency == point.currency
    return decimal_text(point.amount) + ("" if is_same else f" {point.currency}")


def _percent_cell(old: PricePoint | None, new: PricePoint | None) -> Cell:
    """By how much a price changes; what becomes dearer is red."""
    if old is None:
        return Cell("new")
    if new is None:
        return Cell("ends", "yellow")
    if old.currency != new.currency:
        return Cell("")
    return Cell(percent(old.amount, new.amount), "red" if new.amount > old.amount else "green")


class PriceHistoryDocument(VersionedDocument):
    """Every dated price of a model, by price and time."""

    model: str
    history: Annotated[tuple[Period, ...], AsJson(_history)]
    now: ForPeople[datetime]
    with_plot: ForPeople[bool]

    def to_table(self, look: Look) -> str:
        """A line per point, then the sources, and a plot of what plain requests pay."""
        if not self.history:
            return f"{self.model}  no price on record"
        lines = [look.paint(self.model, "bold"), "", *_table(self.history, look)]
        sources = enumerate(_sources(self.history), 1)
        lines += ["", *(line for number, url in sources for line in wrapped(f"[{number}] {url}", look.width))]
        if self.with_plot:
            for key, of_key in groupby(self.history, key=lambda period: period.point.key):
                drawn = plot(list(of_key), look, now=self.now) if key == PriceKey(key.kind, key.unit) else []
                lines += ["", *drawn] if drawn else []
        return look.text(lines)


def _followed(periods: Sequence[Period]) -> Iterator[tuple[Period, PricePoint | None]]:
    """Each period with the price that it took over from without a gap."""
    held: Period | None = None
    for period in periods:
        begins = period.point.effective_from
        is_next = held is not None and held.point.key == period.point.key and held.until in (begins, None)
        yield period, held.point if held is not None and is_next and held.point.effective_from < begins else None
        if not period.is_corrected:
            held = period


def _table(periods: Sequence[Period], look: Look) -> list[str]:
    sources = _sources(periods)
    columns = columns_of(
        list(_followed(periods)),
        {
            "price": lambda each: price_label(each[0].point.key),
            "from": lambda each: since(each[0].point.effective_from),
            "until": lambda each: Cell(_until_text(each[0]), "yellow" if each[0].is_corrected else ""),
            "old": lambda each: _amount_text(each[1], each[0].point) if each[1] is not None else "",
            "new": lambda each: _amount_text(each[0].point, None),
            "change": lambda each: _moved(each[1], each[0].point),
            "basis": lambda each: each[0].point.basis,
            "source": lambda each: f"[{sources.index(url) + 1}]" if (url := one_line(each[0].point.source)) else "",
        },
        right=["old", "new", "change"],
        drop=["basis", "old", "change"],
    )
    return table(columns, look)


def _moved(before: PricePoint | None, point: PricePoint) -> Cell:
    if before is None:
        return Cell("" if point.effective_from == SINCE_LAUNCH else "new")
    return _percent_cell(before, point)


def _sources(periods: Sequence[Period]) -> list[str]:
    """Each source once, in the order of the table: an address is long."""
    return list(dict.fromkeys(one_line(each.point.source) for each in periods if each.point.source))


def _entered(entry: PriceResult) -> EnteredPriceJson:
    line: LineJson = {"line": entry.line} if entry.line else {}
    return {
        **line,
        "model": str(entry.key),
        **price_json(entry.point),
        "revision": entry.point.revision,
        "old": money_json(entry.old),
        "set_aside": [price_json(point) for point in entry.set_aside],
    }


def _beside(beside: Beside) -> BesideJson:
    return {
        "model": str(beside.key),
        "prices": [price_json(point) for point in beside.points],
        "above": _example(beside.above) if beside.above is not None else None,
    }


def _example(above: Bill) -> ExampleJson:
    return {
        "input_tokens": above.prompt_tokens,
        "output_tokens": EXAMPLE_OUTPUT_TOKENS,
        "context_above": above.context_above,
        "complete": above.is_complete,
        "totals": {currency: exact_number(amount) for currency, amount in above.totals.items()},
    }


MAX_BESIDE = 6
"""Prices of a model that are named; the others are counted."""


class PriceEntriesDocument(VersionedDocument):
    """The prices that were set or corrected."""

    run: str
    """The audit trail has them under it."""
    entered: tuple[Annotated[PriceResult, AsJson(_entered)], ...]
    unchanged: int
    beside: tuple[Annotated[Beside, AsJson(_beside)], ...]
    """What stays as it is, by model; nothing of models of which no plain price was entered."""

    def to_table(self, look: Look) -> str:
        """A line per price: `openai/gpt-4o  input: 2.5 USD → 2 USD per 1M tokens (-20 %), from 2026-12-01`."""
        return look.text(
            f"{one_line(str(each.key))}  {price_label(each.point.key)}: {price_step(each.old, each.point)},"
            f" from {since(each.point.effective_from)}"
            for each in self.entered
        )

    def warnings(self, *, now: datetime) -> Iterator[str]:
        """What a person should know of the prices just entered."""
        for each in self.entered:
            name = f"{one_line(str(each.key))} {price_label(each.point.key)}"
            for announced in each.set_aside:
                entry = one_line(entry_text(announced))
                yield f"warning: {name}: {entry} does not come: yours goes on until you change it"
            if each.point.effective_from < now:
                yield f"warning: {name}: begins before now: bills since {since(each.point.effective_from)} change"

    def notes(self) -> Iterator[str]:
        """Which prices stay as they are, and what a long prompt costs by them: two lines a model."""
        for each in self.beside:
            name, above = one_line(str(each.key)), each.above
            prices = [f"{price_label(point.key)} {money(point.amount, point.currency)}" for point in each.points]
            more = f"; and {len(prices) - MAX_BESIDE} more" if len(prices) > MAX_BESIDE else ""
            yield f"note: {name}: unchanged: {one_line('; '.join(prices[:MAX_BESIDE]))}{more}"
            if above is not None:
                cost = totals_text(above.totals, is_complete=above.is_complete)
                yield (
                    f"note: {name}: {above.prompt_tokens:,} input and {EXAMPLE_OUTPUT_TOKENS:,} output tokens cost"
                    f" {cost}: above {above.context_above:,} the unchanged prices count (--context-above sets them)"
                )
