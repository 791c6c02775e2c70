"""`modelctl deprecate`: the end of a model as a person knows it, or that there is none."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of
from modelctl.cli.edit import DryRun, EditRequest, Models, Yes, run_edit
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import refuse_together
from modelctl.core.text import day


@epilog(
    """\b
Examples:
  modelctl deprecate openai/gpt-5.4 --replacement gpt-6.1-sol --retires 2027-03-31
  modelctl deprecate gpt-5.4 gpt-5.4-mini --replacement gpt-6-luna --on 2026-12-01
  modelctl deprecate openai/gpt-5.4 --replacement azure/gpt-6.1
  modelctl deprecate openai/gpt-5.4 --cancel

The replacement is a live model of the same provider, or of another one: write that as `provider/model_id`. What you say
here is pinned. The status is `deprecated` from --on (by default the vendor's day, else today), and `retired` after
--retires.

--cancel unpins what this command had said. Where the sources announce the retirement themselves, it is denied: its days
become unknown and the status `active`, pinned until `modelctl override unpin MODEL all`.
"""
)
def deprecate_command(
    ctx: typer.Context,
    models: Models,
    replacement: Annotated[str | None, typer.Option(metavar="MODEL", help="What to use instead.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DAY", help="The day it was announced, as 2026-12-01.")] = None,
    retires: Annotated[str | None, typer.Option(metavar="DAY", help="The last day on which it answers.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Say that the models do not retire after all.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Announce that models retire, and name a replacement."""
    from modelctl.core.edits.models import Deprecation
    from modelctl.services.edits import deprecate, undeprecate

    request = EditRequest(command="deprecate", names=models, yes=yes, dry_run=dry_run, format=format)
    if cancel:
        refuse_together("--cancel", {"--replacement": replacement, "--on": on, "--retires": retires})
        run_edit(context_of(ctx), request, undeprecate)
        return
    end = Deprecation(
        replacement=replacement,
        on=day(on, "--on") if on is not None else None,
        retires=day(retires, "--retires") if retires is not None else None,
    )
    run_edit(context_of(ctx), request, partial(deprecate, end=end))
