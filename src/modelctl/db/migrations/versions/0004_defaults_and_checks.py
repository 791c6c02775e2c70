"""Server defaults, CHECK constraints, and JSON as jsonb on PostgreSQL. Frozen as it was released; it can be run again.

A database that nobody has tried keeps its tables as they are: what their ALTER TABLE can do is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SERVERS = ("postgresql", "cockroachdb", "mysql", "mariadb")
MAX_NAME_CHARS = 63  # PostgreSQL's

NO, YES, NOW = "no", "yes", "now"
WORDS = {
    "sqlite": {NO: "0", YES: "1", NOW: "(strftime('%Y-%m-%d %H:%M:%S.000000', 'now'))"},
    "postgresql": {NO: "false", YES: "true", NOW: "CURRENT_TIMESTAMP"},
    "cockroachdb": {NO: "false", YES: "true", NOW: "CURRENT_TIMESTAMP"},
    "mysql": {NO: "0", YES: "1", NOW: "(utc_timestamp())"},
    "mariadb": {NO: "0", YES: "1", NOW: "(utc_timestamp())"},
}
DEFAULTS = {
    "providers": {
        "is_builtin": NO,
        "is_enabled": YES,
        "health_status": "'unknown'",
        "created_at": NOW,
        "updated_at": NOW,
    },
    "models": {"is_enabled": YES, "created_at": NOW, "updated_at": NOW},
    "model_prices": {
        "context_above": "0",
        "service_tier": "'standard'",
        "hours_utc": "''",
        "revision": "0",
        "basis": "'manual'",
        "run": "''",
        "recorded_at": NOW,
    },
    "model_state": {"absences": "0", "updated_at": NOW},
}
CHECKS = {
    "providers": {"name": "name <> ''"},
    "models": {
        "model_id": "model_id <> ''",
        "type": "type IN ('chat', 'embedding', 'image', 'audio', 'video', 'moderation', 'rerank', 'other')",
        "status": "status IN ('preview', 'active', 'deprecated', 'retired')",
        "context_window": "context_window BETWEEN 1 AND 1000000000000",
        "max_input_tokens": "max_input_tokens BETWEEN 1 AND 1000000000000",
        "max_output_tokens": "max_output_tokens BETWEEN 1 AND 1000000000000",
        "max_images": "max_images BETWEEN 0 AND 1000000000000",
        "after_retirement": "after_retirement IN ('error', 'redirect')",
        "tier": "tier IN ('free', 'affordable', 'premium')",
        "input_price_per_mtok": "input_price_per_mtok BETWEEN 0 AND 999999.999999999",
        "output_price_per_mtok": "output_price_per_mtok BETWEEN 0 AND 999999.999999999",
        "cache_read_price_per_mtok": "cache_read_price_per_mtok BETWEEN 0 AND 999999.999999999",
        "cache_write_price_per_mtok": "cache_write_price_per_mtok BETWEEN 0 AND 999999.999999999",
        "price_currency": "price_currency LIKE '___'",
    },
    "model_prices": {
        "provider": "provider <> ''",
        "model_id": "model_id <> ''",
        "kind": "kind <> ''",
        "context_above": "context_above BETWEEN 0 AND 1000000000000",
        "revision": "revision >= 0",
        "amount": "amount BETWEEN 0 AND 999999.999999999",
        "currency": "currency LIKE '___'",
        "basis": "basis IN ('documented', 'observed', 'manual')",
    },
    "model_state": {"absences": "absences >= 0"},
}
JSON = {
    "providers": ("env_vars", "features", "settings"),
    "models": ("input_modalities", "output_modalities", "aliases", "tags"),
    "model_state": ("pins",),
    "sync_runs": ("sources",),
    "changes": ("before_values", "after_values"),
}
KEYS = {
    "providers": ("name",),
    "models": ("provider", "model_id"),
    "model_prices": ("provider", "model_id", "kind", "service_tier", "effective_from"),
    "model_state": ("provider", "model_id"),
    "sync_runs": ("run", "provider"),
    "changes": ("run", "entity", "entity_key"),
}


def impossible(connection: sa.Connection, prefix: str, schema: str | None) -> Iterator[tuple[str, str, str, object]]:
    """Table, key, column and value of what the tables may no longer hold; of a database that this will alter."""
    if connection.dialect.name not in WORDS:
        return
    inspector = sa.inspect(connection)
    for name, keys in KEYS.items():
        table, found = _quoted(connection, prefix + name, schema), inspector.get_columns(prefix + name, schema=schema)
        present = {column["name"] for column in found}
        for column, check in CHECKS.get(name, {}).items():
            if column in present:
                statement = f"SELECT {', '.join(keys)}, {column} FROM {table} WHERE NOT ({check})"
                for *key, value in connection.exec_driver_sql(statement):
                    yield prefix + name, " ".join(map(str, key)), column, value
        for column in JSON.get(name, ()) if connection.dialect.name == "postgresql" else ():
            statement = f"SELECT {', '.join(keys)}, {column}::text FROM {table} WHERE {column}::text ~* %s"
            for *key, value in connection.exec_driver_sql(statement, (r"\\u(0000|d[89a-f])",)):
                if not _is_jsonb(value):
                    yield prefix + name, " ".join(map(str, key)), column, value


def _is_jsonb(text: str) -> bool:
    """Whether PostgreSQL keeps the text as jsonb, which holds neither NUL nor half a character."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return re.search(r"(?<!\\)(\\\\)*\\u0000", text) is None  # after a backslash that is none by itself


