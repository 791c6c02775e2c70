"""What a person's prices append to a ledger: a price from a day on, a correction, or the end of a claim. Pure.

A person's price holds until the next price that a person dated: prices that sources announced in between are restated
with the person's amount, as revisions. History is never edited; a correction is a revision of the entry that was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from modelctl.core.facts import MAX_COUNT, ModelKey, decimal_text
from modelctl.core.prices.price import (
    NOT_FOR_CALLS,
    PRICED_PER_CALL,
    SINCE_LAUNCH,
    STANDARD,
    Basis,
    PriceKey,
    PriceKind,
    PricePoint,
    PriceUnit,
    ServiceTier,
    current,
    is_of_overlay,
    last_revisions,
    point_at,
)
from modelctl.core.records import BadRow, field_text, rows_of, unknown_field
from modelctl.core.text import CURRENCIES, did_you_mean, instant, shorten
from modelctl.core.validation import SOURCE_MAX_CHARS, amount_problems, plain_text_problems
from modelctl.errors import UsageError

DEFAULT_CURRENCY = "USD"
LAUNCH = "launch"
"""What may be written for a day: a price that has held for as long as the model has been sold."""
FIELDS = ("model", "kind", "amount", "unit", "from", "context_above", "service_tier", "currency", "source")
"""Every column that a file of prices can have."""

_MAX_NAMED = 5
_AMOUNT = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_TOKENS = re.compile(r"\d{1,15}(?:_\d{1,15})*", re.ASCII)
_PRICED = re.compile(r"(?P<kind>[^=/]+)=(?P<amount>[^=/]+)(?:/(?P<unit>[^=/]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerms:
    """One price as a person states it."""

    key: PriceKey
    amount: Decimal
    source: str
    """Where it can be looked up: a page, or a contract."""
    starts_at: datetime | None = None
    """None: now; of a correction: the price that is in force now."""
    currency: str | None = None
    """None: that of the price it follows, else of the model's other prices, else USD."""


class PriceRow(NamedTuple):
    """One price for one model."""

    line: int
    """Where it stands in the file, from 1; 0 on the command line."""
    model: str
    """As it was written: any name that resolves."""
    terms: PriceTerms


