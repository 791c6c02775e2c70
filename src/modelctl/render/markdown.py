"""Markdown as GitHub reads it: tables and text that no id or message can break out of."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from modelctl.render.values import one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#@])")


def escaped(text: str) -> str:
    """Text that stands for itself: no table cell, link, tag or mention can come of it."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def code(text: str) -> str:
    """Text as code, in a table too: there a pipe ends the cell even inside of code."""
    return "`" + one_line(text).replace("`", "'").replace("|", "\\|") + "`"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """A table; the cells are Markdown already. Columns numbered in `right` are flush right."""
    rule = ["---:" if index in right else "---" for index in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))
