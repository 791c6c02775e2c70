"""A column of an application's table: what it can hold, and a value as it will read once it stands there.

Values are compared as the column holds them: rounded to its scale, in its float, JSON by value. Else every run would
find a change. What is written is text, a number or a boolean; nothing is ever put into a statement's text.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import types

from modelctl.core.facts import decimal_text, exact_number
from modelctl.core.planning.target import TargetGuard

EXACT = Context(prec=60, traps=[InvalidOperation])
"""Whatever the program that called us has set for its own sums."""
SINGLE_DIGITS = 7


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    SINGLE = "float4"
    DOUBLE = "float8"
    BOOLEAN = "boolean"
    JSON = "json"
    ARRAY = "array"
    INSTANT = "instant"
    DAY = "day"
    UUID = "uuid"
    OTHER = "other"


class Misfit(Exception):
    """A value that the column cannot hold, or not as it is."""

    def __init__(self, reason: str, guard: TargetGuard = TargetGuard.DOES_NOT_FIT) -> None:
        super().__init__(reason)
        self.reason, self.guard = reason, guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, as the database describes it."""

    name: str
    kind: Kind
    declared: str
    """Its type as the database writes it."""
    length: int | None = None
    """Most characters of a text."""
    precision: int | None = None
    scale: int | None = None
    bits: int = 64
    """Of a whole number."""
    nullable: bool = True
    has_default: bool = False
    is_generated: bool = False
    words: tuple[str, ...] = ()
    """All that it can be, by its type or by a CHECK; empty: anything."""
    keeps_all: bool = False
    """Whether the database keeps what is written, whatever the type says: SQLite does."""
    has_zone: bool = False


_BITS: Mapping[str, int] = {"SMALLINT": 16, "TINYINT": 8, "MEDIUMINT": 24, "INTEGER": 32, "INT": 32, "BIGINT": 64}


def column_of(found: Mapping[str, Any], dialect: str, words: Sequence[str] = (), *, is_key: bool = False) -> Column:
    """The column that SQLAlchemy's inspector found. `is_key`: it is the primary key by itself."""
    type_: types.TypeEngine[Any] = found["type"]
    kind = _kind(type_, dialect)
    scale = getattr(type_, "scale", None) if kind is Kind.DECIMAL else None
    if kind is Kind.DECIMAL and dialect in ("mysql", "mariadb") and scale is None:
        scale = 0
    labels = tuple(getattr(type_, "enums", ()) or words)
    return Column(
        name=found["name"],
        kind=kind,
        declared=_declared(type_),
        length=None if dialect == "sqlite" else getattr(type_, "length", None) if kind is Kind.TEXT else None,
        precision=getattr(type_, "precision", None) if kind is Kind.DECIMAL and dialect != "sqlite" else None,
        scale=None if dialect == "sqlite" else scale,
        bits=64 if dialect == "sqlite" else _BITS.get(type(type_).__name__.upper(), 64),
        nullable=bool(found.get("nullable", True)),
        has_default=found.get("default") is not None
        or bool(found.get("identity"))
        or found.get("autoincrement") is True,
        is_generated=bool(found.get("computed")) or bool((found.get("identity") or {}).get("always")),
        words=labels,
        keeps_all=dialect == "sqlite",
        has_zone=bool(getattr(type_, "timezone", False)),
    )


def _declared(type_: types.TypeEngine[Any]) -> str:
    try:
        return str(type_)
    except Exception:  # a type without SQL of its own
        return type(type_).__name__


_KINDS: tuple[tuple[type[Any] | tuple[type[Any], ...], Kind], ...] = (
    (types.Boolean, Kind.BOOLEAN),
    (types.ARRAY, Kind.ARRAY),
    (types.JSON, Kind.JSON),
    (types.Integer, Kind.INTEGER),
    (types.Float, Kind.DOUBLE),
    (types.Numeric, Kind.DECIMAL),
    (types.DateTime, Kind.INSTANT),
    (types.Date, Kind.DAY),
    (types.Uuid, Kind.UUID),
    (types.LargeBinary, Kind.OTHER),
)
"""The first that fits; what is none of them is read and written as text."""
_SINGLE = {("REAL", "postgresql"), ("FLOAT", "mysql"), ("FLOAT", "mariadb")}


