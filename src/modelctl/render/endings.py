"""The formats of what ends when. One signature for all: what ends, stream. And what is said beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TextIO

from modelctl.core.endings import Endings
from modelctl.render.endings_json import endings_json
from modelctl.render.endings_markdown import endings_markdown
from modelctl.render.endings_table import endings_table
from modelctl.render.endings_words import alarms, remarks
from modelctl.render.terminal import Look, look_of

__all__ = ["FORMATS", "alarms", "remarks"]


def _on(render: Callable[[Endings, Look], str]) -> Callable[[Endings, TextIO], str]:
    return lambda endings, stream: render(endings, look_of(stream))


FORMATS: Mapping[str, Callable[[Endings, TextIO], str]] = MappingProxyType(
    {"table": _on(endings_table), "json": _on(endings_json), "markdown": _on(endings_markdown)}
)
"""Format name -> what renders it as the stream can show it; a table of nothing is empty."""
