"""`modelctl show`: all that is known of one model."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption


@epilog(
    """\b
Examples:
  modelctl show openai/gpt-4o
  modelctl show together/mistralai/Mixtral-8x7B-Instruct-v0.1 --changes 20
  modelctl show gpt-4o --json

MODEL is provider/model_id, an id that only one provider has, or an alias, with or without a date at its end. It may
also be id:17, the number of its row.
"""
)
def show_command(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    changes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the last N changes.")] = 5,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show everything that is known about one model.

    Its facts with their sources, its prices over time and its changes.
    """
    from modelctl.output.model import ModelDocument
    from modelctl.services.keys import keys_of
    from modelctl.services.models import show_model

    context = context_of(ctx)
    with readable_database(context) as database:
        keys = keys_of(context.runtime, database)
        resolution, details = show_model(database, model, changes=changes, keys=keys, now=context.now)
    context.say_resolved({model: resolution})
    context.show(ModelDocument.of(details, resolution.rule), format)
