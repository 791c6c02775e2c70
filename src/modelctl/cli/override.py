"""`modelctl override`: which fields of a row are people's, and which the sources'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.edit import Yes, require_yes
from modelctl.cli.format import JsonOption, RowsFormat, RowsFormatOption
from modelctl.cli.options import ALL, ProviderOption, providers_asked, refuse_together
from modelctl.core.text import counted
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.plan import Change


app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keep values that you set, or let the sources set them again.",
    epilog="No sync changes a value that a person set or pinned.",
)

Model = Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]
Fields = Annotated[list[str], typer.Argument(metavar="FIELD", help="Columns of the row, as context_window.")]


@app.command(
    "list",
    epilog="""\b
Examples:
  modelctl override list
  modelctl override list openai
  modelctl override list openai/gpt-4o --json

An override is a value that was pinned, that another program wrote into the row, or a price that you set.
""",
)
def list_command(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PROVIDER|MODEL", help="Which ones; by default all.")
    ] = None,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """List your overrides, and what modelctl wrote before.

    No sync changes them.
    """
    from modelctl.output.edits import OverridesDocument
    from modelctl.services.edits import list_overrides

    context = context_of(ctx)
    with readable_database(context) as database:
        found = list_overrides(database, names or (), now=context.now)
    context.show(OverridesDocument.model_validate(found), format)
    models = len({each.key for each in found})
    context.say(f"{counted(len(found), 'override')} of {counted(models, 'model')}" if found else "there is no override")


@app.command(
    "pin",
    epilog="""\b
Examples:
  modelctl override pin openai/gpt-4o context_window
  modelctl override pin gpt-4o display_name tags

A pinned field keeps its value until `modelctl override unpin` or `modelctl sync --take`.
""",
)
def pin_command(ctx: typer.Context, model: Model, fields: Fields) -> None:
    """Pin fields of a model: no sync changes them."""
    from modelctl.services.edits import pin

    context = context_of(ctx)
    with readable_database(context) as database:
        changed = pin(database, model, fields, context.author("override pin")).changes
    _say(context, changed, f"pinned {', '.join(fields)}", "pinned already: nothing changed")


@app.command(
    "unpin",
    epilog="""\b
Examples:
  modelctl override unpin openai/gpt-4o context_window
  modelctl override unpin gpt-4o all
  modelctl override unpin openai/gpt-4o input_price_per_mtok

A field that no source states keeps its value. A price from `modelctl price set` ends at once, and what the sources last
stated holds again.
""",
)
def unpin_command(ctx: typer.Context, model: Model, fields: Fields) -> None:
    """Unpin fields: the next sync writes what the sources state."""
    from modelctl.services.edits import unpin

    context = context_of(ctx)
    with readable_database(context) as database:
        changed = unpin(database, model, fields, context.author("override unpin")).changes
    _say(context, changed, f"unpinned {', '.join(fields)}", "not an override: nothing changed")


@app.command(
    "adopt",
    epilog="""\b
Examples:
  modelctl override adopt openai/gpt-4o
  modelctl override adopt openai
  modelctl override adopt --all

A row that was there before modelctl is left alone until you adopt it. Then the sources may replace its values; pin what
must stay.
""",
)
def adopt_command(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PROVIDER|MODEL", help="All rows of a provider, or one model.")
    ] = None,
    provider: ProviderOption = None,
    every: Annotated[bool, typer.Option("--all", help="All rows of all providers.")] = False,
    yes: Yes = False,
) -> None:
    """Adopt rows that were there before modelctl: the sources fill them."""
    from modelctl.services.edits import adopt, unowned_keys

    context, wanted = context_of(ctx), providers_asked(names, provider)
    if every:
        refuse_together("--all", {"PROVIDER|MODEL": names, "--provider": provider})
    elif not wanted:
        raise UsageError("adopt needs models, providers, or --all", "`modelctl override adopt openai/gpt-4o`")
    with readable_database(context) as database:
        rows = unowned_keys(database, () if ALL in wanted else wanted)
        author = context.author("override adopt")
        if len(rows) > 1 and not yes and context.has_person:
            require_yes(context, "adopt", adopt(database, rows, author, dry_run=True).changes)
        changed = adopt(database, rows, author).changes
    _say(context, changed, "adopted", "there is nothing to adopt: modelctl manages these rows already")


def _say(context: Context, changed: tuple[Change, ...], done: str, nothing: str) -> None:
    for change in changed:
        context.answer(f"{change.key}: {done}")
    if not changed:
        context.say(nothing)
