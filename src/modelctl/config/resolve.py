"""What each setting may be, and where its value comes from.

Flag, then environment, then `modelctl.toml` (working directory, then the user's), then default: the first one wins.

Strict: a misspelt key or variable is an error with a suggestion, never a silent default.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Any

from modelctl.core.credentials import masked, with_driver
from modelctl.core.planning.policy import CreateNew, EnableNew, GuardLimits, Patterns
from modelctl.core.text import suggestion, written_duration
from modelctl.errors import UsageError
from modelctl.files import user_directory
from modelctl.settings import ProviderSettings, Setting, Settings

FILE_NAME = "modelctl.toml"
PREFIX = "MODELCTL_"
DEFAULT = "default"
ENV_FILES = (".env", ".env.local")
"""Of the working directory, the one that counts first last."""

FLAGS = {"database_url": "--database", "catalog_directory": "--catalog", "clock_skew_s": "--clock-skew"}
"""Settings that a global option sets, and how that option is spelt."""

logger = logging.getLogger(__name__)

_FILE_VARIABLE = "MODELCTL_CONFIG"
_OTHER_VARIABLES = (_FILE_VARIABLE,)
_TEST_VARIABLES = "MODELCTL_TEST_"
_SECRET_VARIABLE = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_SECRET_MIN_CHARS = 8
_NEVER_IN_FILES = {"secret_key": "set MODELCTL_SECRET_KEY, or name a file that holds nothing else in secret_key_file"}
"""Settings that a file must not hold, and where they belong: modelctl.toml is committed and shown around."""


_DAY_S = 86_400
_CENTURY_S = 36_525 * _DAY_S
_PREFIX_MAX_CHARS = 36
"""It leaves room for the longest name of ours, a constraint's, within the 63 characters of a name on PostgreSQL."""
_SCHEMA_MAX_BYTES = 63
_SCHEMA = re.compile(r"[\w$ -]+")
"""Names that a database has to be told in quotes are fine, but no quote, dot or control character."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A check (ValueError says what is wrong with the value), and how text is read first, as a file would have it."""

    check: Callable[[Any], Any]
    read: Callable[[str], Any] = str


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
        raise ValueError("is not a database URL; one looks like sqlite:///my.db or postgresql://user@host/name")
    url = with_driver(value.strip())
    scheme, _, rest = url.partition("://")
    if scheme.lower().partition("+")[0] == "sqlite" and rest.partition("?")[0] in ("", "/", "/:memory:"):
        raise ValueError(
            "is a SQLite database in memory, which is lost when the command ends; name a file: sqlite:///models.db"
        )
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


def _one_of(words: type[StrEnum]) -> Kind:
    def check(value: Any) -> StrEnum:
        if value not in list(words):
            raise ValueError(f"{_spelt(value)} is not one of {', '.join(words)}")
        return words(value)

    return Kind(check)


def _seconds(value: Any) -> float:
    value = _written_seconds(value)
    if not _is_number(value) or not 0 < value <= _DAY_S:
        raise ValueError(f"{_spelt(value)} is not a number of seconds above 0 and at most {_DAY_S}, nor as 20s or 2m")
    return float(value)


def _written_seconds(value: Any) -> Any:
    """The seconds of `2m`; what is no such text as it is."""
    written = written_duration(value.strip()) if isinstance(value, str) else None
    return int(written.total_seconds()) if written is not None else value


def _seconds_or_none(value: Any) -> float:
    value = _written_seconds(value)
    if not _is_number(value) or not 0 <= value <= _DAY_S:
        raise ValueError(f"{_spelt(value)} is not a number of seconds from 0 to {_DAY_S}, nor as 20s or 2m")
    return float(value)


def _skew(value: Any) -> float:
    value = _written_seconds(value)
    if not _is_number(value) or not 0 <= value <= _CENTURY_S:
        raise ValueError(f"{_spelt(value)} is not a number of seconds, nor a time as 5m or 2d")
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


