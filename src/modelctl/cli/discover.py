"""`modelctl discover`: what the providers' APIs say, in our fields, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, JsonOption, LinesFormat, LinesFormatOption, context_of, database_if_any
from modelctl.cli.options import MaxAge, Project, asking, say_left_out
from modelctl.core.planning.policy import SourceChoice
from modelctl.errors import ExitCode, SourceError

if TYPE_CHECKING:
    from modelctl.output.providers import Discovered
    from modelctl.services.sources import Asking, Job


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
    from modelctl.output.providers import DiscoveryDocument

    context = context_of(ctx)
    named = sorted(set(provider or ()))
    who = asking(named, SourceChoice.API if named else SourceChoice.AUTO, max_age, project)
    found = _found(context, _jobs(context, who))
    context.show(DiscoveryDocument(providers=tuple(found)), format)
    for each in found:
        if each.error is not None:
            context.warn(f"error: {each.error}")
        elif each.notice is not None and format is LinesFormat.JSONL:
            context.say(f"{each.provider}: {each.notice}")
    failed = sum(each.error is not None for each in found)
    if failed:
        raise typer.Exit(ExitCode.FAILED if failed == len(found) else ExitCode.PARTIAL)


def _jobs(context: Context, who: Asking) -> list[Job]:
    """The providers named, each of which must be askable, or all that can be asked; with nothing left out."""
    from modelctl.core.planning.policy import Patterns

    jobs = [replace(job, patterns=Patterns()) for job in _all_jobs(context, who)]
    askable = [job for job in jobs if job.access is not None or job.error is not None]
    if not askable:
        variables = sorted({job.provider.env_vars[0] for job in jobs if job.provider.env_vars})
        raise SourceError("no provider's key is set, so none can be asked", f"set one of {', '.join(variables)}")
    return askable


def _all_jobs(context: Context, who: Asking) -> Sequence[Job]:
    """Of the providers of the catalogs, and of the database where there is one."""
    from modelctl.services.sync import ground_of

    with database_if_any(context) as database:
        ground = ground_of(context.runtime, database, who)
    say_left_out(context, ground.left_out)
    return ground.jobs


def _found(context: Context, jobs: Sequence[Job]) -> list[Discovered]:
    """What came of each job, by provider."""
    from modelctl.output.providers import Discovered
    from modelctl.services.gather import ask

    found = [Discovered(provider=job.provider.name, error=job.error) for job in jobs if job.error is not None]
    found += [
        Discovered(
            provider=each.job.provider.name,
            listing=each.listing,
            listed_at=each.listed_at,
            is_reused=each.is_reused,
            notice=each.notice,
            error=each.error,
        )
        for each in ask(jobs, deadline_s=context.settings.deadline_s)
    ]
    return sorted(found, key=lambda each: each.provider)
