"""`modelctl remove`: rows that no sync brings back."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of
from modelctl.cli.edit import DryRun, EditRequest, run_edit
from modelctl.cli.format import Format, FormatOption, JsonOption


@epilog(
    """\b
Examples:
  modelctl remove openai/gpt-3.5-turbo
  modelctl remove gpt-4 --cascade --dry-run

The price ledger and the audit trail stay, so past bills can still be computed. No sync brings a removed row back;
`modelctl add MODEL` and `modelctl runs undo` do. A row that others name as replacement or alias stays, unless
--cascade takes it out of those rows too. To hide a model from your application, disable it.
"""
)
def remove_command(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Take the replacement or alias out of the rows that point there.")
    ] = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Remove rows; syncs do not bring them back."""
    from modelctl.services.edits import remove

    request = EditRequest(command="remove", names=models, dry_run=dry_run, format=format)
    run_edit(context_of(ctx), request, partial(remove, cascade=cascade))
