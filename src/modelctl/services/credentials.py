"""API keys in the database, encrypted: set, listed, removed, put under another master key, and tried."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelctl.core.credentials import (
    PLATFORM,
    Credential,
    CredentialState,
    FoundKey,
    owner_text,
    require_one_master_key,
)
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.runs import Author
from modelctl.core.text import did_you_mean
from modelctl.db import migrate as schema
from modelctl.db.encryption import MasterKey, key_in_file, make_key_file, master_key
from modelctl.db.engine import Database
from modelctl.db.providers import credentials, delete_credential, keep_credentials
from modelctl.errors import CredentialError, SourceError, UsageError
from modelctl.services.access import KnownProvider, job_for, providers_in_force
from modelctl.services.gather import ListedProvider, ask
from modelctl.services.keys import Keys, keys_of, master_key_of, stored_keys
from modelctl.settings import Runtime

if TYPE_CHECKING:
    from sqlalchemy import Connection


KEY_MAX_CHARS = 4096
"""A longer one is a file that was piped by mistake: the longest keys in use are tokens of some 2,000 characters."""
MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a change of the master key came to."""

    moved: tuple[Credential, ...]
    already: int
    """Keys that were under the new master key before."""


def make_master_key(runtime: Runtime, file: Path | None) -> tuple[Path, MasterKey]:
    """A new master key in a new file, where it is looked for if no file is named. CredentialError when it cannot be."""
    path = file or runtime.settings.secret_key_file
    if path is None:
        raise UsageError("there is no home directory for the default file", "name a file for the master key")
    return path, make_key_file(path)


def new_master_key(file: Path | None, read_secret: Callable[[], str]) -> MasterKey:
    """The master key in a file, or without one as it is read. CredentialError for what is none."""
    return key_in_file(file) if file is not None else master_key(read_secret(), "the standard input")


def master_key_in_force(runtime: Runtime) -> str | None:
    """The id of the master key in force; None where there is none, or it cannot be read."""
    try:
        return master_key_of(runtime).id
    except CredentialError:
        return None


def key_in_text(text: str, place: str, fix: str) -> str:
    """The API key that the text of a place is. UsageError with `fix` for what can be none."""
    from modelctl.discovery.http import clean_key

    if not text.strip() or len(text) > KEY_MAX_CHARS:
        problem = "no key" if len(text) <= KEY_MAX_CHARS else f"more than the {KEY_MAX_CHARS} characters of a key"
        raise UsageError(f"{place} holds {problem}", fix)
    try:
        return clean_key(text, place)
    except SourceError as error:
        raise UsageError(error.message, error.hint) from None


def set_key(
    runtime: Runtime, database: Database, owner: tuple[str, str], read_key: Callable[[], str], author: Author
) -> tuple[Credential, bool]:
    """The row that holds the key of a provider and a project, and whether it had to be written.

    The key is asked for once all else is known to be right. UsageError for an unknown provider, CredentialError where
    there is no master key, or another one rules.
    """
    _known(runtime, database, owner[0])
    master_key = master_key_of(runtime)
    key = read_key()
    schema.ensure_current(database)

    def work(connection: Connection) -> tuple[Credential, bool]:
        known = credentials(connection, database.tables, lock=True)
        require_one_master_key(known, master_key.id, but=owner)
        old = known.get(owner)
        new = Credential(
            provider=owner[0],
            project=owner[1],
            ciphertext=master_key.encrypt(key, *owner),
            key_id=master_key.id,
            fingerprint=master_key.fingerprint(key),
            created_at=old.created_at if old is not None else author.now,
            updated_at=author.now,
        )
        if old is not None and _is_same(old, new, master_key):
            return old, False
        action = "update" if old is not None else "create"
        keep_credentials(connection, database.tables, action, [(old, new)], author)
        return new, True

    return database.write(work)


def remove_key(database: Database, owner: tuple[str, str], author: Author) -> Credential:
    """The row that was removed; no master key is needed. UsageError where there is none."""

    def work(connection: Connection) -> Credential:
        known = credentials(connection, database.tables, lock=True)
        if owner not in known:
            name = owner_text(*owner)
            hint = did_you_mean(name, map(str, known.values())) or "unset a key of the environment where it was set"
            raise UsageError(f"no key is stored for {name}", hint)
        delete_credential(connection, database.tables, known[owner], author)
        return known[owner]

    return database.write(work)


