"""Where API keys are found, and the master key that opens the stored ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from modelctl.core.credentials import (
    MASTER_KEY_VARIABLE,
    PLATFORM,
    Credential,
    Credentials,
    CredentialState,
    FoundKey,
    KeySource,
    owner_text,
    require_one_master_key,
    require_project,
)
from modelctl.core.provider import Provider
from modelctl.core.runs import Author
from modelctl.core.text import did_you_mean
from modelctl.db import credentials as rows
from modelctl.db.credentials import credentials
from modelctl.db.encryption import MasterKey, key_in_file, key_in_keyring, master_key
from modelctl.db.engine import Database
from modelctl.discovery.http import clean_key
from modelctl.errors import CredentialError, UsageError
from modelctl.settings import Runtime

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
    database: Database, owner: tuple[str, str], key: str, master_key: MasterKey, author: Author
) -> tuple[Credential, bool]:
    """The row that holds the key, and whether it had to be written. CredentialError where another master key rules."""

    def work(connection: Connection) -> tuple[Credential, bool]:
        known = rows.credentials(connection, database.tables, lock=True)
        require_one_master_key(known, master_key.id, but=owner)
        old = known.get(owner)
        new = Credential(
            provider=owner[0],
            project=owner[1],
            ciphertext=master_key.seal(key, *owner),
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


def remove_key(database: Database, owner: tuple[str, str], author: Author) -> Credential:
    """The row that was removed; no master key is needed. UsageError where there is none."""

    def work(connection: Connection) -> Credential:
        known = rows.credentials(connection, database.tables, lock=True)
        if owner not in known:
            name = owner_text(*owner)
            hint = did_you_mean(name, map(str, known.values())) or "a key of the environment is unset where it was set"
            raise UsageError(f"no key is stored for {name}", hint)
        rows.remove(connection, database.tables, known[owner], author)
        return known[owner]

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
        ciphertext=master_key.seal(key, *credential.owner),
        key_id=master_key.id,
        fingerprint=master_key.fingerprint(key),
        updated_at=author.now,
    )


def _is_same(old: Credential, new: Credential, master_key: MasterKey) -> bool:
    return old.fingerprint == new.fingerprint and master_key.state_of(old) is CredentialState.READABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where keys are looked for."""

    environ: Mapping[str, str] = field(repr=False)
    stored: Credentials = field(default_factory=dict)
    master_key: Callable[[], MasterKey] = field(repr=False)
    """Asked for only once a stored key is to be opened. May raise CredentialError."""
    project: str = PLATFORM
    learned: Callable[[str], None] = field(default=lambda _key: None, repr=False)
    """Told every stored key that is opened, so that it can be blanked out of what is printed."""

    def find(self, provider: Provider) -> FoundKey | None:
        """The key, and where it was found; None where there is none.

        SourceError for one that can be no key. CredentialError for a stored one that cannot be opened: taking another
        in its place would ask the provider as somebody else.
        """
        credential = self.stored_for(provider.name)
        if credential is not None:
            return self._opened(credential)
        for name in provider.env_vars:
            if key := clean_key(self.environ.get(name, ""), name):
                return FoundKey(key=key, source=KeySource.ENVIRONMENT, name=name)
        return None

    def is_there(self, provider: Provider) -> bool:
        """Whether there is a key, without opening a stored one. SourceError for one that can be none."""
        return self.stored_for(provider.name) is not None or self.find(provider) is not None

    def stored_for(self, provider: str) -> Credential | None:
        """The row that is used, opened or not."""
        owners = ((provider, self.project), (provider, PLATFORM))
        return next((self.stored[owner] for owner in owners if owner in self.stored), None)

    def _opened(self, credential: Credential) -> FoundKey:
        try:
            master_key = self.master_key()
        except CredentialError as error:
            raise CredentialError(
                f"{credential}: its key is stored encrypted, and {error.message}", error.hint
            ) from None
        key = master_key.unseal(credential)
        self.learned(key)
        name = f"the credential of {credential}"
        source = KeySource.PROJECT if credential.project else KeySource.PLATFORM
        return FoundKey(key=clean_key(key, name), source=source, name=name)


def stored_keys(database: Database | None) -> Credentials:
    """What is stored; nothing where there is no database yet."""
    if database is None:
        return {}
    return database.look(lambda connection: credentials(connection, database.tables))


def keys_of(runtime: Runtime, database: Database | None, project: str = PLATFORM) -> Keys:
    """The keys of the project, then the platform's, then the environment's. UsageError for an unknown project.

    `database`: None where there are no tables yet, so that nothing can be stored.
    """
    stored = stored_keys(database)
    require_project(project, stored)
    return Keys(
        environ=runtime.environ,
        stored=stored,
        master_key=master_key_once(runtime),
        project=project,
        learned=runtime.confidential.add,
    )


def master_key_once(runtime: Runtime) -> Callable[[], MasterKey]:
    """The master key when it is first asked for, and the same one from then on: a keyring is asked once."""
    return cache(partial(master_key_of, runtime))


def master_key_of(runtime: Runtime) -> MasterKey:
    """The master key: the variable's, else the file's, else the system keyring's. CredentialError where there is none.

    A file that is named must be there; the default one need not.
    """
    settings = runtime.settings
    if settings.secret_key is not None:
        return master_key(settings.secret_key, MASTER_KEY_VARIABLE)
    path = settings.secret_key_file
    is_named = settings.origins["secret_key_file"].origin != "default"
    if path is not None and (is_named or os.access(path, os.F_OK)):
        return key_in_file(path)
    if (found := key_in_keyring()) is not None:
        return found
    raise CredentialError(
        "there is no master key",
        f"set {MASTER_KEY_VARIABLE} or secret_key_file; the first one is made by `modelctl credential key`",
    )
