"""`modelctl lifecycle`: what retires when, what replaces it, and whether that is so near that a check fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.format import JsonOption, MarkdownFormat, MarkdownFormatOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter
from modelctl.core.text import days
from modelctl.errors import ExitCode

if TYPE_CHECKING:
    from modelctl.core.models.retirements import Retirements


@epilog(
    """\b
Examples:
  modelctl lifecycle
  modelctl lifecycle openai anthropic
  modelctl lifecycle --within 26w --past 30d
  modelctl lifecycle --enabled --fail-within 30d --format markdown
"""
)
def lifecycle_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    within: Annotated[
        str, typer.Option("--within", metavar="AGE", help="How far ahead to look, as 90d, 12w or 90 (days).")
    ] = "90d",
    fail_within: Annotated[
        str | None,
        typer.Option(
            "--fail-within",
            metavar="AGE",
            help="Exit 3 when an enabled model retires so soon, or is retired already.",
        ),
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled", help="Show only models that are enabled.")] = False,
    past: Annotated[
        str | None, typer.Option("--past", metavar="AGE", help="Also show models that retired so recently.")
    ] = None,
    format: MarkdownFormatOption = MarkdownFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which models retire when, and what replaces them.

    Prices are compared with those of the replacement, on the day of retirement and with announced changes. They are
    those of plain requests (standard tier, no long context). "Not sooner than" dates are shown apart: they announce
    nothing, and never make the check fail.
    """
    from modelctl.core.models.retirements import RetirementFinding, Window
    from modelctl.services.models import list_retirements

    context = context_of(ctx)
    window = Window(
        within_days=days(within, "--within"),
        past_days=days(past, "--past") if past is not None else None,
        fail_within_days=days(fail_within, "--fail-within") if fail_within is not None else None,
        only_enabled=enabled,
        providers=tuple(sorted(providers_filter(providers, provider))),
    )
    with readable_database(context) as database:
        retirements = list_retirements(database, window, today=context.now.date())
    _print(context, retirements, format)
    if any(retirements.findings(kind) for kind in RetirementFinding):
        raise typer.Exit(ExitCode.PENDING)


def _print(context: Context, retirements: Retirements, format: MarkdownFormat) -> None:
    from modelctl.output.lifecycle import LifecycleDocument, retirement_warnings, window_notes

    context.show(LifecycleDocument.of(retirements), format)
    for note in window_notes(retirements):
        context.say(note)
    for warning in retirement_warnings(retirements):
        context.warn(warning)
