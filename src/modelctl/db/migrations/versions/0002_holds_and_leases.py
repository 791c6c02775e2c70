"""What guards hold and people decide about it, and the lease that keeps two runs apart.

Frozen as it was released; `if_not_exists` lets it be run again where a server without transactional DDL broke off.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

from modelctl.tables.base import ExactText

revision = "0002"
down_revision = "0001"

MYSQL = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Create the tables that are not there yet."""
    options = op.get_context().opts
    prefix, schema = options["table_prefix"], options["table_schema"]
    _create_holds(prefix, schema)
    _create_leases(prefix, schema)


def _create_holds(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "holds",
        sa.Column("provider", ExactText(64), nullable=False),
        sa.Column("model_id", ExactText(191), nullable=False),
        sa.Column("guard", ExactText(32), nullable=False),
        sa.Column("moves", sa.Text(), nullable=False, comment="JSON: [[what, old, new], ...]"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("held_at", UTCDateTime(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=True, comment="accepted or declined; NULL: nobody has decided"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(255), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("provider", "model_id", "guard"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )


def _create_leases(prefix: str, schema: str | None) -> None:
    op.create_table(
        prefix + "leases",
        sa.Column("name", ExactText(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("command", sa.String(64), nullable=False),
        sa.Column("acquired_at", UTCDateTime(), nullable=False),
        sa.Column("beat_at", UTCDateTime(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False, comment="grows while the holder lives"),
        sa.PrimaryKeyConstraint("name"),
        schema=schema,
        if_not_exists=True,
        **MYSQL,
    )
