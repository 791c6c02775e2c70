"""`modelctl price`: the ledger, and what it means for a bill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli import price_cost
from modelctl.cli import price_entry as price_import
from modelctl.cli import price_entry as price_set
from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, readable_database
from modelctl.cli.price_cost import find
from modelctl.core.prices.price import PriceKind
from modelctl.core.text import counted, instant, require_known, to_seconds
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.facts import ModelKey
    from modelctl.core.prices.timeline import PriceChange
    from modelctl.core.stored import StoredModel
    from modelctl.db.tables import Tables


SINCE_DAYS = 30
"""How far `price changes` looks back unless it is told."""

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show and enter dated prices, and compute bills.",
    epilog="Prices come from the ledger in the database; `modelctl sync` keeps it. Nothing in it is ever overwritten.",
)


Model = Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]


@app.command("show", epilog="Example: modelctl price show google/gemini-4-argon --all")
def show(
    ctx: typer.Context,
    model: Model,
    with_past: Annotated[bool, typer.Option("--all", help="Past prices, too.")] = False,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show a model's prices in force now.

    By service tier, prompt size and hour, and those that are announced.
    """
    context = context_of(ctx)
    _sheet(context, model, to_seconds(context.now), with_past=with_past, as_json=format is Format.JSON)


@app.command("at", epilog="Example: modelctl price at deepseek/deepseek-flash 2026-11-21T03:00:00Z")
def at(
    ctx: typer.Context,
    model: Model,
    date: Annotated[str, typer.Argument(metavar="DATE|INSTANT", help="2026-12-01, or 2026-12-01T07:30:00Z; UTC.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show a model's prices at an instant, past or to come.

    A date means its first moment.
    """
    context = context_of(ctx)
    _sheet(context, model, instant(date, "DATE"), with_past=False, as_json=format is Format.JSON)


@app.command("history", epilog="Example: modelctl price history openai/gpt-4o --kind input --plot")
def history(
    ctx: typer.Context,
    model: Model,
    kind: Annotated[
        list[PriceKind] | None, typer.Option("--kind", metavar="KIND", help=f"{', '.join(PriceKind)}. Repeatable.")
    ] = None,
    plot: Annotated[
        bool | None, typer.Option("--plot/--no-plot", help="Draw what has changed; left out: on a terminal only.")
    ] = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show every dated price of a model, and who states it."""
    from modelctl.core.prices.timeline import periods
    from modelctl.output.console import look_of
    from modelctl.output.prices import history_json, history_text

    context = context_of(ctx)
    [key], known = find(context, [model])
    wanted = [each for each in known[key].prices if not kind or each.kind in kind]
    if kind and not wanted and known[key].prices:
        there_are = sorted({each.kind for each in known[key].prices})
        raise UsageError(f"{key} has no price for {', '.join(kind)}", f"it has {', '.join(there_are)}")
    look, held = look_of(context.stdout, context.environ), periods(wanted)
    if format is Format.JSON:
        context.answer(history_json(key, held, look))
    else:
        with_plot = context.stdout.isatty() if plot is None else plot
        context.answer(history_text(key, held, look, now=context.now, with_plot=with_plot))


@app.command(
    "changes", epilog="Example: modelctl price changes --since 2026-11-01 --until 2027-02-01 --provider google"
)
def changes(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help=f"From then on; left out: the last {SINCE_DAYS} days.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Before then; left out: all that is announced.")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", metavar="NAME", help="Only this seller's. Repeatable.")
    ] = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which prices change in a span of time.

    Those that are announced are included.
    """
    from modelctl.output.console import look_of
    from modelctl.output.prices import changes_json, changes_text

    context = context_of(ctx)
    begin = instant(since, "--since") if since else to_seconds(context.now) - timedelta(days=SINCE_DAYS)
    end = instant(until, "--until") if until else None
    if end is not None and end <= begin:
        raise UsageError(f"--until {until} is not after --since {since or begin.date()}")
    found = _changes(context, begin, end, provider or [])
    look = look_of(context.stdout, context.environ)
    if format is Format.JSON:
        context.answer(changes_json(found, look, since=begin, until=end))
    elif found:
        context.answer(changes_text(found, look))
    span = f"since {begin:%Y-%m-%d}" + (f" and before {end:%Y-%m-%d}" if end else "")
    context.say(f"{counted(len(found), 'price change') if found else 'no price changes'} {span}")


app.command("set", epilog=price_set.SET_EPILOG)(price_set.set_price)
app.command("correct", epilog=price_set.CORRECT_EPILOG)(price_set.correct)
app.command("import", epilog=price_import.EPILOG)(price_import.import_prices)
app.command("cost", epilog=price_cost.COST_EPILOG)(price_cost.cost)
app.command("compare", epilog=price_cost.COMPARE_EPILOG)(price_cost.compare)


def _sheet(context: Context, model: str, moment: datetime, *, with_past: bool, as_json: bool) -> None:
    from modelctl.core.prices.billing import served
    from modelctl.core.prices.timeline import price_sheet
    from modelctl.output.console import look_of
    from modelctl.output.price_text import overruled_text, served_text, sheet_json
    from modelctl.output.prices import sheet_text

    [key], known = find(context, [model])
    look = look_of(context.stdout, context.environ)
    sheet, answering = price_sheet(known[key].prices, moment), served(key, known, moment)
    if as_json:
        context.answer(sheet_json(key, sheet, answering, look, with_past=with_past))
    else:
        context.answer(sheet_text(key, sheet, answering, look, with_past=with_past))
    for remark in (*served_text(answering, known, moment), *overruled_text(known, answering, context.now)):
        context.warn(remark)


def _changes(
    context: Context, begin: datetime, end: datetime | None, wanted: list[str]
) -> list[tuple[ModelKey, PriceChange]]:
    """The changes in the span, by time and model."""
    from modelctl.core.prices import timeline as price_changes
    from modelctl.db import read

    def work(connection: Connection, tables: Tables) -> list[StoredModel]:
        providers = sorted(read.providers(connection, tables))
        for name in wanted:
            require_known(name, providers, "provider")
        return [
            model for name in wanted or providers for model in read.models_of(connection, tables, name).models.values()
        ]

    with readable_database(context) as database:
        models = database.read(lambda connection: work(connection, database.tables))
    found = [
        (model.key, change)
        for model in models
        for change in price_changes.price_changes(model.prices)
        if begin <= change.at and (end is None or change.at < end)
    ]
    return sorted(found, key=lambda each: (each[1].at, each[0], price_changes.rank(each[1].key)))
