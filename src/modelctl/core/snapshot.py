"""A state of the world as one source tells it: a catalog, a listing, later perhaps a plan or another table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from modelctl.core.model import ModelKey, ModelRecord, Skipped, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Records by key, and the providers for which they are the whole truth."""

    source: Source
    records: Mapping[ModelKey, ModelRecord] = field(default_factory=dict)
    complete_for: frozenset[str] = frozenset()
    """Providers of which every model is here, so that absence means something."""
    skipped: tuple[Skipped, ...] = ()

    def only(self, keys: Collection[ModelKey]) -> Snapshot:
        """What it says of these models alone."""
        return replace(self, records={key: self.records[key] for key in keys if key in self.records})
