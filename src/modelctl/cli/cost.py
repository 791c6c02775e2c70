"""`modelctl cost`: what requests cost, from what they used."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, context_of, readable_database
from modelctl.cli.format import JsonOption, RowsFormat, RowsFormatOption
from modelctl.core.prices.price import ServiceTier
from modelctl.core.prices.usage import METERS, Usage, read_quantity
from modelctl.core.text import counted, instant, to_seconds
from modelctl.errors import ExitCode, InvalidFact, UsageError

if TYPE_CHECKING:
    from modelctl.core.prices.billing import Billed
    from modelctl.core.prices.usage import UsageRows
    from modelctl.services.prices import UsageBills


_PARAMETER = "usage"


def metered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option per meter instead of its parameter `usage`, which gets what they say."""

    plain = inspect.signature(command, eval_str=True)
    others = [each for each in plain.parameters.values() if each.name != _PARAMETER]
    options = [
        inspect.Parameter(
            meter.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(option(meter.name), metavar="N", help=meter.help)],
        )
        for meter in METERS.values()
    ]

    @wraps(command)
    def with_options(*args: Any, **kwargs: Any) -> None:
        said = {name: text for name in METERS if (text := kwargs.pop(name)) is not None}
        command(*args, **kwargs, **{_PARAMETER: _usage(said)})

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others] + options
    with_options.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by Typer
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def option(meter: str) -> str:
    """The option of a meter."""
    return f"--{meter.replace('_', '-')}"


def _usage(said: dict[str, str]) -> Usage:
    try:
        return Usage({name: read_quantity(name, text) for name, text in said.items()})
    except InvalidFact as error:
        name, _, problem = error.message.partition(": ")
        raise UsageError(f"{option(name)}: {problem}", error.hint) from None


At = Annotated[
    str | None, typer.Option("--at", metavar="DATE|INSTANT", help="When, else now; a date is its first moment, UTC.")
]
Tier = Annotated[ServiceTier, typer.Option("--service-tier", help="How the request was served.")]


