"""`modelctl doctor`: one look at everything that can go stale, go missing or go wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import context_of, database_of
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter
from modelctl.core.text import duration
from modelctl.errors import ExitCode


@epilog(
    """\b
Examples:
  modelctl doctor
  modelctl doctor openai --max-age 2d
  modelctl doctor --format json

Exits 3 when there are findings, or when a check could not be run. Warnings alone exit 0, unless --strict.
"""
)
def doctor_command(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    max_age: Annotated[
        str,
        typer.Option("--max-age", metavar="AGE", help="How old a provider's last complete run may be, as 26h or 2d."),
    ] = "26h",
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 for warnings, too.")] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Check the database, catalogs, keys, runs and models.

    It says what is wrong and what to do. Permissions are checked by writing a row into each table, in one transaction
    that is always rolled back.
    """
    from modelctl.output.setup import CheckupDocument
    from modelctl.services.doctor import check_up

    context = context_of(ctx)
    age = duration(max_age, "--max-age", alone="d")
    with database_of(context) as database:
        checkup = check_up(
            context.runtime, database, providers_filter(providers, provider), max_age=age, is_strict=strict
        )
    context.show(CheckupDocument.model_validate(checkup), format, masked=True)
    if not checkup.is_ok:
        raise typer.Exit(ExitCode.PENDING)
