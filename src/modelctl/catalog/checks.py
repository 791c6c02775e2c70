"""What one model's facts and prices say against each other, or leave open. One check, one function; all pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from modelctl.catalog.entries import Entry
from modelctl.catalog.finding import Problem, Severity
from modelctl.catalog.read import CatalogFile
from modelctl.core.contradictions import days_out_of_order, limits_above_the_window
from modelctl.core.model import Status
from modelctl.core.price import PriceKind, current


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a check goes by besides the file."""

    today: date
    stale_after_days: int
    is_own: bool = False
    """The catalog is a user's, who need not account for what is in it."""


Check: TypeAlias = Callable[[CatalogFile, Terms], Iterator[Problem]]
"""Reads a file that may have problems of its own; tells only what those do not."""


def is_retired(entry: Entry, today: date) -> bool:
    """Whether the id has stopped to answer, by what is stated or by its last day."""
    ends = entry.table.retires_on
    return entry.table.status == Status.RETIRED or (ends is not None and ends < today)


def dates_in_order(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """Released, then deprecated, then retired."""
    for entry in file.entries:
        yield from (Problem(at=_at(entry, each.name), message=each.message) for each in days_out_of_order(entry.table))


def limits_fit_the_window(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """No limit is above the context window."""
    for entry in file.entries:
        found = limits_above_the_window(entry.table)
        yield from (Problem(at=_at(entry, each.name), message=each.message) for each in found)


def status_fits_the_dates(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """A stated status does not contradict the dates beside it."""
    for entry in file.entries:
        status, ends, announced = entry.table.status, entry.table.retires_on, entry.table.deprecated_on
        if status is None:
            continue
        contradiction = ""
        if status == Status.RETIRED:
            if ends is not None and ends >= terms.today:
                contradiction = f"the model answers until {ends}"
        elif ends is not None and ends < terms.today:
            contradiction = f"the model has retired on {ends}"
        elif status == Status.ACTIVE and announced is not None and announced <= terms.today:
            contradiction = f"its end was announced on {announced}"
        if contradiction:
            hint = "leave status out: the dates decide"
            yield Problem(at=_at(entry, "status"), message=f"is {status!r}, but {contradiction}", hint=hint)


def retired_has_a_date(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """The last day of a retired model is worth to be known: bills of the past ask for it."""
    for entry in file.entries:
        if entry.table.status == Status.RETIRED and entry.table.retires_on is None:
            yield Problem(
                at=_at(entry, "retires_on"), message="is missing, but the model is retired", severity=Severity.WARNING
            )


def verified_lately(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """Somebody has compared the facts with the vendor's, and not too long ago."""
    for entry in file.entries:
        day, at = entry.table.verified_on, _at(entry, "verified_on")
        if day is None:
            yield Problem(
                at=at,
                message="is missing",
                hint="the day on which the facts were compared with the vendor's",
                severity=Severity.WARNING if terms.is_own else Severity.ERROR,
            )
        elif (age := (terms.today - day).days) > terms.stale_after_days:
            yield Problem(at=at, message=f"{day} is {age} days ago", severity=Severity.WARNING)
        elif age < 0:
            yield Problem(at=at, message=f"{day} is in the future", severity=Severity.WARNING)


def defaults_are_live(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """What `modelctl populate` puts into a new database is there to be used."""
    for entry in file.entries:
        sets, announced = entry.table.sets or (), entry.table.deprecated_on
        if len(set(sets)) != len(sets):
            yield Problem(at=_at(entry, "sets"), message="names a set twice")
        if not sets:
            continue
        if is_retired(entry, terms.today):
            yield Problem(at=_at(entry, "sets"), message="the model is retired", hint="put its replacement there")
        elif entry.table.retires_on is not None or (announced is not None and announced <= terms.today):
            hint = "put its replacement there"
            yield Problem(
                at=_at(entry, "sets"), message="the end of the model is announced", hint=hint, severity=Severity.WARNING
            )


def prices_have_a_source(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """Somebody who doubts a bill can look the price up."""
    for entry in file.entries:
        for line in sorted({each.line for each in entry.priced if not each.point.source}):
            yield Problem(
                at=_at(entry, "prices", line),
                message="has no source",
                hint="give the line a source, or the provider a pricing_url",
            )


def cached_is_cheaper(file: CatalogFile, terms: Terms) -> Iterator[Problem]:
    """A price for cached input above that for input is nearly always two numbers in the wrong order."""
    for entry in file.entries:
        for each in entry.priced:
            if each.point.kind != PriceKind.CACHE_READ:
                continue
            in_force = current(entry.record.prices, each.point.effective_from)
            plain = in_force.get(each.point.key._replace(kind=str(PriceKind.INPUT)))
            if plain is not None and each.point.amount > plain.amount:
                yield Problem(
                    at=_at(entry, "prices", each.line, "cache_read"),
                    message=f"{each.point.amount} is above the input price ({plain.amount})",
                    severity=Severity.WARNING,
                )


FACT_CHECKS: tuple[Check, ...] = (
    dates_in_order,
    limits_fit_the_window,
    status_fits_the_dates,
    retired_has_a_date,
    verified_lately,
    defaults_are_live,
    prices_have_a_source,
    cached_is_cheaper,
)


def _at(entry: Entry, *key: str | int) -> tuple[str | int, ...]:
    return ("model", entry.index, *key)
