"""`modelctl resolve`: which model a name means."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption


@epilog(
    """\b
Examples:
  modelctl resolve gpt-4o
  modelctl resolve claude-sonnet-4-5-latest
  modelctl resolve gpt-4o-2024-08-06 --format json

A name is looked up as provider/model_id, then as an id that only one provider has, then as an alias. If none
fits, `-latest` or a date at its end is dropped. What merely looks alike is suggested, never taken.
"""
)
def resolve_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a model, as somebody wrote it.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which model a name means, and why."""
    from modelctl.output.model import ResolvedDocument
    from modelctl.services.models import resolve_model

    context = context_of(ctx)
    with readable_database(context) as database:
        found = resolve_model(database, name, context.now.date())
    provider, model_id = found.key
    context.show(ResolvedDocument(name=name, provider=provider, model_id=model_id, rule=found.rule), format)
    if format is Format.TABLE:
        context.say(f"{name!r} is {found}")
