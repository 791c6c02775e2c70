"""`modelctl price cost` and `price compare`: what requests cost, from what they used."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.commands import epilog
from modelctl.cli.context import Context, Format, FormatOption, JsonOption, context_of, format_option, readable_database
from modelctl.cli.options import read_file, tell_bad_rows
from modelctl.core.facts import ModelKey
from modelctl.core.models.resolve import Resolution, Rule, resolve
from modelctl.core.prices.billing import may_answer
from modelctl.core.prices.price import ServiceTier
from modelctl.core.prices.usage import METERS, Usage, read_quantity
from modelctl.core.text import counted, instant, to_seconds
from modelctl.errors import ExitCode, InvalidFact, ModelctlError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.prices.billing import Billed, Biller, BillTotals
    from modelctl.core.prices.usage import UsageRows
    from modelctl.core.stored import StoredModel
    from modelctl.output.bills import RecordBill
    from modelctl.tables.base import Tables


Known = Mapping[ModelKey, "StoredModel"]


def find(context: Context, names: Sequence[str]) -> tuple[list[ModelKey], Known]:
    """The models that the names mean, and all models: these, and what they redirect to, with their ledgers.

    UsageError or ModelctlError for a name that means none, or several.
    """
    from modelctl.cli.context import readable_database
    from modelctl.db import read

    def work(connection: Connection, tables: Tables) -> tuple[list[Resolution], Known]:
        known = {each.key: each for each in read.models(connection, tables)}
        found = [resolve(name, known.values()) for name in names]
        return found, with_ledgers(connection, tables, known, [each.key for each in found])

    with readable_database(context) as database:
        found, known = database.read(lambda connection: work(connection, database.tables))
    tell_resolved(context, zip(names, found, strict=True))
    return [each.key for each in found], known


def with_ledgers(connection: Connection, tables: Tables, known: Known, keys: Iterable[ModelKey]) -> Known:
    """All models, those named and what they redirect to with their ledgers."""
    from modelctl.db import read

    return {**known, **read.with_ledgers(connection, tables, may_answer(keys, known))}


def tell_resolved(context: Context, resolved: Iterable[tuple[str, Resolution]]) -> None:
    """Which models were meant by names that are no ids."""
    for name, resolution in resolved:
        if resolution.rule is not Rule.EXACT:
            context.say(f"{name!r} is {resolution}")


def tell_of(context: Context, billed: Billed, known: Known) -> None:
    """What a person should know of a bill before relying on it."""
    from modelctl.output.bills import not_given_text, overruled_text, oversized_text, served_text

    remarks = [
        *served_text(billed.served, known, billed.bill.at),
        *overruled_text(known, billed.served, context.now),
        *not_given_text(billed),
        *oversized_text(billed),
    ]
    for remark in remarks:
        context.warn(remark)


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


class BillFormat(StrEnum):
    """How bills are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


At = Annotated[
    str | None, typer.Option("--at", metavar="DATE|INSTANT", help="When; a date is its first moment, UTC. [now]")
]
Tier = Annotated[ServiceTier, typer.Option("--service-tier", help="How the request was served.")]


