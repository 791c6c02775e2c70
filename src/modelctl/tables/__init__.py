"""The tables as SQLModel classes: the one definition of every column, for modelctl and for programs alike.

`from modelctl.tables import Model, Provider, ModelPrice` and the rest. They have a registry of their own, so that a
program's `SQLModel.metadata.create_all` makes none of them: `modelctl db upgrade` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelctl.tables.base import Tables
    from modelctl.tables.models import Model, ModelState
    from modelctl.tables.prices import ModelPrice
    from modelctl.tables.providers import Provider, ProviderCredential
    from modelctl.tables.runs import AuditRecord, Hold, Lease, SyncRun

__all__ = [
    "AuditRecord",
    "Hold",
    "Lease",
    "Model",
    "ModelPrice",
    "ModelState",
    "Provider",
    "ProviderCredential",
    "SyncRun",
    "Tables",
]


def __getattr__(name: str) -> object:
    """A class; with the first one all are loaded, so that their foreign keys find each other (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'modelctl.tables' has no attribute {name!r}")
    from modelctl.tables import base

    if name == "Tables":
        return base.Tables
    found = {each: base.class_named(each) for each in base.MODULES}[name]
    base.Base._sa_registry.configure()  # else a class that a program makes of one cannot be filled before a query
    return found
