"""`modelctl price`: the ledger of dated prices, to look at and to enter into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.format import Format, FormatOption, JsonOption
from modelctl.cli.options import ProviderArguments, ProviderOption, providers_filter
from modelctl.core.prices.price import PriceKind, PriceUnit, ServiceTier
from modelctl.core.records import BadRow
from modelctl.core.text import counted, instant, to_seconds
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.prices.manual import PriceRow
    from modelctl.services.prices import PriceEdit, PriceReport


SINCE_DAYS = 30
"""How far `price changes` looks back unless it is told."""

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show and set dated prices.",
    epilog="Prices are in the ledger, which `modelctl sync` keeps. Prices are added to it, never changed.",
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
    _sheet(context, model, to_seconds(context.now), format, with_past=with_past)


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
    _sheet(context, model, instant(date, "DATE"), format, with_past=False)


@app.command("history", epilog="Example: modelctl price history openai/gpt-4o --kind input --plot")
def history(
    ctx: typer.Context,
    model: Model,
    kind: Annotated[
        list[PriceKind] | None, typer.Option("--kind", metavar="KIND", help=f"{', '.join(PriceKind)}. Repeatable.")
    ] = None,
    plot: Annotated[
        bool | None, typer.Option("--plot/--no-plot", help="Draw what has changed; by default on a terminal only.")
    ] = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show every dated price of a model, and who states it."""
    from modelctl.core.prices.timeline import periods
    from modelctl.output.prices import PriceHistoryDocument
    from modelctl.services.prices import get_ledgers

    context = context_of(ctx)
    with readable_database(context) as database:
        found = get_ledgers(database, [model], context.now.date())
    context.say_resolved(found.resolutions)
    key = found.resolutions[model].key
    ledger = found.known[key].prices
    wanted = [each for each in ledger if not kind or each.kind in kind]
    if kind and not wanted and ledger:
        there_are = sorted({each.kind for each in ledger})
        raise UsageError(f"{key} has no price for {', '.join(kind)}", f"it has {', '.join(there_are)}")
    report = PriceHistoryDocument(
        model=str(key),
        history=periods(wanted),
        now=context.now,
        with_plot=context.stdout.isatty() if plot is None else plot,
    )
    context.show(report, format)


@app.command("changes", epilog="Example: modelctl price changes google --since 2026-11-01 --until 2027-02-01")
def changes(
    ctx: typer.Context,
    providers: ProviderArguments = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help=f"From then on; left out: the last {SINCE_DAYS} days.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Before then; left out: all that is announced.")
    ] = None,
    provider: ProviderOption = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Show which prices change in a span of time.

    Announced prices are included.
    """
    from modelctl.output.prices import PriceChangesDocument
    from modelctl.services.prices import list_price_changes

    context = context_of(ctx)
    begin = instant(since, "--since") if since else to_seconds(context.now) - timedelta(days=SINCE_DAYS)
    end = instant(until, "--until") if until else None
    if end is not None and end <= begin:
        raise UsageError(f"--until {until} is not after --since {since or begin.date()}")
    with readable_database(context) as database:
        found = list_price_changes(database, providers_filter(providers, provider), since=begin, until=end)
    context.show(PriceChangesDocument(since=begin, until=end, changes=tuple(found)), format)
    span = f"since {begin:%Y-%m-%d}" + (f" and before {end:%Y-%m-%d}" if end else "")
    context.say(f"{counted(len(found), 'price change') if found else 'no price changes'} {span}")


def _sheet(context: Context, model: str, moment: datetime, format: Format, *, with_past: bool) -> None:
    from modelctl.core.prices.timeline import timeline
    from modelctl.output.bills import overruled_text, served_text
    from modelctl.output.prices import PriceSheetDocument
    from modelctl.services.prices import prices_at

    with readable_database(context) as database:
        found = prices_at(database, model, moment)
    context.say_resolved({model: found.resolution})
    sheet = timeline(found.ledger, moment)
    context.show(PriceSheetDocument.of(found.resolution.key, sheet, found.served, with_past=with_past), format)
    for text in (
        *served_text(found.served, found.known, moment),
        *overruled_text(found.known, found.served, context.now),
    ):
        context.warn(text)


_OF_AMOUNT = ("kind", "amount", "unit")


Amount = str | None

Input = Annotated[Amount, typer.Option("--input", metavar="AMOUNT", help="Per million tokens of prompt.")]
Output = Annotated[Amount, typer.Option("--output", metavar="AMOUNT", help="Per million tokens generated.")]
CacheRead = Annotated[Amount, typer.Option("--cache-read", metavar="AMOUNT", help="Per million read from a cache.")]
CacheWrite = Annotated[Amount, typer.Option("--cache-write", metavar="AMOUNT", help="Per million written to a cache.")]
Others = Annotated[
    list[str] | None, typer.Option("--price", metavar="KIND=AMOUNT[/UNIT]", help="Any price. Repeatable.")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE|INSTANT|launch", help="When it begins, in UTC; may be in the future. [now]"),
]
FromWhich = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE|INSTANT|launch", help="When the wrong price begins. [the one in force]"),
]
Above = Annotated[
    str | None, typer.Option("--context-above", metavar="TOKENS", help="Only for prompts of more than so many tokens.")
]
Tier = Annotated[
    str | None, typer.Option("--service-tier", metavar="TIER", help=f"{', '.join(ServiceTier)}. [standard]")
]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="ISO code. [that of the price before, else USD]")
]
Source = Annotated[str, typer.Option("--source", metavar="URL|TEXT", help="Where the price can be looked up.")]


@app.command(
    "set",
    epilog=f"""\b
