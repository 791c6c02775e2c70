"""What modelctl remembers of tables that are not its own: it stands beside them, in the application's database.

Apart from the other tables: the migrations know nothing of these, and their names have no prefix.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import MetaData, Table, Text, event
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from modelctl.tables.base import ExactText, Instant

NAME_MAX_CHARS = 64
TABLE_MAX_CHARS = 128
TENANT_MAX_CHARS = 64
ROW_KEY_MAX_CHARS = 255


class Beside(SQLModel, registry=registry()):
    """A row in the application's database."""

    model_config = {"defer_build": True}

    if TYPE_CHECKING:
        __table__: ClassVar[Table]


class PublishedRow(Beside, table=True):
    """One row of an application's table, and what was last written into its cells."""

    __tablename__ = "modelctl_published"

    target: str = Field(sa_type=ExactText(NAME_MAX_CHARS), max_length=NAME_MAX_CHARS, primary_key=True)
    table_name: str = Field(sa_type=ExactText(TABLE_MAX_CHARS), max_length=TABLE_MAX_CHARS, primary_key=True)
    tenant: str = Field(sa_type=ExactText(TENANT_MAX_CHARS), max_length=TENANT_MAX_CHARS, primary_key=True)
    """Empty: the table has no tenants."""
    row_key: str = Field(sa_type=ExactText(ROW_KEY_MAX_CHARS), max_length=ROW_KEY_MAX_CHARS, primary_key=True)
    """The cells of the key as a JSON list, or their digest where that is too long."""
    key_values: str = Field(sa_type=Text)
    """The same, always whole."""
    written: str = Field(sa_type=Text)
    """A JSON object: cell -> value. A cell that differs from it was set by a person."""
    created: bool
    """Whether modelctl made the row."""
    absent: bool
    """Whether it was switched off because its model is no longer wanted."""
    run: str = Field(max_length=64)
    updated_at: datetime = Field(sa_type=Instant())


class PublishedContract(Beside, table=True):
    """The columns that a table had when it was last published to."""

    __tablename__ = "modelctl_contracts"

    target: str = Field(sa_type=ExactText(NAME_MAX_CHARS), max_length=NAME_MAX_CHARS, primary_key=True)
    table_name: str = Field(sa_type=ExactText(TABLE_MAX_CHARS), max_length=TABLE_MAX_CHARS, primary_key=True)
    columns: str = Field(sa_type=Text)
    """A JSON object: column -> type, of those that the mapping names."""
    run: str = Field(max_length=64)
    at: datetime = Field(sa_type=Instant())


@event.listens_for(Beside.metadata, "before_create")
def _with_options(metadata: MetaData, *_others: object, **_more: object) -> None:
    for table in metadata.tables.values():
        table.dialect_kwargs.update(mysql_engine="InnoDB", mysql_charset="utf8mb4", mariadb_charset="utf8mb4")


def beside() -> tuple[Any, Any]:
    """Both tables."""
    return PublishedRow.__table__, PublishedContract.__table__
