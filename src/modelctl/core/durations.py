"""Durations as people write them: `30m`, `12h`, `2d`, `1w`. The one place that reads them, and that writes an age."""

from __future__ import annotations

import re
from datetime import timedelta

from modelctl.core.validate import shorten
from modelctl.errors import UsageError

_WRITTEN = re.compile(r"([0-9]{1,5})([smhdw])", re.ASCII)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONG_AGE = timedelta(hours=48)


def duration(text: str, label: str) -> timedelta:
    """The duration of `30m`, `12h`, `2d` or `1w`. UsageError naming `label` for anything else."""
    return _required(text, label, "mhdw", "write minutes, hours or days, as 30m, 1h or 2d")


def days(text: str, label: str) -> int:
    """The days of `90d` or `12w`. UsageError naming `label` for anything else."""
    return _required(text, label, "dw", "write days or weeks, as 90d or 12w").days


def seconds(text: str, label: str) -> float:
    """The seconds of `2s` or `1m`, more than none. UsageError naming `label` for anything else."""
    hint = "write seconds or minutes, as 2s or 1m"
    found = _required(text, label, "sm", hint).total_seconds()
    if not found:
        raise UsageError(f"{label}: must be above 0", hint)
    return found


def written_duration(text: str, units: str) -> timedelta | None:
    """The duration in one of these units (of `s`, `m`, `h`, `d`, `w`); None where the text is something else."""
    found = _WRITTEN.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found is not None and found[2] in units else None


def _required(text: str, label: str, units: str, hint: str) -> timedelta:
    found = written_duration(text, units)
    if found is None:
        raise UsageError(f"{label}: {shorten(text)!r} is no duration", hint)
    return found


def age_text(age: timedelta) -> str:
    """An age in its largest telling unit: `23 min`, `5 h`, `3 d`."""
    if age < _UNITS["h"]:
        return f"{age // _UNITS['m']} min"
    return f"{age // _UNITS['h']} h" if age < _LONG_AGE else f"{age // _UNITS['d']} d"
