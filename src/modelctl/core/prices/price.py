"""What a price is: an exact amount for one thing that is metered, from one instant on.

The ledger is append-only. A price holds until the next point of the same key begins, or until its stated end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from modelctl.errors import InvalidFact

SINCE_LAUNCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Start of a price whose first day nobody states: it has held for as long as the model has been sold."""
STANDARD = "standard"
"""The service tier of a plain request."""

ARITHMETIC = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Python's own, whatever an application has made of its context."""

_MIDNIGHT = "24:00"


class PriceUnit(StrEnum):
    """What one amount buys."""

    MTOK = "mtok"  # a million tokens
    MCHAR = "mchar"  # a million characters
    IMAGE = "image"
    SECOND = "second"
    PAGE = "page"
    REQUEST = "request"
    THOUSAND = "thousand"  # a thousand calls (web searches, queries)


class PriceKind(StrEnum):
    """What is metered."""

    INPUT = "input"
    OUTPUT = "output"
    CACHE_READ = "cache_read"
    CACHE_WRITE = "cache_write"  # kept for 5 minutes
    CACHE_WRITE_1H = "cache_write_1h"
    AUDIO_INPUT = "audio_input"
    AUDIO_OUTPUT = "audio_output"
    IMAGE_INPUT = "image_input"
    IMAGE_OUTPUT = "image_output"
    VIDEO_INPUT = "video_input"
    VIDEO_OUTPUT = "video_output"
    REASONING_OUTPUT = "reasoning_output"
    WEB_SEARCH = "web_search"
    REQUEST = "request"


PRICED_PER_CALL = (PriceKind.WEB_SEARCH, PriceKind.REQUEST)
NOT_FOR_CALLS = (PriceUnit.MTOK, PriceUnit.MCHAR)
"""Units that no price per call has."""


class ServiceTier(StrEnum):
    """How fast, or how patiently, a request is served."""

    STANDARD = STANDARD
    BATCH = "batch"
    FLEX = "flex"
    PRIORITY = "priority"
    FAST = "fast"
    ULTRAFAST = "ultrafast"


class Basis(StrEnum):
    """How a price is known."""

    DOCUMENTED = "documented"  # the vendor states it, and its day where one is given
    OBSERVED = "observed"  # seen to be so on that day; it may have begun earlier
    MANUAL = "manual"  # a person entered it


class PriceKey(NamedTuple):
    """What must be equal for one price to follow another."""

    kind: str
    unit: str = PriceUnit.MTOK
    context_above: int = 0
    """Tokens of prompt above which this price holds for the whole request; 0 = no long-context tier."""
    service_tier: str = STANDARD
    hours_utc: str = ""
    """Hours of the day in UTC, as `01:00-04:00,06:00-10:00`; empty = all day."""


_key_parts = attrgetter(*PriceKey._fields)


class Money(NamedTuple):
    """What two points must share to be the same price."""

    amount: Decimal
    currency: str


class PricePoint(NamedTuple):
    """One amount for one key from one instant on."""

    kind: str
    amount: Decimal
    unit: str = PriceUnit.MTOK
    context_above: int = 0
    service_tier: str = STANDARD
    hours_utc: str = ""
    currency: str = "USD"
    effective_from: datetime = SINCE_LAUNCH
    effective_to: datetime | None = None
    """A stated end, exclusive; None = until the next point of the same key."""
    basis: str = Basis.DOCUMENTED
    source: str = ""
    """The page, API or person that stated it."""
    revision: int = 0
    """Of two points with the same key and start the higher revision counts: how a correction is appended."""

    @property
    def key(self) -> PriceKey:
        """What must be equal for one price to follow another."""
        return tuple.__new__(PriceKey, _key_parts(self))  # as `PriceKey(…)` does, in half the time

    @property
    def money(self) -> Money:
        """Amount and currency."""
        return Money(self.amount, self.currency)

    @property
    def is_persons(self) -> bool:
        """Whether a person set it, by a command or SQL. What an overlay states is the file's, whatever its basis."""
        return self.basis == Basis.MANUAL and not is_of_overlay(self.source)


