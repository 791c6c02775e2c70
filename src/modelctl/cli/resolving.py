"""`modelctl resolve NAME`: which model a name means, and by which rule."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.database import readable_database
from modelctl.core.resolve import NAMING_FACTS, resolve

EPILOG = """\b
Examples:
  modelctl resolve gpt-4o
  modelctl resolve claude-sonnet-4-5-latest
  modelctl resolve gpt-4o-2024-08-06 --format json

The rules, in this order: exact provider/model_id, an id that only one provider has, an alias, one of these with
`-latest` or with a real date at its end. Never a prefix or a part: what merely looks alike is suggested, not taken.
"""


class ResolveFormat(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"


def resolve_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model as somebody wrote it.")],
    format: Annotated[ResolveFormat, typer.Option(help="How to print it.")] = ResolveFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Say which model a name means, and by which rule."""
    from json import dumps

    from modelctl.store import read

    context = context_of(ctx)
    with readable_database(context) as database:
        found = resolve(
            name, database.read(lambda connection: read.models(connection, database.tables, columns=NAMING_FACTS))
        )
    if json or format is ResolveFormat.JSON:
        provider, model_id = found.key
        answer = {"name": name, "provider": provider, "model_id": model_id, "rule": found.rule.value}
        context.answer(dumps(answer, indent=2, ensure_ascii=False))
    else:
        context.answer(str(found.key))
        context.say(f"{name!r} is {found}")
