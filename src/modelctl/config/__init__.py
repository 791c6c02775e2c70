"""Settings: what a person can turn, where each value came from, and nothing else.

The only place that knows about settings files and the environment; below it, functions take plain values.
"""

from __future__ import annotations

from modelctl.config.resolve import (
    FILE_NAME,
    FLAGS,
    changed_text,
    file_text,
    plain_value,
    resolve_settings,
    secret_names,
    secrets,
    setting_names,
    settings_files,
    user_file,
    variables_of_env_files,
)
from modelctl.settings import ProviderSettings, Setting, Settings

__all__ = [
    "FILE_NAME",
    "FLAGS",
    "ProviderSettings",
    "Setting",
    "Settings",
    "changed_text",
    "file_text",
    "plain_value",
    "resolve_settings",
    "secret_names",
    "secrets",
    "setting_names",
    "settings_files",
    "user_file",
    "variables_of_env_files",
]
