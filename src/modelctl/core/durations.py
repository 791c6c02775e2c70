"""Durations as people write them: `30m`, `12h`, `2d`, `1w`. The one place that reads them, and that writes an age."""

from __future__ import annotations

import re
from datetime import timedelta

from modelctl.core.validate import shorten
from modelctl.errors import UsageError

_WRITTEN = re.compile(r"([0-9]{1,5})([mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONG_AGE = timedelta(hours=48)


def duration(text: str, label: str) -> timedelta:
    """The duration of `30m`, `12h`, `2d` or `1w`. UsageError naming `label` for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise UsageError(f"{label}: {shorten(text)!r} is no duration", "write minutes, hours or days, as 30m, 1h or 2d")
    return int(found[1]) * _UNITS[found[2]]


def age_text(age: timedelta) -> str:
    """An age in its largest telling unit: `23 min`, `5 h`, `3 d`."""
    if age < _UNITS["h"]:
        return f"{age // _UNITS['m']} min"
    return f"{age // _UNITS['h']} h" if age < _LONG_AGE else f"{age // _UNITS['d']} d"
