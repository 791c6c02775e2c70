"""`modelctl set`: facts of a model that a person knows better."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.context import context_of
from modelctl.cli.editing import WHERE_HELP, DryRun, EditFormat, Format, Json, Order, Where, Yes, run_edit
from modelctl.core.assignments import assigned
from modelctl.core.edits import set_facts
from modelctl.errors import UsageError

EPILOG = f"""\b
Examples:
  modelctl set openai/gpt-4o context_window=128000 'display_name=GPT-4o (ours)'
  modelctl set gpt-4o tags=smart,latest family=
  modelctl set --where 'provider=openai type=embedding' recommended=no --yes

FIELD is a column of the row; FIELD= (or FIELD=null) makes it unknown. Lists are A,B; switches yes or no; days
2026-12-01. What is set is pinned: no sync changes it until `modelctl unpin`. Prices are set by `modelctl price set`.

{WHERE_HELP}"""


def set_command(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="MODEL FIELD=VALUE", help="With --where without the MODEL.")],
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: Format = EditFormat.TABLE,
    json: Json = False,
) -> None:
    """Set facts of a model, or of many, and pin them.

    Only those that are given.
    """
    from modelctl.sync.editing import each_row

    context = context_of(ctx)
    names, assignments = ([], words) if where is not None else (words[:1], words[1:])
    if not assignments:
        raise UsageError(f"set {words[0]}: there is no FIELD=VALUE", "`modelctl set gpt-4o context_window=128000`")
    values = assigned(assignments)
    order = Order(
        command="set",
        names=names,
        where=where,
        yes=yes,
        dry_run=dry_run,
        as_json=json or format is EditFormat.JSON,
    )
    today = context.now.date()
    run_edit(context, order, each_row(lambda model, known: set_facts(model, values, known, today=today)))
