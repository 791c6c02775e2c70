"""`modelctl pin`, `unpin` and `adopt`: which fields of a row are people's, and which the sources'."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, readable_database
from modelctl.config.settings import author_of
from modelctl.core.planning import ownership as claims
from modelctl.core.planning.plan import Verdict
from modelctl.core.text import to_seconds
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.plan import Change
    from modelctl.core.stored import StoredModel


PIN_EPILOG = """\b
Examples:
  modelctl pin openai/gpt-4o context_window
  modelctl pin gpt-4o display_name tags

A pinned field keeps its value whatever the sources say, until `modelctl unpin` or `modelctl sync --take`.
"""

UNPIN_EPILOG = """\b
Examples:
  modelctl unpin openai/gpt-4o context_window
  modelctl unpin gpt-4o all
  modelctl unpin openai/gpt-4o input_price_per_mtok

The next sync writes what the sources state; a field of which no source speaks keeps its value. A price that
`modelctl price set` entered ends, and what the sources last stated holds again at once.
"""

ADOPT_EPILOG = """\b
Examples:
  modelctl adopt openai/gpt-4o
  modelctl adopt --provider openai
  modelctl adopt --all

A row that was there before modelctl is left alone until it is adopted; then the sources may overwrite its values.
Pin what must stay.
"""

Model = Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]
Fields = Annotated[list[str], typer.Argument(metavar="FIELD", help="Columns of the row, as context_window.")]


def pin_command(ctx: typer.Context, model: Model, fields: Fields) -> None:
    """Claim fields of a model: no sync changes them."""
    context = context_of(ctx)
    changed = _edit(context, "pin", [model], lambda stored: claims.pin(stored, fields))
    _say(context, changed, f"pinned {', '.join(fields)}", "pinned already: nothing changed")


def unpin_command(ctx: typer.Context, model: Model, fields: Fields) -> None:
    """Give fields back: the next sync writes what sources state."""
    context = context_of(ctx)
    now = to_seconds(context.now)
    changed = _edit(context, "unpin", [model], lambda stored: claims.unpin(stored, fields, now=now))
    _say(context, changed, f"gave {', '.join(fields)} back to the sources", "the sources' already: nothing changed")


def adopt_command(
    ctx: typer.Context,
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="As provider/model_id.")] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="All rows of this provider.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All rows of all providers.")] = False,
) -> None:
    """Let the sources fill rows that were there before modelctl."""
    from modelctl.services.models import unowned_keys

    context = context_of(ctx)
    if sum((bool(models), provider is not None, every)) != 1:
        raise UsageError("adopt needs models, or --provider, or --all", "`modelctl adopt openai/gpt-4o`")
    with readable_database(context) as database:
        names = models or unowned_keys(database, provider)
    changed = _edit(context, "adopt", list(names), claims.adopt)
    _say(context, changed, "adopted", "there is nothing to adopt: modelctl knows these rows")


def _edit(
    context: Context, command: str, names: list[str], edit: Callable[[StoredModel], Change | None]
) -> tuple[Change, ...]:
    from modelctl.services.models import edit_models

    with readable_database(context) as database:
        return edit_models(database, names, edit, author_of(context, command))


def _say(context: Context, changed: tuple[Change, ...], done: str, nothing: str) -> None:
    for change in changed:
        context.answer(f"{change.key}: {done}")
    if not changed:
        context.say(nothing)


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


def held_command(
    ctx: typer.Context,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """List what guards hold, and what was decided about it."""
    from modelctl.db.write import holds_of
    from modelctl.output.edits import holds_json, holds_text

    context = context_of(ctx)
    with readable_database(context) as database:
        holds = database.read(lambda connection: holds_of(connection, database.tables))
    if format is Format.JSON:
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
    from modelctl.output.edits import holds_text
    from modelctl.services.models import decide_holds

    context = context_of(ctx)
    command = "accept" if verdict is Verdict.ACCEPTED else "decline"
    with readable_database(context) as database:
        holds = decide_holds(database, keys, verdict, note, author_of(context, command))
    context.answer(holds_text(holds))
