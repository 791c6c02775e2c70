"""Settings: what a person can turn, where each value came from, and nothing else.

The only place that knows about settings files and the environment; below it, functions take plain values.
"""

from modelctl.config.resolving import FILE_NAME, FLAGS, resolve, secrets
from modelctl.config.settings import ProviderSettings, Setting, Settings

__all__ = ["FILE_NAME", "FLAGS", "ProviderSettings", "Setting", "Settings", "resolve", "secrets"]
