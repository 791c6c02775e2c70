"""`modelctl set`: facts as a person states them, pinned."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of
from modelctl.cli.edit import WHERE_HELP, DryRun, EditRequest, Where, Yes, run_edit
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.core.edits.models import facts_from_words
from modelctl.errors import UsageError


@epilog(
    f"""\b
Examples:
  modelctl set openai/gpt-4o context_window=128000 'display_name=GPT-4o (ours)'
  modelctl set gpt-4o tags=smart,latest family=
  modelctl set --where 'provider=openai type=embedding' recommended=no --yes

FIELD is a column of the row; FIELD= (or FIELD=null) makes it unknown. Write lists as A,B, yes or no, and days as
2026-12-01. What you set is pinned, until `modelctl override unpin`. For prices, use `modelctl price set`.

{WHERE_HELP}"""
)
def set_command(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="MODEL FIELD=VALUE", help="With --where without the MODEL.")],
    where: Where = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Set facts of a model, or of many, and pin them.

    Other facts stay as they are.
    """
    from modelctl.services.edits import set_facts

    names, assignments = ([], words) if where is not None else (words[:1], words[1:])
    if not assignments:
        raise UsageError(f"set {words[0]}: there is no FIELD=VALUE", "`modelctl set gpt-4o context_window=128000`")
    values = facts_from_words(assignments)
    request = EditRequest(
        command="set",
        names=names,
        where=where,
        yes=yes,
        dry_run=dry_run,
        format=format,
    )
    run_edit(context_of(ctx), request, partial(set_facts, values=values))
