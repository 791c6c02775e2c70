"""What the database holds of each provider besides its settings: how it was found, its models, its stored keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from modelctl.core.credentials import Credential
from modelctl.core.edits.providers import (
    AUDITED,
    BARE,
    BY_CATALOGS,
    BY_PLAN,
    NOBODY,
    editable_of,
    setting_from_audit,
    shown_setting,
    with_settings,
)
from modelctl.core.facts import FactValue, Source, Status, encode
from modelctl.core.planning.plan import Action, FieldChange
from modelctl.core.provider import ModelCounts, Provider, ProviderHealth
from modelctl.core.runs import CREDENTIAL, PROVIDER, Author
from modelctl.core.stored import Written
from modelctl.db.dialects import insert_rows, overwrite_rows
from modelctl.db.fetch import fetched, instances
from modelctl.db.read import entry_row, provider_from_row, provider_row
from modelctl.errors import StalePlan
from modelctl.tables.base import Tables


def health(connection: Connection, tables: Tables) -> dict[str, ProviderHealth]:
    """By provider, how it was found when it was last tried."""
    return {
        row.name: ProviderHealth(
            status=row.health_status, checked_at=row.health_checked_at, latency_ms=row.health_latency_ms
        )
        for row in instances(connection, select(tables.providers))
    }


def model_counts(connection: Connection, tables: Tables) -> dict[str, ModelCounts]:
    """By provider, how many models it has; one without any is not in it."""
    table = tables.models.__table__.c
    columns = (table.provider, table.status, table.is_enabled)
    statement = select_columns(*columns, func.count()).group_by(*columns)
    found: dict[str, ModelCounts] = {}
    for provider, status, is_enabled, count in connection.execute(statement):
        found[provider] = found.get(provider, ModelCounts()) + ModelCounts(
            total=count,
            enabled=count if is_enabled else 0,
            retired=count if status == Status.RETIRED else 0,
        )
    return found


def remembered_models(connection: Connection, tables: Tables, provider: str) -> int:
    """How many models are remembered of a provider: those in the table, and those that somebody removed."""
    return connection.execute(select(func.count()).where(col(tables.state.provider) == provider)).scalar_one()


def count_stored_keys(connection: Connection, tables: Tables, provider: str) -> int:
    """How many encrypted keys the database holds of a provider."""
    return connection.execute(select(func.count()).where(col(tables.credentials.provider) == provider)).scalar_one()


def last_written(connection: Connection, tables: Tables, rows: Mapping[str, Provider]) -> dict[str, dict[str, Written]]:
    """By provider, the last value that each setting was given through modelctl, by NOBODY where a row came without one.

    Of several that were written in the same second it is the one that the row has.
    """
    changes = tables.changes.__table__.c
    statement = (
        select_columns(changes.entity_key, changes.command, changes.action, changes.at, changes.after_values)
        .where(changes.entity == PROVIDER, changes.entity_key.in_(sorted(rows)))
        .order_by(changes.at)
    )
    found: defaultdict[str, dict[str, Written]] = defaultdict(dict)
    written_at: dict[tuple[str, str], datetime] = {}
    for name, command, action, at, after in fetched(connection, statement):
        if action == Action.REMOVE:  # the row that there is now is another one
            found.pop(name, None)
            continue
        if action == Action.CREATE:  # of the same second an update may come first
            found[name] = {each: Written(value, NOBODY) for each, value in _audited(BARE).items()} | found[name]
        source: str = Source.CATALOG if command in BY_CATALOGS else Source.PERSON
        source = BY_PLAN if command == "apply" else source
        present = _audited(rows[name])
        for key, encoded in (after or {}).items():
            if key not in AUDITED:
                continue
            value = setting_from_audit(key, encoded)
            if written_at.get((name, key)) != at or value == present[key]:
                found[name][key] = Written(value, source)
                written_at[name, key] = at
    return dict(found)


def _audited(provider: Provider) -> dict[str, FactValue]:
    values = editable_of(provider)
    return {name: values[name] for name in AUDITED}


def write_provider(
    connection: Connection, tables: Tables, provider: Provider, changes: Sequence[FieldChange], author: Author
) -> None:
    """Insert the row where there is none; else change its settings. StalePlan where one of them has moved since."""
    table = tables.providers.__table__
    here = select(tables.providers).where(tables.providers.name == provider.name).with_for_update()
    rows = instances(connection, here)
    if not rows:
        insert_rows(connection, table, [provider_row(provider, now=author.now)])
        _audit(connection, tables, provider.name, Action.CREATE, None, _stated(provider), author)
        return
    row = provider_from_row(rows[0])
    present = editable_of(row)
    changes = [each for each in changes if present[each.name] != each.new]  # another sync may have done some already
    if not changes:
        return
    if any(present[each.name] != each.old for each in changes):
        raise StalePlan(f"provider {provider.name} has changed since the plan was made", "run the command again")
    moved = {"settings" if each.name == "headers" else each.name for each in changes}
    columns = provider_row(with_settings(row, tuple(changes)), now=author.now)
    values = {name: columns[name] for name in (*sorted(moved), "updated_at")}
    connection.execute(update(table).where(table.c.name == provider.name).values(values))
    before, after = {each.name: each.old for each in changes}, {each.name: each.new for each in changes}
    _audit(connection, tables, provider.name, Action.UPDATE, before, after, author)


def remove_provider(connection: Connection, tables: Tables, provider: Provider, author: Author) -> None:
    """Delete the row, its stored keys and what was held of it. Its models must be gone; its runs and prices stay."""
    for credential in credentials(connection, tables, lock=True).values():
        if credential.provider == provider.name:
            delete_credential(connection, tables, credential, author)
    connection.execute(delete(tables.holds.__table__).where(col(tables.holds.provider) == provider.name))
    connection.execute(delete(tables.providers.__table__).where(col(tables.providers.name) == provider.name))
    _audit(connection, tables, provider.name, Action.REMOVE, _stated(provider), {}, author)


def write_health(connection: Connection, tables: Tables, provider: str, health: ProviderHealth) -> None:
    """Remember how a provider was found. It is a measurement: no audit, and `updated_at` stays."""
    table = tables.providers.__table__
    values = {
        "health_status": health.status,
        "health_checked_at": health.checked_at,
        "health_latency_ms": health.latency_ms,
    }
    connection.execute(update(table).where(table.c.name == provider).values(values))


def _stated(provider: Provider) -> dict[str, FactValue]:
    """Every setting that a provider of which nothing is known has not: an empty prefix is one, no prefix is none."""
    bare = editable_of(Provider(name=provider.name, display_name="", kind=""))
    return {name: value for name, value in editable_of(provider).items() if value != bare[name]}


def _audit(
    connection: Connection,
    tables: Tables,
    name: str,
    action: Action,
    before: Mapping[str, FactValue] | None,
    after: Mapping[str, FactValue],
    author: Author,
) -> None:
    old = None if before is None else _encoded(before)
    entry = entry_row(PROVIDER, name, action.value, old, _encoded(after), author)
    insert_rows(connection, tables.changes.__table__, [entry])


def _encoded(values: Mapping[str, FactValue]) -> dict[str, object]:
    """As JSON; an address without the password that it may hold."""
    return {name: encode(shown_setting(name, value)) for name, value in values.items()}


def credentials(connection: Connection, tables: Tables, *, lock: bool = False) -> dict[tuple[str, str], Credential]:
    """All rows by provider and project, in that order. `lock`: nobody else may change them until the end."""
    statement = select(tables.credentials)
    rows = instances(connection, statement.with_for_update() if lock else statement)
    found = [Credential(**row.model_dump()) for row in rows]
    return {each.owner: each for each in sorted(found, key=lambda each: each.owner)}


def keep_credentials(
    connection: Connection,
    tables: Tables,
    action: str,
    rows: Sequence[tuple[Credential | None, Credential]],
    author: Author,
) -> None:
    """Write rows, each with the one that was in its place, and audit that as `action`."""
    names = tuple(tables.credentials.model_fields)
    written = [{name: getattr(new, name) for name in names} for _, new in rows]
    overwrite_rows(connection, tables.credentials.__table__, written, ("provider", "project"), keep=("created_at",))
    audited = [
        entry_row(CREDENTIAL, _key(new), action, _told(old) if old else None, _told(new), author) for old, new in rows
    ]
    insert_rows(connection, tables.changes.__table__, audited)


def delete_credential(connection: Connection, tables: Tables, old: Credential, author: Author) -> None:
    """Delete one row, and audit it."""
    table = tables.credentials
    here = and_(col(table.provider) == old.provider, col(table.project) == old.project)
    connection.execute(delete(table.__table__).where(here))
    entry = entry_row(CREDENTIAL, _key(old), Action.REMOVE.value, _told(old), {}, author)
    insert_rows(connection, tables.changes.__table__, [entry])


def _key(credential: Credential) -> str:
    return "/".join(filter(None, credential.owner))


def _told(credential: Credential) -> dict[str, str]:
    """What the audit trail may know of a row: no ciphertext."""
    return {"fingerprint": credential.fingerprint, "key_id": credential.key_id}
