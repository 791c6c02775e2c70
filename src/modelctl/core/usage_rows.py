"""Usage records, as JSONL or CSV, into values. Reads all of them before any is billed, and names every bad one.

A record is one request: `model`, and the quantities by meter name; `at`, `service_tier` and `id` where it has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from modelctl.core.instants import instant
from modelctl.core.price import ServiceTier
from modelctl.core.records import BadRow, field_text, read_records, unknown_field
from modelctl.core.usage import METERS, Usage, quantity
from modelctl.core.validate import shorten
from modelctl.errors import ModelctlError, UsageError

FIELDS = ("id", "model", "at", "service_tier", *METERS)
"""Every column that a record can have. `id` is the caller's own, and comes back with the bill."""

_SERVICE_TIERS = frozenset(map(str, ServiceTier))


class UsageRow(NamedTuple):
    """One request to be billed."""

    line: int
    """Where it stands in the file, from 1."""
    id: str
    model: str
    """As it was written: any name that resolves."""
    at: datetime | None
    service_tier: str | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class UsageRows:
    """What a file holds."""

    rows: list[UsageRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def read_rows(lines: Iterable[str]) -> UsageRows:
    """The records of a file, whose first line tells JSONL from CSV."""
    found = UsageRows()
    for line, record in read_records(lines, FIELDS, required="model"):
        try:
            found.rows.append(_row(line, record) if isinstance(record, Mapping) else _refuse(record))
        except ModelctlError as error:
            found.bad.append(BadRow(line, str(error)))
    return found


def _row(line: int, record: Mapping[str, Any]) -> UsageRow:
    """UsageError or InvalidFact for what cannot be billed."""
    quantities = {}
    for name, value in record.items():
        if name in METERS:
            if (text := field_text(name, value)) != "":
                quantities[name] = quantity(name, text)
        elif name not in FIELDS:
            raise UsageError(unknown_field(name, FIELDS))
    model, at, service_tier = (field_text(name, record.get(name)) for name in ("model", "at", "service_tier"))
    if not model:
        raise UsageError("has no model")
    if not quantities:
        raise UsageError("has no quantity")
    if service_tier and service_tier not in _SERVICE_TIERS:
        raise UsageError(f"service_tier: {shorten(service_tier)!r} is none; there are {', '.join(ServiceTier)}")
    return UsageRow(
        line=line,
        id=field_text("id", record.get("id")),
        model=model,
        at=instant(at, "at") if at else None,
        service_tier=service_tier or None,
        usage=Usage(quantities),
    )


def _refuse(problem: str) -> UsageRow:
    raise UsageError(problem)
