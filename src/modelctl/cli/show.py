"""`modelctl lifecycle`: what ends when, what it leads to, and whether that is so near that a check fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import (
    Context,
    Format,
    FormatOption,
    JsonOption,
    MarkdownFormat,
    MarkdownFormatOption,
    context_of,
    readable_database,
)
from modelctl.core.text import days, did_you_mean
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.models.details import ModelDetails
    from modelctl.core.models.resolve import Resolution
    from modelctl.core.models.retirements import Retirements, Window
    from modelctl.db.engine import Database
    from modelctl.db.tables import Tables


EPILOG = """\b
Examples:
  modelctl lifecycle
  modelctl lifecycle --within 26w --past 30d
  modelctl lifecycle --enabled --fail-within 30d --format markdown
"""


def lifecycle_command(
    ctx: typer.Context,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", metavar="all|NAME", help="Repeatable; left out means all.")
    ] = None,
    within: Annotated[
        str, typer.Option("--within", metavar="Nd|Nw", help="How far ahead to look, in days or weeks.")
    ] = "90d",
    fail_within: Annotated[
        str | None,
        typer.Option(
            "--fail-within",
            metavar="Nd|Nw",
            help="Exit 3 when an enabled model ends so soon, or has ended and is still enabled.",
        ),
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled", help="Show only models that are enabled.")] = False,
    past: Annotated[
        str | None, typer.Option("--past", metavar="Nd|Nw", help="Show models, too, that ended so recently.")
    ] = None,
    format: MarkdownFormatOption = MarkdownFormat.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show which models end when, and what replaces them.

    With what their live successors cost instead. Prices are those of plain requests (standard tier, no long context) on
    the day of the end, announced changes included. "Not sooner than" dates are shown apart: they are no announced end,
    and never make the check fail.
    """
    from modelctl.core.models.retirements import RetirementFinding, Window

    context = context_of(ctx)
    window = Window(
        within_days=days(within, "--within"),
        past_days=days(past, "--past") if past is not None else None,
        fail_within_days=days(fail_within, "--fail-within") if fail_within is not None else None,
        only_enabled=enabled,
        providers=() if "all" in (provider or ()) else tuple(sorted(set(provider or ()))),
    )
    with readable_database(context) as database:
        retirements = _retirements(context, database, window)
    _print(context, retirements, format)
    if any(retirements.findings(kind) for kind in RetirementFinding):
        raise typer.Exit(ExitCode.PENDING)


def _retirements(context: Context, database: Database, window: Window) -> Retirements:
    """What ends inside the window; of the ledgers only those that are shown are read."""
    from modelctl.core.models.retirements import find_retirements, with_prices
    from modelctl.db import read

    def work(connection: Connection) -> Retirements:
        _check_known(window.providers, read.providers(connection, database.tables))
        models = read.models(connection, database.tables, only=window.providers)
        retirements = find_retirements(models, window, today=context.now.date())
        return with_prices(retirements, read.with_ledgers(connection, database.tables, retirements.keys))

    return database.read(work)


def _check_known(names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            raise UsageError(f"the database has no provider {name!r}", did_you_mean(name, known) or "there are none")


def _print(context: Context, retirements: Retirements, format: MarkdownFormat) -> None:
    from modelctl.output.retirements import FORMATS, alarms, remarks

    if text := FORMATS[format](retirements, context.stdout):
        context.answer(text)
    for remark in remarks(retirements):
        context.say(remark)
    for alarm in alarms(retirements):
        context.warn(alarm)


RESOLVE_EPILOG = """\b
Examples:
  modelctl resolve gpt-4o
  modelctl resolve claude-sonnet-4-5-latest
  modelctl resolve gpt-4o-2024-08-06 --format json

The rules, in this order: exact provider/model_id, an id that only one provider has, an alias, one of these with
`-latest` or with a real date at its end. Never a prefix or a part: what merely looks alike is suggested, not taken.
"""


def resolve_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model as somebody wrote it.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Say which model a name means, and by which rule."""
    from json import dumps

    from modelctl.core.models.resolve import NAMING_FACTS, resolve
    from modelctl.db import read

    context = context_of(ctx)
    with readable_database(context) as database:
        found = resolve(
            name, database.read(lambda connection: read.models(connection, database.tables, columns=NAMING_FACTS))
        )
    if format is Format.JSON:
        provider, model_id = found.key
        answer = {"name": name, "provider": provider, "model_id": model_id, "rule": found.rule.value}
        context.answer(dumps(answer, indent=2, ensure_ascii=False))
    else:
        context.answer(str(found.key))
        context.say(f"{name!r} is {found}")


SHOW_EPILOG = """\b
Examples:
  modelctl show openai/gpt-4o
  modelctl show together/mistralai/Mixtral-8x7B-Instruct-v0.1 --changes 20
  modelctl show gpt-4o --json

MODEL is provider/model_id, an id that only one provider has, an alias, or one of these with a date at its end.
"""


def show_command(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    changes: Annotated[int, typer.Option(min=0, metavar="N", help="Show the last N changes.")] = 5,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show everything that is known of one model.

    Its facts with their sources, its prices over time and its changes.
    """
    from modelctl.core.models.resolve import Rule
    from modelctl.output.console import look_of
    from modelctl.output.model import page, page_json

    context = context_of(ctx)
    resolution, details = _read(context, model, changes)
    if resolution.rule is not Rule.EXACT:
        context.say(f"{model!r} is {resolution}")
    look = look_of(context.stdout, context.environ)
    as_json = format is Format.JSON
    context.answer(page_json(details, resolution.rule, look) if as_json else page(details, look))


def _read(context: Context, name: str, changes: int) -> tuple[Resolution, ModelDetails]:
    from modelctl.core.models.details import model_details
    from modelctl.core.models.lifecycle import chain_of
    from modelctl.core.models.resolve import resolve
    from modelctl.db import read

    today = context.now.date()

    def work(connection: Connection, tables: Tables) -> tuple[Resolution, ModelDetails]:
        known = {each.key: each for each in read.models(connection, tables)}
        resolution = resolve(name, known.values())
        model = read.models_by_key(connection, tables, [resolution.key])[resolution.key]
        entries = read.changes_of(connection, tables, resolution.key, changes) if changes else ()
        chain = chain_of(model, known, after=today, today=today)
        return resolution, model_details(model, known, chain, entries, now=context.now)

    with readable_database(context) as database:
        return database.read(lambda connection: work(connection, database.tables))
