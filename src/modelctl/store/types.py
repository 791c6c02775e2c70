"""Column types that mean the same on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Numeric, String
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

PRICE_DIGITS, PRICE_DECIMALS = 15, 9


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
        collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
        return dialect.type_descriptor(mysql.VARCHAR(length, charset="utf8mb4", collation=collation))


def price() -> Numeric[Any]:
    """NUMERIC(15,9): at most 15 significant digits are exact even in SQLite's floats, and still sort as numbers."""
    return Numeric(PRICE_DIGITS, PRICE_DECIMALS)


def json_value() -> JSON:
    """JSON in which None is SQL NULL, so that `IS NULL` finds what is unknown."""
    return JSON(none_as_null=True)


def row_id() -> TypeEngine[int]:
    """64-bit surrogate key; SQLite numbers rows by itself only in an INTEGER column."""
    return BigInteger().with_variant(Integer(), "sqlite")
