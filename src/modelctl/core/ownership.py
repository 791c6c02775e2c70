"""Who may write a field: what a person set, a sync never undoes.

A three-way comparison, field by field: what the row holds, what modelctl last wrote there, what the sources state now.
"""

from __future__ import annotations

from collections.abc import Collection

from modelctl.core.model import FACT_FIELDS, SET_ON_CREATION, ModelRecord
from modelctl.core.plan import FieldChange, Protected
from modelctl.core.stored import RowState, StoredModel


def field_changes(
    stored: StoredModel, state: RowState, record: ModelRecord, *, consulted: Collection[str]
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
        written = state.written.get(name)
        source = record.provenance.get(name, "")
        ours = name not in state.pins and (old is None if written is None else written.value == old)
        if new is None:
            if ours and written is not None and _origin(written.source) in consulted:
                changes.append(FieldChange(name=name, old=old, new=None, source=_origin(written.source)))
        elif not ours:
            protected.append(Protected(key=record.key, name=name, kept=old, offered=new, source=source))
        else:
            changes.append(FieldChange(name=name, old=old, new=new, source=source))
    return changes, protected


def _origin(source: str) -> str:
    return source.partition(":")[0]
