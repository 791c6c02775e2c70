"""The options `--format` and `--json`: how a command prints its report."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from modelctl.cli.context import context_of
from modelctl.errors import UsageError


class Format(StrEnum):
    """How most reports can be printed."""

    TABLE = "table"
    JSON = "json"


class MarkdownFormat(StrEnum):
    """The same, and as Markdown for a page of GitHub's."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


class RowsFormat(StrEnum):
    """How a list can be printed: also row by row, for programs and spreadsheets."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def _chosen(ctx: typer.Context, format: StrEnum) -> StrEnum:
    """The format, which is JSON with `--json`. UsageError where the two contradict each other."""
    context = context_of(ctx)
    if context.as_json and format != "json":
        source = ctx.get_parameter_source("format")
        if source is not None and source.name == "COMMANDLINE":
            context.as_json = False
            raise UsageError(f"--json and --format {format} contradict each other", "leave one of them out")
        format = type(format)("json")
    context.as_json = format == "json"
    return format


def _as_json(ctx: typer.Context, wanted: bool) -> bool:
    context_of(ctx).as_json = wanted
    return wanted


def format_option(help: str = "How to print it.") -> Any:
    """The option `--format`, which knows of a `--json` beside it."""
    return typer.Option("--format", help=help, callback=_chosen, rich_help_panel="Output")


FormatOption = Annotated[Format, format_option()]
MarkdownFormatOption = Annotated[MarkdownFormat, format_option()]
RowsFormatOption = Annotated[RowsFormat, format_option()]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", is_eager=True, callback=_as_json, help="The same as --format json.", rich_help_panel="Output"
    ),
]
"""Looked at first: `--format` asks what it said, and a command asks its `format` alone."""
