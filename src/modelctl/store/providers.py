"""Writing a provider's row, with its audit, and remembering from the audit who wrote each of its settings last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from modelctl.core.database_url import masked
from modelctl.core.encoding import encode
from modelctl.core.model import FactValue, Source
from modelctl.core.plan import FieldChange
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import SETTINGS, settings_of
from modelctl.core.run import Author
from modelctl.core.stored import Written
from modelctl.errors import StalePlan
from modelctl.store.dialects import insert_rows
from modelctl.store.fetching import fetched
from modelctl.store.names import Tables
from modelctl.store.rows import provider_from_row, provider_row

ENTITY = "provider"
BY_CATALOGS = ("sync", "apply", "populate")
"""Commands that write what catalogs state. Whatever else wrote a row was a person."""


def last_written(connection: Connection, tables: Tables, rows: Mapping[str, Provider]) -> dict[str, dict[str, Written]]:
    """By provider, the last value that each setting was given through modelctl.

    Of several that were written in the same second it is the one that the row has.
    """
    changes = tables.changes
    statement = (
        select(changes.c.entity_key, changes.c.command, changes.c.at, changes.c.after_values)
        .where(changes.c.entity == ENTITY, changes.c.entity_key.in_(sorted(rows)))
        .order_by(changes.c.at)
    )
    found: defaultdict[str, dict[str, Written]] = defaultdict(dict)
    written_at: dict[tuple[str, str], datetime] = {}
    for name, command, at, after in fetched(connection, statement):
        source = Source.CATALOG if command in BY_CATALOGS else Source.PERSON
        present = settings_of(rows[name])
        for key, encoded in (after or {}).items():
            if key not in SETTINGS:
                continue
            value = _decoded(key, encoded)
            if written_at.get((name, key)) != at or value == present[key]:
                found[name][key] = Written(value, source.value)
                written_at[name, key] = at
    return dict(found)


def write_provider(
    connection: Connection, tables: Tables, provider: Provider, changes: Sequence[FieldChange], author: Author
) -> None:
    """Insert the row where there is none; else change its settings. StalePlan where one of them has moved since."""
    table = tables.providers
    rows = fetched(connection, select(table).where(table.c.name == provider.name).with_for_update())
    if not rows:
        insert_rows(connection, table, [provider_row(provider, now=author.now)])
        stated = {name: value for name, value in settings_of(provider).items() if value}
        _audit(connection, tables, provider.name, "create", None, stated, author)
        return
    present = settings_of(provider_from_row(rows[0]))
    changes = [each for each in changes if present[each.name] != each.new]  # another sync may have done some already
    if not changes:
        return
    if any(present[each.name] != each.old for each in changes):
        raise StalePlan(f"provider {provider.name} has changed since the plan was made", "run the command again")
    new = {each.name: each.new for each in changes}
    columns = {name: list(value) or None if isinstance(value, tuple) else value for name, value in new.items()}
    connection.execute(update(table).where(table.c.name == provider.name).values(**columns, updated_at=author.now))
    _audit(connection, tables, provider.name, "update", {each.name: each.old for each in changes}, new, author)


def _audit(
    connection: Connection,
    tables: Tables,
    name: str,
    action: str,
    before: Mapping[str, FactValue] | None,
    after: Mapping[str, FactValue],
    author: Author,
) -> None:
    row = {
        "run": author.run,
        "entity": ENTITY,
        "entity_key": name,
        "at": author.now,
        "actor": author.actor,
        "command": author.command,
        "action": action,
        "before_values": None if before is None else _encoded(before),
        "after_values": _encoded(after),
    }
    insert_rows(connection, tables.changes, [row])


def _encoded(values: Mapping[str, FactValue]) -> dict[str, object]:
    """As JSON; an address without the password that it may hold."""
    return {
        name: masked(value) if name == "api_base_url" and isinstance(value, str) else encode(value)
        for name, value in values.items()
    }


def _decoded(name: str, value: object) -> FactValue:
    if name == "env_vars":
        return tuple(str(each) for each in value) if isinstance(value, list) else ()
    return value if isinstance(value, str) else None
