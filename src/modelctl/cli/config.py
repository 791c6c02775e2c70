"""`modelctl config`: which settings are in force, and where each came from."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from modelctl.cli.context import context_of
from modelctl.config import Setting

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Show the settings in force.")


class Format(StrEnum):
    """How settings can be shown."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def group() -> None:
    """Show the settings in force."""


@app.command()
def show(
    ctx: typer.Context,
    format: Annotated[Format, typer.Option("--format", help="How to print the settings.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show each setting, its value and where it came from. Passwords are masked.

    A setting comes from its option, else its MODELCTL_ variable (for the database also DATABASE_URL), else
    modelctl.toml in the working directory, else modelctl.toml in your configuration directory, else the default.
    """
    context = context_of(ctx)
    shown = context.settings.shown()
    context.answer(_as_json(shown) if json or format is Format.JSON else _as_table(shown))


def _as_json(shown: dict[str, Setting]) -> str:
    import json

    rows = {name: {"value": _plain(each.value), "origin": each.origin} for name, each in shown.items()}
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _as_table(shown: dict[str, Setting]) -> str:
    rows = [("setting", "value", "origin")]
    rows += [(name, _spelt(each.value), each.origin) for name, each in shown.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}" for name, value, origin in rows)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _spelt(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return "-"
    if isinstance(plain, bool):
        return str(plain).lower()
    return ", ".join(plain) if isinstance(plain, list) else str(plain)
