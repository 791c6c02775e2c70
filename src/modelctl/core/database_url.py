"""Database URLs as text: naming the driver, and hiding the password. Never opens anything."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

MASK = "***"

_DRIVERS = {
    "postgres": "postgresql+psycopg",  # what hosting providers hand out; SQLAlchemy refuses it
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",  # bare, these two mean mysqlclient, which has no wheels
    "mariadb": "mariadb+pymysql",
}
_SECRET_PARAMETER = re.compile(r"([?&;][^=&;]*(?:password|passwd|pwd|secret|token)[^=&;]*=)([^&;#]+)", re.IGNORECASE)
_SHORTEST_WORD = 4
"""A password of fewer characters is hidden inside URLs only: blanking each `a` of a text would hide everything."""


def with_driver(url: str) -> str:
    """The URL with the driver that the extras install, where it names none. Other dialects stay as they are."""
    scheme, separator, rest = url.partition("://")
    driver = _DRIVERS.get(scheme.lower())
    return f"{driver}{separator}{rest}" if driver and separator else url


def masked(url: str) -> str:
    """The URL with `***` for its password, wherever it is written. For a text that is no URL, only `***`."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return MASK
    user, colon, _, after = _split(rest)
    visible = f"{user}:{MASK}{after}" if colon else rest
    return scheme + separator + _SECRET_PARAMETER.sub(rf"\g<1>{MASK}", visible)


def has_unquoted_password(url: str) -> bool:
    """Whether the user or the password holds a `/` or `@` as such: nobody can tell where the host begins."""
    user, colon, password, _ = _split(url.partition("://")[2])
    return colon and any(each in user + password for each in "/@")


def redacted(text: str, url: str) -> str:
    """The text without the password of `url`, however it is quoted there."""
    rest = url.partition("://")[2]
    password = _split(rest)[2]
    secrets = {password, *(value for _, value in _SECRET_PARAMETER.findall(rest))} - {""}
    text = text.replace(url, masked(url)) if url else text
    plain = {unquote(each) for each in secrets}
    for secret in sorted(secrets | plain | {quote(each, safe="") for each in plain}, key=len, reverse=True):
        text = text.replace(f":{secret}@", f":{MASK}@")
        if len(secret) >= _SHORTEST_WORD:
            text = text.replace(secret, MASK)
    return text


def _split(rest: str) -> tuple[str, bool, str, str]:
    """What follows `://` as user, whether a password follows, the password, and everything from its `@` on.

    A password may hold an unquoted `@`, `/` or `?`: it ends at the last `@` before the query, which follows a path.
    Where the rest begins with `/` (a file), there is no user.
    """
    first = rest.find("@")
    if first < 0 or rest.startswith("/"):
        return "", False, "", rest
    path = rest.find("/", first)
    query = rest.find("?", path) if path >= 0 else -1
    at = rest.rfind("@", 0, query if query >= 0 else len(rest))
    user, colon, password = rest[:at].partition(":")
    return user, bool(colon), password, rest[at:]
