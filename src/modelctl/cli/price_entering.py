"""Writing prices that a person entered, and saying what came of it: the same for options and files."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context
from modelctl.cli.database import readable_database, writing_alone
from modelctl.cli.record_files import tell_bad_rows
from modelctl.config.author import author_of
from modelctl.core.records import BadRow
from modelctl.core.resolve import Rule
from modelctl.core.units import to_seconds
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.price_input import PriceRow
    from modelctl.sync.pricing import Entered, Lay


class EntryFormat(StrEnum):
    """How what was done is printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[EntryFormat, typer.Option("--format", help="How to print what was done.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def enter_and_tell(
    context: Context,
    command: str,
    rows: Sequence[PriceRow],
    lay: Lay,
    *,
    as_json: bool,
    bad: Sequence[BadRow] = (),
) -> None:
    """Write the prices and print what came of them. UsageError, and nothing written, where one of them is bad."""
    from modelctl.render.price_entered import entries_json, entries_text
    from modelctl.render.terminal import look_of
    from modelctl.sync.pricing import enter

    author = author_of(context, command)
    with readable_database(context) as database, writing_alone(context, database, author) as fenced:
        entered = enter(fenced, rows, lay, author, bad=bad)
    for name, resolution in entered.resolutions.items():
        if resolution.rule is not Rule.EXACT:
            context.say(f"{name!r} is {resolution}")
    _refuse_bad(context, entered.bad, len({row.line for row in rows} | {each.line for each in bad}))
    look = look_of(context.stdout, context.environ)
    if as_json:
        context.answer(entries_json(entered.prices, look, run=author.run, unchanged=entered.unchanged))
    elif entered.prices:
        context.answer(entries_text(entered.prices, look))
    _tell(context, entered)


def _refuse_bad(context: Context, bad: Sequence[BadRow], count: int) -> None:
    if not bad:
        return
    if len(bad) == 1 and not bad[0].line:
        raise UsageError(bad[0].problem)
    if bad[0].line:
        tell_bad_rows(context, bad)
        raise UsageError(f"nothing was written: {len({each.line for each in bad}):,} of {count:,} lines are bad")
    for each in bad:
        context.warn(each.problem)
    raise UsageError(f"nothing was written: {len(bad)} prices cannot be entered")


def _tell(context: Context, entered: Entered) -> None:
    """What came of it in numbers, and what looks wrong: it is written all the same, for a person said so."""
    from modelctl.core.guards import price_doubts
    from modelctl.render.price_entered import remarks, remarks_on_row

    limits, now = context.settings.limits, to_seconds(context.now)
    for text in remarks(entered.prices, now=now):
        context.warn(text)
    for change in entered.changes:
        model = entered.models[change.key]
        for doubt in price_doubts(change, limits):
            context.warn(f"warning: {change.key}: {doubt}: is that right?")
        for text in remarks_on_row(change.key, (*model.prices, *change.prices), now=now):
            context.warn(text)
    if entered.unchanged:
        context.say(f"{entered.unchanged} unchanged: the ledger has that already")
