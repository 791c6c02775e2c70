"""`modelctl lifecycle`: what ends when, what it leads to, and whether that is so near that a check fails."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import readable_database
from modelctl.core.durations import days
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.endings import Endings, Window
    from modelctl.store.engine import Database

EPILOG = """\b
Examples:
  modelctl lifecycle
  modelctl lifecycle --within 26w --past 30d
  modelctl lifecycle --enabled --fail-within 30d --format markdown
"""


class EndingsFormat(StrEnum):
    """How the ends are printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def lifecycle_command(
    ctx: typer.Context,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", metavar="all|NAME", help="Repeatable; left out means all.")
    ] = None,
    within: Annotated[
        str, typer.Option("--within", metavar="Nd|Nw", help="How far ahead to look, in days or weeks.")
    ] = "90d",
    fail_within: Annotated[
        str | None,
        typer.Option(
            "--fail-within",
            metavar="Nd|Nw",
            help="Exit 3 when an enabled model ends so soon, or has ended and is still enabled.",
        ),
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled", help="Show only models that are enabled.")] = False,
    past: Annotated[
        str | None, typer.Option("--past", metavar="Nd|Nw", help="Show models, too, that ended so recently.")
    ] = None,
    format: Annotated[EndingsFormat, typer.Option("--format", help="How to print it.")] = EndingsFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show which models end when, and what replaces them.

    With what their live successors cost instead. Prices are those of plain requests (standard tier, no long context) on
    the day of the end, announced changes included. "Not sooner than" dates are shown apart: they are no announced end,
    and never make the check fail.
    """
    from modelctl.core.endings import Finding, Window

    context = context_of(ctx)
    window = Window(
        within_days=days(within, "--within"),
        past_days=days(past, "--past") if past is not None else None,
        fail_within_days=days(fail_within, "--fail-within") if fail_within is not None else None,
        only_enabled=enabled,
        providers=() if "all" in (provider or ()) else tuple(sorted(set(provider or ()))),
    )
    with readable_database(context) as database:
        endings = _endings(context, database, window)
    _print(context, endings, EndingsFormat.JSON if json else format)
    if any(endings.findings(kind) for kind in Finding):
        raise typer.Exit(ExitCode.PENDING)


def _endings(context: Context, database: Database, window: Window) -> Endings:
    """What ends inside the window; of the ledgers only those that are shown are read."""
    from modelctl.core.endings import find_endings, with_prices
    from modelctl.store import read

    def work(connection: Connection) -> Endings:
        _check_known(window.providers, read.providers(connection, database.tables))
        models = read.models(connection, database.tables, only=window.providers)
        endings = find_endings(models, window, today=context.now.date())
        return with_prices(endings, read.with_ledgers(connection, database.tables, endings.keys))

    return database.read(work)


def _check_known(names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"
            raise UsageError(f"the database has no provider {name!r}", hint)


def _print(context: Context, endings: Endings, format: EndingsFormat) -> None:
    from modelctl.render.endings import FORMATS, alarms, remarks

    if text := FORMATS[format](endings, context.stdout):
        context.answer(text)
    for remark in remarks(endings):
        context.say(remark)
    for alarm in alarms(endings):
        context.warn(alarm)
