"""modelctl keeps a database table of language models true.

`from modelctl import ModelStore` is the way in for programs; everything slow is loaded when it is first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelctl.api import ModelStore
    from modelctl.core.models.query import Filter


__version__ = "0.1.0"
__all__ = ["Filter", "ModelStore", "__version__"]

_FOUND_IN = {"Filter": "modelctl.core.models.query", "ModelStore": "modelctl.api"}


def __getattr__(name: str) -> object:
    """What is public and slow to load (PEP 562)."""
    if name not in _FOUND_IN:
        raise AttributeError(f"module 'modelctl' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_FOUND_IN[name]), name)
