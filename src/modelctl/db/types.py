"""Column types that mean the same on every database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

_Conversion: TypeAlias = Callable[[Any], Any]

PRICE_DIGITS, PRICE_DECIMALS = 15, 9
MAX_REMEMBERED = 50_000


class ExactText(TypeDecorator[str]):
    """Text that is equal only to itself: case, accents and trailing blanks count.

    The default collations of MySQL and MariaDB take `GPT-4o` for `gpt-4o`, and an upsert would overwrite the other row.
    Binary collations without padding have other names on the two servers.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        """Text of at most so many characters."""
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """VARCHAR with a binary, unpadded collation on MySQL and MariaDB; plain VARCHAR elsewhere."""
        length = self.length
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(String(length))
        from sqlalchemy.dialects import mysql  # with drivers that another database has no use for

        collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
        return dialect.type_descriptor(mysql.VARCHAR(length, charset="utf8mb4", collation=collation))


class Price(TypeDecorator[Decimal]):
    """NUMERIC(15,9): at most 15 significant digits are exact even in SQLite's floats, and still sort as numbers."""

    impl = Numeric
    cache_ok = True

    def __init__(self) -> None:
        """An amount as the ledger holds it."""
        super().__init__(PRICE_DIGITS, PRICE_DECIMALS)

    def result_processor(self, dialect: Dialect, coltype: object) -> _Conversion | None:
        """Each amount is converted once: a table has many rows, and few prices."""
        return _once_each(super().result_processor(dialect, coltype))


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC, to the second, also where the database keeps no time zone."""

    impl = DateTime
    cache_ok = True

    def __init__(self) -> None:
        """TIMESTAMP WITH TIME ZONE where there is one."""
        super().__init__(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC. ValueError for an instant that does not say in which zone it is."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What has no zone was written in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.utcoffset() is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> _Conversion | None:
        """Each instant is converted once: thousands of rows are written in one run, with one time stamp."""
        return _once_each(super().result_processor(dialect, coltype))


def json_value() -> JSON:
    """JSON in which None is SQL NULL, so that `IS NULL` finds what is unknown."""
    return JSON(none_as_null=True)


def json_from_text(text: str | bytes) -> Any:
    """What a JSON column holds. Lists of texts are parsed once each: thousands of rows have the same few modalities."""
    return _list_from_text(text).copy() if text[:1] in ("[", b"[") else json.loads(text)


@lru_cache(maxsize=MAX_REMEMBERED)
def _list_from_text(text: str | bytes) -> list[Any]:
    found: list[Any] = json.loads(text)
    return found


def row_id() -> TypeEngine[int]:
    """64-bit surrogate key; SQLite numbers rows by itself only in an INTEGER column."""
    return BigInteger().with_variant(Integer(), "sqlite")


class Converted(dict[Any, Any]):
    """What values were converted to, up to a number that takes a few megabytes."""

    def __init__(self, convert: _Conversion) -> None:
        """Nothing is converted before it is asked for."""
        super().__init__()
        self._convert = convert

    def __missing__(self, value: Any) -> Any:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[value] = converted = self._convert(value)
        return converted


def _once_each(convert: _Conversion | None) -> _Conversion | None:
    return Converted(convert).__getitem__ if convert is not None else None
