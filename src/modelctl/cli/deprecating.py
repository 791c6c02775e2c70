"""`modelctl deprecate` and `undeprecate`: the end of a model as a person knows it."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.editing import DryRun, EditFormat, Format, Json, Order, run_edit
from modelctl.core.deprecation import End, deprecate, undeprecate
from modelctl.core.instants import day

DEPRECATE_EPILOG = """\b
Examples:
  modelctl deprecate openai/gpt-5.4 --replacement gpt-6.1-sol --retires 2027-03-31
  modelctl deprecate gpt-5.4 gpt-5.4-mini --replacement gpt-6-luna --on 2026-12-01

The replacement is a live model of the same provider. What is said here is pinned. From --on (today, unless the
vendor's day is known) the status is `deprecated`, after --retires `retired`.
"""

UNDEPRECATE_EPILOG = """\b
Examples:
  modelctl undeprecate openai/gpt-5.4

What was said with `modelctl deprecate` goes back to the sources. Where these state an end themselves, it is denied:
its days are blank and the status is `active`, pinned, until `modelctl unpin MODEL all`.
"""

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


def deprecate_command(
    ctx: typer.Context,
    models: Models,
    replacement: Annotated[str | None, typer.Option(metavar="MODEL", help="What to use instead.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DAY", help="When it was announced, as 2026-12-01.")] = None,
    retires: Annotated[str | None, typer.Option(metavar="DAY", help="The last day on which it answers.")] = None,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """State the end of models, and what replaces them."""
    context = context_of(ctx)
    end = End(
        replacement=replacement,
        on=day(on, "--on") if on is not None else None,
        retires=day(retires, "--retires") if retires is not None else None,
    )
    order = Order(command="deprecate", names=models, dry_run=dry_run, as_json=json or format is EditFormat.JSON)
    today = context.now.date()
    run_edit(context, order, lambda models, known: deprecate(models, known, end, today=today))


def undeprecate_command(
    ctx: typer.Context,
    models: Models,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """Take the end of models back."""
    from modelctl.sync.editing import each_row

    context = context_of(ctx)
    order = Order(command="undeprecate", names=models, dry_run=dry_run, as_json=json or format is EditFormat.JSON)
    today = context.now.date()
    run_edit(context, order, each_row(lambda model, _known: undeprecate(model, today=today)))
