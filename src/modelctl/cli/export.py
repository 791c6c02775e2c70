"""`modelctl export`: the models as a file that another tool reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.options import Project, ProviderArguments, ProviderOption, providers_filter, usable_for
from modelctl.core.text import counted, require_known
from modelctl.errors import ExitCode, UsageError
from modelctl.exports.registry import FORMATS

if TYPE_CHECKING:
    from modelctl.core.models.query import Filter
    from modelctl.exports.base import Export

SHOWN_KEYS = 3
"""Of models that are left out, so many are named; `modelctl list` shows the others."""


def _formats() -> str:
    width = max(map(len, FORMATS))
    return "\n".join(f"  {name:<{width}}  {format.SUMMARY}" for name, format in FORMATS.items())


@epilog(
    f"""\b
Examples:
  modelctl export litellm-prices -o model_prices.json
  modelctl export librechat groq together --usable -o librechat.yaml
  modelctl export litellm-prices -o model_prices.json --check

\b
Formats:
{_formats()}
"""
)
def export_command(
    ctx: typer.Context,
    format: Annotated[str, typer.Argument(metavar="FORMAT", help="Which tool reads the file, as listed below.")],
    providers: ProviderArguments = None,
    provider: ProviderOption = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="'KEY=VALUE …'", help="Only models like these, as type=chat.")
    ] = None,
    usable: Annotated[bool, typer.Option("--usable", help="Only models that can be called with the keys set.")] = False,
    project: Project = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 3 where the file differs.")] = False,
) -> None:
    """Write the models as a file for another tool.

    It has live models, at today's prices. Files that offer a choice of models have only enabled ones. What is unknown
    is left out, and so is what the format cannot say; stderr counts both.
    """
    from modelctl.services.exports import export_models

    context = context_of(ctx)
    chosen = FORMATS[require_known(format, FORMATS, "format")]
    if check and output is None:
        raise UsageError("--check compares with a file", "name it with -o FILE")
    wanted, whose = _filter(providers_filter(providers, provider), where), usable_for(usable, project)
    with readable_database(context) as database:
        from modelctl.services.models import require_providers

        require_providers(database, wanted.providers)
        keys = None
        if whose is not None:
            from modelctl.services.keys import keys_of

            keys = keys_of(context.runtime, database, whose)
        export = export_models(database, chosen, wanted, now=context.now, keys=keys)
    if output is None:
        context.stdout.write(export.text)
        context.stdout.flush()
    else:
        _keep(context, export, output, check=check)
    _say_left_out(context, export)


def _keep(context: Context, export: Export, path: Path, *, check: bool) -> None:
    """Bring the file up to date, or say that it is not."""
    from modelctl.services.exports import ExportFile, FileState

    if not check:
        before = ExportFile(path).write(export)
        done = "says the same already" if before is FileState.SAME else f"written: {counted(export.models, 'model')}"
        context.say(f"{path} {done}")
    elif (state := ExportFile(path).compare(export)) is not FileState.SAME:
        context.warn(f"{path} is {state}; run the command without --check to write it")
        raise typer.Exit(ExitCode.PENDING)


def _filter(names: Collection[str], where: str | None) -> Filter:
    """The models that are asked for. UsageError where both arguments and --where name providers."""
    from modelctl.core.models.query import Filter
    from modelctl.core.models.query import where as read_where

    wanted = Filter() if where is None else read_where(where)
    if not names:
        return wanted
    if wanted.providers:
        raise UsageError("--where provider=… and arguments both name providers", "leave one of them out")
    return replace(wanted, providers=frozenset(names))


def _say_left_out(context: Context, export: Export) -> None:
    """Why something is missing in the file, a line for each reason."""
    for reason, keys in export.left_out.items():
        named = ", ".join(map(str, keys[:SHOWN_KEYS]))
        more = f" and {len(keys) - SHOWN_KEYS:,} more" if len(keys) > SHOWN_KEYS else ""
        context.say(f"{counted(len(keys), 'model')}: {reason} ({named}{more})")
