"""How many images one request may hold. Frozen as it was released; it can be run again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column where it is not there yet."""
    options = op.get_context().opts
    table, schema = options["table_prefix"] + "models", options["table_schema"]
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table, schema=schema)}
    if "max_images" not in present:
        comment = "images; most that one request may hold"
        op.add_column(table, sa.Column("max_images", sa.BigInteger(), nullable=True, comment=comment), schema=schema)
