"""What the facts of one model cannot say against each other, whoever states them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import NamedTuple, Protocol

from modelctl.core.model import ModelType

_OUTPUT_APART = frozenset({ModelType.AUDIO, ModelType.IMAGE, ModelType.VIDEO})
"""Google documents 8,192 tokens of text in and 16,384 of speech out for its TTS models (2026-11)."""


class Contradiction(NamedTuple):
    """A fact, and what speaks against it."""

    name: str
    message: str


class Dated(Protocol):
    """Facts with the days of a model's life and its limits; a catalog's table has them, too."""

    @property
    def type(self) -> str | None:
        """What it is for."""

    @property
    def released_on(self) -> date | None:
        """Its first day."""

    @property
    def deprecated_on(self) -> date | None:
        """The day its end was announced."""

    @property
    def retires_on(self) -> date | None:
        """Its last day."""

    @property
    def context_window(self) -> int | None:
        """In tokens, like the limits below."""

    @property
    def max_input_tokens(self) -> int | None:
        """Of one request."""

    @property
    def max_output_tokens(self) -> int | None:
        """Of one answer."""


def contradictions(facts: Dated) -> Iterator[Contradiction]:
    """All of them."""
    yield from days_out_of_order(facts)
    yield from limits_above_the_window(facts)


def days_out_of_order(facts: Dated) -> Iterator[Contradiction]:
    """Released, then deprecated, then retired."""
    days = (
        ("released_on", facts.released_on),
        ("deprecated_on", facts.deprecated_on),
        ("retires_on", facts.retires_on),
    )
    for (earlier, first), (later, second) in pairwise([(name, day) for name, day in days if day is not None]):
        if second < first:
            yield Contradiction(later, f"{second} is before {earlier} ({first})")


def limits_above_the_window(facts: Dated) -> Iterator[Contradiction]:
    """No limit is above the context window, but for output that is counted apart: sound and pictures."""
    window = facts.context_window
    limits = [("max_input_tokens", facts.max_input_tokens), ("max_output_tokens", facts.max_output_tokens)]
    for name, limit in limits[: 1 if facts.type in _OUTPUT_APART else 2]:
        if window is not None and limit is not None and limit > window:
            yield Contradiction(name, f"{limit} is above the context_window ({window})")
