"""What came of trying providers: a paragraph each for people, an object each for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from modelctl.core.counts import counted
from modelctl.core.health import Health
from modelctl.render.json_values import plain
from modelctl.render.providers import health_style
from modelctl.render.terminal import Look, labelled
from modelctl.render.values import one_line

VERSION = 1
_WORDS: Mapping[Health, str] = {health: health.value.replace("_", " ") for health in Health}


class Probed(Protocol):
    """What came of trying one provider."""

    @property
    def health(self) -> Health:
        """In one word."""

    @property
    def problem(self) -> str:
        """What is wrong."""

    @property
    def remedy(self) -> str:
        """What to do."""

    @property
    def latency_ms(self) -> int | None:
        """From the first request to the first model."""

    @property
    def models(self) -> int | None:
        """How many it lists."""

    @property
    def skipped(self) -> int:
        """What it lists besides."""

    @property
    def key_is_proven(self) -> bool | None:
        """Whether a made-up key is refused."""


Results = Sequence[tuple[str, Probed]]


def tests_text(results: Results, look: Look) -> str:
    """A line per provider, what is wrong below it."""
    name_width = max(len(name) for name, _ in results)
    word_width = max(len(_WORDS[each.health]) for _, each in results)
    lines = []
    for name, each in results:
        word = look.paint(_WORDS[each.health].ljust(word_width), health_style(each.health))
        lines += labelled(f"{one_line(name).ljust(name_width)}  {word}", ", ".join(_facts(each)), look)
        for text in filter(None, (each.problem, each.remedy and f"→ {each.remedy}")):
            lines += labelled("", one_line(text), look, indent=2)
    return look.text(lines)


def tests_json(results: Results, at: datetime, stored: set[str], look: Look) -> str:
    """All results. A promise: keys are only added. `stored`: whose rows remember it."""
    document = {
        "version": VERSION,
        "checked_at": plain(at),
        "providers": [_object(name, each, name in stored) for name, each in results],
    }
    return json.dumps(document, indent=2, ensure_ascii=not look.unicode)


def _facts(probed: Probed) -> Iterator[str]:
    if probed.models is not None:
        yield counted(probed.models, "model")
    if probed.skipped:
        yield f"{probed.skipped:,} skipped"
    if probed.latency_ms is not None:
        yield f"{probed.latency_ms:,} ms"
    if probed.key_is_proven:
        yield "key proven"
    elif probed.models is not None and probed.key_is_proven is None:
        yield "no key wanted"


def _object(name: str, probed: Probed, is_stored: bool) -> dict[str, Any]:
    return {
        "provider": name,
        "health": probed.health.value,
        "problem": probed.problem or None,
        "remedy": probed.remedy or None,
        "models": probed.models,
        "skipped": probed.skipped,
        "latency_ms": probed.latency_ms,
        "key_is_proven": probed.key_is_proven,
        "is_stored": is_stored,
    }
