"""`modelctl populate`: the default models, for a new database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import (
    Context,
    Format,
    FormatOption,
    JsonOption,
    context_of,
    database_of,
    writing_alone,
)
from modelctl.cli.edit import DryRun
from modelctl.core.text import require_known

if TYPE_CHECKING:
    from modelctl.services.additions import PopulateOptions, PopulateReport


@epilog(
    """\b
Examples:
  modelctl populate
  modelctl populate --set chat --set embedding --provider openai
  modelctl populate --database "$DATABASE_URL" --format json      # a fresh CI database, tables included

The sets are marked in the catalogs (`sets = ["default"]`): default, chat, embedding, image, audio, video, rerank,
moderation, and those of your own catalogs. Rows that are there stay as they are; one that somebody removed stays
removed. Needs no key and no network. `modelctl undo` takes it back.
"""
)
def populate_command(
    ctx: typer.Context,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Of these sets; else `default`. Repeatable.")
    ] = None,
    providers: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this seller's. Repeatable.")
    ] = None,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Create the default models that are not there yet.

    And the tables if need be.
    """
    context = context_of(ctx)
    options = _options(context, sets or (), providers or ())
    done = _populate(context, options, dry_run=dry_run)
    _print_populated(context, done, format, dry_run=dry_run)


def _options(context: Context, sets: Sequence[str], providers: Sequence[str]) -> PopulateOptions:
    from modelctl.catalog.load import catalogs_in_force
    from modelctl.core.edits.additions import models_in_sets
    from modelctl.services.additions import PopulateOptions

    settings = context.settings
    catalogs = catalogs_in_force(settings.catalog_directory)
    known = sorted({name for catalog in catalogs for name in catalog.providers})
    for name in providers:
        require_known(name, known, "provider")
    return PopulateOptions(
        wanted=models_in_sets([catalog.sets for catalog in catalogs], sets, providers),
        catalogs=catalogs,
        patterns={name: each.patterns for name, each in settings.providers.items()},
    )


def _populate(context: Context, options: PopulateOptions, *, dry_run: bool) -> PopulateReport:
    from modelctl.db import migrate as schema
    from modelctl.services.additions import populate, preview

    author = context.author("populate")
    with database_of(context) as database:
        if dry_run:
            return preview(database if schema.is_readable(database) else None, options, author)
        schema.ensure_created(database)
        with writing_alone(context, database, author) as fenced:
            return populate(fenced, options, author)


def _print_populated(context: Context, done: PopulateReport, format: Format, *, dry_run: bool) -> None:
    from modelctl.output.edits import PopulateDocument

    report = PopulateDocument.of([each for plan in done.plans for each in plan.results], done.ids, dry_run=dry_run)
    context.show(report, format)
    context.stdout.flush()
    context.say(report.message if report.results else "no default model fits; see `modelctl populate --help`")
    for key in (key for each in done.plans for key in each.plan.needs_review):
        context.say(f"{key} is switched off: no complete price is known")
