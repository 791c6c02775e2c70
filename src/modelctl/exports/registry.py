"""Every format of an export, by its name: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from modelctl.exports import (
    aider,
    continue_dev,
    genai_prices,
    langfuse,
    librechat,
    litellm_config,
    litellm_prices,
    llm,
    models_dev,
    open_webui,
    opencode,
    openrouter,
    portkey,
    prometheus,
)
from modelctl.exports.base import ExportFormat

_MODULES: tuple[ExportFormat, ...] = (
    litellm_prices,
    litellm_config,
    librechat,
    open_webui,
    llm,
    continue_dev,
    opencode,
    models_dev,
    aider,
    genai_prices,
    langfuse,
    openrouter,
    portkey,
    prometheus,
)

FORMATS: Mapping[str, ExportFormat] = MappingProxyType({module.NAME: module for module in _MODULES})
"""In the order in which they are shown."""
