"""What each setting may be: its default, and the check that turns what a person wrote into a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from modelctl.core.credentials import with_driver
from modelctl.core.planning.policy import GuardLimits, NewModels
from modelctl.files import user_directory

_DAY_S = 86_400
_PREFIX_MAX_CHARS = 36
"""It leaves room for the longest name of ours, a constraint's, within the 63 characters of a name on PostgreSQL."""
_SCHEMA_MAX_BYTES = 63
_SCHEMA = re.compile(r"[\w$ -]+")
"""Names that a database has to be told in quotes are fine, but no quote, dot or control character."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A check (ValueError says what is wrong with the value), and whether text is to be read as a number first."""

    check: Callable[[Any], Any]
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting."""

    kind: Kind
    default: Any


def default_database_url() -> str | None:
    """A SQLite file in the user's data directory; None for a user who has no home."""
    from platformdirs import user_data_path

    directory = user_directory(user_data_path)
    return f"sqlite:///{directory / 'modelctl.db'}" if directory is not None else None


def default_secret_key_file() -> Path | None:
    """A file in the user's configuration directory; None for a user who has no home."""
    from platformdirs import user_config_path

    directory = user_directory(user_config_path)
    return directory / "secret.key" if directory is not None else None


def expanded(text: str) -> Path:
    """The path with its `~` replaced. ValueError where that user has no home."""
    try:
        return Path(text).expanduser()
    except (RuntimeError, KeyError):
        raise ValueError(f"{text!r}: there is no such home directory; set HOME or write an absolute path") from None


def _database_url(value: Any) -> str:
    if not isinstance(value, str) or "://" not in value:
        raise ValueError("is no database URL; one looks like sqlite:///my.db or postgresql://user@host/name")
    url = with_driver(value.strip())
    scheme, _, rest = url.partition("://")
    if scheme.lower().partition("+")[0] == "sqlite" and rest.partition("?")[0] in ("", "/", "/:memory:"):
        raise ValueError("is a SQLite database in memory, gone when the command ends; name a file: sqlite:///models.db")
    return url


def _prefix(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_spelt(value)} is not text")
    if value and not (value.isascii() and value.isidentifier() and len(value) <= _PREFIX_MAX_CHARS):
        raise ValueError(f"{value!r} is not a name of at most {_PREFIX_MAX_CHARS} letters, digits and underscores")
    return value


def _schema(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError(f"{_spelt(value)} is not text")
    if value and not (_SCHEMA.fullmatch(value) and len(value.encode()) <= _SCHEMA_MAX_BYTES and value == value.strip()):
        raise ValueError(
            f"{value!r} is not a name of at most {_SCHEMA_MAX_BYTES} bytes of letters, digits, spaces and any of _ $ -"
        )
    return value or None


def _path(value: Any) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"{_spelt(value)} is not a path")
    return expanded(value)


def _secret(value: Any) -> str:
    """Whatever it is, no message repeats it; what it means is looked at where it is used."""
    if not isinstance(value, str):
        raise ValueError("is not text")
    return value.strip()


def _new_models(value: Any) -> NewModels:
    if value not in list(NewModels):
        raise ValueError(f"{_spelt(value)} is not one of {', '.join(NewModels)}")
    return NewModels(value)


def _seconds(value: Any) -> float:
    if not _is_number(value) or not 0 < value <= _DAY_S:
        raise ValueError(f"{_spelt(value)} is not a number of seconds above 0 and at most {_DAY_S}")
    return float(value)


def _seconds_or_none(value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= _DAY_S:
        raise ValueError(f"{_spelt(value)} is not a number of seconds from 0 to {_DAY_S}")
    return float(value)


def _percent(value: Any) -> int:
    if not _is_whole(value) or not 0 <= value <= 100:
        raise ValueError(f"{_spelt(value)} is not a whole number from 0 to 100")
    return int(value)


def _count(value: Any) -> int:
    if not _is_whole(value) or value < 0:
        raise ValueError(f"{_spelt(value)} is not a whole number from 0 up")
    return int(value)


def _factor(value: Any) -> Decimal:
    if not _is_number(value) or value < 1:
        raise ValueError(f"{_spelt(value)} is not a number from 1 up")
    return Decimal(value)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_spelt(value)} is not true or false")
    return value


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError(f'{_spelt(value)} is not a list of patterns, as ["gpt-*"]')
    return tuple(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _spelt(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


_SECONDS = Kind(_seconds, is_number=True)
_PERCENT, _COUNT, _FACTOR = (Kind(check, is_number=True) for check in (_percent, _count, _factor))
_GUARDS = GuardLimits()

SPECS: Mapping[str, Spec] = {
    "database_url": Spec(Kind(_database_url), None),  # the default depends on the user: default_database_url()
    "schema": Spec(Kind(_schema), None),
    "table_prefix": Spec(Kind(_prefix), "ai_"),
    "catalog_directory": Spec(Kind(_path), None),
    "new_models": Spec(Kind(_new_models), NewModels.REVIEW),
    "timeout_s": Spec(_SECONDS, 20.0),
    "deadline_s": Spec(_SECONDS, 120.0),
    "lock_wait_s": Spec(Kind(_seconds_or_none, is_number=True), 60.0),
    "secret_key": Spec(Kind(_secret), None),
    "secret_key_file": Spec(Kind(_path), None),  # the default depends on the user: default_secret_key_file()
    "max_retired_percent": Spec(_PERCENT, _GUARDS.max_retired_percent),
    "max_updated_percent": Spec(_PERCENT, _GUARDS.max_updated_percent),
    "guard_min_rows": Spec(_COUNT, _GUARDS.min_rows),
    "max_price_rise": Spec(_FACTOR, _GUARDS.max_price_rise),
    "max_price_fall": Spec(_FACTOR, _GUARDS.max_price_fall),
    "min_listing_percent": Spec(_PERCENT, _GUARDS.min_listing_percent),
    "min_limit_percent": Spec(_PERCENT, _GUARDS.min_limit_percent),
}

LIMITS = {
    "max_retired_percent": "max_retired_percent",
    "max_updated_percent": "max_updated_percent",
    "guard_min_rows": "min_rows",
    "max_price_rise": "max_price_rise",
    "max_price_fall": "max_price_fall",
    "min_listing_percent": "min_listing_percent",
    "min_limit_percent": "min_limit_percent",
}
"""Settings that are fields of `GuardLimits`, and which."""

PROVIDER_KINDS: Mapping[str, Kind] = {
    "enabled": Kind(_switch),
    "include": Kind(_patterns),
    "exclude": Kind(_patterns),
}
"""What a `[providers.NAME]` table may hold."""
