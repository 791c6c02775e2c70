"""What is wrong in a catalog file, and on which line. Owns how that reads; what is wrong, others find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelctl.core.toml import KeyPath


class Severity(StrEnum):
    """Whether a catalog can be used in spite of a finding."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, by its path in the file; it becomes a `Finding` once the line is looked up."""

    at: KeyPath
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    line: int | None = None
    """Where the parser has told it; otherwise it is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFinding:
    """One thing that is wrong, as people and editors need it. As text: `file:line: model ID: key: message; hint`."""

    path: str
    """Relative to the working directory where the file is below it."""
    line: int
    """From 1: the line of the key, or of the table that should have it."""
    model_id: str
    """Empty where no model is concerned, or it has no id."""
    key: str
    """Within the model, as `prices[2].input`; else within the file. Empty for the whole of it."""
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text

    @property
    def text(self) -> str:
        """The finding without its hint, in one line."""
        model = f"model {self.model_id}: " if self.model_id else ""
        key = f"{self.key}: " if self.key else ""
        return f"{self.path}:{self.line}: {model}{key}{self.message}"
