"""Who sells the replacement of a model. Frozen as it was released; it can be run again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from modelctl.tables.base import ExactText

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column where it is not there yet."""
    options = op.get_context().opts
    table, schema = options["table_prefix"] + "models", options["table_schema"]
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table, schema=schema)}
    if "replacement_provider" not in present:
        comment = "who sells the replacement; NULL: the same provider"
        column: sa.Column[str] = sa.Column("replacement_provider", ExactText(64), nullable=True, comment=comment)
        op.add_column(table, column, schema=schema)
