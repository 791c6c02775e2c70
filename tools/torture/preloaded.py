"""What the server of processes imports before it forks: it does not connect, and starts no thread."""

from __future__ import annotations

import contextlib
import importlib

NAMES = (
    "alembic.command",
    "alembic.config",
    "modelctl.catalog.load",
    "modelctl.catalog.schema",
    "modelctl.cli.main",
    "modelctl.discovery.anthropic",
    "modelctl.discovery.openai_compatible",
    "modelctl.discovery.registry",
    "modelctl.output.console",
    "modelctl.output.sync",
    "modelctl.db.migrate",
    "modelctl.services.access",
    "modelctl.services.sync",
    "psycopg",
    "pymysql",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
)

for name in NAMES:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _import_clients() -> None:
    """The SDKs import most of themselves when a client is made."""
    import anthropic
    import openai

    _ = anthropic.Anthropic(api_key="none").models.list
    _ = openai.OpenAI(api_key="none").models.list


_import_clients()
