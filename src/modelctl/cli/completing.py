"""The tree of commands, as it answers a shell that asks for completions. What the answer is, `completion` knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

_WORDS = "modelctl.cli.completing.words"
_COMMAND_LINES = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")
"""The variables in which shells hand over what a person has typed: bash, and the others."""


def words_typed(environ: Mapping[str, str]) -> list[str]:
    """The words of the command line that a shell asks to complete, and perhaps more; none where it asks nothing."""
    if "_MODELCTL_COMPLETE" not in environ:
        return []
    return re.findall(r"[\w-]+", " ".join(environ.get(name, "") for name in _COMMAND_LINES))


class CompletingGroup(TyperGroup):
    """A tree of commands that completes every word in its own way."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, parsed; for a completion only kept, since nothing runs."""
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        ctx.meta[_WORDS] = args
        return []

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The candidates for the word that a person is writing, and never a word of an error.

        Typer prints them in the way of each shell, and adds the names of files where there are none.
        """
        from modelctl.cli.completion import candidates

        return list(candidates(self, ctx.meta.get(_WORDS, []), ctx, incomplete))
