"""`modelctl discover`: what the providers' APIs say, in our fields, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import JsonOption, LinesFormat, LinesFormatOption, context_of, database_if_any
from modelctl.cli.options import MaxAge, Project, say_left_out
from modelctl.core.text import duration
from modelctl.errors import ExitCode

if TYPE_CHECKING:
    from modelctl.output.providers import Discovered
    from modelctl.services.gather import ListedProvider


@epilog(
    """\b
Examples:
  modelctl discover
  modelctl discover openai anthropic --max-age 1h
  modelctl discover xai --json
  modelctl discover openai --project shop

Exit codes: 0 done, 1 no provider answered, 5 some providers failed; the others are shown.
"""
)
def discover_command(
    ctx: typer.Context,
    provider: Annotated[
        list[str] | None, typer.Argument(metavar="PROVIDER", help="Left out means all whose key is set.")
    ] = None,
    project: Project = None,
    max_age: MaxAge = None,
    format: LinesFormatOption = LinesFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what the providers' APIs list; nothing is written.

    It is mapped to the fields of a model. Catalogs, your patterns and the rows of the database change nothing here: it
    is the API's word alone, with what was skipped and why. Prices are shown where an API states them; few do.
    """
    from modelctl.core.credentials import project_of
    from modelctl.output.providers import DiscoveryDocument
    from modelctl.services.gather import Observer, discover

    context = context_of(ctx)
    age = duration(max_age, "--max-age") if max_age is not None else None
    observer = Observer(begin=lambda _providers, left_out: say_left_out(context, left_out))
    with database_if_any(context) as database:
        listed = discover(
            context.runtime, database, provider or (), project=project_of(project), max_age=age, observer=observer
        )
    found = [_discovered(each) for each in listed]
    context.show(DiscoveryDocument(providers=tuple(found)), format)
    for each in found:
        if each.error is not None:
            context.warn(f"error: {each.error}")
        elif each.notice is not None and format is LinesFormat.JSONL:
            context.say(f"{each.provider}: {each.notice}")
    failed = sum(each.error is not None for each in found)
    if failed:
        raise typer.Exit(ExitCode.FAILED if failed == len(found) else ExitCode.PARTIAL)


def _discovered(listed: ListedProvider) -> Discovered:
    from modelctl.output.providers import Discovered

    return Discovered(
        provider=listed.job.provider.name,
        listing=listed.listing,
        listed_at=listed.listed_at,
        is_reused=listed.is_reused,
        notice=listed.notice,
        error=listed.error,
    )
