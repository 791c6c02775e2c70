"""`modelctl review`: what guards hold, and what people decide about it."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.context import context_of, readable_database
from modelctl.cli.format import Format, JsonOption, RowsFormat, RowsFormatOption
from modelctl.core.planning.plan import Verdict

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List what guards hold, and accept or decline it.",
    epilog="A guard holds a change that looks wrong, such as a doubled price; the rest of a sync is written.",
)

Keys = Annotated[list[str], typer.Argument(metavar="KEY", help="As provider/model_id, or a provider's listing.")]
Note = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with the decision.")]


EXAMPLES = """\b
Examples:
  modelctl review list
  modelctl review accept openai/gpt-4o --note "announced on the pricing page"
  modelctl review decline openai/gpt-4o --note "their API shows a test price"

A decision is about one pair of old and new value; when either changes, the guard holds it again. KEY is
provider/model_id, or the provider's name for its listing. The next sync writes an accepted change; a declined one is
left out.
"""


@app.command("list", epilog=EXAMPLES)
def list_command(
    ctx: typer.Context,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """List what guards hold, and what was decided about it."""
    from modelctl.output.edits import HoldsDocument
    from modelctl.services.edits import list_holds

    context = context_of(ctx)
    with readable_database(context) as database:
        holds = list_holds(database)
    context.show(HoldsDocument.model_validate(holds), format)
    if not holds and format is RowsFormat.TABLE:
        context.say("nothing is held")


@app.command("accept", epilog=EXAMPLES)
def accept_command(ctx: typer.Context, keys: Keys, note: Note = None) -> None:
    """Accept what a guard holds: the next sync writes it.

    The decision holds as long as the old and the new value stay the same.
    """
    _decide(ctx, keys, Verdict.ACCEPTED, note)


@app.command("decline", epilog=EXAMPLES)
def decline_command(ctx: typer.Context, keys: Keys, note: Note = None) -> None:
    """Decline what a guard holds: syncs leave it out.

    The decision holds as long as the old and the new value stay the same.
    """
    _decide(ctx, keys, Verdict.DECLINED, note)


def _decide(ctx: typer.Context, keys: list[str], verdict: Verdict, note: str | None) -> None:
    from modelctl.output.edits import HoldsDocument
    from modelctl.services.edits import decide_holds

    context = context_of(ctx)
    command = "review accept" if verdict is Verdict.ACCEPTED else "review decline"
    with readable_database(context) as database:
        holds = decide_holds(database, keys, verdict, note, context.author(command))
    context.show(HoldsDocument.model_validate(holds), Format.TABLE)
