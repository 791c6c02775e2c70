"""`modelctl verify`: after a sync, whether the table can be used as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of, database_of
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_asked
from modelctl.errors import ExitCode


@epilog(
    """\b
Examples:
  modelctl verify
  modelctl verify openai anthropic --expect-min 20
  modelctl verify --sample 0 --json

Nothing is written. Exits 3 when there are findings; warnings alone exit 0.
"""
)
def verify_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    expect_min: Annotated[
        int, typer.Option("--expect-min", metavar="N", min=0, help="How many models each provider must have at least.")
    ] = 1,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", metavar="N", min=0, help="Look for so many models in each API's listing; 0: ask none."
        ),
    ] = 1,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Check counts, prices and recommended models after a sync.

    Each provider that has a key is asked for its models, once, which costs nothing.
    """
    from modelctl.output.setup import CheckupDocument
    from modelctl.services.doctor import verify

    context = context_of(ctx)
    wanted = providers_asked(providers, provider)
    with database_of(context) as database:
        checkup = verify(context.runtime, database, wanted, expected=expect_min, sample=sample)
    context.show(CheckupDocument.model_validate(checkup), format, masked=True)
    if not checkup.is_ok:
        raise typer.Exit(ExitCode.PENDING)
