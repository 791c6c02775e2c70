"""Settings: what a person can turn, where each value came from, and nothing else.

The only place that knows about settings files and the environment; below it, functions take plain values.
"""

from modelctl.config.resolving import FILE_NAME, FLAGS, resolve, secrets, settings_files, user_file
from modelctl.config.settings import ProviderSettings, Setting, Settings
from modelctl.config.writing import file_text, plain_value, secret_names

__all__ = [
    "FILE_NAME",
    "FLAGS",
    "ProviderSettings",
    "Setting",
    "Settings",
    "file_text",
    "plain_value",
    "resolve",
    "secret_names",
    "secrets",
    "settings_files",
    "user_file",
]
