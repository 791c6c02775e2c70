"""The options that say which providers a command asks, and how: the same for `sync`, `plan` and `discover`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from modelctl.cli.context import Context, database_if_any
from modelctl.core.planning.policy import SourceChoice
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.records import BadRow
    from modelctl.services.sources import Asking, KnownProvider


Source = Annotated[
    SourceChoice, typer.Option("--source", help="auto asks each API whose key is set, and always the catalogs.")
]
MaxAge = Annotated[
    str | None,
    typer.Option("--max-age", metavar="AGE", help="Use a provider's last whole listing again if no older, as 30m, 1h."),
]
Project = Annotated[
    str | None, typer.Option("--project", metavar="P", help="Use this project's keys; left out means the platform's.")
]


def asking(
    wanted: Sequence[str] | None, source: SourceChoice, max_age: str | None, project: str | None = None
) -> Asking:
    """From what the command line says. UsageError for what is no age or project, or can have no effect."""
    from modelctl.core.credentials import project_of
    from modelctl.core.text import duration
    from modelctl.services.sources import Asking

    age = duration(max_age, "--max-age") if max_age is not None else None
    if age is not None and source is SourceChoice.CATALOG:
        raise UsageError("--max-age is about listings, and --source catalog asks for none", "leave one of them out")
    if project is not None and source is SourceChoice.CATALOG:
        raise UsageError("--project is about keys, and --source catalog uses none", "leave one of them out")
    return Asking(wanted=wanted or (), source=source, max_age=age, project=project_of(project))


_WHERE = {
    "row": "disabled; `modelctl provider enable NAME` takes it in again",
    "settings": "switched off in modelctl.toml",
}


def say_left_out(context: Context, left_out: Mapping[str, str]) -> None:
    """Name the providers that are switched off, and where: `row` or `settings`."""
    for where, why in _WHERE.items():
        if names := [name for name, place in left_out.items() if place == where]:
            context.say(f"left out: {', '.join(names)} ({why})")


def wanted_of(context: Context, wanted: Sequence[str], known: Mapping[str, KnownProvider]) -> list[KnownProvider]:
    """The providers that are wanted, none named meaning all; says whom that leaves out. UsageError for an unknown."""
    from modelctl.services.sources import left_out, switches, wanted_providers

    rows, on = {name: each.provider for name, each in known.items()}, switches(context.runtime)
    say_left_out(context, left_out(wanted, rows, on))
    return [known[each.name] for each in wanted_providers(wanted, rows, on)]


def known_to(context: Context) -> dict[str, KnownProvider]:
    """The providers of the catalogs, and of the database where there is one."""
    from modelctl.services.sources import providers_there

    with database_if_any(context) as database:
        return providers_there(context.runtime, database)


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
