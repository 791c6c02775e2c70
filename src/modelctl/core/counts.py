"""Counts as they are told to people. The one place that knows when a noun has its s."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """The count with its noun: `1 model`, `0 models`, `1,200 models`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
