"""`modelctl db`: the tables themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelctl.cli.context import context_of, database_of
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.errors import ExitCode

app = typer.Typer(
    help="Create and upgrade modelctl's tables, or restore them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog="A SQLite file is created and upgraded by itself. On a server, you decide when.",
)


@app.command("upgrade", epilog="Example: modelctl --database postgresql://me@localhost/shop db upgrade")
def upgrade(ctx: typer.Context) -> None:
    """Create the tables, or upgrade them to this version."""
    from modelctl.services.database import upgrade_tables

    context = context_of(ctx)
    with database_of(context) as database:
        version, is_new = upgrade_tables(database)
        context.answer(f"{database.label}: {'upgraded to' if is_new else 'already at'} {version}")


@app.command(
    "restore",
    epilog="""\b
Examples:
  modelctl sync --backup before.jsonl
  modelctl db restore before.jsonl
  modelctl db restore before.jsonl --yes

Shows what would be replaced and exits 3; with --yes it writes. FILE may also be a copy of a SQLite file; its other
tables are left alone.
""",
)
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup that `modelctl sync --backup FILE` made.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace what the tables hold.")] = False,
) -> None:
    """Restore a backup: all of modelctl's rows, in one transaction."""
    from modelctl.services.database import restore_tables

    context = context_of(ctx)
    with database_of(context) as database:
        author = context.author("db restore")
        done = restore_tables(context.runtime, database, file, author, context.wait, dry_run=not yes)
        for name, rows in done.after.items():
            context.answer(f"{name}  {done.before.get(name, 0):,} -> {rows:,} rows")
        context.answer(f"{database.label}: {'restored from' if yes else 'would be restored from'} {file}")
    if not yes:
        context.say("nothing was written: --yes restores it")
        raise typer.Exit(ExitCode.PENDING)


@app.command("status", epilog="Example: modelctl db status --format json")
def status(
    ctx: typer.Context,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 3 when an upgrade is pending, or something is missing.")
    ] = False,
) -> None:
    """Show the version of the tables and what an upgrade would run."""
    from modelctl.output.setup import TablesDocument
    from modelctl.services.database import tables_state

    context = context_of(ctx)
    with database_of(context) as database:
        found = tables_state(database)
    document = TablesDocument(
        database=found.database,
        version=found.version,
        newest=found.newest,
        pending=found.pending,
        foreign_tables=found.foreign,
        missing=found.missing,
    )
    context.show(document, format)
    if exit_code and (found.pending or found.missing):
        raise typer.Exit(ExitCode.PENDING)
