"""Instants as people and usage records write them. The one place that reads them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from modelctl.core.validate import shorten
from modelctl.errors import UsageError

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ].+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def day(text: str, label: str) -> date:
    """The day of `2026-12-01`. UsageError naming `label` for anything else."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{label}: {shorten(text)!r} is no day", "write it like 2026-12-01") from None


def instant(text: str, label: str) -> datetime:
    """The instant in UTC of `2026-12-01` (its first moment) or an ISO instant; without an offset that is UTC, too.

    UsageError naming `label` for anything else: a month, a number of seconds, a day that no calendar has.
    """
    try:
        if not _WRITTEN.fullmatch(text):
            raise ValueError
        written = datetime.fromisoformat(text)
        return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{label}: {shorten(text)!r} is no date", "write 2026-12-01, or an instant as 2026-12-01T07:30:00Z"
        ) from None
