"""Words and numbers as people write and read them: counts, durations, instants, currencies, units, near names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from modelctl.errors import UsageError

MAX_SUGGESTED = 3
MAX_LISTED = 20
MIN_LIKENESS = 0.65
MIN_PART_CHARS = 3
TOKENS_PER_MTOK = 1_000_000

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())

_WRITTEN = re.compile(r"([0-9]{1,5})([smhdw]?)", re.ASCII)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION_HINTS = {
    "": "write it like 30m, 12h, 2d or 1w",
    "d": "write it like 30d, 12w or 12h; a number alone is days",
    "s": "write it like 30s or 2m; a number alone is seconds",
}
_LONG_AGE = timedelta(hours=48)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ].+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def shorten(text: str, limit: int = 60) -> str:
    """Text that fits into an error line, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def counted(count: int, noun: str) -> str:
    """The count with its noun: `1 model`, `0 models`, `1,200 models`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def line_ranges(lines: list[int]) -> str:
    """Numbers of lines, in order, as people read them: `line 3`, `lines 3, 5-9`."""
    runs = [
        [line for _, line in run]
        for _, run in groupby(enumerate(lines), key=lambda numbered: numbered[1] - numbered[0])
    ]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"line{'' if len(lines) == 1 else 's'} {text}"


def similar_names(name: str, known: Iterable[str], most: int = MAX_SUGGESTED) -> tuple[str, ...]:
    """Known names that differ by case only, then those spelled much like it, then those of which it is a part."""
    from difflib import get_close_matches  # only an error pays for it

    names = list(known)
    lowered = name[:200].lower()
    same = [each for each in names if each.lower() == lowered]
    by_lowered = {each.lower(): each for each in names}
    close = [by_lowered[each] for each in get_close_matches(lowered, by_lowered, n=most, cutoff=MIN_LIKENESS)]
    parts = [each for each in names if len(lowered) >= MIN_PART_CHARS and lowered in each.lower()]
    return tuple(dict.fromkeys([*same, *close, *parts]))[:most]


def suggestion(name: str, known: Iterable[str], most: int = MAX_SUGGESTED) -> str:
    """A hint that asks whether one of the similar names was meant; empty where none is like it."""
    similar = similar_names(name, known, most)
    return f"did you mean {' or '.join(similar)}?" if similar else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, or what there is; empty where there is nothing."""
    names = list(known)
    more = ", …" if len(names) > MAX_LISTED else ""
    return suggestion(name, names) or (f"choose from {', '.join(names[:MAX_LISTED])}{more}" if names else "")


def require_known(name: str, known: Iterable[str], what: str) -> str:
    """The name, if it is a known one; else UsageError that says what was probably meant."""
    names = list(known)
    if name not in names:
        raise UsageError(f"there is no {what} {shorten(name)!r}", did_you_mean(name, names))
    return name


def duration(text: str, label: str, *, alone: str = "") -> timedelta:
    """The duration of `90s`, `30m`, `12h`, `2d` or `1w`. UsageError naming `label` for anything else.

    `alone`: the unit of a number without one, where there is a usual one.
    """
    found = written_duration(text, alone=alone)
    if found is None:
        raise UsageError(f"{label}: {shorten(text)!r} is not a duration", _DURATION_HINTS[alone])
    return found


def days(text: str, label: str) -> int:
    """The days of `90d`, `12w` or `90`; part of a day counts as one. UsageError naming `label` for anything else."""
    return -(-duration(text, label, alone="d") // _UNITS["d"])


def seconds(text: str, label: str) -> float:
    """The seconds of `2s`, `1m` or `2`, more than none. UsageError naming `label` for anything else."""
    found = duration(text, label, alone="s").total_seconds()
    if not found:
        raise UsageError(f"{label}: must be above 0", _DURATION_HINTS["s"])
    return found


def written_duration(text: str, *, alone: str = "") -> timedelta | None:
    """The same; None where the text is something else. Where days are meant, `6m` is: it may be months."""
    found = _WRITTEN.fullmatch(text)
    unit = (found[2] or alone) if found is not None else ""
    if found is None or not unit or (alone == "d" and unit in "sm"):
        return None
    return int(found[1]) * _UNITS[unit]


def age_text(age: timedelta) -> str:
    """An age in its largest telling unit: `23 min`, `5 h`, `3 d`."""
    if age < _UNITS["h"]:
        return f"{age // _UNITS['m']} min"
    return f"{age // _UNITS['h']} h" if age < _LONG_AGE else f"{age // _UNITS['d']} d"


def day(text: str, label: str) -> date:
    """The day of `2026-12-01`. UsageError naming `label` for anything else."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{label}: {shorten(text)!r} is not a day", "write it like 2026-12-01") from None


def instant(text: str, label: str) -> datetime:
    """The instant in UTC of `2026-12-01` (its first moment) or an ISO instant; without an offset that is UTC, too.

    UsageError naming `label` for anything else: a month, a number of seconds, a day that no calendar has.
    """
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        written = datetime.fromisoformat(text)
        return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{label}: {shorten(text)!r} is not a date", "write 2026-12-01, or an instant as 2026-12-01T07:30:00Z"
        ) from None


def start_of_day(day: date) -> datetime:
    """The first instant of a day, in UTC: when a price that is announced for that day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def to_seconds(moment: datetime) -> datetime:
    """The instant in UTC with whole seconds, which is all that every database keeps (MySQL cuts the rest)."""
    return moment.astimezone(UTC).replace(microsecond=0)


def day_from_epoch(seconds: float) -> date:
    """The UTC day of a Unix time in seconds. ValueError where no calendar has that day."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds} is not a Unix time in seconds") from error


def per_mtok(per_token: Decimal | str | int) -> Decimal:
    """Price per million tokens from a price per token; exact."""
    return Decimal(per_token) * TOKENS_PER_MTOK
