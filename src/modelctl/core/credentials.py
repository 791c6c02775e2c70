"""Secrets and what may be shown of them: whose a stored API key is, and the passwords that addresses hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from shlex import quote
from urllib.parse import quote as quoted_url
from urllib.parse import unquote

from modelctl.core.text import counted, did_you_mean, shorten
from modelctl.errors import CredentialError, UsageError

PLATFORM = ""
"""The project of a key that is for everybody."""
PROJECT_MAX_CHARS = 191
MASTER_KEY_VARIABLE = "MODELCTL_SECRET_KEY"
MASK = "***"

_DRIVERS = {
    "postgres": "postgresql+psycopg",  # what hosting providers hand out; SQLAlchemy refuses it
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",  # bare, these two mean mysqlclient, which has no wheels
    "mariadb": "mariadb+pymysql",
}
_OF_ASYNC_DRIVERS = {
    "asyncpg": "psycopg",
    "psycopg_async": "psycopg",
    "aiosqlite": "",
    "aiomysql": "pymysql",
    "asyncmy": "pymysql",
}
"""The driver that speaks to the same server without an event loop; empty: the one that the dialect means by itself."""
_OPTIONS_OF_ASYNCPG = {
    "ssl": "sslmode",
    "timeout": "connect_timeout",
    "statement_cache_size": "",
    "prepared_statement_cache_size": "",
    "command_timeout": "",
    "async_fallback": "",
}
"""What psycopg calls them; empty: it has no such thing, and an application's URL is to serve as it is."""
_SSL_WORDS = {"true": "require", "True": "require", "1": "require", "false": "disable", "False": "disable"}
_SECRET_PARAMETER = re.compile(r"([?&;][^=&;]*(?:password|passwd|pwd|secret|token)[^=&;]*=)([^&;#]+)", re.IGNORECASE)
_SHORTEST_WORD = 4
"""A password of fewer characters is hidden inside URLs only: blanking each `a` of a text would hide everything."""


class CredentialState(StrEnum):
    """Whether a stored key can be read."""

    READABLE = "readable"
    OTHER_KEY = "other master key"
    DAMAGED = "damaged"  # altered, or copied from another provider or project
    UNCHECKED = "unchecked"  # there is no master key to try


class KeySource(StrEnum):
    """Where a provider's key comes from, in the order in which the places are looked at."""

    PROJECT = "project"
    PLATFORM = "platform"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One row: a key for one provider and one project, encrypted."""

    provider: str
    project: str = PLATFORM
    ciphertext: str = field(repr=False)
    key_id: str
    """Which master key opens it."""
    fingerprint: str
    """What tells one key from another and gives neither away, under one master key."""
    created_at: datetime
    updated_at: datetime

    @property
    def owner(self) -> tuple[str, str]:
        """Whose key it is; there is one for each provider and project."""
        return self.provider, self.project

    def __str__(self) -> str:
        return owner_text(self.provider, self.project)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """A key, and where it was found."""

    key: str = field(repr=False)
    source: KeySource
    name: str
    """For messages: an environment variable, or which stored credential."""


Credentials = Mapping[tuple[str, str], Credential]
"""Rows by provider and project."""


def owner_text(provider: str, project: str) -> str:
    """Whose key it is, as a person says it: `openai`, `openai for project shop`."""
    return f"{provider} for project {project}" if project else provider


def store_command(provider: str, project: str) -> str:
    """The command that stores this key anew."""
    return f"modelctl key set {provider}" + (f" --project {quote(project)}" if project else "")


def project_of(text: str | None) -> str:
    """The project that an option names; None is the platform. UsageError for what can be no name.

    Empty is no name either: a variable that was not set in CI must not become the platform's key.
    """
    if text is None:
        return PLATFORM
    if not text or text != text.strip() or not text.isprintable() or len(text) > PROJECT_MAX_CHARS:
        problem = "is empty" if not text else f"is {shorten(text)!r}"
        raise UsageError(
            f"--project {problem}",
            f"a project's name has 1 to {PROJECT_MAX_CHARS} printable characters, and no blank at either end",
        )
    return text


def require_project(project: str, known: Credentials) -> None:
    """UsageError for a project that has no key of its own at all: a misspelt one would get the platform's keys."""
    projects = sorted({each for _, each in known} - {PLATFORM})
    if project and project not in projects:
        hint = did_you_mean(project, projects) or "`modelctl key set PROVIDER --project P` stores one"
        raise UsageError(f"no key is stored for project {shorten(project)!r}", hint)


def require_one_master_key(known: Credentials, key_id: str, *, but: tuple[str, str]) -> None:
    """CredentialError where other rows than `but` are under another master key: no one key would open them all."""
    others = [each for each in known.values() if each.key_id != key_id and each.owner != but]
    if others:
        keys = f"{counted(len(others), 'key')} {'is' if len(others) == 1 else 'are'}"
        raise CredentialError(
            f"{keys} stored under master key {others[0].key_id}, but {key_id} is in force",
            f"use that master key, or rotate to this one, or remove what cannot be opened any more ({others[0]}, …)",
        )


def with_driver(url: str) -> str:
    """The URL with the driver that the extras install, where it names none, or an async one of an application's.

    Other dialects and drivers stay as they are.
    """
    scheme, separator, rest = url.partition("://")
    dialect, _, driver = scheme.lower().partition("+")
    if not separator:
        return url
    if driver in _OF_ASYNC_DRIVERS:
        name = {"postgres": "postgresql"}.get(dialect, dialect)
        scheme = "+".join(filter(None, (name, _OF_ASYNC_DRIVERS[driver])))
        rest = _without_asyncpg(rest) if driver == "asyncpg" else rest
    return f"{_DRIVERS.get(scheme.lower(), scheme)}{separator}{rest}"


def _without_asyncpg(rest: str) -> str:
    """What follows `://`, with the options of asyncpg as psycopg knows them."""
    address, _, query = rest.rpartition("?") if rest.rfind("?") > rest.rfind("@") else (rest, "", "")
    options = []
    for option in filter(None, query.split("&")):
        name, equals, value = option.partition("=")
        if known := _OPTIONS_OF_ASYNCPG.get(name, name):
            options.append(f"{known}{equals}{_SSL_WORDS.get(value, value) if name == 'ssl' else value}")
    return address + ("?" + "&".join(options) if options else "")


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
    for secret in sorted(secrets | plain | {quoted_url(each, safe="") for each in plain}, key=len, reverse=True):
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
