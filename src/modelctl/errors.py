"""Every error a user can cause, each with its exit code. Nothing here prints or exits.

The table of exit codes is design decision, not taste: scripts and CI jobs branch on it, so a number is never reused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a command."""

    OK = 0  # done, or already in sync
    FAILED = 1  # failed; nothing was written
    USAGE = 2  # the command line or the settings are wrong
    PENDING = 3  # findings, or changes pending (checks and --exit-code)
    REFUSED = 4  # a guard holds something; the rest is applied
    PARTIAL = 5  # an API or a provider failed; the rest is applied
    STALE = 6  # the plan is stale, or another run holds the lock
    BUG = 70  # a defect in modelctl
    INTERRUPTED = 130  # Ctrl-C or SIGTERM


FIRST_TO_LAST = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.STALE,
    ExitCode.PARTIAL,
    ExitCode.REFUSED,
    ExitCode.PENDING,
    ExitCode.USAGE,
    ExitCode.FAILED,
    ExitCode.OK,
)
"""Of several codes, the one that comes first is what a command exits with."""


def exit_code_of(codes: Iterable[ExitCode]) -> ExitCode:
    """What a command exits with that has several reasons; OK where it has none."""
    return min(codes, key=FIRST_TO_LAST.index, default=ExitCode.OK)


EXIT_CODE_MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "done, or already in sync",
    ExitCode.FAILED: "failed, nothing written",
    ExitCode.USAGE: "wrong usage or settings",
    ExitCode.PENDING: "findings, or changes pending (`--exit-code`, checks)",
    ExitCode.REFUSED: "a guard holds something; the rest is applied",
    ExitCode.PARTIAL: "partial: an API or a provider failed, the rest is applied",
    ExitCode.STALE: "stale plan, or another run holds the lock",
    ExitCode.BUG: "a bug in modelctl (details with `--debug`)",
    ExitCode.INTERRUPTED: "interrupted",
}


class ModelctlError(Exception):
    """What went wrong and where (`message`), and what to do next (`hint`). Never holds a secret."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(ModelctlError):
    """An option, argument or setting that cannot be used as given."""

    exit_code = ExitCode.USAGE


class NearMiss(UsageError):
    """An id that looks like a slip of the one that was meant; whoever means it says so."""


class BadRows(UsageError):
    """Several rows, of which some cannot be written: none is. Each problem is told in a line of its own."""

    def __init__(self, problems: Sequence[str], *, of: int) -> None:
        super().__init__(f"nothing was written, because {len(problems):,} of {of:,} rows have errors")
        self.problems = tuple(problems)


class InvalidFact(ModelctlError):
    """A value that no model or price can have, whatever source said it."""


class CatalogError(ModelctlError):
    """A catalog file that cannot be read or breaks the schema; names file, line, model and key."""


class SourceError(ModelctlError):
    """A provider's listing that could not be fetched or believed. The provider's rows stay as they are."""


class CredentialError(ModelctlError):
    """A stored API key that cannot be read, or a master key that is missing, wrong or unusable."""


class StoreError(ModelctlError):
    """A database that cannot be opened, read or written."""


class Refused(ModelctlError):
    """Something that would take more with it than was asked for; it can be asked for by name."""

    exit_code = ExitCode.REFUSED


class StalePlan(ModelctlError):
    """Rows that a plan rests on have moved since it was made."""

    exit_code = ExitCode.STALE


class LockHeld(ModelctlError):
    """Another run writes to this database now, or took over while this one stood still."""

    exit_code = ExitCode.STALE
