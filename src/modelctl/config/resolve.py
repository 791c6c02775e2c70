"""Flag, then environment, then `modelctl.toml` (working directory, then the user's), then default: the first one wins.

Strict: a misspelt key or variable is an error with a suggestion, never a silent default.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import tomli

from modelctl.config.values import (
    LIMITS,
    PROVIDER_KINDS,
    SPECS,
    Kind,
    default_database_url,
    default_secret_key_file,
    expanded,
)
from modelctl.core.planning.policy import GuardLimits, Patterns
from modelctl.core.text import suggestion
from modelctl.errors import UsageError
from modelctl.files import user_directory
from modelctl.settings import ProviderSettings, Setting, Settings

FILE_NAME = "modelctl.toml"
PREFIX = "MODELCTL_"
DEFAULT = "default"

FLAGS = {"database_url": "--database", "catalog_directory": "--catalog"}
"""Settings that a global option sets, and how that option is spelt."""

logger = logging.getLogger(__name__)

_FILE_VARIABLE = "MODELCTL_CONFIG"
_OTHER_VARIABLES = (_FILE_VARIABLE,)
_TEST_VARIABLES = "MODELCTL_TEST_"
_SECRET_VARIABLE = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_SECRET_MIN_CHARS = 8
_NEVER_IN_FILES = {"secret_key": "set MODELCTL_SECRET_KEY, or name a file that holds nothing else by secret_key_file"}
"""Settings that a file must not hold, and where they belong: modelctl.toml is committed and shown around."""


def resolve(flags: Mapping[str, str | None], environ: Mapping[str, str], *, working_directory: Path) -> Settings:
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
    table = _read(path)
    providers = table.pop("providers", {})
    found = {}
    for name, value in table.items():
        _require_known(name, [*SPECS, "providers"], str(path))
        if name in _NEVER_IN_FILES:
            raise UsageError(f"{path}: {name} does not belong into a settings file", _NEVER_IN_FILES[name])
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


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: {error.msg}", "settings files are TOML") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text", "settings files are TOML") from None
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply", "settings files are TOML") from None
    except (ValueError, ArithmeticError):  # over 4,300 digits, or an exponent beyond Decimal's
        raise UsageError(f"{path}: a number is too long to be read", "settings files are TOML") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


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
    if not kind.is_number:
        return text
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    return int(number) if number.is_finite() and number == number.to_integral_value() else number


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
    return ProviderSettings(enabled=values.get("enabled", True), patterns=patterns)


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
