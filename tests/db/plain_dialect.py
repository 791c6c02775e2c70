"""Dialects that nobody has tried: SQLite under other names, without the code that modelctl has for SQLite."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext, SQLiteTypeCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import UnsupportedCompilationError


class _Types(SQLiteTypeCompiler):
    def visit_BIGINT(self, type_: Any, **kw: Any) -> str:
        return "INTEGER"  # or SQLite would not number the rows


class _Uncounted(SQLiteExecutionContext):
    @property
    def rowcount(self) -> int:
        return -1


class PlainDialect(SQLiteDialect_pysqlite):
    """It does all that is needed, in its own words: no upsert of ours, and no count of the rows that were changed."""

    name = "plain"
    supports_statement_cache = True
    type_compiler_cls = _Types
    execution_ctx_cls = _Uncounted
    supports_sane_rowcount = False


class _FoldingTypes(_Types):
    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        return super().visit_VARCHAR(type_, **kw) + " COLLATE NOCASE"


class FoldingDialect(PlainDialect):
    """It takes gpt-4o for GPT-4o."""

    name = "folding"
    type_compiler_cls = _FoldingTypes
    supports_statement_cache = True


class RoundingDialect(PlainDialect):
    """It loses digits of a price."""

    name = "rounding"
    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        cursor.execute(statement, [round(each, 2) if isinstance(each, float) else each for each in parameters])

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        for each in parameters:
            self.do_execute(cursor, statement, each)


class _JsonlessTypes(_Types):
    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        raise UnsupportedCompilationError(self, type(type_))


class JsonlessDialect(PlainDialect):
    """It has no type for a list."""

    name = "jsonless"
    type_compiler_cls = _JsonlessTypes
    supports_statement_cache = True


class KeepingDialect(PlainDialect):
    """It cannot take back what it wrote."""

    name = "keeping"
    supports_statement_cache = True

    def do_rollback(self, dbapi_connection: Any) -> None:
        dbapi_connection.commit()


for _dialect in (PlainDialect, FoldingDialect, RoundingDialect, JsonlessDialect, KeepingDialect):
    registry.register(_dialect.name, __name__, _dialect.__name__)
