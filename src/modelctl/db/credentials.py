"""Rows of stored API keys: read, written, removed. Holds ciphertexts only, and audits fingerprints only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete
from sqlmodel import col, select

from modelctl.core.credentials import Credential
from modelctl.core.runs import CREDENTIAL, Author
from modelctl.db.dialects import Row, insert_rows, overwrite_rows
from modelctl.db.fetch import instances
from modelctl.tables import Tables
from modelctl.tables.providers import ProviderCredential

KEY = ("provider", "project")


def credentials(connection: Connection, tables: Tables, *, lock: bool = False) -> dict[tuple[str, str], Credential]:
    """All rows by provider and project, in that order. `lock`: nobody else may change them until the end."""
    statement = select(tables.credentials)
    rows = instances(connection, statement.with_for_update() if lock else statement)
    found = [Credential(**row.model_dump()) for row in rows]
    return {each.owner: each for each in sorted(found, key=lambda each: each.owner)}


def keep(
    connection: Connection,
    tables: Tables,
    action: str,
    rows: Sequence[tuple[Credential | None, Credential]],
    author: Author,
) -> None:
    """Write rows, each with the one that was in its place, and audit that as `action`."""
    overwrite_rows(connection, tables.credentials.__table__, [_row(new) for _, new in rows], KEY, keep=("created_at",))
    audited = [_audit_row(new, action, _told(old), _told(new), author) for old, new in rows]
    insert_rows(connection, tables.changes.__table__, audited)


def delete_credential(connection: Connection, tables: Tables, old: Credential, author: Author) -> None:
    """Delete one row, and audit it."""
    table = tables.credentials
    here = and_(col(table.provider) == old.provider, col(table.project) == old.project)
    connection.execute(delete(table.__table__).where(here))
    insert_rows(connection, tables.changes.__table__, [_audit_row(old, "remove", _told(old), {}, author)])


def _row(credential: Credential) -> Row:
    return {name: getattr(credential, name) for name in ProviderCredential.model_fields}


def _audit_row(
    credential: Credential, action: str, before: dict[str, str] | None, after: dict[str, str] | None, author: Author
) -> Row:
    return {
        "run": author.run,
        "entity": CREDENTIAL,
        "entity_key": "/".join(filter(None, credential.owner)),
        "at": author.now,
        "actor": author.actor,
        "command": author.command,
        "action": action,
        "before_values": before,
        "after_values": after,
    }


def _told(credential: Credential | None) -> dict[str, str] | None:
    """What the audit trail may know of a row."""
    return {"fingerprint": credential.fingerprint, "key_id": credential.key_id} if credential is not None else None
