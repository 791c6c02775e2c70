"""Hours of the day in which a price holds, as DeepSeek's peak hours."""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import lru_cache
from typing import TypeAlias

_Spans: TypeAlias = tuple[tuple[time, time | None], ...]
_MIDNIGHT = "24:00"


def is_within(hours_utc: str, at: datetime) -> bool:
    """Whether the instant's time of day in UTC is inside one of `01:00-04:00,06:00-10:00`.

    The first moment of a span is in it, its end is not: at 04:00:00 the price of the rest of the day holds. A span
    may end at 24:00. No hours = all day. (https://api-docs.deepseek.com/quick_start/pricing states spans in UTC.)
    """
    if not hours_utc:
        return True
    clock = at.astimezone(UTC).time()
    return any(begin <= clock and (end is None or clock < end) for begin, end in _spans(hours_utc))


@lru_cache(maxsize=256)
def _spans(hours_utc: str) -> _Spans:
    """Begin and end of each span; None = the end of the day, which no time of day is."""
    return tuple(
        (time.fromisoformat(begin), None if end == _MIDNIGHT else time.fromisoformat(end))
        for begin, end in (span.split("-") for span in hours_utc.split(","))
    )
