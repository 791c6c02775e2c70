"""Every discovery module, by kind. One line each; the contract test runs over this table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from modelctl.discovery import anthropic, cohere, google, openai, openai_compatible, replicate, xai
from modelctl.discovery.source import Discovery

_MODULES: tuple[Discovery, ...] = (
    anthropic,
    cohere,
    google,
    openai,
    openai_compatible,
    replicate,
    xai,
)

REGISTRY: Mapping[str, Discovery] = MappingProxyType({module.KIND: module for module in _MODULES})
