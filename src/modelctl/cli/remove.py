"""`modelctl remove`: rows that no sync brings back."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of
from modelctl.cli.edit import DryRun, EditRequest, Yes, run_edit
from modelctl.cli.format import Format, FormatOption, JsonOption


@epilog(
    """\b
Examples:
  modelctl remove openai/gpt-3.5-turbo
  modelctl remove gpt-4 --cascade --dry-run

The ledger and the audit trail stay, so past bills can still be computed. `modelctl add MODEL` or `modelctl runs undo`
restores a removed row. A row that others name as replacement or alias is only removed with --cascade, which removes the
name from those rows too. To hide a model from your application, disable it.
"""
)
def remove_command(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Also remove the model as replacement or alias of other rows.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Remove rows; no sync creates them again."""
    from modelctl.services.edits import remove

    request = EditRequest(command="remove", names=models, yes=yes, dry_run=dry_run, format=format)
    run_edit(context_of(ctx), request, partial(remove, cascade=cascade))
