"""Which API key a provider is asked with: the project's own, else the platform's, else one of the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelctl.core.credentials import PLATFORM, Credential, Credentials, FoundKey, KeySource
from modelctl.core.provider import Provider
from modelctl.discovery.keys import clean_key
from modelctl.errors import CredentialError
from modelctl.store.credentials import credentials
from modelctl.store.engine import Database
from modelctl.store.sealing import MasterKey


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
        places = ((provider, self.project), (provider, PLATFORM))
        return next((self.stored[place] for place in places if place in self.stored), None)

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
