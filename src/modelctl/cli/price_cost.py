"""`modelctl price cost` and `price compare`: what requests cost, from what they used."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelctl.cli.context import Context, context_of
from modelctl.cli.price_meters import metered
from modelctl.cli.price_models import find, tell_of
from modelctl.core.instants import instant
from modelctl.core.price import ServiceTier
from modelctl.core.units import to_seconds
from modelctl.core.usage import Usage
from modelctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from modelctl.core.biller import Billed

COST_EPILOG = """\b
Examples:
  modelctl price cost claude-opus-4-6 --input 1200 --cache-read 50000 --output 800
  modelctl price cost google/gemini-4-argon --input 1000 --output 500 --at 2026-12-01
  modelctl price cost --from usage.jsonl --by-model
  zcat usage.csv.gz | modelctl price cost --from - --format csv > bills.csv

\b
Usage records: JSONL, or CSV with a header. Each is one request:
  model           as on the command line; `at`, `service_tier` and `id` where it has them
  quantities      named as the options: input, output, cache_read, web_searches, …

\b
What to count:
  input           only tokens billed at the input price. Anthropic reports cached ones apart;
                  OpenAI and Google count them in, so subtract them and give --cache-read
  output          as the vendor counts it; --reasoning-output only where it counts them beside
  prompt size     input + cached + audio, image and video input: it decides about the
                  long-context price, which holds for the whole request
  images, seconds where a model prices both sides, say --input-images or --output-images

\b
Amounts are exact and not rounded. What has no price on record is listed and not billed, the
total is then a lower bound, and the exit code is 3.
"""
COMPARE_EPILOG = """\b
Example:
  modelctl price compare claude-sonnet-5-5 google/gemini-4-argon --input 8000 --output 1000

The same counts are billed for each model; a model's own tokenizer would count a text differently.
"""


class BillFormat(StrEnum):
    """How bills are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class CompareFormat(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    JSON = "json"


At = Annotated[
    str | None, typer.Option("--at", metavar="DATE|INSTANT", help="When; a date is its first moment, UTC. [now]")
]
Tier = Annotated[ServiceTier, typer.Option("--service-tier", help="How the request was served.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


@metered
def cost(
    ctx: typer.Context,
    usage: Usage,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|-", help="Bill the usage records of a file, or of stdin.")
    ] = None,
    at: At = None,
    service_tier: Tier = ServiceTier.STANDARD,
    by_model: Annotated[bool, typer.Option("--by-model", help="With --from: a line per model.")] = False,
    format: Annotated[BillFormat, typer.Option("--format", help="How to print it.")] = BillFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Compute what a request costs, or each of many.

    At the prices in force at its time; it says which those are.
    """
    from modelctl.cli.price_rows import Order, bill_records

    context = context_of(ctx)
    moment, format = instant(at, "--at") if at else None, BillFormat.JSON if json else format
    if source is not None:
        if model is not None or usage.quantities:
            raise UsageError("--from bills what the records say: give no MODEL and no quantities with it")
        order = Order(source=source, at=moment, service_tier=service_tier, by_model=by_model, format=format)
        raise typer.Exit(bill_records(context, order))
    if model is None or by_model:
        raise UsageError("--by-model needs --from FILE" if by_model else "give a MODEL, or --from FILE")
    [billed] = _bills(context_of(ctx), [model], usage, moment, service_tier)
    context.answer(_one_bill(context, billed, format))
    raise typer.Exit(ExitCode.OK if billed.bill.is_complete else ExitCode.PENDING)


@metered
def compare(
    ctx: typer.Context,
    usage: Usage,
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    at: At = None,
    service_tier: Tier = ServiceTier.STANDARD,
    format: Annotated[CompareFormat, typer.Option("--format", help="How to print it.")] = CompareFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Compute what one request costs on several models.

    Cheapest first; exit 3 when a price is unknown.
    """
    from modelctl.core.biller import by_cost
    from modelctl.render.price_compare import compare_json, compare_text
    from modelctl.render.terminal import look_of

    context = context_of(ctx)
    bills = by_cost(_bills(context, models, usage, instant(at, "--at") if at else None, service_tier))
    look = look_of(context.stdout, context.environ)
    as_json = json or format is CompareFormat.JSON
    context.answer(compare_json(bills, look) if as_json else compare_text(bills, look))
    incomplete = sum(not each.bill.is_complete for each in bills)
    if incomplete:
        context.warn(f"warning: {incomplete} of {len(bills)} models have no price on record for some of it")
        raise typer.Exit(ExitCode.PENDING)


def _bills(
    context: Context, models: list[str], usage: Usage, at: datetime | None, service_tier: ServiceTier
) -> list[Billed]:
    """A bill for each model, with what has to be said of it."""
    from modelctl.core.biller import Biller

    if not usage.quantities:
        raise UsageError("nothing to bill", "say what was used, as --input 1200 --output 300")
    keys, known = find(context, list(dict.fromkeys(models)))
    biller = Biller(known)
    bills = [biller.bill(key, usage, at or to_seconds(context.now), service_tier.value) for key in dict.fromkeys(keys)]
    for billed in bills:
        tell_of(context, billed, known)
    return bills


def _one_bill(context: Context, billed: Billed, format: BillFormat) -> str:
    from modelctl.render import bills, price_json
    from modelctl.render.bill import bill_text
    from modelctl.render.terminal import look_of

    look = look_of(context.stdout, context.environ)
    row = bills.BilledRow(1, "", billed)
    match format:
        case BillFormat.TABLE:
            return bill_text(billed, look)
        case BillFormat.JSON:
            return price_json.document(price_json.bill_object(billed), look)
        case BillFormat.JSONL:
            return "\n".join(bills.rows_jsonl([row], look))
        case BillFormat.CSV:
            return "\n".join(bills.rows_csv([row]))
