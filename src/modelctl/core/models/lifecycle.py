"""The life of a model: when it is deprecated or gone, where its replacements lead, and what the successor costs.

Dates decide about the status, unless the provider's own listing says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from modelctl.core.facts import PRICE_FIELDS, FactValue, ModelFacts, ModelKey, Source, Status, provenance_of
from modelctl.core.prices.price import Money, PriceKey, current
from modelctl.core.stored import ModelsByKey, StoredModel

DATES = ("deprecated_on", "retires_on")
"""Facts that decide about the status."""
ENDED = (Status.DEPRECATED, Status.RETIRED)
BY_DATES = "rule:dates"
BY_LISTING = "api:listed"
BY_DEFAULT = "rule:status"
COMPARED_PRICES = ("input", "output")
"""Price kinds that are compared: of a plain request, without a long context, per million tokens."""

_NOBODYS: Mapping[str, FactValue] = MappingProxyType({})
_COLUMNS = {kind: column for column, kind in PRICE_FIELDS.items()}


class ChainEnd(StrEnum):
    """How a chain of replacements ends."""

    LIVE = "live"  # at a model that answers after the end
    NONE = "none"  # at once: no replacement is stated
    ENDED = "ended"  # at a model that has ended by then, and names no other
    MISSING = "missing"  # at an id that the database does not have
    CYCLE = "cycle"  # never: it comes back to a model that it has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where the replacements of a model lead."""

    end: ChainEnd
    path: tuple[ModelKey, ...] = ()
    """The models after the model itself, in order. Of a circle the last one is the one that was met before."""
    ends_on: date | None = None
    """The last day of the live end, where it has an announced end of its own."""

    @property
    def live(self) -> ModelKey | None:
        """The model to move to; None where the chain leads to none."""
        return self.path[-1] if self.end is ChainEnd.LIVE else None


class Scheduled(NamedTuple):
    """The next price of a successor after the day of the comparison."""

    begins: datetime
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """One price of a model and of the one that succeeds it. None = unknown."""

    old: Money | None
    new: Money | None
    scheduled: Scheduled | None = None
    """How the new price is known to change later: today's saving may be next month's loss."""


def with_status(
    facts: ModelFacts,
    provenance: Mapping[str, str],
    *,
    today: date,
    seen_on: date | None,
    dates: Mapping[str, FactValue] = _NOBODYS,
) -> tuple[ModelFacts, Mapping[str, str]]:
    """The facts with the status that holds on `today`, and the provenance that says which rule set it.

    `seen_on`: the last day on which the provider's API showed the model, if it ever did. A listing is the retirement
    signal (Anthropic documents that a past date on a listed model means "overdue"), so a model that was seen after its
    last day is at most deprecated. One that was last seen before it is gone: nobody has looked since.
    `dates`: those that a person set, which count before the sources'. Against an end that a person announced, an API
    that shows the model as live does not count: it knows of the vendor's ends only.
    """
    dated = facts.replaced(dates) if dates else facts
    ends = dated.retires_on
    is_past = ends is not None and ends < today
    outlived = seen_on is not None and (ends is None or seen_on > ends)
    stated_by_api = facts.status is not None and provenance["status"].partition(":")[0] == Source.API
    by_a_person = any(dates.values()) and facts.status not in ENDED
    if stated_by_api and not by_a_person and (outlived or not is_past):
        return facts, provenance
    status, rule = _by_dates(dated, today=today, outlived=outlived, is_past=is_past)
    if rule is None:
        return facts, provenance
    return facts.replaced({"status": status}), provenance_of(*{**provenance, "status": rule}.items())


def chain_of(model: StoredModel, known: ModelsByKey, *, after: date, today: date) -> Chain:
    """The chain of replacements of `model`, through all that do not answer any more after the day `after`.

    `known`: the models of all providers.
    """
    path: list[ModelKey] = []
    passed = {model.key}
    at = model
    while (following := at.facts.successor_of(at.key.provider)) is not None:
        path.append(following)
        if following in passed:
            return Chain(end=ChainEnd.CYCLE, path=tuple(path))
        passed.add(following)
        found = known.get(following)
        if found is None:
            return Chain(end=ChainEnd.MISSING, path=tuple(path))
        if _answers(found, after=after, today=today):
            return Chain(end=ChainEnd.LIVE, path=tuple(path), ends_on=found.facts.retires_on)
        at = found
    return Chain(end=ChainEnd.ENDED if path else ChainEnd.NONE, path=tuple(path))


def price_steps(model: StoredModel, successor: StoredModel | None, *, on: date) -> dict[str, PriceStep]:
    """The compared prices at the end of the day `on` (UTC), by kind; with the ledgers of both models."""
    at = datetime.combine(on, time.max, UTC)  # whatever begins on that day counts
    return {
        kind: PriceStep(
            old=_price(model, kind, at),
            new=_price(successor, kind, at) if successor else None,
            scheduled=_scheduled(successor, kind, at) if successor else None,
        )
        for kind in COMPARED_PRICES
    }


def _by_dates(facts: ModelFacts, *, today: date, outlived: bool, is_past: bool) -> tuple[str, str | None]:
    """The status, and the rule that set it; None where the source's own word stands."""
    stated = facts.status
    if is_past or stated == Status.RETIRED:
        if outlived:
            return Status.DEPRECATED, BY_LISTING
        return Status.RETIRED, None if stated == Status.RETIRED else BY_DATES
    announced = facts.retires_on is not None or (facts.deprecated_on is not None and facts.deprecated_on <= today)
    if announced and stated != Status.DEPRECATED:
        return Status.DEPRECATED, BY_DATES
    return (stated, None) if stated is not None else (Status.ACTIVE, BY_DEFAULT)


def _answers(model: StoredModel, *, after: date, today: date) -> bool:
    """Whether a successor is one: it lives now and longer than what it replaces. One that is overdue is none."""
    last_day = model.facts.retires_on
    return model.facts.status != Status.RETIRED and (last_day is None or (last_day > after and last_day >= today))


def _price(model: StoredModel, kind: str, at: datetime) -> Money | None:
    by_hand = _set_by_hand(model, kind)
    if by_hand is not None:
        return by_hand
    point = current(model.prices, at).get(PriceKey(kind))
    return point.money if point is not None else None


def _set_by_hand(model: StoredModel, kind: str) -> Money | None:
    """A price that somebody wrote into the row: the ledger does not know it, and no sync will change it."""
    column = _COLUMNS[kind]
    amount, currency = getattr(model.facts, column), model.facts.price_currency
    written = model.state.written.get(column) if model.state else None
    if amount is None or currency is None or (written is not None and written.value == amount):
        return None
    return Money(amount, currency)


def _scheduled(model: StoredModel, kind: str, after: datetime) -> Scheduled | None:
    now = _price(model, kind, after)
    if now is None or _set_by_hand(model, kind) is not None:
        return None
    key = PriceKey(kind)
    for begins in sorted({each.effective_from for each in model.prices if each.key == key}):
        later = _price(model, kind, begins) if begins > after else None
        if later is not None and later != now:
            return Scheduled(begins, later)
    return None


def api_is_newer(model: StoredModel, verified_on: date | None) -> bool:
    """Whether the API showed the model on or after the day on which the catalog was verified.

    Where no catalog is read, the day on which one last confirmed the row counts.
    """
    seen_at = model.last_seen_at
    if verified_on is None and model.last_verified_at is not None:
        verified_on = model.last_verified_at.date()
    return seen_at is not None and (verified_on is None or seen_at.date() >= verified_on)
