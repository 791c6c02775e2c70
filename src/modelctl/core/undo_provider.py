"""Taking back what a run did to a provider's own row. Pure.

A row that catalogs brought stays: other rows rest on it, and the next sync would bring it again. One that a person
added goes again, and one that a person removed comes back, with what the audit trail keeps of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelctl.core.database_url import MASK
from modelctl.core.encoding import encode
from modelctl.core.history import PROVIDER, HistoryEntry, field_names
from modelctl.core.model import Source
from modelctl.core.plan import Action, FieldChange
from modelctl.core.provider import Provider
from modelctl.core.provider_settings import BY_CATALOGS, EDITABLE, editable_of, from_audit, with_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """Something of the run that is not taken back, and why."""

    key: str
    """A model, or `provider NAME`."""
    reason: str


def removed_provider(entries: Sequence[HistoryEntry]) -> Provider | None:
    """The provider whose row the run removed, as it was; None where it removed none. A masked address is left out."""
    for each in entries:
        if each.entity == PROVIDER and each.entry.action == Action.REMOVE:
            bare = Provider(name=each.key, display_name=each.key, kind="")
            return with_settings(
                bare,
                tuple(
                    FieldChange(name=name, old=None, new=from_audit(name, value), source=Source.PERSON)
                    for name, value in each.entry.before.items()
                    if name in EDITABLE and not _is_masked(value)
                ),
            )
    return None


def undo_row(
    each: HistoryEntry, row: Provider | None, moved: list[LeftAlone], kept: list[LeftAlone]
) -> tuple[tuple[FieldChange, ...], Action | None]:
    """The settings as they were, or that the row itself comes or goes. Appends what is left alone, and why."""
    key, entry = f"provider {each.key}", each.entry
    hidden = [name for name, value in entry.before.items() if _is_masked(value)]
    foreign = [name for name in field_names(entry) if name not in EDITABLE]
    if entry.action == Action.CREATE and entry.command in BY_CATALOGS:
        kept.append(LeftAlone(key=key, reason="a provider's row stays"))
        return (), None
    if since := _moved_since(each, row):
        moved.append(LeftAlone(key=key, reason=since))
    if foreign:
        kept.append(LeftAlone(key=key, reason=f"not taken back by an undo: {', '.join(foreign)}"))
    if hidden:
        kept.append(LeftAlone(key=key, reason=f"the audit trail keeps no password: {', '.join(hidden)}"))
    if since or row is None:
        return (), None if since else Action.CREATE
    if entry.action == Action.CREATE:
        return (), Action.REMOVE
    return () if foreign or hidden else _former_settings(each, row), None


def _moved_since(each: HistoryEntry, row: Provider | None) -> str:
    """Why the row is not as the run left it; empty where it is."""
    entry = each.entry
    if entry.action == Action.REMOVE:
        return "" if row is None else "the row was added anew since"
    if row is None:
        return "the row was removed since"
    present = editable_of(row)
    changed = [name for name in EDITABLE if name in entry.after and encode(present[name]) != entry.after[name]]
    return f"changed since: {', '.join(changed)}" if changed else ""


def _former_settings(each: HistoryEntry, row: Provider) -> tuple[FieldChange, ...]:
    present, before = editable_of(row), each.entry.before
    return tuple(
        FieldChange(name=name, old=present[name], new=from_audit(name, before.get(name)), source=Source.PERSON)
        for name in field_names(each.entry)
    )


def _is_masked(value: object) -> bool:
    return isinstance(value, str) and MASK in value
