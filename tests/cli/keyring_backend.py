"""A keyring for tests: holds one password, that of modelctl's master key."""

from __future__ import annotations

from keyring.backend import KeyringBackend


class Backend(KeyringBackend):
    """To be set with `keyring.set_keyring`."""

    priority = 1.0

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def get_password(self, service: str, username: str) -> str | None:
        return self.text if (service, username) == ("modelctl", "secret-key") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError("modelctl only reads")
