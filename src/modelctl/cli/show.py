"""`modelctl show` and `resolve`: everything that is known of one model, and which model a name means."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import (
    Format,
    FormatOption,
    JsonOption,
    context_of,
    readable_database,
)


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
    from modelctl.output.model import ModelDocument
    from modelctl.services.models import show_model

    context = context_of(ctx)
    with readable_database(context) as database:
        resolution, details = show_model(database, model, changes=changes, now=context.now)
    context.say_resolved({model: resolution})
    context.show(ModelDocument.of(details, resolution.rule), format)


@epilog(
    """\b
Examples:
  modelctl resolve gpt-4o
  modelctl resolve claude-sonnet-4-5-latest
  modelctl resolve gpt-4o-2024-08-06 --format json

The rules, in this order: exact provider/model_id, an id that only one provider has, an alias, one of these with
`-latest` or with a real date at its end. Never a prefix or a part: what merely looks alike is suggested, not taken.
"""
)
def resolve_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model as somebody wrote it.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Say which model a name means, and by which rule."""
    from modelctl.output.model import ResolvedDocument
    from modelctl.services.models import resolve_model

    context = context_of(ctx)
    with readable_database(context) as database:
        found = resolve_model(database, name)
    provider, model_id = found.key
    context.show(ResolvedDocument(name=name, provider=provider, model_id=model_id, rule=found.rule), format)
    if format is Format.TABLE:
        context.say(f"{name!r} is {found}")
