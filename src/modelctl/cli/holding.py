"""`modelctl held`, `accept` and `decline`: what guards stopped, and what a person decides about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.database import readable_database
from modelctl.config.author import author_of
from modelctl.core.holds import Verdict

EPILOG = """\b
Examples:
  modelctl held
  modelctl accept openai/gpt-4o --note "announced on the pricing page"
  modelctl decline openai/gpt-4o --note "their API shows a test price"

A decision is on one pair of values, old and new: it holds until either side moves. KEY is provider/model_id, or the
provider's name for its whole listing. An accepted change is written by the next sync; a declined one is left out.
"""

Keys = Annotated[list[str], typer.Argument(metavar="KEY", help="As provider/model_id, or a provider's listing.")]
Note = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with the decision.")]


class HeldFormat(StrEnum):
    """How the holds are printed."""

    TABLE = "table"
    JSON = "json"


def held_command(
    ctx: typer.Context,
    format: Annotated[HeldFormat, typer.Option(help="How to print them.")] = HeldFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """List what guards hold, and what was decided about it."""
    from modelctl.render.holds import holds_json, holds_text
    from modelctl.store.holds import holds_of

    context = context_of(ctx)
    with readable_database(context) as database:
        holds = database.read(lambda connection: holds_of(connection, database.tables))
    if json or format is HeldFormat.JSON:
        context.answer(holds_json(holds))
    elif holds:
        context.answer(holds_text(holds))
    else:
        context.say("nothing is held")


def accept_command(ctx: typer.Context, keys: Keys, note: Note = None) -> None:
    """Accept what a guard holds: the next sync writes it.

    As long as the old and the new value are these.
    """
    _decide(ctx, keys, Verdict.ACCEPTED, note)


def decline_command(ctx: typer.Context, keys: Keys, note: Note = None) -> None:
    """Decline what a guard holds: syncs leave it out.

    As long as the old and the new value are these.
    """
    _decide(ctx, keys, Verdict.DECLINED, note)


def _decide(ctx: typer.Context, keys: list[str], verdict: Verdict, note: str | None) -> None:
    from modelctl.render.holds import holds_text
    from modelctl.sync.editing import decide_holds

    context = context_of(ctx)
    command = "accept" if verdict is Verdict.ACCEPTED else "decline"
    with readable_database(context) as database:
        holds = decide_holds(database, keys, verdict, note, author_of(context, command))
    context.answer(holds_text(holds))
