"""Storing, removing and moving API keys: each in one transaction, audited, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelctl.core.credentials import Credential, CredentialState, place_text, require_one_master_key
from modelctl.core.names import did_you_mean
from modelctl.core.run import Author
from modelctl.errors import CredentialError, UsageError
from modelctl.store import credentials as rows
from modelctl.store.engine import Database
from modelctl.store.sealing import MasterKey

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a change of the master key came to."""

    moved: tuple[Credential, ...]
    already: int
    """Keys that were under the new master key before."""


def store_key(
    database: Database, place: tuple[str, str], key: str, master_key: MasterKey, author: Author
) -> tuple[Credential, bool]:
    """The row that holds the key, and whether it had to be written. CredentialError where another master key rules."""

    def work(connection: Connection) -> tuple[Credential, bool]:
        known = rows.credentials(connection, database.tables, lock=True)
        require_one_master_key(known, master_key.id, but=place)
        old = known.get(place)
        new = Credential(
            provider=place[0],
            project=place[1],
            ciphertext=master_key.seal(key, *place),
            key_id=master_key.id,
            fingerprint=master_key.fingerprint(key),
            created_at=old.created_at if old is not None else author.now,
            updated_at=author.now,
        )
        if old is not None and _is_same(old, new, master_key):
            return old, False
        action = "update" if old is not None else "create"
        rows.keep(connection, database.tables, action, [(old, new)], author)
        return new, True

    return database.write(work)


def remove_key(database: Database, place: tuple[str, str], author: Author) -> Credential:
    """The row that was removed; no master key is needed. UsageError where there is none."""

    def work(connection: Connection) -> Credential:
        known = rows.credentials(connection, database.tables, lock=True)
        if place not in known:
            name = place_text(*place)
            hint = did_you_mean(name, map(str, known.values())) or "a key of the environment is unset where it was set"
            raise UsageError(f"no key is stored for {name}", hint)
        rows.remove(connection, database.tables, known[place], author)
        return known[place]

    return database.write(work)


def rotate(database: Database, old: Callable[[], MasterKey], new: MasterKey, author: Author) -> Rotation:
    """Put every stored key under the new master key, or none. CredentialError naming those that cannot be opened.

    Keys that are under it already are left as they are, and `old` is asked for only where there are others: a rotation
    can be run again at any time, after a crash as well as after the new master key has come into force.
    """

    def work(connection: Connection) -> Rotation:
        known = rows.credentials(connection, database.tables, lock=True)
        pending = [each for each in known.values() if each.key_id != new.id]
        moved = _moved(pending, old(), new, author) if pending else []
        if moved:
            rows.keep(connection, database.tables, "rotate", moved, author)
        return Rotation(moved=tuple(each for _, each in moved), already=len(known) - len(moved))

    return database.write(work)


def _moved(
    pending: list[Credential], old: MasterKey, new: MasterKey, author: Author
) -> list[tuple[Credential | None, Credential]]:
    shut = [each for each in pending if old.state_of(each) is not CredentialState.READABLE]
    if shut:
        more = ", …" if len(shut) > MAX_NAMED else ""
        named = ", ".join(map(str, shut[:MAX_NAMED])) + more
        raise CredentialError(
            f"nothing was rotated: {old.origin} does not open {len(shut)} of {len(pending)} stored keys: {named}",
            "store these again or remove them (see `modelctl credential list`), then rotate",
        )
    return [(each, _under(new, each, old.unseal(each), author)) for each in pending]


def _under(master_key: MasterKey, credential: Credential, key: str, author: Author) -> Credential:
    return replace(
        credential,
        ciphertext=master_key.seal(key, *credential.place),
        key_id=master_key.id,
        fingerprint=master_key.fingerprint(key),
        updated_at=author.now,
    )


def _is_same(old: Credential, new: Credential, master_key: MasterKey) -> bool:
    return old.fingerprint == new.fingerprint and master_key.state_of(old) is CredentialState.READABLE