@epilog(
    """\b
Examples:
  modelctl cost claude-opus-4-6 --input 1200 --cache-read 50000 --output 800
  modelctl cost google/gemini-4-argon --input 1000 --output 500 --at 2026-12-01
  modelctl cost --from usage.jsonl --by-model
  zcat usage.csv.gz | modelctl cost --from - --format csv > bills.csv
  modelctl cost --compare claude-sonnet-5-5 google/gemini-4-argon --input 8000 --output 1000

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

--compare bills the same counts on each model; a model's own tokenizer would count a text differently.
"""
)
@metered
def cost_command(
    ctx: typer.Context,
    usage: Usage,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|-", help="Bill the usage records of a file, or of stdin.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Bill it on several models; the cheapest first.")] = False,
    at: At = None,
    service_tier: Tier = ServiceTier.STANDARD,
    by_model: Annotated[bool, typer.Option("--by-model", help="With --from: a line per model.")] = False,
    format: RowsFormatOption = RowsFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Compute what requests cost, at the prices of their time.

    It names these prices.
    """
    context, names = context_of(ctx), models or []
    moment = instant(at, "--at") if at else None
    if source is not None:
        if names or usage.quantities or compare:
            raise UsageError(
                "--from bills what the records say: it takes no MODEL, no quantities and no --compare",
                "leave --from out, or the others",
            )
        options = BillOptions(source=source, at=moment, service_tier=service_tier, by_model=by_model, format=format)
        raise typer.Exit(_bill_records(context, options))
    if by_model:
        raise UsageError("--by-model needs --from FILE")
    if not names:
        raise UsageError("give a MODEL, or --from FILE")
    if len(names) > 1 and not compare:
        raise UsageError(f"{len(names)} models are named", "add --compare to bill the request on each of them")
    bills = _bills(context, names, usage, moment, service_tier)
    raise typer.Exit(_compare(context, bills, format) if compare else _bill(context, bills[0], format))


def _bill(context: Context, billed: Billed, format: str) -> ExitCode:
    from modelctl.output.bills import BillDocument

    context.show(BillDocument(billed), format)
    return ExitCode.OK if billed.bill.is_complete else ExitCode.PENDING


def _compare(context: Context, bills: list[Billed], format: str) -> ExitCode:
    from modelctl.core.prices.billing import by_cost
    from modelctl.output.bills import BillComparisonDocument

    context.show(BillComparisonDocument(bills=tuple(by_cost(bills))), format)
    if incomplete := sum(not each.bill.is_complete for each in bills):
        context.warn(f"warning: {incomplete} of {len(bills)} models have no price on record for some of it")
        return ExitCode.PENDING
    return ExitCode.OK


def _bills(
    context: Context, models: list[str], usage: Usage, at: datetime | None, service_tier: ServiceTier
) -> list[Billed]:
    """A bill for each model, with what has to be said of it."""
    from modelctl.output.bills import not_given_text, overruled_text, oversized_text, served_text
    from modelctl.services.prices import bill_request

    if not usage.quantities:
        raise UsageError("nothing to bill", "say what was used, as --input 1200 --output 300")
    with readable_database(context) as database:
        bills, ledgers = bill_request(database, models, usage, at or to_seconds(context.now), service_tier.value)
    context.say_resolved(ledgers.resolutions)
    for billed in bills:
        for text in (
            *served_text(billed.served, ledgers.known, billed.bill.at),
            *overruled_text(ledgers.known, billed.served, context.now),
            *not_given_text(billed),
            *oversized_text(billed),
        ):
            context.warn(text)
    return bills


@dataclass(frozen=True, slots=True, kw_only=True)
class BillOptions:
    """What the command line asks for."""

    source: str
    at: datetime | None
    """Of records that have no instant of their own."""
    service_tier: ServiceTier
    """Of records that do not state theirs."""
    by_model: bool
    format: str


def _bill_records(context: Context, options: BillOptions) -> ExitCode:
    """Bill all records, print the bills and what they come to. UsageError naming each line that cannot be billed."""
    from modelctl.core.prices.usage import read_usage_rows
    from modelctl.output.bills import BillsByModel, RecordBills
    from modelctl.services.prices import bill_usage

    found = context.read_file(options.source, "--from", read_usage_rows)
    with readable_database(context) as database:
        bills = bill_usage(database, found.rows, options.at or to_seconds(context.now), options.service_tier.value)
    context.say_resolved(bills.ledgers.resolutions)
    if bad := [*found.bad, *bills.bad]:
        context.tell_bad_rows(bad)
        count = len({row.line for row in found.rows} | {each.line for each in bad})
        raise UsageError(f"nothing was billed: {len(bad):,} of {count:,} usage records are wrong")
    if options.by_model:
        for _ in bills.records:
            pass  # counting them is all
        context.show(BillsByModel(bills.by_model, bills.total), options.format)
    else:
        context.show(RecordBills(bills.records, bills.total), options.format)
    _tell(context, options, found, bills)
    return ExitCode.PENDING if bills.total.incomplete_rows else ExitCode.OK


def _tell(context: Context, options: BillOptions, found: UsageRows, bills: UsageBills) -> None:
    """The talk after the bills: what they come to, and what must be known before relying on it."""
    from modelctl.core.prices.billing import served
    from modelctl.output.bills import overruled_text, summary, total_warnings

    if options.format in ("csv", "jsonl"):
        context.say(summary(bills.total))
    if not found.rows:
        context.warn("warning: no usage records: nothing was billed")
    undated = sum(row.at is None for row in found.rows)
    if undated:
        as_of = f"{options.at or context.now:%Y-%m-%d %H:%M} UTC"
        context.say(f"note: {counted(undated, 'row')} without an instant billed as of {as_of}")
    known = bills.ledgers.known
    context.warn_of_each(
        text
        for key in sorted(bills.by_model)
        for text in overruled_text(known, served(key, known, context.now), context.now)
    )
    for text in total_warnings(bills.total):
        context.warn(text)
