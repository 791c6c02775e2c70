"""How API keys lie in the database: encrypted and authenticated (AES-256-GCM), bound to their provider and project.

From one master key of 32 random bytes, HKDF-SHA256 derives what encrypts, what fingerprints, and the master key's
public id. The cryptography package does all of it, and is imported only where a key is really sealed or opened.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field

from modelctl.core.credentials import Credential, CredentialState, set_command
from modelctl.errors import CredentialError

MASTER_KEY_BYTES = 32
MASTER_KEY_CHARS = 44
"""As base64."""
VERSION = "v1"
"""Of the format of a ciphertext; written in front of it, and authenticated with it."""

_NONCE_BYTES = 12
"""Random for each sealing: 2^32 of them under one key are within NIST SP 800-38D's bound, and nobody has so many."""
_ID_BYTES, _FINGERPRINT_CHARS = 8, 16
_SALT = b"modelctl credentials"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """What opens and seals stored keys. Made by `master_key`."""

    id: str
    """Public: tells which rows it opens, and nothing of itself."""
    origin: str
    """Where it came from, for messages."""
    _encryption: bytes = field(repr=False)
    _fingerprinting: bytes = field(repr=False)

    def seal(self, key: str, provider: str, project: str) -> str:
        """The key as it is stored; each time another text."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._encryption).encrypt(nonce, key.encode(), self._bound_to(provider, project))
        return f"{VERSION}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, credential: Credential) -> str:
        """The key. CredentialError where this master key does not open the row, or the row was tampered with."""
        if credential.key_id != self.id:
            raise CredentialError(
                f"{credential}: its key is under master key {credential.key_id}, not {self.id}",
                f"{self.origin} holds another one; use that master key, or see `modelctl credential list`",
            )
        key = self._opened(credential)
        if key is None or self.fingerprint(key) != credential.fingerprint:
            raise CredentialError(
                f"{credential}: its stored key was altered, or is that of another provider or project",
                f"store it again with `{set_command(*credential.place)}`",
            )
        return key

    def state_of(self, credential: Credential) -> CredentialState:
        """Whether it opens the row."""
        if credential.key_id != self.id:
            return CredentialState.OTHER_KEY
        try:
            self.unseal(credential)
        except CredentialError:
            return CredentialState.DAMAGED
        return CredentialState.READABLE

    def fingerprint(self, key: str) -> str:
        """What tells one key from another. Keyed, for guesses could be tried against a plain hash."""
        from cryptography.hazmat.primitives import hashes, hmac

        digest = hmac.HMAC(self._fingerprinting, hashes.SHA256())
        digest.update(key.encode())
        return digest.finalize().hex()[:_FINGERPRINT_CHARS]

    def _opened(self, credential: Credential) -> str | None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, _, text = credential.ciphertext.partition(":")
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
            is_ours = text == base64.urlsafe_b64encode(sealed).decode()  # other texts, too, decode to the same bytes
            if version != VERSION or len(sealed) <= _NONCE_BYTES or not is_ours:
                return None
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return AESGCM(self._encryption).decrypt(nonce, rest, self._bound_to(*credential.place)).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None

    def _bound_to(self, provider: str, project: str) -> bytes:
        """What is authenticated with the key, so that a row means nothing elsewhere. JSON keeps the parts apart."""
        return json.dumps(["modelctl credential", VERSION, self.id, provider, project]).encode()


def master_key(text: str, origin: str) -> MasterKey:
    """From its base64 text. CredentialError, which never repeats it, where that is not 32 bytes."""
    try:
        secret = base64.b64decode(text.strip().translate(str.maketrans("+/", "-_")), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != MASTER_KEY_BYTES:
        raise CredentialError(
            f"{origin} holds no master key: one is {MASTER_KEY_BYTES} bytes as base64 ({MASTER_KEY_CHARS} characters)",
            "make one with `modelctl credential key FILE`",
        )
    return MasterKey(
        id=_derived(secret, b"id", _ID_BYTES).hex(),
        origin=origin,
        _encryption=_derived(secret, b"encryption", MASTER_KEY_BYTES),
        _fingerprinting=_derived(secret, b"fingerprint", MASTER_KEY_BYTES),
    )


def new_master_key() -> str:
    """A fresh one from the operating system's randomness, as base64 text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()


def _derived(secret: bytes, purpose: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=hashes.SHA256(), length=length, salt=_SALT, info=purpose).derive(secret)
