"""What the settings of a provider can be, as a person writes them. The one place that refuses; each names its option.

What might be a secret is refused without being repeated: settings are stored in clear and shown.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from modelctl.core.provider import FROM_VARIABLE
from modelctl.core.validate import shorten
from modelctl.errors import UsageError

URL_MAX_CHARS = 2048
TEXT_MAX_CHARS = 255
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_SCHEMES = ("http", "https")
_AN_ADDRESS = "write it like http://localhost:8080/v1 or https://llm.example.com/v1"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
"""RFC 9110, section 5.6.2: a token."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_SECRET_NAME = re.compile(r"auth|cookie|credential|key|pass|secret|session|signature|token", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"(bearer|basic|token|digest) .*|(sk|pk|gsk|hf|r8|xai|pplx|ghp|glpat|key)[-_].{12,}|AIza.{12,}", re.IGNORECASE
)
"""How the keys of the vendors begin (2026-11), and what stands before a key in a header."""
_OF_HTTP = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers by which the connection itself works."""


def check_base_url(text: str, option: str = "--base-url") -> str:
    """The address, if it is one that a listing can be asked at. UsageError says what is wrong with it."""
    if len(text) > URL_MAX_CHARS:
        raise UsageError(f"{option}: has more than {URL_MAX_CHARS} characters", _AN_ADDRESS)
    if "@" in text:
        raise UsageError(f"{option}: holds a user or a password", "name a variable with --env, or --header NAME=env:X")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise UsageError(f"{option}: {shorten(repr(text))} holds a character that no address has", _AN_ADDRESS)
    parts = _split(text, option)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise UsageError(f"{option}: {shorten(repr(text))} is no http or https address", _AN_ADDRESS)
    if not parts.hostname or not (_HOST.fullmatch(parts.hostname) or ":" in parts.hostname):
        raise UsageError(f"{option}: {shorten(repr(text))} names no host", _AN_ADDRESS)
    if parts.query or parts.fragment or text[-1] in "?#":
        raise UsageError(f"{option}: {shorten(repr(text))} has a part from '?' or '#' on", _AN_ADDRESS)
    if parts.path.rstrip("/").endswith(("/models", "/completions")):
        raise UsageError(f"{option}: {shorten(repr(text))} names one call", "leave off what follows /v1")
    return text.rstrip("/")


def is_open_road(url: str) -> bool:
    """Whether a key sent there could be read on its way: no TLS, and not this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def check_variable(text: str, option: str = "--env") -> str:
    """The name of an environment variable. In capitals only, so that no key is stored by mistake."""
    if not _VARIABLE.fullmatch(text):
        problem = "is not the name of an environment variable, in capitals, digits and '_'"
        raise UsageError(f"{option}: what is given {problem}", "write it like LOCAL_LLM_API_KEY; the key stays there")
    return text


def check_header_name(name: str, option: str = "--auth-header") -> str:
    """The name of a header that can be sent with a request."""
    if not _HEADER.fullmatch(name):
        raise UsageError(f"{option}: {shorten(repr(name))} is not the name of a header", "write it like X-Api-Key")
    if name.lower() in _OF_HTTP:
        raise UsageError(f"{option}: {name} is HTTP's own header", "choose the one that the server looks into")
    return name


def check_prefix(text: str, option: str = "--auth-prefix") -> str:
    """What stands before the key; empty means the bare key."""
    if len(text) > TEXT_MAX_CHARS or not text.isascii() or not text.isprintable() or text != text.strip():
        raise UsageError(f"{option}: {shorten(repr(text))} is not a word, as Bearer", "an empty one sends the bare key")
    if _SECRET_VALUE.fullmatch(text):
        raise UsageError(f"{option}: looks like a key", "name a variable that holds the key with --env")
    return text


def check_display_name(text: str, option: str = "--display-name") -> str:
    """A name for people."""
    if not text or len(text) > TEXT_MAX_CHARS or not text.isprintable() or text != text.strip():
        problem = f"is not a name of 1 to {TEXT_MAX_CHARS} characters"
        raise UsageError(f"{option}: {shorten(repr(text))} {problem}", "write it like 'Local LLM'")
    return text


def check_header(text: str, option: str = "--header") -> tuple[str, str]:
    """Name and value of `NAME=VALUE`, where VALUE may be `env:VARIABLE`; empty takes the header away."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option}: has no '='", "write X-Title=modelctl, or X-Org=env:ACME_ORG")
    check_header_name(name, option)
    if value.startswith(FROM_VARIABLE):
        check_variable(value.removeprefix(FROM_VARIABLE), f"{option} {name}")
        return name, value
    if not value:
        return name, value
    if _SECRET_NAME.search(name) or _SECRET_VALUE.fullmatch(value):
        problem = "may be a secret, and settings are stored in clear"
        raise UsageError(f"{option} {name}: {problem}", f"put it into a variable and write {name}=env:VARIABLE")
    if len(value) > TEXT_MAX_CHARS or not value.isascii() or not value.isprintable() or value != value.strip():
        problem = f"is not a line of 1 to {TEXT_MAX_CHARS} ASCII characters"
        raise UsageError(f"{option} {name}: {shorten(repr(value))} {problem}", "write it like X-Title=modelctl")
    return name, value


def _split(text: str, option: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.port == 0:
            raise ValueError("port 0")
    except ValueError:
        raise UsageError(f"{option}: {shorten(repr(text))} has a host or port that cannot be", _AN_ADDRESS) from None
    return parts
