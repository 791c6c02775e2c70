"""Records of a file, JSONL or CSV, as mappings by field. All are read before any is used, and every bad one is named.

An empty field, like a null, says nothing. A field that is not known is an error: a misspelt one that was skipped would
be a wrong number.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from modelctl.core.names import did_you_mean
from modelctl.core.validate import shorten
from modelctl.errors import InvalidFact, UsageError

_BYTE_ORDER_MARK = "\ufeff"
_MAX_DIGITS = 30
"""Longer numbers are refused as they are written: spelt out, 1e999999999 takes a gigabyte."""


class BadRow(NamedTuple):
    """A line that cannot be used, and why."""

    line: int
    problem: str


def read_records(
    lines: Iterable[str], fields: Collection[str], *, required: str
) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line number, from 1, and record, or what is wrong with the line. The first line tells JSONL from CSV."""
    remaining = iter(lines)
    skipped = 0
    for first in remaining:
        first = first.removeprefix(_BYTE_ORDER_MARK) if not skipped else first
        if first.strip():
            break
        skipped += 1
    else:
        return
    numbered = chain([first], remaining)
    is_json = first.lstrip().startswith(("{", "["))
    for line, record in _json_records(numbered) if is_json else _csv_records(numbered, fields, required):
        yield line + skipped, record


def field_text(name: str, value: Any) -> str:
    """A field as text, without blanks around it; empty where it says nothing. InvalidFact for lists and the like."""
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


def unknown_field(name: str, fields: Collection[str]) -> str:
    """What is wrong with a field that there is not."""
    return f"unknown field {shorten(name)!r} ({did_you_mean(name, fields)})"


def _json_records(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _json_record(line)


def _json_record(line: str) -> Mapping[str, Any] | str:
    try:
        record = json.loads(
            line, parse_float=Decimal, parse_constant=_no_quantity, object_pairs_hook=_without_repetition
        )
    except ArithmeticError:  # an exponent beyond Decimal's
        return "is no JSON object on one line (a number is too long to be read)"
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


def _csv_records(
    lines: Iterable[str], fields: Collection[str], required: str
) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Nothing comes after a header that cannot be used."""
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = [name.strip() for name in cells]
                if problem := _header_problem(header, fields, required):
                    yield reader.line_num, problem
                    return
            elif len(cells) == len(header):
                yield reader.line_num, dict(zip(header, cells, strict=True))
            elif cells:
                yield reader.line_num, f"has {len(cells)} fields where the header has {len(header)}"
    except csv.Error as error:
        yield reader.line_num, f"is no CSV ({error}); what follows was not read"


def _header_problem(header: list[str], fields: Collection[str], required: str) -> str:
    if required not in header:
        return f"the header has no column {required}: {shorten(','.join(header))}"
    if len(set(header)) != len(header):
        return "the header names a column twice"
    return "; ".join(unknown_field(name, fields) for name in header if name not in fields)


def _no_quantity(name: str) -> Any:
    raise UsageError(f"{name} is no quantity")
