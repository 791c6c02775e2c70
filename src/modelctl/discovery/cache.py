"""The last whole listing of each provider, kept as files in the user's cache directory: one per provider and key.

A file holds no key: the key's fingerprint, the address and the kind of the provider are hashed together into its name.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from modelctl.core.snapshot import Snapshot
from modelctl.discovery.failure import SECRET_CHARS
from modelctl.discovery.listing_file import StoredListing, listing_of, listing_parts
from modelctl.discovery.source import Access
from modelctl.errors import InvalidFact
from modelctl.files import whole_file

FINGERPRINT_CHARS = 16
_KEY_LABEL = b"modelctl listing cache, API key\0"

logger = logging.getLogger(__name__)


class _RepeatsSecretError(Exception):
    """Some text of the listing holds the key or a header's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingCache:
    """Where listings are kept, and how old one may be to be used again."""

    directory: Path
    max_age: timedelta | None = None
    """None: none is used again; what is fetched is kept all the same."""

    def load(self, kind: str, access: Access) -> StoredListing | None:
        """The provider's last whole listing for this very key and address, if it is young enough.

        None where there is none, and where the file is of another version, broken or unreadable: it is asked anew.
        A listing from the future, as after a clock was set back, has no age and is not used.
        """
        if self.max_age is None:
            return None
        path = self._path(kind, access)
        try:
            listing = listing_of(path.read_text(encoding="utf-8"), access.provider, _identity(kind, access))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, InvalidFact) as error:
            logger.debug("%s: the stored listing %s is not used: %s", access.provider, path.name, error)
            return None
        age = access.now - listing.fetched_at
        return listing if timedelta(0) <= age <= self.max_age else None

    def store(self, kind: str, access: Access, listing: Snapshot) -> None:
        """Keep a whole listing in place of the one before. OSError where it cannot be written.

        One that is not whole, or that repeats the key in some text, is not kept.
        """
        if access.provider not in listing.complete_for:
            return
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        secrets = [each for each in access.secrets if len(each) >= SECRET_CHARS]
        parts = listing_parts(StoredListing(listing, access.now), access.provider, _identity(kind, access))
        try:
            with whole_file(self._path(kind, access), mode=0o600) as file:
                for part in parts:
                    if any(each in part for each in secrets):
                        raise _RepeatsSecretError
                    file.write(part)
        except _RepeatsSecretError:
            logger.debug("%s: its listing repeats the key or a header and is not stored", access.provider)

    def _path(self, kind: str, access: Access) -> Path:
        return self.directory / f"{access.provider}-{_identity(kind, access)[:FINGERPRINT_CHARS]}.json"


def key_fingerprint(key: str) -> str:
    """What tells one key from another and gives neither away."""
    return hashlib.sha256(_KEY_LABEL + key.encode()).hexdigest()[:FINGERPRINT_CHARS]


def _identity(kind: str, access: Access) -> str:
    """Whose listing it is. Hashed as a whole, for an address may hold a password."""
    parts = (
        kind,
        access.provider,
        access.base_url or "",
        access.auth_header_name or "",
        access.auth_header_prefix or "",
        key_fingerprint(access.api_key),
        *(f"{name}={value}" for name, value in sorted(access.headers.items())),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
