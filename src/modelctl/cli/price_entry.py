"""Writing prices that a person entered, and saying what came of it: the same for options and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, readable_database, writing_alone
from modelctl.cli.options import read_file, tell_bad_rows
from modelctl.config.settings import author_of
from modelctl.core.models.resolve import Rule
from modelctl.core.prices.price import PriceKind, PriceUnit, ServiceTier
from modelctl.core.records import BadRow
from modelctl.core.text import to_seconds
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.prices.manual import PriceRow
    from modelctl.services.prices import PriceEdit, PriceReport


def edit_and_report(
    context: Context,
    command: str,
    rows: Sequence[PriceRow],
    edit: PriceEdit,
    *,
    as_json: bool,
    bad: Sequence[BadRow] = (),
) -> None:
    """Write the prices and print what came of them. UsageError, and nothing written, where one of them is bad."""
    from modelctl.output.console import look_of
    from modelctl.output.price_text import entries_json, entries_text
    from modelctl.services.prices import edit_prices

    author = author_of(context, command)
    with readable_database(context) as database, writing_alone(context, database, author) as fenced:
        report = edit_prices(fenced, rows, edit, author, bad=bad)
    for name, resolution in report.resolutions.items():
        if resolution.rule is not Rule.EXACT:
            context.say(f"{name!r} is {resolution}")
    _refuse_bad(context, report.bad, len({row.line for row in rows} | {each.line for each in bad}))
    look = look_of(context.stdout, context.environ)
    if as_json:
        context.answer(entries_json(report.prices, look, run=author.run, unchanged=report.unchanged))
    elif report.prices:
        context.answer(entries_text(report.prices, look))
    _print_report(context, report)


def _refuse_bad(context: Context, bad: Sequence[BadRow], count: int) -> None:
    if not bad:
        return
    if len(bad) == 1 and not bad[0].line:
        raise UsageError(bad[0].problem)
    if bad[0].line:
        tell_bad_rows(context, bad)
        raise UsageError(f"nothing was written: {len({each.line for each in bad}):,} of {count:,} lines are bad")
    for each in bad:
        context.warn(each.problem)
    raise UsageError(f"nothing was written: {len(bad)} prices cannot be entered")


def _print_report(context: Context, report: PriceReport) -> None:
    """What came of it in numbers, and what looks wrong: it is written all the same, for a person said so."""
    from modelctl.core.planning.guards import price_doubts
    from modelctl.output.price_text import remarks, remarks_on_row

    limits, now = context.settings.limits, to_seconds(context.now)
    for text in remarks(report.prices, now=now):
        context.warn(text)
    for change in report.changes:
        model = report.models[change.key]
        for doubt in price_doubts(change, limits):
            context.warn(f"warning: {change.key}: {doubt}: is that right?")
        for text in remarks_on_row(change.key, (*model.prices, *change.prices), now=now):
            context.warn(text)
    if report.unchanged:
        context.say(f"{report.unchanged} unchanged: the ledger has that already")


EPILOG = """\b
Examples:
  modelctl price import contract.csv
  jq -c '.[]' prices.json | modelctl price import -

\b
CSV with a header, or JSONL, a price per line:
  model,kind,amount,unit,from,context_above,service_tier,currency,source
  openai/gpt-4o,input,2,,2026-12-01,,,,contract 17
model, kind, amount and source are needed; the rest is as in `modelctl price set`.

One bad line, and nothing is written. The same file twice changes nothing the second time.
"""


def import_prices(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV or JSONL; - for stdin.")],
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Enter the prices of a file, all of them or none."""
    from modelctl.core.prices.manual import points_to_set, read_price_rows

    context = context_of(ctx)
    found = read_file(context, file, "FILE", read_price_rows)
    if not found.rows and not found.bad:
        context.warn(f"warning: {file} holds no prices")
    as_json = format is Format.JSON
    edit_and_report(context, "price import", found.rows, points_to_set, as_json=as_json, bad=found.bad)


_OF_AMOUNT = ("kind", "amount", "unit")
_AMOUNTS = ("input", "output", "cache_read", "cache_write")

