"""How the price ledger grows: points are appended, never edited, and only where they say something new.

Three things can be appended for one key (see `PriceKey`): a dated price the ledger does not have, a new revision of a
price that has not begun yet, and today's price where the ledger says another. What a person entered is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from modelctl.core.facts import PRICE_FIELDS, FactValue, Source
from modelctl.core.prices.price import (
    Basis,
    Money,
    PriceKey,
    PricePoint,
    by_key,
    current,
    is_of_overlay,
    point_at,
)

MONEY_FIELDS = (*PRICE_FIELDS, "price_currency")
"""Columns of a model that only the ledger speaks for."""
_SHOWN_KEYS = tuple((name, PriceKey(kind)) for name, kind in PRICE_FIELDS.items())
BY_LEDGER = "rule:ledger"
"""The source of such a column where no price in force gives it."""
BY_PRICE = "rule:price"
"""The source of a tier that was derived from the price."""


def missing_points(
    ledger: Sequence[PricePoint], stated: Sequence[PricePoint], *, now: datetime, api_still_stands: bool = False
) -> tuple[PricePoint, ...]:
    """The points to append so that the ledger says what the sources state. Appending them leaves none missing.

    In `stated`, a point with source `api` is what the provider's API charges now; it wins over the announced ones for
    the present. `api_still_stands`: the API was not asked this time, but what it said then outranks the catalog.
    """
    if _are_known(ledger, stated):
        return ()
    ledger_by_key, stated_by_key = by_key(ledger), by_key(stated)
    missing: list[PricePoint] = []
    for key in sorted(stated_by_key):
        ledger_of_key = ledger_by_key[key]
        if (obvious := _at_a_glance(ledger_of_key, stated_by_key[key], now)) is not None:
            missing += obvious
            continue
        stands = api_still_stands and any(point.source == Source.API for point in ledger_of_key)
        missing += _missing_for_key(ledger_of_key, stated_by_key[key], now, api_still_stands=stands)
    return tuple(missing)


def projection(points: Iterable[PricePoint], *, at: datetime) -> dict[str, FactValue]:
    """The price columns of a model: standard tier, any prompt, at `at`. Unknown prices are absent.

    Only prices of one currency can stand side by side in one row: that of the input price, or of the first known.
    """
    shown = _shown(points, at)
    currency = next((point.currency for point in shown.values()), None)
    if currency is None:
        return {}
    amounts = {name: point.amount for name, point in shown.items() if point.currency == currency}
    return {**amounts, "price_currency": currency}


def projection_sources(points: Iterable[PricePoint], *, at: datetime) -> Mapping[str, str]:
    """Who states each projected price: the API, a person, an overlay that names no page, or the catalog."""
    sources = {name: stated_by(point) for name, point in _shown(points, at).items()}
    return {**sources, "price_currency": next(iter(sources.values()))} if sources else {}


def _shown(points: Iterable[PricePoint], at: datetime) -> dict[str, PricePoint]:
    """The points in force that a model's row shows, by column."""
    in_force = current(points, at)
    return {name: point for name, key in _SHOWN_KEYS if (point := in_force.get(key)) is not None}


def has_complete_price(points: Iterable[PricePoint], model_type: str | None, *, at: datetime) -> bool:
    """Whether a request can be billed: input and output tokens for chat, anything that is metered for the rest."""
    keys = current(points, at).keys()
    if model_type in ("chat", None):
        return PriceKey("input") in keys and PriceKey("output") in keys
    return bool(keys)


def contested_points(
    ledger: Sequence[PricePoint], stated: Iterable[PricePoint], *, now: datetime
) -> Iterator[tuple[PricePoint, PricePoint]]:
    """Prices of a person that are in force and against which the sources state another: ours, and theirs."""
    if not any(point.is_persons for point in ledger):
        return
    stated_by_key = by_key(stated)
    for key, point in sorted(current(ledger, now).items()):
        theirs = stated_by_key[key]
        observed = [each for each in theirs if each.source == Source.API]
        offered = observed[-1] if observed else point_at(theirs, now)
        if point.is_persons and offered is not None and offered.money != point.money:
            yield point, offered


def _are_known(ledger: Sequence[PricePoint], stated: Sequence[PricePoint]) -> bool:
    """Whether the ledger is what is stated, point by point, as where only catalogs state prices. No special case.

    No point is stated twice.
    """
    return not stated or (
        len(ledger) == len(stated) and all(point in ledger and point.source != Source.API for point in stated)
    )


