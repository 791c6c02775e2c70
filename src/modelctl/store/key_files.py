"""Where the master key lives outside of the database: a file that only its owner reads, or the system's keyring."""

from __future__ import annotations

import os
from pathlib import Path

from modelctl.errors import CredentialError
from modelctl.store.sealing import MASTER_KEY_CHARS, MasterKey, master_key, new_master_key

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
            "name a file that holds one, or make a key with `modelctl credential key FILE`",
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
            "name another file; `modelctl credential rotate --to FILE` changes to a new master key",
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