OVERLAY = "overlay"
"""The source of a price that an overlay states without one; `overlay: TEXT` is that of a manual one with words."""


def is_of_overlay(source: str) -> bool:
    """Whether the source of a price says that an overlay states it."""
    return source == OVERLAY or source.startswith(f"{OVERLAY}: ")


_precedence = attrgetter("effective_from", "revision")
"""Of two points the one that is later by this, or listed later, is in force."""


def current(points: Iterable[PricePoint], at: datetime) -> dict[PriceKey, PricePoint]:
    """The point in force at `at` (aware) for each key that has one."""
    in_force: dict[PriceKey, PricePoint] = {}
    for point in points:
        if point.effective_from <= at:
            key = point.key
            rival = in_force.get(key)
            if rival is None or _precedence(rival) <= _precedence(point):
                in_force[key] = point
    ended = [key for key, point in in_force.items() if point.effective_to is not None and point.effective_to <= at]
    for key in ended:
        del in_force[key]
    return in_force


def point_at(points: Iterable[PricePoint], at: datetime) -> PricePoint | None:
    """The one of these points, all of one key, that is in force at `at`."""
    return next(iter(current(points, at).values()), None)


def by_key(points: Iterable[PricePoint]) -> defaultdict[PriceKey, list[PricePoint]]:
    """The points of each key, in their order."""
    grouped: defaultdict[PriceKey, list[PricePoint]] = defaultdict(list)
    for point in points:
        grouped[point.key].append(point)
    return grouped


def last_revisions(points: Iterable[PricePoint]) -> list[PricePoint]:
    """Of each start the last revision, by start; `points` are all of one key."""
    last = {point.effective_from: point for point in sorted(points, key=attrgetter("revision"))}
    return [last[start] for start in sorted(last)]


def percent_between(old: Money | PricePoint | None, new: Money | PricePoint | None) -> Decimal | None:
    """From one price to another in percent, to a tenth. None: one is unknown, the old is free, or currencies differ."""
    if old is None or new is None or not old.amount or old.currency != new.currency:
        return None
    with localcontext(ARITHMETIC):
        return round((new.amount - old.amount) * 100 / old.amount, 1)


def is_within(hours_utc: str, at: datetime) -> bool:
    """Whether the instant's time of day in UTC is inside one of `01:00-04:00,06:00-10:00`.

    The first moment of a span is in it, its end is not: at 04:00:00 the price of the rest of the day holds. A span
    may end at 24:00. No hours = all day. (https://api-docs.deepseek.com/quick_start/pricing states spans in UTC.)
    """
    if not hours_utc:
        return True
    clock = at.astimezone(UTC).time()
    return any(begin <= clock and (end is None or clock < end) for begin, end in _spans(hours_utc))


def span_edges(hours_utc: str) -> tuple[time, ...]:
    """The times of day in UTC at which a price with these hours begins or ends to hold."""
    return tuple(edge for begin, end in _spans(hours_utc) for edge in (begin, end or time.min))


def price_label(key: PriceKey) -> str:
    """What a price is for: `input`, `output, prompt above 200,000 tokens, batch`."""
    parts = [key.kind]
    if key.unit != PriceUnit.MTOK:
        parts[0] += f" per {key.unit}"
    if key.context_above:
        parts.append(f"prompt above {key.context_above:,} tokens")
    if key.service_tier != STANDARD:
        parts.append(key.service_tier)
    if key.hours_utc:
        parts.append(f"{key.hours_utc} UTC")
    return ", ".join(parts)


_Spans: TypeAlias = tuple[tuple[time, time | None], ...]


@lru_cache(maxsize=256)
def _spans(hours_utc: str) -> _Spans:
    """Begin and end of each span; None = the end of the day, which no time of day is. InvalidFact for no spans."""
    try:
        return tuple(
            (time.fromisoformat(begin), None if end == _MIDNIGHT else time.fromisoformat(end))
            for begin, end in (span.split("-") for span in hours_utc.split(","))
        )
    except ValueError:
        raise InvalidFact(f"hours_utc of a price is {hours_utc!r:.40}, and not like 01:00-04:00") from None
