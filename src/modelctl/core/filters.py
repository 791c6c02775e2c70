"""Include and exclude patterns: which of a provider's models a table should have at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelctl.core.model import ModelKey, ModelRecord, Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Shell patterns over model ids, case-sensitive. No `include` means all; `exclude` wins."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def reason_against(self, model_id: str) -> str | None:
        """Why the model is left out, naming the pattern; None where it is taken."""
        for pattern in self.exclude:
            if fnmatchcase(model_id, pattern):
                return f"excluded by the pattern {pattern!r}"
        if self.include and not any(fnmatchcase(model_id, pattern) for pattern in self.include):
            return f"not among the included patterns {', '.join(map(repr, self.include))}"
        return None


def split(
    records: Mapping[ModelKey, ModelRecord], patterns: Patterns
) -> tuple[dict[ModelKey, ModelRecord], tuple[Skipped, ...]]:
    """The records that pass, and those that do not with the reason."""
    from modelctl.core.model import Skipped  # settings, which hold patterns, are read without the models

    kept: dict[ModelKey, ModelRecord] = {}
    filtered: list[Skipped] = []
    for key, record in records.items():
        reason = patterns.reason_against(key.model_id)
        if reason is None:
            kept[key] = record
        else:
            filtered.append(Skipped(key.model_id, reason))
    return kept, tuple(filtered)
