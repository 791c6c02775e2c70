"""The settings in force as a settings file: what is set, and as comments what is not. Opens nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from modelctl.config.resolving import DEFAULT
from modelctl.config.settings import Settings

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