Examples:
  modelctl price set openai/gpt-4o --input 2 --output 8 --source https://openai.com/api/pricing
  modelctl price set gpt-4o --input 1.8 --from 2026-12-01 --source "contract 17"
  modelctl price set gpt-4o --input 1 --output 4 --service-tier batch --source "contract 17"
  modelctl price set acme/painter --price image_output=0.04/image --source https://acme.test

\b
Kinds: {", ".join(list(PriceKind)[:7])},
  {", ".join(list(PriceKind)[7:])}
Units: {", ".join(PriceUnit)}; per million tokens (mtok) unless said otherwise

Your price holds, whatever the sources say or announce, until the next one that you set, or until
`modelctl override unpin MODEL input_price_per_mtok`.
""",
)
def set_price(
    ctx: typer.Context,
    model: Model,
    source: Source,
    input: Input = None,
    output: Output = None,
    cache_read: CacheRead = None,
    cache_write: CacheWrite = None,
    price: Others = None,
    starts: From = None,
    context_above: Above = None,
    service_tier: Tier = None,
    currency: Currency = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Set a model's prices from a day on; no sync changes them."""
    from modelctl.core.prices.manual import points_to_set

    amounts = {"input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write}
    terms = _terms(starts, context_above, service_tier, currency, source)
    edit_and_report(context_of(ctx), "price set", _rows(model, amounts, price, terms), points_to_set, format)


@app.command(
    "correct",
    epilog="""\b
Examples:
  modelctl price correct openai/gpt-4o --input 2.5 --source https://openai.com/api/pricing
  modelctl price correct gpt-4o --input 2.5 --from 2026-12-01 --source "contract 17, page 3"
  modelctl price correct gpt-4o --output 10 --from launch --source https://openai.com/api/pricing

The wrong price stays in the ledger. A revision of it counts from then on, also for bills of that time.
""",
)
def correct(
    ctx: typer.Context,
    model: Model,
    source: Source,
    input: Input = None,
    output: Output = None,
    cache_read: CacheRead = None,
    cache_write: CacheWrite = None,
    price: Others = None,
    starts: FromWhich = None,
    context_above: Above = None,
    service_tier: Tier = None,
    currency: Currency = None,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Correct a wrong price in the ledger.

    Bills of its time change, too.
    """
    from modelctl.core.prices.manual import points_to_correct

    amounts = {"input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write}
    terms = _terms(starts, context_above, service_tier, currency, source)
    edit_and_report(context_of(ctx), "price correct", _rows(model, amounts, price, terms), points_to_correct, format)


@app.command(
    "import",
    epilog="""\b
Examples:
  modelctl price import contract.csv
  jq -c '.[]' prices.json | modelctl price import -

\b
CSV with a header, or JSONL, a price per line:
  model,kind,amount,unit,from,context_above,service_tier,currency,source
  openai/gpt-4o,input,2,,2026-12-01,,,,contract 17
model, kind, amount and source are needed; the rest is as in `modelctl price set`.

One bad line, and nothing is written. The same file twice changes nothing the second time.
""",
)
def import_prices(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV or JSONL; - for stdin.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Set the prices of a file, all of them or none."""
    from modelctl.core.prices.manual import points_to_set, read_price_rows

    context = context_of(ctx)
    found = context.read_file(file, "FILE", read_price_rows)
    if not found.rows and not found.bad:
        context.warn(f"warning: {file} holds no prices")
    edit_and_report(context, "price import", found.rows, points_to_set, format, bad=found.bad)


def _terms(
    starts: str | None, context_above: str | None, service_tier: str | None, currency: str | None, source: str
) -> dict[str, str]:
    """What holds for each price that a command enters, by the fields of a price; empty is not said."""
    said = {"from": starts, "context_above": context_above, "service_tier": service_tier, "currency": currency}
    return {name: text or "" for name, text in said.items()} | {"source": source}


def _rows(
    model: str, amounts: Mapping[str, str | None], others: Sequence[str] | None, terms: Mapping[str, str]
) -> list[PriceRow]:
    """A row per amount that the options state. UsageError naming the option for what cannot be, or is said twice."""
    from modelctl.core.prices.manual import PriceRow, price_terms, split_price

    given = [
        ({"kind": name, "amount": amount}, f"--{name.replace('_', '-')}")
        for name, amount in amounts.items()
        if amount is not None
    ]
    given += [(priced, f"--price {priced['kind']}") for priced in map(split_price, others or ())]
    if not given:
        raise UsageError("no price is given", "say what it costs, as --input 2 --output 8")
    labels = {name: f"--{name.replace('_', '-')}" for name in terms}
    rows = [
        PriceRow(0, model, price_terms({**fields, **terms}, labels | dict.fromkeys(_OF_AMOUNT, label)))
        for fields, label in given
    ]
    keys = [row.terms.key for row in rows]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise UsageError(f"the {twice.kind} price per {twice.unit} is given twice", "leave one of them out")
    return rows


def edit_and_report(
    context: Context,
    command: str,
    rows: Sequence[PriceRow],
    edit: PriceEdit,
    format: Format,
    *,
    bad: Sequence[BadRow] = (),
) -> None:
    """Write the prices and print what came of them. UsageError, and nothing written, where one of them is bad."""
    from modelctl.output.prices import PriceEntriesDocument
    from modelctl.services.prices import edit_prices

    author = context.author(command)
    with readable_database(context) as database:
        report = edit_prices(context.runtime, database, rows, edit, author, bad=bad, on_wait=context.wait)
    context.say_resolved(report.resolutions)
    _refuse_bad(context, report.bad, len({row.line for row in rows} | {each.line for each in bad}))
    entries = PriceEntriesDocument(
        run=author.run, entered=tuple(report.prices), unchanged=report.unchanged, beside=tuple(report.beside)
    )
    context.show(entries, format)
    context.warn_of_each(entries.warnings(now=to_seconds(context.now)))
    context.warn_of_each(entries.notes())
    _print_report(context, report)


def _refuse_bad(context: Context, bad: Sequence[BadRow], count: int) -> None:
    if not bad:
        return
    if len(bad) == 1 and not bad[0].line:
        raise UsageError(bad[0].problem)
    if bad[0].line:
        context.tell_bad_rows(bad)
        raise UsageError(f"nothing was written: {len({each.line for each in bad}):,} of {count:,} lines are bad")
    context.warn_of_each(each.problem for each in bad)
    raise UsageError(f"nothing was written: {len(bad)} prices cannot be set")


def _print_report(context: Context, report: PriceReport) -> None:
    """What came of it in numbers, and what looks wrong: it is written all the same, for a person said so."""
    from modelctl.core.planning.guards import price_doubts
    from modelctl.output.bills import row_warnings

    limits, now = context.settings.limits, to_seconds(context.now)
    doubts: list[str] = []
    texts: list[str] = []
    for change in report.changes:
        ledger = (*report.models[change.key].prices, *change.prices)
        doubts += [f"warning: {change.key}: {doubt}: is that right?" for doubt in price_doubts(change, limits)]
        texts += row_warnings(change.key, ledger, now=now)
    context.warn_of_each(doubts)
    context.warn_of_each(texts)
    if report.unchanged:
        context.say(f"{report.unchanged} unchanged: the ledger has that already")
