"""`modelctl apply`: applies a plan exactly as it was reviewed, or not at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, database_of
from modelctl.cli.format import JsonOption, MarkdownFormat, MarkdownFormatOption
from modelctl.cli.options import Migrate
from modelctl.cli.sync import Details, print_report
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.planning.report import PlanFile


@epilog(
    """\b
Examples:
  modelctl plan -o plan.json
  modelctl apply plan.json
  modelctl apply plan.json --digest 1f0c…

\b
Exit codes:
  0  done, or nothing to do          4  a guard holds something
  1  failed, nothing written         5  an API or a provider failed
  2  not a plan, or an edited one    6  a row has changed since the plan; nothing written
"""
)
def apply_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `modelctl plan -o FILE` wrote.")],
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest", metavar="HEX", help="Apply only the plan with this digest, which `modelctl plan -o` printed."
        ),
    ] = None,
    any_database: Annotated[
        bool, typer.Option("--any-database", help="Apply it even if it was made for another database.")
    ] = False,
    migrate: Migrate = False,
    details: Details = False,
    format: MarkdownFormatOption = MarkdownFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Apply a plan, exactly as it was shown.

    Each provider is one transaction. No source is asked, and the guards check the plan again. Where one of its rows has
    changed since, nothing is written and the exit code is 6. A file that was edited is refused.
    """
    from modelctl.services.plans import apply_plan

    context = context_of(ctx)
    plan = _read(context, file, digest)
    with database_of(context) as database:
        report = apply_plan(
            context.runtime,
            database,
            plan,
            context.author("apply"),
            migrate=migrate,
            any_database=any_database,
            on_wait=context.wait,
        )
    code = report.exit_code(pending_counts=False)
    print_report(context, report, code, format, details=details)
    raise typer.Exit(code)


def _read(context: Context, file: Path, digest: str | None) -> PlanFile:
    from modelctl.output.plan_file import PlanDocument
    from modelctl.services.keys import seal_of

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "name a plan's file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not a plan: it is not UTF-8", "make one with `modelctl plan -o FILE`") from None
    document = PlanDocument.read(text, str(file))
    document.require(digest, partial(seal_of, context.runtime), str(file))
    return document.file()
