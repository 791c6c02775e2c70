"""API keys before use: what a header cannot carry is refused here, by the name of its place and never by its value."""

from __future__ import annotations

from modelctl.discovery.source import Access
from modelctl.errors import SourceError


def clean_key(key: str, name: str) -> str:
    """The key without outer blanks. SourceError naming `name` when what is left can be no key.

    A newline or a control character inside would end up in the SDKs as "Connection error." (openai 3.52).
    """
    cleaned = key.strip()
    if not cleaned.isascii() or not cleaned.isprintable() or " " in cleaned:
        problem = "a blank, a line break, a control character or a letter outside ASCII"
        raise SourceError(f"the key in {name} holds {problem}", "set it again: copied text often brings such along")
    return cleaned


def required_key(access: Access) -> str:
    """The key. SourceError without one, because an SDK would then look for another in the environment."""
    if not access.api_key:
        raise SourceError(f"{access.provider}: no API key", f"set {access.key_name or 'one'}")
    return access.api_key
