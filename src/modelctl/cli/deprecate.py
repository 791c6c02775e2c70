"""`modelctl deprecate` and `undeprecate`: the end of a model as a person knows it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Format, FormatOption, JsonOption, context_of
from modelctl.cli.edit import DryRun, EditRequest, Models, run_edit
from modelctl.core.text import day


@epilog(
    """\b
Examples:
  modelctl deprecate openai/gpt-5.4 --replacement gpt-6.1-sol --retires 2027-03-31
  modelctl deprecate gpt-5.4 gpt-5.4-mini --replacement gpt-6-luna --on 2026-12-01

The replacement is a live model of the same provider. What is said here is pinned. From --on (today, unless the
vendor's day is known) the status is `deprecated`, after --retires `retired`.
"""
)
def deprecate_command(
    ctx: typer.Context,
    models: Models,
    replacement: Annotated[str | None, typer.Option(metavar="MODEL", help="What to use instead.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DAY", help="When it was announced, as 2026-12-01.")] = None,
    retires: Annotated[str | None, typer.Option(metavar="DAY", help="The last day on which it answers.")] = None,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """State the end of models, and what replaces them."""
    from modelctl.core.edits.models import Deprecation
    from modelctl.services.edits import deprecate

    end = Deprecation(
        replacement=replacement,
        on=day(on, "--on") if on is not None else None,
        retires=day(retires, "--retires") if retires is not None else None,
    )
    request = EditRequest(command="deprecate", names=models, dry_run=dry_run, format=format)
    run_edit(context_of(ctx), request, partial(deprecate, end=end))


@epilog(
    """\b
Examples:
  modelctl undeprecate openai/gpt-5.4

What was said with `modelctl deprecate` goes back to the sources. Where these state an end themselves, it is denied:
its days are blank and the status is `active`, pinned, until `modelctl unpin MODEL all`.
"""
)
def undeprecate_command(
    ctx: typer.Context,
    models: Models,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Say that models do not end after all."""
    from modelctl.services.edits import undeprecate

    request = EditRequest(command="undeprecate", names=models, dry_run=dry_run, format=format)
    run_edit(context_of(ctx), request, undeprecate)
