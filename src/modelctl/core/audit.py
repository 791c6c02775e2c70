"""One entry of the audit trail: who changed what, when and from what. A value; the store reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of `ai_changes`. Values are as `encoding.encode` makes them."""

    run: str
    at: datetime
    actor: str
    command: str
    action: str
    before: Mapping[str, Any] = field(default_factory=dict)
    """Empty for a creation."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """Besides fields, `prices` has the points that were appended to the ledger, `sources` who stated which fields."""
