"""What all tables share: column types that mean the same on every database, a registry, and other names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, cast

from sqlalchemy import JSON, BigInteger, CheckConstraint, Dialect, Integer, MetaData, Numeric, String, event, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import registry
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from modelctl.core.facts import AMOUNT_DECIMALS, AMOUNT_DIGITS, TABLE_PREFIX, decimal_text

if TYPE_CHECKING:
    from sqlalchemy import Table

    from modelctl.tables.models import Model, ModelState
    from modelctl.tables.prices import ModelPrice
    from modelctl.tables.providers import Provider, ProviderCredential
    from modelctl.tables.runs import AuditRecord, Hold, Lease, SyncRun

T = TypeVar("T")
TableT = TypeVar("TableT", bound="Base")
_Conversion: TypeAlias = Callable[[Any], Any]

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
        super().__init__(AMOUNT_DIGITS, AMOUNT_DECIMALS)

    def result_processor(self, dialect: Dialect, coltype: object) -> _Conversion | None:
        """Each amount is converted once: a table has many rows, and few prices. It has no zeros that only pad it."""
        convert = super().result_processor(dialect, coltype)

        def plain(value: Any) -> Decimal | None:
            amount = value if convert is None else convert(value)
            return None if amount is None else Decimal(decimal_text(amount))

        return _once_each(plain)


class Instant(UTCDateTime):
    """An aware instant in UTC, also where the database keeps no time zone."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> _Conversion | None:
        """Each instant is converted once: thousands of rows are written in one run, with one time stamp."""
        return _once_each(super().result_processor(dialect, coltype))


class _Json(TypeDecorator[T]):
    """JSON; on PostgreSQL JSONB, for its JSON is never equal to anything. None is NULL, so `IS NULL` finds unknowns."""

    impl = JSON

    def __init__(self) -> None:
        """Whatever the JSON holds."""
        super().__init__(none_as_null=True)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSONB on PostgreSQL, JSON elsewhere."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(JSON(none_as_null=True))
        from sqlalchemy.dialects import postgresql  # with drivers that another database has no use for

        return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))


class Texts(_Json[tuple[str, ...]]):
    """A list of texts as JSON, read as a tuple."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """A tuple of a list; what is no list stays what it is, so that it can be told."""
        return tuple(value) if isinstance(value, list) else value


class JsonObject(_Json[dict[str, Any]]):
    """A JSON object, or NULL. The order of its keys is the database's."""

    cache_ok = True


def json_from_text(text: str | bytes) -> Any:
    """What a JSON column holds. Lists are parsed once each: thousands of rows have the same few modalities."""
    return _tuple_from_text(text) if text[:1] in ("[", b"[") else json.loads(text)


@lru_cache(maxsize=MAX_REMEMBERED)
def _tuple_from_text(text: str | bytes) -> Sequence[Any]:
    return tuple(json.loads(text))


class ServerDefault(ColumnElement[Any]):
    """What a column gets where an INSERT does not say, as each database writes it."""

    inherit_cache = False

    def __init__(self, otherwise: str, **by_dialect: str) -> None:
        """The SQL by the dialect's name, and of every other dialect."""
        self.otherwise, self.by_dialect = otherwise, by_dialect


@compiles(ServerDefault)
def _default_of(default: ServerDefault, compiler: Any, **_options: Any) -> str:
    return default.by_dialect.get(compiler.dialect.name, default.otherwise)


TRUE = ServerDefault("1", postgresql="true", cockroachdb="true")
FALSE = ServerDefault("0", postgresql="false", cockroachdb="false")
ZERO = text("0")
NOW = ServerDefault(
    "CURRENT_TIMESTAMP",
    sqlite="(strftime('%Y-%m-%d %H:%M:%S.000000', 'now'))",  # exactly what SQLAlchemy writes there
    mysql="(utc_timestamp())",  # CURRENT_TIMESTAMP is in the session's zone
    mariadb="(utc_timestamp())",
)
"""The present instant in UTC."""


def checks(table: str, **conditions: str) -> tuple[CheckConstraint, ...]:
    """The CHECK constraints of a table: by column, what its values can be. NULL always can."""
    return tuple(CheckConstraint(each, name=f"ck_{table}_{column}") for column, each in conditions.items())


def one_of(column: str, words: Sequence[str]) -> str:
    """The condition that a text is one of these."""
    return f"{column} IN ({', '.join(map(repr, map(str, words)))})"


