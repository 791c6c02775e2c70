"""Rows that a person gives, as CSV, JSON or JSONL: all are taken, or each that cannot be is named with its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, NoReturn, TypeVar

from modelctl.core.text import did_you_mean, shorten
from modelctl.errors import BadRows, InvalidFact, ModelctlError, UsageError

BYTE_ORDER_MARK = "\ufeff"

_MAX_DIGITS = 30
"""Longer numbers are refused as they are written: spelt out, 1e999999999 takes a gigabyte."""

Item = TypeVar("Item")
Made = TypeVar("Made")


class BadRow(NamedTuple):
    """A line that cannot be used, and why."""

    line: int
    problem: str


def all_or_none(items: Iterable[Item], make: Callable[[Item], Made]) -> list[Made]:
    """What `make` makes of each; BadRows with all that is wrong where it fails for any. Of one item, its own error."""
    made, errors = list[Made](), list[ModelctlError]()
    for item in items:
        try:
            made.append(make(item))
        except ModelctlError as error:
            errors.append(error)
    if errors and len(errors) + len(made) == 1:
        raise errors[0]
    if errors:
        raise BadRows([str(error) for error in errors], of=len(errors) + len(made))
    return made


def read_records(
    lines: Iterable[str], fields: Collection[str], *, required: str
) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Line number, from 1, and record, or what is wrong with the line. The first line tells JSONL from CSV."""
    remaining = iter(lines)
    skipped = 0
    for first in remaining:
        first = first.removeprefix(BYTE_ORDER_MARK) if not skipped else first
        if first.strip():
            break
        skipped += 1
    else:
        return
    numbered = chain([first], remaining)
    is_json = first.lstrip().startswith(("{", "["))
    for line, record in json_lines(numbered) if is_json else _csv_records(numbered, fields, required):
        yield line + skipped, record


def rows_of(
    lines: Iterable[str], fields: Collection[str], make: Callable[[int, Mapping[str, Any]], Made], *, required: str
) -> tuple[list[Made], list[BadRow]]:
    """What `make` makes of each record and its line, and the lines of which it makes nothing, with the reason."""
    made, bad = list[Made](), list[BadRow]()
    for line, record in read_records(lines, fields, required=required):
        if isinstance(record, str):
            bad.append(BadRow(line, record))
            continue
        try:
            made.append(make(line, record))
        except ModelctlError as error:
            bad.append(BadRow(line, str(error)))
    return made, bad


def json_lines(
    lines: Iterable[str], *, parse_float: Callable[[str], Any] = Decimal
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line number, from 1, and object of each line that is not blank, or what is wrong with the line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                record = read_json(line, parse_float=parse_float)
            except UsageError as error:
                yield number, error.message
            else:
                is_object = isinstance(record, dict)
                yield number, record if is_object else "is not a JSON object: one on each line is expected"


def read_json(text: str, *, parse_float: Callable[[str], Any] = Decimal) -> Any:
    """The value of one JSON text. UsageError where it is none, names a field twice, or holds NaN or Infinity."""
    try:
        return json.loads(text, parse_float=parse_float, parse_constant=_no_quantity, object_pairs_hook=_distinct)
    except ArithmeticError:  # an exponent beyond Decimal's
        raise UsageError("is not a JSON object on one line (a number is too long to be read)") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"is not a JSON object on one line ({error})") from None


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


def _no_quantity(name: str) -> NoReturn:
    raise UsageError(f"{name} is not a quantity")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
        yield reader.line_num, f"is not CSV ({error}); what follows was not read"


def _header_problem(header: list[str], fields: Collection[str], required: str) -> str:
    if required not in header:
        return f"the header has no column {required}: {shorten(','.join(header))}"
    if len(set(header)) != len(header):
        return "the header names a column twice"
    return "; ".join(unknown_field(name, fields) for name in header if name not in fields)
