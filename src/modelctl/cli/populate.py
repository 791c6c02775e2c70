"""`modelctl populate`: default models into a new or an existing database, tables included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.database import database_of, writing_alone
from modelctl.cli.editing import DryRun, EditFormat, Format, Json
from modelctl.config.author import author_of
from modelctl.core.names import require_known

if TYPE_CHECKING:
    from modelctl.sync.populating import Populated, Populating

EPILOG = """\b
Examples:
  modelctl populate
  modelctl populate --set chat --set embedding --provider openai
  modelctl populate --database "$DATABASE_URL" --format json      # a fresh CI database, tables included

The sets are marked in the catalogs (`sets = ["default"]`): default, chat, embedding, image, audio, video, rerank,
moderation, and those of your own catalogs. Rows that are there stay as they are; one that somebody removed stays
removed. Needs no key and no network. `modelctl undo` takes it back.
"""


def populate_command(
    ctx: typer.Context,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Of these sets; else `default`. Repeatable.")
    ] = None,
    providers: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this seller's. Repeatable.")
    ] = None,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """Create the default models that are not there yet.

    And the tables if need be.
    """
    context = context_of(ctx)
    order = _order(context, sets or (), providers or ())
    done = _populate(context, order, dry_run=dry_run)
    _print(context, done, dry_run=dry_run, as_json=json or format is EditFormat.JSON)


def _order(context: Context, sets: Sequence[str], providers: Sequence[str]) -> Populating:
    from modelctl.catalog.load import in_force
    from modelctl.core.populating import chosen
    from modelctl.sync.populating import Populating

    settings = context.settings
    catalogs = in_force(settings.catalog_directory)
    known = sorted({name for catalog in catalogs for name in catalog.providers})
    for name in providers:
        require_known(name, known, "provider")
    return Populating(
        wanted=chosen([catalog.sets for catalog in catalogs], sets, providers),
        catalogs=catalogs,
        patterns={name: each.patterns for name, each in settings.providers.items()},
    )


def _populate(context: Context, order: Populating, *, dry_run: bool) -> Populated:
    from modelctl.store import schema
    from modelctl.sync.populating import populate, preview

    author = author_of(context, "populate")
    with database_of(context) as database:
        if dry_run:
            return preview(database if schema.is_readable(database) else None, order, author)
        schema.ensure_created(database)
        with writing_alone(context, database, author) as fenced:
            return populate(fenced, order, author)


def _print(context: Context, done: Populated, *, dry_run: bool, as_json: bool) -> None:
    from modelctl.render.populate import populate_json, populate_text, summary
    from modelctl.render.terminal import look_of

    look = look_of(context.stdout, context.environ)
    results = [result for each in done.seedings for result in each.results]
    count = summary(results)
    verb = "would be created" if dry_run else "created"
    message = f"{count['created']:,} {verb}, {count['skipped']:,} skipped, {count['total']:,} in all"
    if as_json:
        context.answer(populate_json(message, results, done.ids, look))
    elif results:
        context.answer(populate_text(results, look))
    context.stdout.flush()
    context.say(message if results else "no default model fits; see `modelctl populate --help`")
    for key in (key for each in done.seedings for key in each.plan.needs_review):
        context.say(f"{key} is switched off: no complete price is known")
