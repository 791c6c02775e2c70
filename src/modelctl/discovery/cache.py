"""The last whole listing of each provider, kept as files in the user's cache directory: one per provider and key.

A file holds no key: the key's fingerprint, the address and the kind of the provider are hashed together into its name.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from modelctl import __version__
from modelctl.core.facts import (
    FACT_FIELDS,
    UNKNOWN,
    ModelKey,
    ModelRecord,
    Skipped,
    Source,
    decode_exactly,
    encode,
    encoded,
    provenance_of,
)
from modelctl.core.planning.merge import Snapshot
from modelctl.core.prices.price import PricePoint
from modelctl.core.validation import check_record
from modelctl.discovery.base import Access
from modelctl.discovery.fetch import SECRET_CHARS
from modelctl.errors import InvalidFact
from modelctl.files import whole_file

FORMAT = {"format": 1, "written_by": __version__}
"""What a file must begin with: another version may translate the same listing otherwise, so it asks anew."""


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A whole listing, and when it was taken."""

    snapshot: Snapshot
    fetched_at: datetime


def listing_parts(listing: StoredListing, provider: str, identity: str) -> Iterator[str]:
    """The listing as JSON, in parts of a record each: the whole text takes as much memory as the records.

    `identity` says whose it is: what was asked, and with which key.
    """
    head = {
        **FORMAT,
        "identity": identity,
        "provider": provider,
        "fetched_at": listing.fetched_at.isoformat(),
        "skipped": [[each.item_id, each.reason] for each in listing.snapshot.skipped],
    }
    yield f'{_json(head)[:-1]}, "records": ['
    separator = ""
    for each in listing.snapshot.records.values():
        yield separator + _json(_record_object(each))
        separator = ", "
    yield "]}"


def listing_of(text: str, provider: str, identity: str) -> StoredListing:
    """The listing that `listing_parts` made the text from. ValueError for any other text."""
    try:
        return _listing(json.loads(text), provider, identity)
    except (KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"no stored listing ({type(error).__name__})") from error


def _listing(document: Mapping[str, Any], provider: str, identity: str) -> StoredListing:
    if any(document[name] != value for name, value in FORMAT.items()):
        raise ValueError("another version wrote it")
    if (document["identity"], document["provider"]) != (identity, provider):
        raise ValueError("it is the listing of another key or address")
    records = [_record(each, provider) for each in document["records"]]
    by_key = {each.key: each for each in records}
    if not records or len(by_key) != len(records):
        raise ValueError("it has no models, or one of them twice")
    fetched_at = datetime.fromisoformat(document["fetched_at"])
    if fetched_at.tzinfo is None or any(each.listed_at != fetched_at for each in records):
        raise ValueError("it does not say when it was taken")
    skipped = tuple(Skipped(str(item_id), str(reason)) for item_id, reason in document["skipped"])
    return StoredListing(
        Snapshot(source=Source.API, records=by_key, complete_for=frozenset({provider}), skipped=skipped), fetched_at
    )


_json = json.JSONEncoder(ensure_ascii=False).encode


def _record_object(record: ModelRecord) -> dict[str, Any]:
    return {
        "model_id": record.key.model_id,
        "facts": encoded(record.facts.known()),
        "prices": [encoded(zip(PricePoint._fields, each, strict=True)) for each in record.prices],
        "provenance": dict(record.provenance),
        "stated_none": sorted(record.stated_none),
        "known_to": sorted(record.known_to),
        **{name: encode(getattr(record, name)) for name in ("verified_on", "listed_at", "remembered_on")},
    }


def _record(raw: Mapping[str, Any], provider: str) -> ModelRecord:
    facts = UNKNOWN.replaced({name: decode_exactly(name, value) for name, value in raw["facts"].items()})
    stated = {name: raw["provenance"][name] for name, _ in facts.known()}
    record = ModelRecord(
        key=ModelKey(provider, raw["model_id"]),
        facts=facts,
        prices=tuple(_point(each) for each in raw["prices"]),
        provenance=provenance_of(*(stated | raw["provenance"]).items()),
        stated_none=frozenset(raw["stated_none"]),
        known_to=frozenset(raw["known_to"]),
        verified_on=_day(raw["verified_on"]),
        listed_at=None if raw["listed_at"] is None else datetime.fromisoformat(raw["listed_at"]),
        remembered_on=_day(raw["remembered_on"]),
    )
    if not record.stated_none <= set(FACT_FIELDS):
        raise ValueError("it has unknown facts")
    check_record(record)
    return record


def _point(raw: Mapping[str, Any]) -> PricePoint:
    begins, ends = raw["effective_from"], raw["effective_to"]
    return PricePoint(**{name: raw[name] for name in PricePoint._fields})._replace(
        amount=Decimal(raw["amount"]),
        effective_from=datetime.fromisoformat(begins),
        effective_to=None if ends is None else datetime.fromisoformat(ends),
    )


def _day(raw: str | None) -> date | None:
    return None if raw is None else date.fromisoformat(raw)


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