def _at_a_glance(
    ledger: Sequence[PricePoint], stated: Sequence[PricePoint], now: datetime
) -> Sequence[PricePoint] | None:
    """What to append where one price is all that is stated and at most one is known; None where that takes more.

    Most keys never have another price. No special case: `_missing_for_key` finds the same, and takes longer.
    """
    if len(stated) != 1 or len(ledger) > 1:
        return None
    said = stated[0]
    if said.effective_to is not None or said.effective_from > now:
        return None
    if not ledger:
        return None if said.source == Source.API else stated
    known = ledger[0]
    is_same = (
        known.amount == said.amount
        and known.currency == said.currency
        and known.effective_to is None
        and known.effective_from <= now
        and (said.source == Source.API or known.effective_from == said.effective_from)
    )
    return () if is_same else None


def _missing_for_key(
    ledger: list[PricePoint], stated: list[PricePoint], now: datetime, *, api_still_stands: bool
) -> list[PricePoint]:
    """The points to append for one key: what was before now, then today's price, then what is to come."""
    observed = [point for point in stated if point.source == Source.API]
    announced = sorted((p for p in stated if p.source != Source.API), key=lambda point: point.effective_from)
    timeline = list(ledger)
    for point in announced:
        start = point.effective_from
        is_known = any(known.effective_from == start for known in timeline)
        if start <= now and not is_known and _says_something_new(point, ledger, timeline):
            timeline.append(point)
    claimed = point_at(announced, now)
    stands = api_still_stands and not (claimed is not None and claimed.basis == Basis.MANUAL)
    if not (stands or _is_persons(timeline, now)):
        timeline += _present(timeline, announced, observed, now)
    _extend_with_future(timeline, announced, now)
    return timeline[len(ledger) :]


def _extend_with_future(timeline: list[PricePoint], announced: list[PricePoint], now: datetime) -> None:
    """Append what is announced for coming days: new points, and new revisions of those that were changed or withdrawn.

    Day by day, because a price that seems to go on may be changed by a revision that comes before it.
    """
    stated_starts = {point.effective_from for point in announced}
    known_starts = {point.effective_from for point in timeline}
    for start in sorted(each for each in stated_starts | known_starts if each > now):
        expected = point_at(announced, start)
        if expected is None:
            continue
        if expected.basis == Basis.MANUAL and expected.effective_from == start and start not in known_starts:
            timeline.append(expected)
        if _is_persons(timeline, start):
            continue
        if start not in stated_starts:  # withdrawn: the price before goes on
            expected = point_at((point for point in timeline if point.effective_from < start), start) or expected
        ends = expected.effective_to is not None and start in stated_starts - known_starts
        if ends or expected.money != _money_at(timeline, start):
            timeline.append(expected._replace(effective_from=start, revision=_next_revision(timeline, start)))


def _says_something_new(point: PricePoint, ledger: list[PricePoint], timeline: list[PricePoint]) -> bool:
    """Whether a point differs from what is known for its start, in its price or in having an end.

    A person's word in a catalog is held back by none.
    """
    start = point.effective_from
    differs = point.effective_to is not None or _money_at(timeline, start) != point.money
    if point.basis == Basis.MANUAL:
        return differs or not _is_manual(timeline, start)
    return differs and not _is_manual(ledger, start)


def _present(
    timeline: list[PricePoint], announced: list[PricePoint], observed: list[PricePoint], now: datetime
) -> list[PricePoint]:
    """Today's price, where the ledger says another: from now on, for nobody knows when it changed.

    A manual price of an overlay counts before what the API charges.
    """
    stated = point_at(announced, now)
    if observed and not (stated is not None and stated.basis == Basis.MANUAL):
        stated = observed[-1]
    if stated is None or stated.money == _money_at(timeline, now):
        return []
    basis = Basis.MANUAL if stated.basis == Basis.MANUAL else Basis.OBSERVED
    return [stated._replace(effective_from=now, basis=basis, revision=_next_revision(timeline, now))]


def _is_manual(ledger: Iterable[PricePoint], at: datetime) -> bool:
    """Whether a price that a person entered, in the database or in an overlay, holds at that instant."""
    point = point_at(ledger, at)
    return point is not None and point.basis == Basis.MANUAL


def _is_persons(ledger: Iterable[PricePoint], at: datetime) -> bool:
    """Whether a price that a person entered in the database holds at that instant: no source changes it."""
    point = point_at(ledger, at)
    return point is not None and point.is_persons


def _next_revision(points: Iterable[PricePoint], start: datetime) -> int:
    return max((point.revision for point in points if point.effective_from == start), default=-1) + 1


def _money_at(points: Iterable[PricePoint], at: datetime) -> Money | None:
    point = point_at(points, at)
    return point.money if point is not None else None


def stated_by(point: PricePoint) -> str:
    """Whose word a point is: a `Source`."""
    if point.is_persons:
        return Source.PERSON
    if is_of_overlay(point.source):
        return Source.OVERLAY
    return point.source if point.source == Source.API else Source.CATALOG