def upgrade() -> None:
    """Alter each table at once, as far as it is not altered yet."""
    options, connection = op.get_context().opts, op.get_bind()
    prefix, schema, dialect = options["table_prefix"], options["table_schema"], connection.dialect.name
    if dialect not in WORDS:
        return
    for name in KEYS:
        defaults = {column: WORDS[dialect].get(word, word) for column, word in DEFAULTS.get(name, {}).items()}
        checks = {f"ck_{prefix}{name}_{column}"[:MAX_NAME_CHARS]: each for column, each in CHECKS.get(name, {}).items()}
        if dialect in SERVERS:
            _alter(connection, prefix + name, schema, defaults, checks, JSON.get(name, ()))
        elif dialect == "sqlite" and defaults:
            _make_anew(connection, prefix + name, defaults, checks)


def _alter(
    connection: sa.Connection,
    name: str,
    schema: str | None,
    defaults: Mapping[str, str],
    checks: Mapping[str, str],
    columns: Sequence[str],
) -> None:
    inspector = sa.inspect(connection)
    present = {check["name"] for check in inspector.get_check_constraints(name, schema=schema)}
    actions = [f"ALTER COLUMN {column} SET DEFAULT {default}" for column, default in defaults.items()]
    if connection.dialect.name == "postgresql":
        types = {column["name"]: column["type"] for column in inspector.get_columns(name, schema=schema)}
        texts = [column for column in columns if str(types[column]) == "JSON"]
        actions += [f"ALTER COLUMN {column} TYPE jsonb USING {column}::jsonb" for column in texts]
    new = {check: condition for check, condition in checks.items() if check not in present}
    quote = connection.dialect.identifier_preparer.quote
    actions += [f"ADD CONSTRAINT {quote(check)} CHECK ({condition})" for check, condition in new.items()]
    if actions:
        connection.exec_driver_sql(f"ALTER TABLE {_quoted(connection, name, schema)} {', '.join(actions)}")


def _make_anew(connection: sa.Connection, name: str, defaults: Mapping[str, str], checks: Mapping[str, str]) -> None:
    """SQLite adds neither a default nor a constraint to a table: a new one takes over the rows and what hangs on it.

    https://www.sqlite.org/lang_altertable.html#otheralter; the caller has switched foreign keys off.
    """
    ask = connection.exec_driver_sql
    sql: str = ask("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).scalar_one()
    body = sql[sql.index("(") : sql.rindex(")")].rstrip()
    for column, default in defaults.items():
        typed = rf'([(,]\s*"?{column}"? [A-Z]++(?:\(\d+\))?+)(?! DEFAULT)'
        body = re.sub(typed, rf"\1 DEFAULT {default}", body)
    body += "".join(f", \n\tCONSTRAINT {each} CHECK ({checks[each]})" for each in checks if each not in sql)
    if body == sql[sql.index("(") : sql.rindex(")")].rstrip():
        return
    hanging = ask(
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL", (name,)
    )
    statements = [statement for (statement,) in hanging]
    columns = ", ".join(f'"{column[1]}"' for column in ask(f'PRAGMA table_info("{name}")'))
    ask(f'CREATE TABLE "{name}_new" {body}\n)')
    ask(f'INSERT INTO "{name}_new" ({columns}) SELECT {columns} FROM "{name}"')
    ask(f'DROP TABLE "{name}"')
    ask("PRAGMA legacy_alter_table = ON")  # else a view that reads the table stops its new name
    ask(f'ALTER TABLE "{name}_new" RENAME TO "{name}"')
    ask("PRAGMA legacy_alter_table = OFF")
    for statement in statements:
        ask(statement)


def _quoted(connection: sa.Connection, name: str, schema: str | None) -> str:
    prepare: Any = connection.dialect.identifier_preparer
    return f"{prepare.quote_schema(schema)}.{prepare.quote(name)}" if schema else str(prepare.quote(name))
