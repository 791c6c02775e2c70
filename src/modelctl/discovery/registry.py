"""Every discovery module, by kind: those built in, one line each, then those of packages that are installed.

A package brings a module by an entry point of the group `modelctl.discovery`, named as its kind (docs/plugins.md). It
is imported when a provider of that kind is really asked, and a broken one fails that provider alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from modelctl.discovery import (
    anthropic,
    cerebras,
    cohere,
    google,
    openai,
    openai_compatible,
    openrouter,
    replicate,
    xai,
)
from modelctl.discovery.base import Discovery, Endpoint
from modelctl.errors import SourceError

GROUP = "modelctl.discovery"

_MODULES: tuple[Discovery, ...] = (
    anthropic,
    cerebras,
    cohere,
    google,
    openai,
    openai_compatible,
    openrouter,
    replicate,
    xai,
)

REGISTRY: Mapping[str, Discovery] = MappingProxyType({module.KIND: module for module in _MODULES})
"""The modules that are built in. The contract test runs over this table."""

SDK_KINDS = frozenset(kind for kind, module in REGISTRY.items() if module.SDK)
"""Their SDKs put the key where it belongs: `auth_header_name` and `auth_header_prefix` mean nothing to them."""

WITHOUT_DEFAULT_ADDRESS = frozenset(kind for kind, module in REGISTRY.items() if not module.BASE_URL)
"""Kinds of which a provider must say its base URL."""

REQUIRED = ("KIND", "DOCS", "BASE_URL_ENV", "COMPLETE", "fetch", "translate")
OPTIONAL: Mapping[str, Any] = MappingProxyType({"BASE_URL": "", "SDK": "", "PUBLIC": False, "ENDPOINTS": (Endpoint(),)})
"""What a package's module need not say, and what is taken where it does not."""


def kinds() -> tuple[str, ...]:
    """Every kind that there is, sorted; what packages bring is named, not imported."""
    return tuple(sorted({*REGISTRY, *(each.name for each in entry_points(group=GROUP))}))


def module_of(kind: str) -> Discovery:
    """The discovery module of a kind. SourceError where there is none, or where a package's is broken.

    What is built in cannot be replaced: a package whose kind has that name is never asked.
    """
    if kind in REGISTRY:
        return REGISTRY[kind]
    found = tuple(entry_points(group=GROUP, name=kind))
    if not found:
        raise SourceError(f"there is no discovery module of kind {kind!r}", f"the kinds are {', '.join(kinds())}")
    if len(found) > 1:
        owners = sorted(map(_package, found))
        raise SourceError(f"{' and '.join(owners)} both bring a discovery module {kind!r}", "uninstall one of them")
    return _loaded(found[0])


def _loaded(point: EntryPoint) -> Discovery:
    """The module behind an entry point, if it is one, with what it leaves out."""
    try:
        module = point.load()
    except Exception as error:  # another's code: whatever it raises must not look like ours
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise _broken(point, f"cannot be imported ({what})") from error
    missing = [name for name in REQUIRED if not hasattr(module, name)]
    if missing:
        raise _broken(point, f"has no {', '.join(missing)}")
    if point.name != module.KIND:
        raise _broken(point, f"says that its kind is {module.KIND!r}")
    stated = {name: getattr(module, name) for name in (*REQUIRED, *OPTIONAL) if hasattr(module, name)}
    return cast(Discovery, SimpleNamespace(**{**OPTIONAL, **stated}))


def _broken(point: EntryPoint, problem: str) -> SourceError:
    hint = "upgrade or uninstall that package; docs/plugins.md says what a module must have"
    return SourceError(f"the discovery module {point.name!r} of {_package(point)} {problem}", hint)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
