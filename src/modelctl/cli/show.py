"""`modelctl show`: everything that is known of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import (
    Context,
    Format,
    FormatOption,
    JsonOption,
    context_of,
    readable_database,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.models.details import ModelDetails
    from modelctl.core.models.resolve import Resolution
    from modelctl.tables.base import Tables


@epilog(
    """\b
Examples:
  modelctl show openai/gpt-4o
  modelctl show together/mistralai/Mixtral-8x7B-Instruct-v0.1 --changes 20
  modelctl show gpt-4o --json

MODEL is provider/model_id, an id that only one provider has, an alias, or one of these with a date at its end.
"""
)
def show_command(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    changes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the last N changes.")] = 5,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show everything that is known of one model.

    Its facts with their sources, its prices over time and its changes.
    """
    from modelctl.core.models.resolve import Rule
    from modelctl.output.model import ModelDocument

    context = context_of(ctx)
    resolution, details = _read(context, model, changes)
    if resolution.rule is not Rule.EXACT:
        context.say(f"{model!r} is {resolution}")
    context.show(ModelDocument.of(details, resolution.rule), format)


def _read(context: Context, name: str, changes: int) -> tuple[Resolution, ModelDetails]:
    from modelctl.core.models.details import model_details
    from modelctl.core.models.lifecycle import chain_of
    from modelctl.core.models.resolve import resolve
    from modelctl.db import read

    today = context.now.date()

    def work(connection: Connection, tables: Tables) -> tuple[Resolution, ModelDetails]:
        known = {each.key: each for each in read.models(connection, tables)}
        resolution = resolve(name, known.values())
        model = read.models_by_key(connection, tables, [resolution.key])[resolution.key]
        entries = read.changes_of(connection, tables, resolution.key, changes) if changes else ()
        chain = chain_of(model, known, after=today, today=today)
        return resolution, model_details(model, known, chain, entries, now=context.now)

    with readable_database(context) as database:
        return database.read(lambda connection: work(connection, database.tables))
