"""Where the master key lives outside of the database: a file that only its owner reads, or the system's keyring."""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from modelctl.core.credentials import Credential, CredentialState, store_command
from modelctl.errors import CredentialError

MASTER_KEY_BYTES = 32
MASTER_KEY_CHARS = 44
"""As base64."""
VERSION = "v1"
"""Of the format of a ciphertext; written in front of it, and authenticated with it."""

_NONCE_BYTES = 12
"""Random for each encryption: 2^32 of them under one key are within NIST SP 800-38D's bound, and nobody has so many."""
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
    _sealing: bytes = field(repr=False)

    def encrypt(self, key: str, provider: str, project: str) -> str:
        """The key as it is stored; each time another text."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        encrypted = AESGCM(self._encryption).encrypt(nonce, key.encode(), self._bound_to(provider, project))
        return f"{VERSION}:{base64.urlsafe_b64encode(nonce + encrypted).decode()}"

    def decrypt(self, credential: Credential) -> str:
        """The key. CredentialError where this master key does not open the row, or the row was tampered with."""
        if credential.key_id != self.id:
            raise CredentialError(
                f"{credential}: its key is under master key {credential.key_id}, not {self.id}",
                f"{self.origin} holds another one; use that master key, or see `modelctl key list`",
            )
        key = self._opened(credential)
        if key is None or self.fingerprint(key) != credential.fingerprint:
            raise CredentialError(
                f"{credential}: its stored key was altered, or is that of another provider or project",
                f"store it again with `{store_command(*credential.owner)}`",
            )
        return key

    def state_of(self, credential: Credential) -> CredentialState:
        """Whether it opens the row."""
        if credential.key_id != self.id:
            return CredentialState.OTHER_KEY
        try:
            self.decrypt(credential)
        except CredentialError:
            return CredentialState.DAMAGED
        return CredentialState.READABLE

    def fingerprint(self, key: str) -> str:
        """What tells one key from another. Keyed, for guesses could be tried against a plain hash."""
        from cryptography.hazmat.primitives import hashes, hmac

        digest = hmac.HMAC(self._fingerprinting, hashes.SHA256())
        digest.update(key.encode())
        return digest.finalize().hex()[:_FINGERPRINT_CHARS]

    def seal(self, text: str) -> str:
        """What only somebody with this master key can say of a text: HMAC-SHA256, in hex."""
        from cryptography.hazmat.primitives import hashes, hmac

        code = hmac.HMAC(self._sealing, hashes.SHA256())
        code.update(text.encode())
        return code.finalize().hex()

    def _opened(self, credential: Credential) -> str | None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, _, text = credential.ciphertext.partition(":")
        try:
            encrypted = base64.b64decode(text, altchars=b"-_", validate=True)
            is_ours = text == base64.urlsafe_b64encode(encrypted).decode()  # other texts, too, decode to the same bytes
            if version != VERSION or len(encrypted) <= _NONCE_BYTES or not is_ours:
                return None
            nonce, rest = encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:]
            return AESGCM(self._encryption).decrypt(nonce, rest, self._bound_to(*credential.owner)).decode()
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
            "make one with `modelctl key init FILE`",
        )
    return MasterKey(
        id=_derived(secret, b"id", _ID_BYTES).hex(),
        origin=origin,
        _encryption=_derived(secret, b"encryption", MASTER_KEY_BYTES),
        _fingerprinting=_derived(secret, b"fingerprint", MASTER_KEY_BYTES),
        _sealing=_derived(secret, b"seal", MASTER_KEY_BYTES),
    )


def new_master_key() -> str:
    """A fresh one from the operating system's randomness, as base64 text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()


def _derived(secret: bytes, purpose: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=hashes.SHA256(), length=length, salt=_SALT, info=purpose).derive(secret)


KEYRING_SERVICE, KEYRING_NAME = "modelctl", "secret-key"
KEYRING = "the system keyring"
MAX_FILE_CHARS = 4096
"""More is no key file; a device that never ends is not read to its end."""


def key_in_file(path: Path) -> MasterKey:
    """The master key in a file. CredentialError where it cannot be read or holds none."""
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(MAX_FILE_CHARS)
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise CredentialError(
            f"the master key cannot be read from {_shown(path)}: {error.strerror}",
            "name a file that holds one, or make a key with `modelctl key init FILE`",
        ) from None
    return master_key(text, str(path))


def key_in_keyring() -> MasterKey | None:
    """The master key in the system's keyring; None where there is none. CredentialError where it is locked."""
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:  # the extra `keyring` is not installed
        return None
    try:
        text = keyring.get_password(KEYRING_SERVICE, KEYRING_NAME)
    except NoKeyringError:
        return None
    except KeyringError as error:
        reason = type(error).__name__
        raise CredentialError(f"{KEYRING} cannot be asked ({reason})", "unlock it, or set secret_key_file") from None
    return master_key(text, KEYRING) if text is not None else None


def make_key_file(path: Path) -> MasterKey:
    """A new master key in a new file that only its owner may read. CredentialError where there is a file already."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_master_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise CredentialError(
            f"{path} is there already, and may be what your stored keys are encrypted with; it was not touched",
            "name another file; `modelctl key rotate --to FILE` changes to a new master key",
        ) from None
    except OSError as error:
        raise CredentialError(f"{path} cannot be written: {error.strerror}", "name another file") from None
    return key_in_file(path)


def _shown(path: Path) -> str:
    """The path, unless somebody wrote the key itself where its file should be named."""
    try:
        master_key(str(path)[-MASTER_KEY_CHARS:], "")
    except CredentialError:
        return str(path)
    return "a file named like a key"
