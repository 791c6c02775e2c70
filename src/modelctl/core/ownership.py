"""Who may write a field: what a person set, a sync never undoes.

A three-way comparison, field by field: what the row holds, what modelctl last wrote there, what the sources state now.
"""

from __future__ import annotations

from collections.abc import Collection

from modelctl.core.model import FACT_FIELDS, SET_ON_CREATION, ModelRecord
from modelctl.core.plan import FieldChange, Protected
from modelctl.core.stored import StoredModel

WITHDRAWN = "withdrawn"
"""`api:withdrawn`: the source says nothing any more. That is not the same as `api`: it says that there is none."""


def field_changes(
    stored: StoredModel, record: ModelRecord, *, consulted: Collection[str]
) -> tuple[list[FieldChange], list[Protected]]:
    """The fields that the sources may change, and those that a person protects from them.

    `consulted`: the sources that were asked for this very model. Only such a source can take back what it once said.
    """
    changes: list[FieldChange] = []
    protected: list[Protected] = []
    for name in FACT_FIELDS:
        old, new = getattr(stored.facts, name), getattr(record.facts, name)
        if old == new or name in SET_ON_CREATION:
            continue
        source = record.provenance.get(name, "")
        if not stored.is_ours(name):
            if new is not None:
                protected.append(Protected(key=record.key, name=name, kept=old, offered=new, source=source))
        elif new is not None or (source := source or _withdrawn_by(stored, name, consulted)):
            changes.append(FieldChange(name=name, old=old, new=new, source=source))
    return changes, protected


def _withdrawn_by(stored: StoredModel, name: str, consulted: Collection[str]) -> str:
    """The source that was asked and no longer states what it once did; empty where nobody takes the value back."""
    written = stored.state.written.get(name) if stored.state is not None else None
    origin = written.source.partition(":")[0] if written is not None else ""
    return f"{origin}:{WITHDRAWN}" if origin in consulted else ""
