"""`modelctl enable` and `disable`: whether the application may offer a model."""

from __future__ import annotations

from functools import partial

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of
from modelctl.cli.edit import WHERE_HELP, DryRun, EditRequest, SomeModels, Where, Yes, run_edit
from modelctl.cli.format import Format, FormatOption, JsonOption


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
    """Enable models for your application."""
    request = EditRequest(command="enable", names=models or (), where=where, yes=yes, dry_run=dry_run, format=format)
    _switch(context_of(ctx), request, is_enabled=True)


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
    """Disable models for your application.

    Syncs keep them up to date.
    """
    request = EditRequest(command="disable", names=models or (), where=where, yes=yes, dry_run=dry_run, format=format)
    _switch(context_of(ctx), request, is_enabled=False)


def _switch(context: Context, request: EditRequest, *, is_enabled: bool) -> None:
    from modelctl.services.edits import set_enabled

    run_edit(context, request, partial(set_enabled, is_enabled=is_enabled))
