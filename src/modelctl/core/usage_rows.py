"""Usage records, as JSONL or CSV, into values. Reads all of them before any is billed, and names every bad one.

A record is one request: `model`, and the quantities by meter name; `at`, `service_tier` and `id` where it has them.
An empty field, like a null, says nothing. A field that is not known is an error: a misspelt `cached_tokens` that was
skipped would be a wrong bill.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from modelctl.core.instants import instant
from modelctl.core.names import did_you_mean
from modelctl.core.price import ServiceTier
from modelctl.core.usage import METERS, Usage, quantity
from modelctl.core.validate import shorten
from modelctl.errors import InvalidFact, ModelctlError, UsageError

FIELDS = ("id", "model", "at", "service_tier", *METERS)
"""Every column that a record can have. `id` is the caller's own, and comes back with the bill."""

_BYTE_ORDER_MARK = "\ufeff"
_SERVICE_TIERS = frozenset(map(str, ServiceTier))
_MAX_DIGITS = 30
"""Longer numbers are refused as they are written: spelt out, 1e999999999 takes a gigabyte."""


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


class BadRow(NamedTuple):
    """A line that cannot be billed, and why."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class UsageRows:
    """What a file holds."""

    rows: list[UsageRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def read_rows(lines: Iterable[str]) -> UsageRows:
    """The records of a file, whose first line tells JSONL from CSV."""
    remaining = iter(lines)
    skipped = 0
    for first in remaining:
        first = first.removeprefix(_BYTE_ORDER_MARK) if not skipped else first
        if first.strip():
            break
        skipped += 1
    else:
        return UsageRows()
    read = _json_records if first.lstrip().startswith(("{", "[")) else _csv_records
    found = UsageRows()
    for line, record in read(chain([first], remaining)):
        try:
            found.rows.append(_row(line + skipped, record) if isinstance(record, Mapping) else _refuse(record))
        except ModelctlError as error:
            found.bad.append(BadRow(line + skipped, str(error)))
    return found


def _json_records(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line number and record, or what is wrong with the line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _json_record(line)


def _json_record(line: str) -> Mapping[str, Any] | str:
    try:
        record = json.loads(
            line, parse_float=Decimal, parse_constant=_no_quantity, object_pairs_hook=_without_repetition
        )
    except (ValueError, RecursionError) as error:
        return f"is no JSON object on one line ({error})"
    except UsageError as error:
        return error.message
    return record if isinstance(record, dict) else "is no JSON object: one on each line is expected"


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise UsageError("names a field twice")
    return record


def _csv_records(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line number and record, or what is wrong with the line; nothing after a header that cannot be used."""
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = [name.strip() for name in cells]
                if problem := _header_problem(header):
                    yield reader.line_num, problem
                    return
            elif len(cells) == len(header):
                yield reader.line_num, dict(zip(header, cells, strict=True))
            elif cells:
                yield reader.line_num, f"has {len(cells)} fields where the header has {len(header)}"
    except csv.Error as error:
        yield reader.line_num, f"is no CSV ({error}); what follows was not read"


def _header_problem(header: list[str]) -> str:
    if "model" not in header:
        return f"the header has no column model: {shorten(','.join(header))}"
    if len(set(header)) != len(header):
        return "the header names a column twice"
    return "; ".join(_unknown_field(name) for name in header if name not in FIELDS)


def _row(line: int, record: Mapping[str, Any]) -> UsageRow:
    """UsageError or InvalidFact for what cannot be billed."""
    quantities = {}
    for name, value in record.items():
        if name in METERS:
            if (text := _text(name, value)) != "":
                quantities[name] = quantity(name, text)
        elif name not in FIELDS:
            raise UsageError(_unknown_field(name))
    model, at, service_tier = (_text(name, record.get(name)) for name in ("model", "at", "service_tier"))
    if not model:
        raise UsageError("has no model")
    if not quantities:
        raise UsageError("has no quantity")
    if service_tier and service_tier not in _SERVICE_TIERS:
        raise UsageError(f"service_tier: {shorten(service_tier)!r} is none; there are {', '.join(ServiceTier)}")
    return UsageRow(
        line=line,
        id=_text("id", record.get("id")),
        model=model,
        at=instant(at, "at") if at else None,
        service_tier=service_tier or None,
        usage=Usage(quantities),
    )


def _text(name: str, value: Any) -> str:
    """A field as text, without blanks around it; empty where it says nothing."""
    match value:
        case None:
            return ""
        case str():
            return value.strip()
        case Decimal():
            return f"{value:f}" if abs(value.adjusted()) <= _MAX_DIGITS else str(value)
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            raise InvalidFact(f"{name}: {shorten(json.dumps(value, default=str))} is neither text nor a number")


def _unknown_field(name: str) -> str:
    return f"unknown field {shorten(name)!r} ({did_you_mean(name, FIELDS)})"


def _no_quantity(name: str) -> Any:
    raise UsageError(f"{name} is no quantity")


def _refuse(problem: str) -> UsageRow:
    raise UsageError(problem)
