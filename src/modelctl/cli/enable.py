"""`modelctl enable` and `disable`: the application's own switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Format, FormatOption, JsonOption, context_of
from modelctl.cli.edit import WHERE_HELP, DryRun, EditRequest, SomeModels, Where, Yes, run_edit
from modelctl.core.edits.models import (
    set_enabled,
)

if TYPE_CHECKING:
    pass


@epilog(
    f"""\b
Examples:
  modelctl enable openai/gpt-4o gpt-4o-mini
  modelctl enable --where 'provider=anthropic recommended=yes' --yes

{WHERE_HELP}"""
)
def enable_command(
    ctx: typer.Context,
    models: SomeModels = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Switch models on for your application."""
    _turn(ctx, "enable", is_enabled=True)


@epilog(
    f"""\b
Examples:
  modelctl disable openai/gpt-4o
  modelctl disable --where 'status=retired enabled=yes' --yes
  modelctl disable --where 'output_price_per_mtok>=50' --yes

{WHERE_HELP}"""
)
def disable_command(
    ctx: typer.Context,
    models: SomeModels = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Switch models off for your application.

    Syncs keep them up to date.
    """
    _turn(ctx, "disable", is_enabled=False)


def _turn(ctx: typer.Context, command: str, *, is_enabled: bool) -> None:
    from modelctl.services.models import each_row

    said = ctx.params
    order = EditRequest(
        command=command,
        names=said["models"] or (),
        where=said["where"],
        yes=said["yes"],
        dry_run=said["dry_run"],
        format=said["format"],
    )
    edit = each_row(lambda model, _known: set_enabled(model, is_enabled=is_enabled))
    run_edit(context_of(ctx), order, edit)