def _number(text: str) -> Any:
    """The number that a text is; any other text as it is, for the check to refuse."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    return int(number) if number.is_finite() and number == number.to_integral_value() else number


def _words(text: str) -> list[str]:
    """What commas separate."""
    return [each.strip() for each in text.split(",") if each.strip()]


def _truth(text: str) -> Any:
    """True or false; any other text as it is, for the check to refuse."""
    return {"true": True, "false": False}.get(text.strip().lower(), text)


_SWITCH = Kind(_switch, _truth)
_SECONDS = Kind(_seconds, _number)
_PERCENT, _COUNT, _FACTOR = (Kind(check, _number) for check in (_percent, _count, _factor))
_GUARDS = GuardLimits()

SPECS: Mapping[str, Spec] = {
    "database_url": Spec(Kind(_database_url), None),  # the default depends on the user: default_database_url()
    "schema": Spec(Kind(_schema), None),
    "table_prefix": Spec(Kind(_prefix), "ai_"),
    "catalog_directory": Spec(Kind(_path), None),
    "enable_new": Spec(_one_of(EnableNew), EnableNew.PRICED),
    "create_new": Spec(_one_of(CreateNew), CreateNew.ALL),
    "configured_only": Spec(_SWITCH, False),
    "env_files": Spec(_SWITCH, False),
    "timeout_s": Spec(_SECONDS, 20.0),
    "deadline_s": Spec(_SECONDS, 120.0),
    "lock_wait_s": Spec(Kind(_seconds_or_none, _number), 60.0),
    "clock_skew_s": Spec(Kind(_skew, _number), 300.0),
    "secret_key": Spec(Kind(_secret), None),
    "secret_key_file": Spec(Kind(_path), None),  # the default depends on the user: default_secret_key_file()
    "max_retired_percent": Spec(_PERCENT, _GUARDS.max_retired_percent),
    "max_updated_percent": Spec(_PERCENT, _GUARDS.max_updated_percent),
    "guard_min_rows": Spec(_COUNT, _GUARDS.min_rows),
    "max_price_rise": Spec(_FACTOR, _GUARDS.max_price_rise),
    "max_price_fall": Spec(_FACTOR, _GUARDS.max_price_fall),
    "max_first_price": Spec(_FACTOR, _GUARDS.max_first_price),
    "min_listing_percent": Spec(_PERCENT, _GUARDS.min_listing_percent),
    "min_limit_percent": Spec(_PERCENT, _GUARDS.min_limit_percent),
    "max_limit_rise": Spec(_FACTOR, _GUARDS.max_limit_rise),
    "max_new_models": Spec(_COUNT, _GUARDS.max_new_models),
}

LIMITS = {
    "max_retired_percent": "max_retired_percent",
    "max_updated_percent": "max_updated_percent",
    "guard_min_rows": "min_rows",
    "max_price_rise": "max_price_rise",
    "max_price_fall": "max_price_fall",
    "max_first_price": "max_first_price",
    "min_listing_percent": "min_listing_percent",
    "min_limit_percent": "min_limit_percent",
    "max_limit_rise": "max_limit_rise",
    "max_new_models": "max_new_models",
}
"""Settings that are fields of `GuardLimits`, and which."""

PROVIDER_KINDS: Mapping[str, Kind] = {
    "enabled": _SWITCH,
    "include": Kind(_patterns, _words),
    "exclude": Kind(_patterns, _words),
    "enable_new": _one_of(EnableNew),
    "create_new": _one_of(CreateNew),
}
"""What a `[providers.NAME]` table may hold."""


def setting_names() -> list[str]:
    """What a settings file may set, for a provider named NAME as well."""
    return [
        *(name for name in SPECS if name not in _NEVER_IN_FILES),
        *(f"providers.NAME.{each}" for each in PROVIDER_KINDS),
    ]


def resolve_settings(
    flags: Mapping[str, str | None], environ: Mapping[str, str], *, working_directory: Path
) -> Settings:
    """The settings in force. `flags` by setting name, with `config` for `--config FILE`.

    Raises UsageError that names the flag, the variable, or the file and its key, and never a database URL.
    """
    found = {name: Setting(spec.default, DEFAULT) for name, spec in SPECS.items()}
    files = settings_files(flags.get("config"), environ, working_directory)
    for path in reversed([each for each in files if each.exists()]):  # the nearer file comes last
        found.update(_from_file(path))
        logger.info("settings from %s", path)
    given = {name: (origin, text) for origin, name, text in [*_from_environment(environ), *_from_flags(flags)]}
    for name, (origin, text) in given.items():
        value = _checked(SPECS[name].kind, _typed(SPECS[name].kind, text, origin), origin)
        found[name] = Setting(_absolute(value, working_directory), origin)
    if found["database_url"].value is None:
        found["database_url"] = Setting(default_database_url(), DEFAULT)
    if found["secret_key_file"].value is None:
        found["secret_key_file"] = Setting(default_secret_key_file(), DEFAULT)
    return _settings(found)


def secrets(environ: Mapping[str, str]) -> list[str]:
    """Values of the variables whose names say that they are secret, for blanking them out of a report."""
    return [
        value.strip()
        for name, value in environ.items()
        if _SECRET_VARIABLE.search(name.upper()) and len(value.strip()) >= _SECRET_MIN_CHARS
    ]


def variables_of_env_files(working_directory: Path) -> dict[str, Setting]:
    """The variables of `.env` and of `.env.local`, which counts first; none where there is no such file.

    UsageError for a file that cannot be read, without a word of what is in it.
    """
    from dotenv.parser import parse_stream

    found = {}
    for path in (working_directory / name for name in ENV_FILES):
        if not path.is_file():
            continue
        try:
            bindings = list(parse_stream(StringIO(path.read_text(encoding="utf-8"))))
        except UnicodeDecodeError:
            raise UsageError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        for each in bindings:
            if each.error:
                raise UsageError(f"{path}:{each.original.line}: this line is not NAME=value", "correct the line")
            if each.key is not None and each.value is not None:
                found[each.key] = Setting(each.value, path.name)
        logger.info("keys from %s", path)
    return found


def settings_files(flag: str | None, environ: Mapping[str, str], working_directory: Path) -> list[Path]:
    """Where settings files are looked for, nearest first. One that is named is the only one.

    UsageError where the one that is named is missing.
    """
    named, origin = (flag, "--config") if flag is not None else (environ.get(_FILE_VARIABLE), _FILE_VARIABLE)
    if named is None:
        return [path for path in (working_directory / FILE_NAME, user_file()) if path is not None]
    try:
        path = working_directory / expanded(named)
    except ValueError as error:
        raise UsageError(f"{origin}: {error}") from None
    if not path.is_file():
        raise UsageError(f"{origin}: there is no file {path}")
    return [path]


def user_file() -> Path | None:
    """The settings file in the user's configuration directory; None for a user who has no home."""
    from platformdirs import user_config_path

    directory = user_directory(user_config_path)
    return directory / FILE_NAME if directory is not None else None


