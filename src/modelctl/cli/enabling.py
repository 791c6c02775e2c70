"""`modelctl enable` and `disable`: the application's own switch, which no sync turns."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.editing import WHERE_HELP, DryRun, EditFormat, Format, Json, Order, Where, Yes, run_edit
from modelctl.core.edits import switch

ENABLE_EPILOG = f"""\b
Examples:
  modelctl enable openai/gpt-4o gpt-4o-mini
  modelctl enable --where 'provider=anthropic recommended=yes' --yes

{WHERE_HELP}"""

DISABLE_EPILOG = f"""\b
Examples:
  modelctl disable openai/gpt-4o
  modelctl disable --where 'status=retired enabled=yes' --yes
  modelctl disable --where 'output_price_per_mtok>=50' --yes

{WHERE_HELP}"""

Models = Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


def enable_command(
    ctx: typer.Context,
    models: Models = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """Switch models on for your application."""
    _turn(ctx, "enable", is_enabled=True)


def disable_command(
    ctx: typer.Context,
    models: Models = None,
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """Switch models off for your application.

    Syncs keep them up to date.
    """
    _turn(ctx, "disable", is_enabled=False)


def _turn(ctx: typer.Context, command: str, *, is_enabled: bool) -> None:
    from modelctl.sync.editing import each_row

    said = ctx.params
    order = Order(
        command=command,
        names=said["models"] or (),
        where=said["where"],
        yes=said["yes"],
        dry_run=said["dry_run"],
        as_json=said["json"] or said["format"] is EditFormat.JSON,
    )
    edit = each_row(lambda model, _known: switch(model, is_enabled=is_enabled))
    run_edit(context_of(ctx), order, edit)