@dataclass(frozen=True, slots=True)
class PriceRows:
    """What a file of prices holds."""

    rows: list[PriceRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceResult:
    """What came of one price."""

    line: int
    key: ModelKey
    point: PricePoint
    """The entry itself, as it is in the ledger; what restates it is not told apart."""
    old: PricePoint | None
    """What the ledger had for its start."""
    set_aside: tuple[PricePoint, ...] = ()
    """What was announced and does not count any more."""


def points_to_set(ledger: Sequence[PricePoint], terms: PriceTerms, *, now: datetime) -> tuple[PricePoint, ...]:
    """The points to append so that the price holds; none where it does already. UsageError where it overlaps another.

    The first is the entry itself; the others restate what was announced for later.
    """
    start = terms.starts_at or now
    timeline = _timeline(ledger, terms.key)
    before = point_at(timeline, start)
    point = PricePoint(
        **terms.key._asdict(),
        amount=terms.amount,
        currency=terms.currency or _usual_currency(ledger, before, start),
        effective_from=start,
        basis=Basis.MANUAL,
        source=terms.source,
    )
    if before is not None and _is_same(before, point) and (terms.starts_at is None or before.effective_from == start):
        return ()
    _refuse_overlap(timeline, before, start)
    following = [each for each in timeline if each.effective_from > start]
    return (point, *_restated(point, before, following, over_sources=True))


def points_to_correct(ledger: Sequence[PricePoint], terms: PriceTerms, *, now: datetime) -> tuple[PricePoint, ...]:
    """The revision of an entry that was wrong, and of what restates it; none where it says so already.

    UsageError where no price begins then, or none is in force. What follows the entry stays.
    """
    timeline = _timeline(ledger, terms.key)
    if terms.starts_at is None:
        entry = point_at(timeline, now)
    else:
        entry = next((each for each in timeline if each.effective_from == terms.starts_at), None)
    if entry is None:
        raise UsageError(_nothing_to_correct(terms), _known_starts(timeline))
    point = entry._replace(
        amount=terms.amount,
        currency=terms.currency or entry.currency,
        basis=Basis.MANUAL,
        source=terms.source,
        revision=entry.revision + 1,
    )
    if _is_same(entry, point):
        return ()
    following = [each for each in timeline if each.effective_from > entry.effective_from]
    return (point, *_restated(point, entry, following, over_sources=False))


def points_to_release(
    ledger: Sequence[PricePoint], keys: Collection[PriceKey], *, now: datetime
) -> tuple[PricePoint, ...]:
    """The points that end a person's claim to these prices: what the sources last stated holds again.

    A price of which no source ever spoke goes on, but is no longer the person's.
    """
    return tuple(point for key in sorted(keys) for point in _given_back(_timeline(ledger, key), ledger, key, now))


def manual_points(ledger: Iterable[PricePoint], *, now: datetime) -> tuple[PricePoint, ...]:
    """A person's prices, of each key the one in force now, or else the next to come."""
    manual = [point for point in ledger if point.is_persons]
    if not manual:
        return ()
    found = []
    for key in sorted({point.key for point in manual}):
        timeline = _timeline(ledger, key)
        holds = point_at(timeline, now)
        coming = [each for each in timeline if each.effective_from > now]
        found += [each for each in (holds, *coming) if each is not None and each.is_persons][:1]
    return tuple(found)


def set_aside(ledger: Sequence[PricePoint], points: Sequence[PricePoint], *, now: datetime) -> Iterator[PricePoint]:
    """Prices that the sources announced for a coming day and that the new points keep from coming."""
    for point in points[1:]:
        before = point_at((each for each in ledger if each.key == point.key), point.effective_from)
        if before is not None and not before.is_persons and point.effective_from > now:
            yield before


def entry_text(point: PricePoint) -> str:
    """An entry of the ledger, short: `2.5 USD from 2026-12-01 (documented, https://…)`."""
    begins = "launch" if point.effective_from == SINCE_LAUNCH else _moment(point.effective_from)
    until = f" until {_moment(point.effective_to)}" if point.effective_to is not None else ""
    source = f", {shorten(point.source)}" if point.source else ""
    return f"{decimal_text(point.amount)} {point.currency} from {begins}{until} ({point.basis}{source})"


def read_price_rows(lines: Iterable[str]) -> PriceRows:
    """The prices of a file, CSV with a header or JSONL."""
    return PriceRows(*rows_of(lines, FIELDS, _row, required="model"))


def price_terms(said: Mapping[str, str], labels: Mapping[str, str] = MappingProxyType({})) -> PriceTerms:
    """The terms that these fields state (see `FIELDS`; an empty one says nothing). UsageError naming the field.

    `labels`: what a field is called where it came from, as `--from`.
    """

    def label(name: str) -> str:
        return labels.get(name, name)

    key = PriceKey(
        kind=_choice(label("kind"), said.get("kind", ""), PriceKind),
        unit=_choice(label("unit"), said.get("unit") or PriceUnit.MTOK.value, PriceUnit),
        context_above=_tokens(label("context_above"), said.get("context_above") or "0"),
        service_tier=_choice(label("service_tier"), said.get("service_tier") or STANDARD, ServiceTier),
    )
    if key.kind in PRICED_PER_CALL and key.unit in NOT_FOR_CALLS:
        raise UsageError(
            f"{label('unit')}: {key.kind} is a price per call, not per {key.unit}", "its unit is request or thousand"
        )
    return PriceTerms(
        key=key,
        amount=_amount(label("amount"), said.get("amount", "")),
        source=_source(label("source"), said.get("source", "")),
        starts_at=_start(label("from"), said["from"]) if said.get("from") else None,
        currency=_currency(label("currency"), said["currency"]) if said.get("currency") else None,
    )


def split_price(text: str) -> dict[str, str]:
    """The fields that `KIND=AMOUNT` or `KIND=AMOUNT/UNIT` states."""
    found = _PRICED.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--price: {shorten(text)!r} is not a price", "write KIND=AMOUNT/UNIT, as image_output=0.04/image"
        )
    return {name: value.strip() for name, value in found.groupdict(default="").items()}


def _timeline(ledger: Iterable[PricePoint], key: PriceKey) -> list[PricePoint]:
    return last_revisions(each for each in ledger if each.key == key)


def _is_same(one: PricePoint, other: PricePoint) -> bool:
    """Whether both are a person's, of the same amount and from the same source."""
    return one.basis == other.basis == Basis.MANUAL and (one.money, one.source) == (other.money, other.source)


def _restated(
    point: PricePoint, before: PricePoint | None, following: Iterable[PricePoint], *, over_sources: bool
) -> Iterator[PricePoint]:
    """Revisions of the following points that carry the new price on, up to the next price that a person dated.

    `before`: what held at the point's start. What restates it is carried along; so, `over_sources`, are the prices that
    sources announced.
    """
    for each in following:
        restates = each.revision > 0 and before is not None and _is_same(before, each)
        if not restates and not (over_sources and not each.is_persons):
            return
        yield point._replace(effective_from=each.effective_from, revision=each.revision + 1)
        before = each