SET_EPILOG = f"""\b
Examples:
  modelctl price set openai/gpt-4o --input 2 --output 8 --source https://openai.com/api/pricing
  modelctl price set gpt-4o --input 1.8 --from 2026-12-01 --source "contract 17"
  modelctl price set gpt-4o --input 1 --output 4 --service-tier batch --source "contract 17"
  modelctl price set acme/painter --price image_output=0.04/image --source https://acme.test

\b
Kinds: {", ".join(list(PriceKind)[:7])},
  {", ".join(list(PriceKind)[7:])}
Units: {", ".join(PriceUnit)}; per million tokens (mtok) unless said otherwise

Your price holds, whatever the sources say or announce, until the next one that you date, or until
`modelctl unpin MODEL input_price_per_mtok` gives it back. The ledger is only appended to.
"""
CORRECT_EPILOG = """\b
Examples:
  modelctl price correct openai/gpt-4o --input 2.5 --source https://openai.com/api/pricing
  modelctl price correct gpt-4o --input 2.5 --from 2026-12-01 --source "contract 17, page 3"
  modelctl price correct gpt-4o --output 10 --from launch --source https://openai.com/api/pricing

The wrong entry stays in the ledger; a revision of it counts from then on, for bills of that time too.
"""
Model = Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")]
Amount = str | None
Input = Annotated[Amount, typer.Option("--input", metavar="AMOUNT", help="Per million tokens of prompt.")]
Output = Annotated[Amount, typer.Option("--output", metavar="AMOUNT", help="Per million tokens generated.")]
CacheRead = Annotated[Amount, typer.Option("--cache-read", metavar="AMOUNT", help="Per million read from a cache.")]
CacheWrite = Annotated[Amount, typer.Option("--cache-write", metavar="AMOUNT", help="Per million written to a cache.")]
Others = Annotated[
    list[str] | None, typer.Option("--price", metavar="KIND=AMOUNT[/UNIT]", help="Any price. Repeatable.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="DATE|INSTANT|launch", help="When it begins, UTC; may be to come. [now]")
]
FromWhich = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE|INSTANT|launch", help="When the wrong entry begins. [the one in force]"),
]
Above = Annotated[
    str | None, typer.Option("--context-above", metavar="TOKENS", help="Only for prompts of more tokens.")
]
Tier = Annotated[
    str | None, typer.Option("--service-tier", metavar="TIER", help=f"{', '.join(ServiceTier)}. [standard]")
]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="ISO code. [that of the price before, else USD]")
]
Source = Annotated[str, typer.Option("--source", metavar="URL|TEXT", help="Where the price can be looked up.")]


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
    """Enter a model's prices from a day on; no sync changes them."""
    from modelctl.core.prices.manual import points_to_set

    as_json = format is Format.JSON
    edit_and_report(context_of(ctx), "price set", _rows(ctx.params), points_to_set, as_json=as_json)


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
    """Correct a wrong entry of the ledger.

    And with it the bills of its time.
    """
    from modelctl.core.prices.manual import points_to_correct

    as_json = format is Format.JSON
    edit_and_report(context_of(ctx), "price correct", _rows(ctx.params), points_to_correct, as_json=as_json)


def _rows(said: Mapping[str, Any]) -> list[PriceRow]:
    """A row per amount that the options state. UsageError naming the option for what cannot be, or is said twice."""
    from modelctl.core.prices.manual import PriceRow, price_terms, split_price

    given = [
        ({"kind": name, "amount": said[name]}, f"--{name.replace('_', '-')}")
        for name in _AMOUNTS
        if said[name] is not None
    ]
    given += [(priced, f"--price {priced['kind']}") for priced in map(split_price, said["price"] or ())]
    if not given:
        raise UsageError("no price is given", "say what it costs, as --input 2 --output 8")
    common = {name: said[name] or "" for name in ("context_above", "service_tier", "currency", "source")}
    common["from"] = said["starts"] or ""
    labels = {name: f"--{name.replace('_', '-')}" for name in common}
    rows = [
        PriceRow(0, said["model"], price_terms(fields | common, labels | dict.fromkeys(_OF_AMOUNT, label)))
        for fields, label in given
    ]
    keys = [row.terms.key for row in rows]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise UsageError(f"the {twice.kind} price per {twice.unit} is given twice", "leave one of them out")
    return rows