def _from_file(path: Path) -> dict[str, Setting]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text", "settings files are TOML") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    return _from_text(text, path)


def _from_text(text: str, path: Path) -> dict[str, Setting]:
    """The settings that the text of a file holds. UsageError for what cannot be."""
    table = _parsed(text, path)
    providers = table.pop("providers", {})
    found = {}
    for name, value in table.items():
        _require_known(name, [*SPECS, "providers"], str(path))
        if name in _NEVER_IN_FILES:
            raise UsageError(f"{path}: {name} does not belong in a settings file", _NEVER_IN_FILES[name])
        found[name] = Setting(_absolute(_checked(SPECS[name].kind, value, f"{path}: {name}"), path.parent), str(path))
    if not isinstance(providers, dict) or not all(isinstance(each, dict) for each in providers.values()):
        raise UsageError(f"{path}: providers: is not a table of providers", "write [providers.openai]")
    for provider, settings in providers.items():
        for name, value in settings.items():
            place = f"{path}: [providers.{provider}]"
            _require_known(name, PROVIDER_KINDS, place)
            checked = _checked(PROVIDER_KINDS[name], value, f"{place} {name}")
            found[f"providers.{provider}.{name}"] = Setting(checked, str(path))
    return found


def _parsed(text: str, path: Path) -> dict[str, Any]:
    import tomli  # which who has no settings file does not need

    try:
        return tomli.loads(text, parse_float=Decimal)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: {error.msg}", "settings files are TOML") from None
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply", "settings files are TOML") from None
    except (ValueError, ArithmeticError):  # over 4,300 digits, or an exponent beyond Decimal's
        raise UsageError(f"{path}: a number is too long to be read", "settings files are TOML") from None


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Variable, setting and text of every setting in the environment; DATABASE_URL counts where ours is not set."""
    ours = {f"{PREFIX}{name.upper()}": name for name in SPECS}
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and not variable.startswith(_TEST_VARIABLES):
            _require_known(variable, [*ours, *_OTHER_VARIABLES], "environment")
            if variable in ours:
                yield variable, ours[variable], environ[variable]
    if "DATABASE_URL" in environ and f"{PREFIX}DATABASE_URL" not in environ:
        yield "DATABASE_URL", "database_url", environ["DATABASE_URL"]


def _from_flags(flags: Mapping[str, str | None]) -> Iterator[tuple[str, str, str]]:
    for name, flag in FLAGS.items():
        if (text := flags.get(name)) is not None:
            yield flag, name, text


def _require_known(name: str, known: Collection[str], place: str) -> None:
    if name not in known:
        hint = suggestion(name, known, most=1) or f"known are {', '.join(sorted(known))}"
        raise UsageError(f"{place}: unknown setting {name}", hint)


def _typed(kind: Kind, text: str, origin: str) -> Any:
    """Text as a settings file would have typed it. Empty is an error: a CI secret that is missing arrives empty."""
    if not text.strip():
        raise UsageError(f"{origin} is set but empty", "unset it to use the default")
    return kind.read(text)


def _checked(kind: Kind, value: Any, place: str) -> Any:
    try:
        return kind.check(value)
    except ValueError as error:
        raise UsageError(f"{place}: {error}") from None


def _absolute(value: Any, directory: Path) -> Any:
    """A path is meant from the directory of the file that holds it, or from the working directory."""
    return directory / value if isinstance(value, Path) else value


def _settings(found: Mapping[str, Setting]) -> Settings:
    plain = {name: found[name].value for name in SPECS if name not in LIMITS}
    by_provider: dict[str, dict[str, Any]] = {}
    for path, setting in found.items():
        if path.startswith("providers."):
            provider, _, name = path.removeprefix("providers.").rpartition(".")
            by_provider.setdefault(provider, {})[name] = setting.value
    return Settings(
        **plain,
        limits=GuardLimits(**{limit: found[name].value for name, limit in LIMITS.items()}),
        providers={provider: _provider_settings(by_provider[provider]) for provider in sorted(by_provider)},
        origins={name: found[name] for name in [*SPECS, *sorted(found.keys() - SPECS.keys())]},
    )


def _provider_settings(values: Mapping[str, Any]) -> ProviderSettings:
    patterns = Patterns(include=values.get("include", ()), exclude=values.get("exclude", ()))
    own = {name: values.get(name) for name in ("enable_new", "create_new")}
    return ProviderSettings(enabled=values.get("enabled", True), patterns=patterns, **own)


_HEAD = "# Settings of modelctl. Lines that begin with # are the defaults; take the # away to change one.\n"


def file_text(settings: Settings) -> str:
    """The text of a settings file that sets what is set now. Without those that `secret_names` tells."""
    from tomli_w import dumps

    shown, hidden = settings.shown(), secret_names(settings)
    lines, providers = [_HEAD], dict[str, dict[str, Any]]()
    for name, setting in shown.items():
        value = plain_value(setting.value)
        if name.startswith("providers."):
            provider, _, key = name.removeprefix("providers.").rpartition(".")
            providers.setdefault(provider, {})[key] = value
        elif name in hidden:
            lines.append(f"# {name} holds a secret and is left out: keep it in the environment\n")
        elif value is None:
            lines.append(f"# {name} is not set\n")
        else:
            lines.append(("# " if setting.origin == DEFAULT else "") + dumps({name: value}))
    if providers:
        lines.append("\n" + dumps({"providers": providers}))
    return "".join(lines)


def changed_text(path: Path, text: str, name: str, value: str, *, working_directory: Path) -> tuple[str, Any]:
    """The text of the settings file at `path` with a setting of another value, and that value as it will be read.

    Everything else stays, comments too; where `file_text` left the setting as a comment, it takes that line's place.
    UsageError for a setting or a value that cannot be, for one that is a secret, and for a file that cannot be read.
    """
    _from_text(text, path)  # what is wrong already is not ours
    typed = _as_typed(path, name, value, working_directory)
    changed = _with_value(text, name, plain_value(typed))
    return changed, _from_text(changed, path)[name].value


def _as_typed(path: Path, name: str, value: str, working_directory: Path) -> Any:
    """The value as the file at `path` may have it. A path is meant from the working directory."""
    provider, key = _parts(name)
    kinds = PROVIDER_KINDS if provider else {setting: spec.kind for setting, spec in SPECS.items()}
    _require_known(key, kinds, f"[providers.{provider}]" if provider else "config set")
    if key in _NEVER_IN_FILES:
        raise UsageError(f"{name} does not belong in a settings file", _NEVER_IN_FILES[key])
    if not value.strip():
        raise UsageError(f"{name}: there is no value", "for the default, remove its line from the file")
    typed = _typed(kinds[key], value, name)
    checked = _checked(kinds[key], typed, name)
    if key == "database_url" and masked(checked) != checked:
        raise UsageError(
            f"{name} holds a password, which does not belong in a settings file",
            "set DATABASE_URL; a URL without a password may stand in the file",
        )
    is_elsewhere = isinstance(checked, Path) and path.parent != working_directory
    return str(working_directory / checked) if is_elsewhere else typed


def _with_value(text: str, name: str, value: Any) -> str:
    import tomlkit

    provider, key = _parts(name)
    left_out = re.compile(rf"^# {re.escape(key)}( = .*| is not set)$", re.MULTILINE)
    document = tomlkit.parse(text)
    if not provider and key not in document and (found := left_out.search(text)):
        return f"{text[: found.start()]}{tomlkit.dumps({key: value}).rstrip()}{text[found.end() :]}"
    table: Any = document
    for part in ("providers", provider) if provider else ():
        table = table.setdefault(part, tomlkit.table(is_super_table=part == "providers"))
    table[key] = value
    return tomlkit.dumps(document)


def _parts(name: str) -> tuple[str, str]:
    """The provider of a setting, empty for none, and its key."""
    if not name.startswith("providers."):
        return "", name
    provider, _, key = name.removeprefix("providers.").rpartition(".")
    if not provider:
        raise UsageError(f"{name} names no setting", f"one is providers.openai.{next(iter(PROVIDER_KINDS))}")
    return provider, key


def secret_names(settings: Settings) -> list[str]:
    """The settings that are set and hold a secret, a database URL with a password among them: no file is to have it."""
    shown = settings.shown()
    return [name for name, setting in settings.origins.items() if setting.value != shown[name].value]


def plain_value(value: Any) -> Any:
    """A setting's value as JSON and TOML have it."""
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