def _kind(type_: types.TypeEngine[Any], dialect: str) -> Kind:
    name = type(type_).__name__.upper()
    if (name, dialect) in _SINGLE:
        return Kind.SINGLE
    if name == "TINYINT" and getattr(type_, "display_width", None) == 1:
        return Kind.BOOLEAN
    kind = next((kind for type_class, kind in _KINDS if isinstance(type_, type_class)), Kind.TEXT)
    if kind in (Kind.INSTANT, Kind.DAY) and dialect == "sqlite":
        return Kind.TEXT  # which keeps whatever text is written there
    return kind


def as_held(column: Column, raw: Any, *, as_json: bool = False) -> Any:
    """What the driver gave, as it is compared. `as_json`: a text column whose text is JSON."""
    if raw is None:
        return None
    if isinstance(raw, bytes | bytearray | memoryview):
        return bytes(raw).hex()
    if as_json or column.kind is Kind.JSON:
        return _document(raw)
    try:
        return _as_held(column, raw)
    except (ValueError, ArithmeticError, TypeError):
        return str(raw)  # a value that no such column should have: whoever set it keeps it


def _as_held(column: Column, raw: Any) -> Any:
    match column.kind:
        case Kind.BOOLEAN:
            return bool(raw) if raw in (0, 1) else str(raw)
        case Kind.INTEGER:
            return int(raw) if not isinstance(raw, float) or raw.is_integer() else decimal_text(Decimal(repr(raw)))
        case Kind.DECIMAL | Kind.DOUBLE | Kind.SINGLE:
            return _number_held(column, raw)
        case Kind.INSTANT:
            moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw))
            return _utc(moment).isoformat()
        case Kind.DAY:
            return raw.isoformat() if isinstance(raw, date) else str(raw)
        case Kind.ARRAY:
            return [each if isinstance(each, str | int | bool) or each is None else str(each) for each in raw]
        case _:
            return str(raw)


def _number_held(column: Column, raw: Any) -> str:
    number = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(str(raw))
    if not number.is_finite():
        raise ValueError
    if column.kind is Kind.SINGLE:
        return _single(number)
    return decimal_text(number)


def _single(number: Decimal) -> str:
    """The shortest digits of the nearest float of four bytes: 0.1 reads as 0.1 again."""
    with localcontext(EXACT) as context:
        for digits in range(1, 10):
            context.prec = digits
            shorter = +number
            if struct.pack("f", float(shorter)) == struct.pack("f", float(number)):
                return decimal_text(shorter)
    return decimal_text(number)