@epilog(
    """\b
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
)
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
    format: Annotated[BillFormat, format_option()] = BillFormat.TABLE,
    json: JsonOption = False,
) -> None:
    """Compute what a request costs, or each of many.

    At the prices in force at its time; it says which those are.
    """
    from modelctl.output.bills import BillDocument

    context = context_of(ctx)
    moment, format = instant(at, "--at") if at else None, format
    if source is not None:
        if model is not None or usage.quantities:
            raise UsageError("--from bills what the records say: give no MODEL and no quantities with it")
        order = BillOptions(source=source, at=moment, service_tier=service_tier, by_model=by_model, format=format)
        raise typer.Exit(bill_records(context, order))
    if model is None or by_model:
        raise UsageError("--by-model needs --from FILE" if by_model else "give a MODEL, or --from FILE")
    [billed] = _bills(context_of(ctx), [model], usage, moment, service_tier)
    context.show(BillDocument(billed), format)
    raise typer.Exit(ExitCode.OK if billed.bill.is_complete else ExitCode.PENDING)


@epilog(
    """\b
Example:
  modelctl price compare claude-sonnet-5-5 google/gemini-4-argon --input 8000 --output 1000

The same counts are billed for each model; a model's own tokenizer would count a text differently.
"""
)
@metered
def compare(
    ctx: typer.Context,
    usage: Usage,
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="As provider/model_id, or shorter.")],
    at: At = None,
    service_tier: Tier = ServiceTier.STANDARD,
    format: FormatOption = Format.TABLE,
    json: JsonOption = False,
) -> None:
    """Compute what one request costs on several models.

    Cheapest first; exit 3 when a price is unknown.
    """
    from modelctl.core.prices.billing import by_cost
    from modelctl.output.bills import BillComparisonDocument

    context = context_of(ctx)
    bills = by_cost(_bills(context, models, usage, instant(at, "--at") if at else None, service_tier))
    context.show(BillComparisonDocument(bills=tuple(bills)), format)
    incomplete = sum(not each.bill.is_complete for each in bills)
    if incomplete:
        context.warn(f"warning: {incomplete} of {len(bills)} models have no price on record for some of it")
        raise typer.Exit(ExitCode.PENDING)


def _bills(
    context: Context, models: list[str], usage: Usage, at: datetime | None, service_tier: ServiceTier
) -> list[Billed]:
    """A bill for each model, with what has to be said of it."""
    from modelctl.core.prices.billing import Biller

    if not usage.quantities:
        raise UsageError("nothing to bill", "say what was used, as --input 1200 --output 300")
    keys, known = find(context, list(dict.fromkeys(models)))
    biller = Biller(known)
    bills = [biller.bill(key, usage, at or to_seconds(context.now), service_tier.value) for key in dict.fromkeys(keys)]
    for billed in bills:
        tell_of(context, billed, known)
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


def bill_records(context: Context, order: BillOptions) -> ExitCode:
    """Bill all records, print the bills and what they come to. UsageError naming each line that cannot be billed."""
    from modelctl.core.prices.billing import Biller, BillTotals
    from modelctl.core.prices.usage import read_usage_rows

    found = read_file(context, order.source, "--from", read_usage_rows)
    keys, known = _models(context, found)
    if found.bad:
        tell_bad_rows(context, found.bad)
        raise UsageError(f"nothing was billed: {len(found.bad):,} of {_count(found)} usage records cannot be")
    total, of_model = BillTotals(), defaultdict[ModelKey, BillTotals](BillTotals)
    _print(context, order, _row_bills(context, order, found, keys, Biller(known), total, of_model), total, of_model)
    _tell(context, order, found, total, known, set(keys.values()))
    return ExitCode.PENDING if total.incomplete_rows else ExitCode.OK


def _models(context: Context, found: UsageRows) -> tuple[dict[str, ModelKey], Known]:
    """Each name that the records use, and the models with their ledgers; names that mean none become bad rows."""
    from modelctl.core.records import BadRow
    from modelctl.db import read

    names = dict.fromkeys(row.model for row in found.rows)

    def work(connection: Connection, tables: Tables) -> tuple[dict[str, Resolution], dict[str, str], Known]:
        known = {each.key: each for each in read.models(connection, tables)}
        resolved: dict[str, Resolution] = {}
        problems: dict[str, str] = {}
        for name in names:
            try:
                resolved[name] = resolve(name, known.values())
            except ModelctlError as error:
                problems[name] = str(error)
        return resolved, problems, with_ledgers(connection, tables, known, {each.key for each in resolved.values()})

    with readable_database(context) as database:
        resolved, problems, known = database.read(lambda connection: work(connection, database.tables))
    tell_resolved(context, resolved.items())
    found.bad.extend(BadRow(row.line, problems[row.model]) for row in found.rows if row.model in problems)
    return {name: each.key for name, each in resolved.items()}, known


def _row_bills(
    context: Context,
    order: BillOptions,
    found: UsageRows,
    keys: dict[str, ModelKey],
    biller: Biller,
    total: BillTotals,
    of_model: defaultdict[ModelKey, BillTotals],
) -> Iterator[RecordBill]:
    """The bills one by one, counted as they pass."""
    from modelctl.output.bills import RecordBill

    default_at, default_tier = order.at or to_seconds(context.now), order.service_tier.value
    for row in found.rows:
        billed = biller.bill(keys[row.model], row.usage, row.at or default_at, row.service_tier or default_tier)
        total.add(billed)
        of_model[billed.key].add(billed)
        yield RecordBill(row.line, row.id, billed)


def _print(
    context: Context,
    order: BillOptions,
    bills: Iterator[RecordBill],
    total: BillTotals,
    of_model: dict[ModelKey, BillTotals],
) -> None:
    from modelctl.output.bills import BillsByModel, RecordBills

    if order.by_model:
        for _ in bills:
            pass  # counting them is all
    context.show(BillsByModel(of_model, total) if order.by_model else RecordBills(bills, total), order.format)


def _tell(
    context: Context, order: BillOptions, found: UsageRows, total: BillTotals, known: Known, used: Iterable[ModelKey]
) -> None:
    """The talk after the bills: what they come to, and what must be known before relying on it."""
    from modelctl.core.prices.billing import served
    from modelctl.output.bills import overruled_text, summary, total_alarms

    if order.format in ("csv", "jsonl"):
        context.say(summary(total))
    if not found.rows:
        context.warn("warning: no usage records: nothing was billed")
    undated = sum(row.at is None for row in found.rows)
    if undated:
        as_of = f"{order.at or context.now:%Y-%m-%d %H:%M} UTC"
        context.say(f"note: {counted(undated, 'row')} without an instant billed as of {as_of}")
    for key in sorted(used):
        for text in overruled_text(known, served(key, known, context.now), context.now):
            context.warn(text)
    for text in total_alarms(total):
        context.warn(text)


def _count(found: UsageRows) -> str:
    """Records in all: those of which only the model was bad are among the rows."""
    lines: set[int] = {row.line for row in found.rows} | {each.line for each in found.bad}
    return f"{len(lines):,}"
