"""Files of records, or stdin, for the commands that read them: opening one, and naming its bad lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from modelctl.cli.context import Context
from modelctl.core.records import BadRow
from modelctl.errors import UsageError

STDIN = "-"
T = TypeVar("T")


def read_file(context: Context, source: str, label: str, read: Callable[[Iterable[str]], T]) -> T:
    """What `read` makes of the lines of a file, or with `-` of stdin. UsageError where they are no text."""
    try:
        if source == STDIN:
            return read(context.stdin)
        with Path(source).open(encoding="utf-8", newline="") as file:
            return read(file)
    except UnicodeDecodeError as error:
        raise UsageError(f"{label} {source}: is no UTF-8 text ({error.reason} at byte {error.start})") from None


def tell_bad_rows(context: Context, bad: Iterable[BadRow]) -> None:
    """Each problem once, with all its lines, in the order of the first ones."""
    lines: dict[str, list[int]] = {}
    for each in sorted(bad):
        lines.setdefault(each.problem, []).append(each.line)
    for problem, where in lines.items():
        context.warn(f"{_lines_text(where)}: {problem}")


def _lines_text(lines: list[int]) -> str:
    """`line 3`, `lines 3, 5-9`."""
    runs = [
        [line for _, line in run]
        for _, run in groupby(enumerate(lines), key=lambda numbered: numbered[1] - numbered[0])
    ]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"line{'' if len(lines) == 1 else 's'} {text}"