ROW_ID = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit surrogate key; SQLite numbers rows by itself only in an INTEGER column."""


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


class Base(SQLModel, registry=registry()):
    """A row of one of modelctl's tables."""

    model_config = {"defer_build": True}  # most commands validate nothing: what checks is made when it is first used

    if TYPE_CHECKING:
        __table__: ClassVar[Table]


@event.listens_for(Base.metadata, "before_create")
def _with_options(metadata: MetaData, *_others: object, **_more: object) -> None:
    """What CREATE TABLE says on MySQL. In `__table_args__` it would load MySQL's dialects in every command."""
    options = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}
    for table in metadata.tables.values():
        table.dialect_kwargs.update(options)


def now() -> datetime:
    """The present instant, to the second: for rows that a program makes without saying when."""
    return datetime.now(UTC).replace(microsecond=0)


def named(table: type[TableT], prefix: str = TABLE_PREFIX, schema: str | None = None) -> type[TableT]:
    """The class of the same table under another prefix or in a schema; it has no constraints, which are migrations'."""
    is_here = (prefix, schema) == (TABLE_PREFIX, None)
    return table if is_here else cast("type[TableT]", _elsewhere(table, prefix, schema))


@lru_cache
def _elsewhere(table: type[Base], prefix: str, schema: str | None) -> Any:
    """Made once: SQLAlchemy knows statements again by their tables."""

    class Elsewhere(SQLModel, registry=registry()):
        model_config = {"defer_build": True}

    make: Any = type(table)
    body = {
        "__module__": table.__module__,
        "__doc__": table.__doc__,
        "__annotations__": {name: field.annotation for name, field in table.model_fields.items()},
        "__tablename__": prefix + table.__table__.name.removeprefix(TABLE_PREFIX),
        "__table_args__": {"schema": schema},
        **table.model_fields,
    }
    return make(table.__name__, (Elsewhere,), body, table=True)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The classes of the tables under one prefix and in one schema; by default those of this module themselves."""

    prefix: str = TABLE_PREFIX
    schema: str | None = None

    @cached_property
    def providers(self) -> type[Provider]:
        """Who sells models."""
        found: type[Provider] = self._named("Provider")
        return found

    @cached_property
    def models(self) -> type[Model]:
        """The models themselves."""
        found: type[Model] = self._named("Model")
        return found

    @cached_property
    def prices(self) -> type[ModelPrice]:
        """The ledger."""
        found: type[ModelPrice] = self._named("ModelPrice")
        return found

    @cached_property
    def state(self) -> type[ModelState]:
        """What modelctl last wrote."""
        found: type[ModelState] = self._named("ModelState")
        return found

    @cached_property
    def credentials(self) -> type[ProviderCredential]:
        """API keys, encrypted."""
        found: type[ProviderCredential] = self._named("ProviderCredential")
        return found

    @cached_property
    def sync_runs(self) -> type[SyncRun]:
        """One row per run and provider."""
        found: type[SyncRun] = self._named("SyncRun")
        return found

    @cached_property
    def holds(self) -> type[Hold]:
        """What guards stopped, and what people decided about it."""
        found: type[Hold] = self._named("Hold")
        return found

    @cached_property
    def leases(self) -> type[Lease]:
        """Who is writing now."""
        found: type[Lease] = self._named("Lease")
        return found

    @cached_property
    def changes(self) -> type[AuditRecord]:
        """The audit trail."""
        found: type[AuditRecord] = self._named("AuditRecord")
        return found

    @property
    def version_table(self) -> str:
        """modelctl's own version table; never the application's `alembic_version`."""
        return f"{self.prefix}modelctl_version"

    def names(self) -> frozenset[str]:
        """Names of all tables of ours but the version table."""
        tables = (class_named(name).__table__.name for name in MODULES)
        return frozenset(self.prefix + name.removeprefix(TABLE_PREFIX) for name in tables)

    def classes(self) -> tuple[type[Base], ...]:
        """All of them."""
        return tuple(self._named(name) for name in MODULES)

    def _named(self, name: str) -> Any:
        return named(class_named(name), self.prefix, self.schema)


MODULES = {
    **dict.fromkeys(("Provider", "ProviderCredential"), "providers"),
    **dict.fromkeys(("Model", "ModelState"), "models"),
    "ModelPrice": "prices",
    **dict.fromkeys(("SyncRun", "Hold", "Lease", "AuditRecord"), "runs"),
}
"""Where each class is."""


def class_named(name: str) -> type[Base]:
    """Loaded when it is first used: a command that lists models has no use for the others."""
    found: type[Base] = getattr(import_module(f"modelctl.tables.{MODULES[name]}"), name)
    return found
