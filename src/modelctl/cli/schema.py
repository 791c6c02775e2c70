"""`modelctl schema`: what each report's JSON is made of, as JSON Schema."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of
from modelctl.core.text import require_known


@epilog("""\b
Examples:
  modelctl schema
  modelctl schema sync > sync.schema.json
  modelctl schema price cost

REPORT is the command whose --format json it describes. `error` describes what stderr gets when a command fails.
""")
def schema_command(
    ctx: typer.Context,
    report: Annotated[list[str] | None, typer.Argument(metavar="REPORT", help="Left out: list them.")] = None,
) -> None:
    """Print the JSON Schema of a report."""
    from modelctl.output.console import json_text
    from modelctl.output.document import REPORTS, json_schema

    context = context_of(ctx)
    if not report:
        context.answer("\n".join(REPORTS))
        return
    name = " ".join(report)
    require_known(name, REPORTS, "report")
    context.answer(json_text(json_schema(name), context.look))
