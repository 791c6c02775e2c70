"""`modelctl config`: which settings are in force, where each came from, and a file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.config import FILE_NAME, changed_text, file_text, plain_value, secret_names, settings_files, user_file
from modelctl.errors import UsageError

SHOW_EPILOG = """\b
Examples:
  modelctl config show
  modelctl config show --database postgresql://me@localhost/shop
  modelctl config show --json | jq -r .database_url.value

The first of these wins: the option, the MODELCTL_ variable (for the database also DATABASE_URL), modelctl.toml in the
working directory, modelctl.toml in your configuration directory, the default.
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

The new file sets what is set now, by an option, a variable or another file. It has every other setting as a comment
with its default. No secret is written into it. A file that exists is never overwritten.
"""

SET_EPILOG = """\b
Examples:
  modelctl config set timeout_s 30
  modelctl config set enable_new recommended --global
  modelctl config set providers.openai.include "gpt-*, o*"

The file is modelctl.toml in the working directory, or the one that --config names; its comments stay. Passwords and
master keys are never written: keep them in the environment.
"""

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Show the settings in force; change a settings file."""


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
    """Show which settings files are read, nearest first.

    Where two files set the same, the first one wins. With --config or MODELCTL_CONFIG there is only one.
    """
    from modelctl.output.setup import SettingsFileDocument, SettingsFilesDocument

    context = context_of(ctx)
    files = settings_files(context.flags["config"], context.environ, Path.cwd())
    rows = (SettingsFileDocument(path=str(each), exists=each.is_file()) for each in files)
    context.show(SettingsFilesDocument(tuple(rows)), format)


Global = Annotated[bool, typer.Option("--global", help="In your configuration directory, for every working directory.")]


@app.command(epilog=INIT_EPILOG)
def init(ctx: typer.Context, for_all: Global = False) -> None:
    """Write a first modelctl.toml; never overwrites one."""
    from modelctl.files import write_whole

    context = context_of(ctx)
    target = _target(for_all)
    if target.exists():
        raise UsageError(f"{target}: exists already", "edit it, or move it away first")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, file_text(context.settings))
    context.answer(str(target))
    for name in secret_names(context.settings):
        context.say(f"{name} holds a secret and was left out; keep it in the environment")


@app.command("set", epilog=SET_EPILOG)
def set_command(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="SETTING", help="As `modelctl config show` names it.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Lists with commas.")],
    for_all: Global = False,
) -> None:
    """Set one setting in a settings file.

    The file is made where there is none.
    """
    from modelctl.files import write_whole
    from modelctl.output.setup import SettingDocument

    context = context_of(ctx)
    target = _file_to_change(context, for_all)
    try:
        text = target.read_text(encoding="utf-8") if target.exists() else ""
    except UnicodeDecodeError:
        raise UsageError(f"{target}: is not UTF-8 text", "settings files are TOML") from None
    changed, now = changed_text(target, text, key, value, working_directory=Path.cwd())
    shown = SettingDocument(value=plain_value(now), origin=str(target)).text
    if changed == text:
        context.answer(f"{target}: {key} is {shown} already")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, changed)
        context.answer(f"{target}: {key} = {shown}")
    _say_what_wins(context, key, target)


def _target(for_all: bool) -> Path:
    target = user_file() if for_all else Path.cwd() / FILE_NAME
    if target is None:
        raise UsageError("there is no home directory for --global settings", "set HOME")
    return target


def _file_to_change(context: Context, for_all: bool) -> Path:
    """The file that --config or its variable names, else that of this directory, or the user's."""
    files = settings_files(context.flags["config"], context.environ, Path.cwd())
    is_named = len(files) == 1 and files[0] not in (user_file(), Path.cwd() / FILE_NAME)
    if is_named and for_all:
        raise UsageError(f"--global does not go with a named file ({files[0]})", "leave one of them out")
    return files[0] if is_named else _target(for_all)


def _say_what_wins(context: Context, key: str, target: Path) -> None:
    """Say where another value comes from that counts before the file's."""
    if (origin := context.settings.origins[key].origin) != str(target):
        context.say(f"{origin} sets {key} too, and counts before this file")
