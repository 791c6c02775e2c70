"""`modelctl show MODEL`: everything about one model, and who says so."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import readable_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.dossier import Dossier
    from modelctl.core.resolve import Resolution
    from modelctl.store.names import Tables

EPILOG = """\b
Examples:
  modelctl show openai/gpt-4o
  modelctl show together/mistralai/Mixtral-8x7B-Instruct-v0.1 --changes 20
  modelctl show gpt-4o --json

MODEL is provider/model_id, an id that only one provider has, an alias, or one of these with a date at its end.
"""


class ShowFormat(StrEnum):
    """How a model can be shown."""

    TABLE = "table"
    JSON = "json"


def show_command(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    changes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the last N changes.")] = 5,
    format: Annotated[ShowFormat, typer.Option(help="How to print it.")] = ShowFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show everything that is known of one model.

    Its facts with their sources, its prices over time and its changes.
    """
    from modelctl.core.resolve import Rule
    from modelctl.render.page import page
    from modelctl.render.page_json import page_json
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    resolution, dossier = _read(context, model, changes)
    if resolution.rule is not Rule.EXACT:
        context.say(f"{model!r} is {resolution}")
    look = look_of(context.stdout, context.environ)
    as_json = json or format is ShowFormat.JSON
    context.answer(page_json(dossier, resolution.rule, look) if as_json else page(dossier, look))


def _read(context: Context, name: str, changes: int) -> tuple[Resolution, Dossier]:
    from modelctl.core.dossier import dossier
    from modelctl.core.resolve import resolve
    from modelctl.core.succession import chain_of
    from modelctl.store import read

    today = context.now.date()

    def work(connection: Connection, tables: Tables) -> tuple[Resolution, Dossier]:
        known = {each.key: each for each in read.models(connection, tables)}
        resolution = resolve(name, known.values())
        model = read.models_by_key(connection, tables, [resolution.key])[resolution.key]
        entries = read.changes_of(connection, tables, resolution.key, changes) if changes else ()
        chain = chain_of(model, known, after=today, today=today)
        return resolution, dossier(model, known, chain, entries, now=context.now)

    with readable_database(context) as database:
        return database.read(lambda connection: work(connection, database.tables))