def _utc(moment: datetime) -> datetime:
    """Naive and in UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _document(raw: Any) -> Any:
    if not isinstance(raw, str):
        return json.loads(json.dumps(raw, default=str))
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def fitted(column: Column, value: Any, *, as_json: bool = False) -> Any:
    """A value as the column will hold it. Misfit where it cannot."""
    if value is None:
        return None
    if as_json or column.kind is Kind.JSON:
        return plain_json(value)
    held = _fitted(column, value)
    if column.words and held not in column.words:
        raise Misfit(f"{held!r} is none of {', '.join(column.words)}")
    return held


def _fitted(column: Column, value: Any) -> Any:
    match column.kind:
        case Kind.BOOLEAN:
            if not isinstance(value, bool) and value not in (0, 1):
                raise Misfit(f"{value!r} is neither true nor false")
            return bool(value)
        case Kind.INTEGER:
            return _whole(column, value)
        case Kind.DECIMAL | Kind.DOUBLE | Kind.SINGLE:
            return _amount(column, value)
        case Kind.INSTANT:
            return _utc(_moment(value)).replace(microsecond=0).isoformat()
        case Kind.DAY:
            return _moment(value).date().isoformat()
        case Kind.ARRAY:
            if not isinstance(value, tuple | list):
                raise Misfit(f"{value!r} is not a list")
            return [str(each) for each in value]
        case Kind.OTHER:
            raise Misfit(f"a column of type {column.declared} cannot be written")
        case _:
            return _text(column, value)


def _whole(column: Column, value: Any) -> int:
    number = Decimal(int(value)) if isinstance(value, bool) else _decimal(value)
    if number != number.to_integral_value():
        raise Misfit(f"{decimal_text(number)} is not a whole number")
    if not -(2 ** (column.bits - 1)) <= number < 2 ** (column.bits - 1):
        raise Misfit(f"{number} is too large for {column.declared}")
    return int(number)


def _amount(column: Column, value: Any) -> str:
    number = _decimal(value)
    with localcontext(EXACT):
        held = number
        if column.kind is Kind.SINGLE:
            held = Decimal(_single(number))
        elif column.kind is Kind.DOUBLE or column.keeps_all:
            held = Decimal(repr(float(number)))
        elif column.scale is not None:
            held = number.quantize(Decimal(1).scaleb(-column.scale), rounding=ROUND_HALF_EVEN)
        if number and not held:
            raise Misfit(f"{decimal_text(number)} would round to 0 in {column.declared}", TargetGuard.ROUNDS_TO_ZERO)
        if column.precision is not None and held.adjusted() >= column.precision - (column.scale or 0) and held:
            raise Misfit(f"{decimal_text(number)} is too large for {column.declared}")
    return decimal_text(held)


def rounds(column: Column, value: Any, held: Any) -> bool:
    """Whether the column holds another number than was meant."""
    is_number = column.kind in (Kind.DECIMAL, Kind.SINGLE) and isinstance(value, Decimal | int)
    return is_number and held is not None and Decimal(held) != Decimal(value)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Misfit(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise Misfit(f"{value!r} is not a number")
    return number


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise Misfit(f"{value!r} is not a time like 2026-11-21T12:00:00Z") from None


def _text(column: Column, value: Any) -> str:
    match value:
        case bool():
            text = "true" if value else "false"
        case Decimal():
            text = decimal_text(value)
        case datetime():
            text = f"{_utc(value):%Y-%m-%d %H:%M:%S}"
        case date():
            text = value.isoformat()
        case tuple() | list() | dict():
            text = json.dumps(plain_json(value), ensure_ascii=False)
        case _:
            text = str(value)
    if "\x00" in text:
        raise Misfit("a text holds NUL")
    if column.length is not None and len(text) > column.length:
        raise Misfit(f"a text of {len(text)} characters is too long for {column.declared}")
    if column.kind is Kind.UUID:
        try:
            return str(UUID(text))
        except ValueError:
            raise Misfit(f"{text!r} is not a UUID") from None
    return text


def plain_json(value: Any) -> Any:
    """A value as JSON has it, amounts as exact numbers."""
    match value:
        case Decimal():
            return exact_number(value)
        case float() if not math.isfinite(value):
            raise Misfit(f"{value!r} is not JSON")
        case date():
            return value.isoformat()
        case tuple() | list():
            return [plain_json(each) for each in value]
        case dict():
            return {str(key): plain_json(each) for key, each in value.items()}
        case _:
            return value


def to_driver(column: Column, held: Any, dialect: str, *, as_json: bool = False) -> Any:
    """What a statement's parameter has to be."""
    if held is None:
        return None
    if as_json or column.kind is Kind.JSON:
        return json.dumps(held, ensure_ascii=False)
    match column.kind:
        case Kind.BOOLEAN:
            return held if dialect == "postgresql" else int(held)
        case Kind.DECIMAL:
            return float(held) if dialect == "sqlite" else Decimal(held)
        case Kind.DOUBLE | Kind.SINGLE:
            return float(held)
        case Kind.INSTANT:
            return held.replace("T", " ") + (
                "+00" if "TIME ZONE" in column.declared.upper() or "TIMESTAMPTZ" in column.declared.upper() else ""
            )
        case Kind.ARRAY:
            return "{" + ",".join(_array_item(each) for each in held) + "}"
        case _:
            return held


def _array_item(item: object) -> str:
    if item is None:
        return "NULL"
    text = str(item).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
