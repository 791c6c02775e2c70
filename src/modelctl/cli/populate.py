"""`modelctl populate`: the default models, for a new database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, database_of
from modelctl.cli.edit import DryRun
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter

if TYPE_CHECKING:
    from modelctl.services.additions import PopulateReport


@epilog(
    """\b
Examples:
  modelctl populate
  modelctl populate --set chat --set embedding openai
  modelctl populate --database "$DATABASE_URL" --format json      # a fresh CI database, tables included

The catalogs mark the sets (`sets = ["default"]`): default, chat, embedding, image, audio, video, rerank, moderation,
and those of your overlay. Existing rows stay as they are, and removed ones stay removed. It needs no key and no
network. `modelctl runs undo` undoes it.
"""
)
def populate_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Of these sets; else `default`. Repeatable.")
    ] = None,
    provider: ProviderOption = None,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Create the default models that are missing.

    Creates the tables, too, if they are missing.
    """
    from modelctl.services.additions import PopulateOptions, populate

    context = context_of(ctx)
    options = PopulateOptions(sets=tuple(sets or ()), providers=providers_filter(providers, provider), dry_run=dry_run)
    with database_of(context) as database:
        done = populate(context.runtime, database, options, context.author("populate"), on_wait=context.wait)
    _print_populated(context, done, format, dry_run=dry_run)


def _print_populated(context: Context, done: PopulateReport, format: Format, *, dry_run: bool) -> None:
    from modelctl.output.edits import PopulateDocument

    report = PopulateDocument.of([each for plan in done.plans for each in plan.results], done.ids, dry_run=dry_run)
    context.show(report, format)
    context.stdout.flush()
    context.say(report.message if report.results else "no default model fits; see `modelctl populate --help`")
    if not context.quiet:
        context.warn_of_each(
            f"{key} is disabled: no complete price is known" for each in done.plans for key in each.plan.needs_review
        )
