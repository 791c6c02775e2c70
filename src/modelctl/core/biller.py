"""Bills for models of the database: whose prices count, at which instant, and what all bills come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from modelctl.core.billing import EXACT, Bill, bill
from modelctl.core.model import PRICE_FIELDS, ModelKey, Source
from modelctl.core.price import PriceKey, current
from modelctl.core.price_book import PriceBook
from modelctl.core.redirects import Served, served
from modelctl.core.stored import StoredModel
from modelctl.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A bill, and whose it is."""

    served: Served
    bill: Bill
    is_oversized: bool
    """The prompt is larger than the model's window, and billed at a long-context price: probably not one request."""

    @property
    def key(self) -> ModelKey:
        """The model that was asked for."""
        return self.served.path[0]


class Biller:
    """Bills many requests; each model's ledger is put in order once."""

    def __init__(self, known: Mapping[ModelKey, StoredModel]) -> None:
        """`known`: the models of the database, those that are billed (or redirected to) with their ledgers."""
        self._known = known
        self._books: dict[ModelKey, PriceBook] = {}

    def bill(self, key: ModelKey, usage: Usage, at: datetime, service_tier: str) -> Billed:
        """The bill of one request to a known model."""
        answering = served(key, self._known, at)
        if not answering.is_known:
            return Billed(served=answering, bill=bill((), usage, at, service_tier), is_oversized=False)
        book = self._books.get(answering.key)
        if book is None:
            book = self._books[answering.key] = PriceBook(self._known[answering.key].prices)
        made = bill(book.in_force(at), usage, at, service_tier)
        window = self._known[answering.key].facts.context_window
        is_oversized = bool(made.context_above) and window is not None and made.prompt_tokens > window
        return Billed(served=answering, bill=made, is_oversized=is_oversized)


@dataclass(slots=True)
class Tally:
    """What many bills come to."""

    rows: int = 0
    incomplete_rows: int = 0
    """Rows of which something has no price on record."""
    oversized_rows: int = 0
    ended_rows: int = 0
    """Rows of models that had ended by then, and are not known to be redirected: billed at their last prices."""
    rows_without_fee: int = 0
    """Rows that do not say how many requests they are, of models that charge for each."""
    totals: dict[str, Decimal] = field(default_factory=dict)
    """By currency, of what has a price: lower bounds where rows are incomplete."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Rows by the meter that could not be billed."""

    def add(self, billed: Billed) -> None:
        """Count one bill."""
        self.rows += 1
        self.incomplete_rows += not billed.bill.is_complete
        self.oversized_rows += billed.is_oversized
        self.rows_without_fee += bool(billed.bill.not_given)
        self.ended_rows += billed.served.ended_on is not None
        for line in billed.bill.lines:
            currency = line.point.currency
            self.totals[currency] = EXACT.add(self.totals.get(currency, Decimal(0)), line.amount)
        for unpriced in billed.bill.unknown:
            self.unknown[unpriced.item] = self.unknown.get(unpriced.item, 0) + 1


def overruled_prices(model: StoredModel, at: datetime) -> dict[str, Decimal]:
    """Prices that a person wrote into the row and that the ledger does not say: column -> amount. Bills ignore them.

    A figure in the row has no date, so no bill of a past day could rest on it.
    """
    in_force = current(model.prices, at)
    overruled = {}
    for column, kind in PRICE_FIELDS.items():
        amount = getattr(model.facts, column)
        point = in_force.get(PriceKey(kind))
        differs = amount is not None and (point is None or point.amount != amount)
        if differs and model.owner_of(column) == Source.PERSON and not model.is_ours(column):
            overruled[column] = amount
    return overruled


def by_cost(bills: Iterable[Billed]) -> list[Billed]:
    """Cheapest first within each currency; bills in several currencies after them, incomplete ones last."""

    def rank(billed: Billed) -> tuple[bool, bool, tuple[str, ...], tuple[Decimal, ...], ModelKey]:
        totals = billed.bill.totals
        return not billed.bill.is_complete, len(totals) > 1, tuple(totals), tuple(totals.values()), billed.key

    return sorted(bills, key=rank)