def _refuse_overlap(timeline: Sequence[PricePoint], before: PricePoint | None, start: datetime) -> None:
    there = next((each for each in timeline if each.effective_from == start), None)
    if there is not None:
        hint = "`modelctl price correct` corrects that one; a new price begins on another day"
        raise UsageError(f"overlaps the price {entry_text(there)}", hint)
    if before is not None and before.is_persons and before.effective_to is not None:
        hint = f"begin on {_moment(before.effective_to)}, or later"
        raise UsageError(f"overlaps the price {entry_text(before)}", hint)


def _given_back(
    timeline: Sequence[PricePoint], ledger: Iterable[PricePoint], key: PriceKey, now: datetime
) -> Iterator[PricePoint]:
    of_sources = [each for each in ledger if each.key == key and not each.is_persons]
    held = point_at(timeline, now)
    if held is not None and held.is_persons:
        revision = held.revision + 1 if held.effective_from == now else 0
        former = point_at(of_sources, now) or held._replace(basis=Basis.OBSERVED)
        held = former._replace(effective_from=now, revision=revision)
        yield held
    for each in timeline:
        if each.effective_from > now and each.is_persons:
            former = point_at(of_sources, each.effective_from) or held or each._replace(basis=Basis.OBSERVED)
            held = former._replace(effective_from=each.effective_from, revision=each.revision + 1)
            yield held
        elif each.effective_from > now:
            held = each


def _usual_currency(ledger: Iterable[PricePoint], before: PricePoint | None, at: datetime) -> str:
    if before is not None:
        return before.currency
    in_force = current(ledger, at)
    return in_force[min(in_force)].currency if in_force else DEFAULT_CURRENCY


def _nothing_to_correct(terms: PriceTerms) -> str:
    if terms.starts_at is None:
        return "there is no price in force to correct"
    begins = "launch" if terms.starts_at == SINCE_LAUNCH else _moment(terms.starts_at)
    return (
        f"there is no price that begins on {begins}"
        if begins != "launch"
        else "there is no price that begins at launch"
    )


def _known_starts(timeline: Sequence[PricePoint]) -> str:
    if not timeline:
        return "`modelctl price set` enters a first one"
    more = ", …" if len(timeline) > _MAX_NAMED else ""
    return f"there are {', '.join(map(entry_text, timeline[-_MAX_NAMED:]))}{more}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if at.time() == SINCE_LAUNCH.time() else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _row(line: int, record: Mapping[str, Any]) -> PriceRow:
    said = {}
    for name, value in record.items():
        if name not in FIELDS:
            raise UsageError(unknown_field(name, FIELDS))
        said[name] = field_text(name, value)
    for name in ("model", "kind", "amount", "source"):
        if not said.get(name):
            raise UsageError(f"has no {name}")
    return PriceRow(line, said["model"], price_terms(said))


def _choice(label: str, text: str, known: Iterable[str]) -> str:
    names = [str(each) for each in known]
    if text not in names:
        raise UsageError(f"{label}: there is no {shorten(text)!r}", did_you_mean(text, names))
    return text


def _currency(label: str, text: str) -> str:
    if text not in CURRENCIES:
        meant = text.upper() if text.upper() in CURRENCIES else ""
        hint = f"did you mean {meant}?" if meant else "write its ISO code, as EUR"
        raise UsageError(f"{label}: there is no currency {shorten(text)!r}", hint)
    return text


def _amount(label: str, text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise UsageError(f"{label}: {shorten(text)!r} is not an amount", "write plain digits with a point, as 0.15")
    amount = Decimal(text)
    for problem in amount_problems(amount):
        raise UsageError(f"{label}: {text}{problem.removeprefix(str(amount))}")
    return amount


def _tokens(label: str, text: str) -> int:
    if not _TOKENS.fullmatch(text) or int(text) > MAX_COUNT:
        raise UsageError(f"{label}: {shorten(text)!r} is not a number of tokens from 0 to {MAX_COUNT:,}")
    return int(text)


def _start(label: str, text: str) -> datetime:
    start = SINCE_LAUNCH if text == LAUNCH else instant(text, label)
    if start < SINCE_LAUNCH:
        raise UsageError(f"{label}: {shorten(text)!r} is before 1970", f"{LAUNCH!r} is the beginning of a model's sale")
    if start.microsecond:
        raise UsageError(f"{label}: {shorten(text)!r} has fractions of a second, which not every database keeps")
    return start


def _source(label: str, text: str) -> str:
    for problem in plain_text_problems(text, SOURCE_MAX_CHARS):
        raise UsageError(f"{label}: {problem}", "say where the price can be looked up: a page, or a contract")
    if is_of_overlay(text):
        raise UsageError(f"{label}: {shorten(text)!r} is what prices of an overlay have", "name a page or a contract")
    return text
