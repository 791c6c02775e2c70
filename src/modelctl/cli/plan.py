"""`modelctl plan`: what a sync would do, to look at, to keep for `apply`, or as SQL."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, database_of
from modelctl.cli.format import JsonOption, format_option
from modelctl.cli.options import (
    Accept,
    Force,
    MaxAge,
    ProviderArguments,
    ProviderOption,
    Recreate,
    Source,
    Take,
    providers_asked,
)
from modelctl.cli.sync import (
    AllOrNothing,
    ConfiguredOnly,
    Details,
    options_of,
    print_report,
    shown_while_it_runs,
    tell_failures,
    warn_of_unmatched,
)
from modelctl.core.planning.policy import SourceChoice
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.report import PlanFile, SyncReport
    from modelctl.output.plan_file import PlanDocument
    from modelctl.services.sync import SyncOptions


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SQL = "sql"


Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write it to this file: for `modelctl apply`, or in the format of --format.",
    ),
]


@epilog(
    """\b
Examples:
  modelctl plan -o plan.json
  modelctl plan openai anthropic --source catalog --exit-code
  modelctl plan --format sql > plan.sql
  modelctl apply plan.json

\b
Exit codes:
  0  done, or in sync                4  a guard holds something
  1  failed                          5  an API or a provider failed
  3  changes pending (--exit-code)
"""
)
def plan_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    output: Output = None,
    source: Source = SourceChoice.AUTO,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when something is pending.")] = False,
    all_or_nothing: AllOrNothing = False,
    configured_only: ConfiguredOnly = False,
    details: Details = False,
    accept: Accept = None,
    force: Force = False,
    take: Take = None,
    recreate: Recreate = None,
    max_age: MaxAge = None,
    format: Annotated[
        PlanFormat, format_option("How to print it; json is what -o writes, sql the statements.")
    ] = PlanFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what a sync would do; `-o` keeps it for `apply`.

    --format sql prints it as SQL to run by hand. What a guard holds is in the plan, but is only written with --accept.
    """
    context = context_of(ctx)
    options = options_of(providers_asked(providers, provider), source, max_age, accept, force, take, recreate)
    options = replace(options, all_or_nothing=all_or_nothing, configured_only=configured_only)
    report, file, sql = _plan(context, options, with_sql=format is PlanFormat.SQL)
    code = report.exit_code(pending_counts=exit_code)
    if output is not None and format in (PlanFormat.TABLE, PlanFormat.JSON):
        _keep_plan(context, output, file)
    elif output is not None:
        _keep(context, output, sql or _markdown(report, code))
    elif format in (PlanFormat.JSON, PlanFormat.SQL):
        context.answer(sql.rstrip("\n") or _document(context, file).to_json(context.look))
    if format is PlanFormat.TABLE or (output is None and format is PlanFormat.MARKDOWN):
        print_report(context, report, code, format, details=details)
    elif output is not None or format is PlanFormat.SQL:
        tell_failures(context, report, code)
    raise typer.Exit(code)


def _plan(context: Context, options: SyncOptions, *, with_sql: bool) -> tuple[SyncReport, PlanFile, str]:
    """What was found, shown while it is looked for, the plan's file, and the statements if they are wanted."""
    from modelctl.output.sync import plan_sql
    from modelctl.services.plans import make_plan, scripts

    author = context.author("plan")
    with database_of(context) as database:
        with shown_while_it_runs(context) as observer:
            report, file = make_plan(context.runtime, database, options, author, observer, needs_tables=with_sql)
        warn_of_unmatched(context, report, options)
        if not with_sql:
            return report, file, ""
        statements = scripts(database, file, context.author("apply"))
        return report, file, plan_sql(file, statements, database.engine.dialect.name)


def _document(context: Context, file: PlanFile) -> PlanDocument:
    from modelctl.output.plan_file import PlanDocument
    from modelctl.services.keys import seal_of

    return PlanDocument.of(file, partial(seal_of, context.runtime))


def _keep_plan(context: Context, path: Path, file: PlanFile) -> None:
    """In lines, as people review it."""
    from modelctl.output.console import DEFAULT_WIDTH, Look

    document = _document(context, file)
    _keep(context, path, document.to_json(Look(width=DEFAULT_WIDTH)) + "\n")
    sealed = ", sealed with the master key" if document.seal is not None else ""
    context.say(f"its digest is {document.digest}{sealed}")
    context.say(f"apply it with `modelctl apply {path}`")


def _markdown(report: SyncReport, code: ExitCode) -> str:
    from modelctl.output.console import PLAIN
    from modelctl.output.sync import SyncDocument

    return SyncDocument.of(report, code).to_markdown(PLAIN) + "\n"


def _keep(context: Context, path: Path, text: str) -> None:
    """The whole file or none: whoever applies it must not find half a plan. UsageError where it cannot be written."""
    from modelctl.files import write_whole

    try:
        write_whole(path, text)
    except OSError as error:
        hint = "choose another file with -o"
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint) from None
    context.say(f"wrote {path}")
