"""`modelctl config`: which settings are in force, where each came from, and a file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelctl.cli.context import Format, FormatOption, JsonOption, context_of
from modelctl.config import FILE_NAME, file_text, plain_value, secret_names, settings_files, user_file
from modelctl.errors import UsageError

SHOW_EPILOG = """\b
Examples:
  modelctl config show
  modelctl config show --database postgresql://me@localhost/shop
  modelctl config show --json | jq -r .database_url.value

A setting comes from its option, else its MODELCTL_ variable (for the database also DATABASE_URL), else modelctl.toml
in the working directory, else modelctl.toml in your configuration directory, else the default.
"""

PATH_EPILOG = """\b
Examples:
  modelctl config path
  modelctl config path --json
"""

INIT_EPILOG = """\b
Examples:
  modelctl config init
  modelctl config init --global
  DATABASE_URL=sqlite:///models.db modelctl config init

What is set now, by an option, a variable or another file, is set in the new one; every other setting is in it as a
comment with its default. Nothing that holds a secret is written. A file that exists is never overwritten.
"""

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Show the settings in force; begin a settings file."""


@app.command(epilog=SHOW_EPILOG)
def show(
    ctx: typer.Context,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show each setting, its value and where it came from.

    Passwords are masked.
    """
    from modelctl.output.setup import SettingDocument, SettingsDocument

    context = context_of(ctx)
    shown = context.settings.shown()
    rows = {name: SettingDocument(value=plain_value(each.value), origin=each.origin) for name, each in shown.items()}
    context.show(SettingsDocument(rows), format)


@app.command(epilog=PATH_EPILOG)
def path(
    ctx: typer.Context,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show where settings files are looked for, nearest first.

    Of two files that set the same, the one that is shown first wins. With --config or MODELCTL_CONFIG there is one.
    """
    from modelctl.output.setup import SettingsFileDocument, SettingsFilesDocument

    context = context_of(ctx)
    files = settings_files(context.flags["config"], context.environ, Path.cwd())
    rows = (SettingsFileDocument(path=str(each), exists=each.is_file()) for each in files)
    context.show(SettingsFilesDocument(tuple(rows)), format)


@app.command(epilog=INIT_EPILOG)
def init(
    ctx: typer.Context,
    for_all: Annotated[
        bool, typer.Option("--global", help="In your configuration directory, for every working directory.")
    ] = False,
) -> None:
    """Write a modelctl.toml to begin with, never over another."""
    from modelctl.files import write_whole

    context = context_of(ctx)
    target = user_file() if for_all else Path.cwd() / FILE_NAME
    if target is None:
        raise UsageError("there is no home directory for --global settings", "set HOME")
    if target.exists():
        raise UsageError(f"{target}: exists already", "edit it, or move it away first")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, file_text(context.settings))
    context.answer(str(target))
    for name in secret_names(context.settings):
        context.say(f"{name} holds a secret and was left out; keep it in the environment")
