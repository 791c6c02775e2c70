"""Where the key of a provider is found: stored for the project, then for the platform, else in a variable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from modelctl.core.credentials import (
    MASTER_KEY_VARIABLE,
    PLATFORM,
    Credential,
    Credentials,
    FoundKey,
    KeySource,
    require_project,
)
from modelctl.core.provider import Provider
from modelctl.db.encryption import MasterKey, key_in_file, key_in_keyring, master_key
from modelctl.db.engine import Database
from modelctl.db.providers import credentials
from modelctl.discovery.http import clean_key
from modelctl.errors import CredentialError
from modelctl.settings import Runtime, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where keys are looked for."""

    environ: Mapping[str, str] = field(repr=False)
    env_files: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    """Looked at for a variable that is not set at all: one that is set and empty is empty."""
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
        credential = self.stored_for(provider)
        if credential is not None:
            return self._opened(credential)
        for name in provider.env_vars:
            text, place = self.variable(name)
            if key := clean_key(text, place):
                if name not in self.environ:
                    self.learned(key)
                return FoundKey(key=key, source=KeySource.ENVIRONMENT, name=place)
        return None

    def variable(self, name: str) -> tuple[str, str]:
        """The text of a variable, empty where it is not set, and how to call the place that it comes from."""
        in_file = self.env_files.get(name)
        if name in self.environ or in_file is None:
            return self.environ.get(name, ""), name
        return in_file.value, f"{name} of {in_file.origin}"

    def is_there(self, provider: Provider) -> bool:
        """Whether there is a key, without opening a stored one. SourceError for one that can be none."""
        return self.stored_for(provider) is not None or self.find(provider) is not None

    def of_providers(self, providers: Mapping[str, Provider]) -> frozenset[str]:
        """Those that are switched on and can be asked: there is a key, or none is wanted."""
        return frozenset(
            name for name, each in providers.items() if each.is_enabled and (not each.env_vars or self.is_there(each))
        )

    def stored_for(self, provider: Provider) -> Credential | None:
        """The row that is used, opened or not: a project's own, else the platform's unless a variable is empty."""
        own = self.stored.get((provider.name, self.project)) if self.project else None
        if own is not None or self.emptied(provider) is not None:
            return own
        return self.stored.get((provider.name, PLATFORM))

    def emptied(self, provider: Provider) -> str | None:
        """The variable that is set and empty, which says that there is no key; None where none is, or another is set.

        Somebody who writes `OPENAI_API_KEY= modelctl sync` means that none is used.
        """
        values = {name: self.environ[name].strip() for name in provider.env_vars if name in self.environ}
        return None if any(values.values()) else next(iter(values), None)

    def _opened(self, credential: Credential) -> FoundKey:
        try:
            master_key = self.master_key()
        except CredentialError as error:
            raise CredentialError(
                f"{credential}: its key is stored encrypted, and {error.message}", error.hint
            ) from None
        key = master_key.decrypt(credential)
        self.learned(key)
        name = f"the stored key of {credential}"
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
        env_files=runtime.env_files,
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
        f"set {MASTER_KEY_VARIABLE} or secret_key_file, or make one with `modelctl key init`",
    )


def seal_of(runtime: Runtime, digest: str) -> str | None:
    """The digest of a plan under the master key; None where there is no master key, or it cannot be read."""
    try:
        return master_key_of(runtime).seal(digest)
    except CredentialError:
        return None
