"""Alembic's entry point: runs the revisions on the connection it is given, under modelctl's own version table."""

from __future__ import annotations

from alembic import context

from modelctl.tables.base import Tables

tables: Tables = context.config.attributes["tables"]

context.configure(
    connection=context.config.attributes["connection"],
    version_table=tables.version_table,
    version_table_schema=tables.schema,
    transactional_ddl=True,
    table_prefix=tables.prefix,
    table_schema=tables.schema,
)
context.run_migrations()