def rotate_keys(runtime: Runtime, database: Database, new: MasterKey, author: Author) -> Rotation:
    """Put every stored key under the new master key, or none. CredentialError naming those that cannot be opened.

    Keys that are under it already are left as they are, and the old one is asked for only where there are others: a
    rotation can be run again at any time, after a crash as well as after the new master key has come into force.
    """

    def work(connection: Connection) -> Rotation:
        known = credentials(connection, database.tables, lock=True)
        pending = [each for each in known.values() if each.key_id != new.id]
        moved = _moved(pending, master_key_of(runtime), new, author) if pending else []
        if moved:
            keep_credentials(connection, database.tables, "rotate", moved, author)
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
            "store them again or remove them (see `modelctl key list`), then rotate",
        )
    return [(each, _under(new, each, old.decrypt(each), author)) for each in pending]


def _under(master_key: MasterKey, credential: Credential, key: str, author: Author) -> Credential:
    return replace(
        credential,
        ciphertext=master_key.encrypt(key, *credential.owner),
        key_id=master_key.id,
        fingerprint=master_key.fingerprint(key),
        updated_at=author.now,
    )


def _is_same(old: Credential, new: Credential, master_key: MasterKey) -> bool:
    return old.fingerprint == new.fingerprint and master_key.state_of(old) is CredentialState.READABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKeys:
    """What is stored, and whether the master key in force opens it."""

    keys: tuple[tuple[Credential, CredentialState], ...]
    error: CredentialError | None = None
    """Why none of them could be tried: there is no master key."""


def list_keys(runtime: Runtime, database: Database) -> StoredKeys:
    """All stored keys; none is opened."""
    stored = stored_keys(schema.if_readable(database)).values()
    if not stored:
        return StoredKeys(keys=())
    try:
        state_of = master_key_of(runtime).state_of
    except CredentialError as error:
        return StoredKeys(keys=tuple((each, CredentialState.UNCHECKED) for each in stored), error=error)
    return StoredKeys(keys=tuple((each, state_of(each)) for each in stored))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInUse:
    """The key that a provider is asked with."""

    provider: str
    project: str
    found: FoundKey
    fingerprint: str | None
    """None without a master key, under which alone it means something."""


def which_key(runtime: Runtime, database: Database, provider: str, project: str = PLATFORM) -> KeyInUse:
    """The key that a sync would use. SourceError where there is none, UsageError for an unknown provider or project."""
    known, keys = _provider_and_keys(runtime, database, provider, project)
    return _in_use(known, keys)


def test_key(
    runtime: Runtime, database: Database, provider: str, project: str = PLATFORM
) -> tuple[KeyInUse, ListedProvider]:
    """The same, and what asking the provider with it came to; nothing is written."""
    known, keys = _provider_and_keys(runtime, database, provider, project)
    used = _in_use(known, keys)
    job = job_for(runtime, known, keys, SourceChoice.API)
    return used, next(ask([job], deadline_s=runtime.settings.deadline_s), ListedProvider(job=job, error=job.error))


def _known(runtime: Runtime, database: Database, provider: str) -> tuple[KnownProvider, Database | None]:
    present = schema.if_readable(database)
    known, _ = providers_in_force(runtime, present, [provider])
    return known[provider], present


def _provider_and_keys(runtime: Runtime, database: Database, provider: str, project: str) -> tuple[KnownProvider, Keys]:
    known, present = _known(runtime, database, provider)
    return known, keys_of(runtime, present, project)


def _in_use(known: KnownProvider, keys: Keys) -> KeyInUse:
    name, found = known.provider.name, keys.find(known.provider)
    if found is None:
        variables = f", or set {' or '.join(known.provider.env_vars)}" if known.provider.env_vars else ""
        raise SourceError(f"{name}: there is no key", f"store one with `modelctl key set {name}`{variables}")
    fingerprint = None
    with suppress(CredentialError):
        fingerprint = keys.master_key().fingerprint(found.key)
    return KeyInUse(provider=name, project=keys.project, found=found, fingerprint=fingerprint)
