"""`modelctl price cost --from`: all usage records of a file. One that cannot be billed, and none is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from modelctl.cli.context import Context
from modelctl.cli.database import readable_database
from modelctl.cli.price_models import Known, tell_resolved, with_ledgers
from modelctl.cli.record_files import read_file, tell_bad_rows
from modelctl.core.counts import counted
from modelctl.core.model import ModelKey
from modelctl.core.price import ServiceTier
from modelctl.core.resolve import Resolution, resolve
from modelctl.core.units import to_seconds
from modelctl.errors import ExitCode, ModelctlError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelctl.core.biller import Biller, Tally
    from modelctl.core.usage_rows import UsageRows
    from modelctl.render.bills import BilledRow
    from modelctl.store.names import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for."""

    source: str
    at: datetime | None
    """Of records that have no instant of their own."""
    service_tier: ServiceTier
    """Of records that do not state theirs."""
    by_model: bool
    format: str


def bill_records(context: Context, order: Order) -> ExitCode:
    """Bill all records, print the bills and what they come to. UsageError naming each line that cannot be billed."""
    from modelctl.core.biller import Biller, Tally
    from modelctl.core.usage_rows import read_rows

    found = read_file(context, order.source, "--from", read_rows)
    keys, known = _models(context, found)
    if found.bad:
        tell_bad_rows(context, found.bad)
        raise UsageError(f"nothing was billed: {len(found.bad):,} of {_count(found)} usage records cannot be")
    total, of_model = Tally(), defaultdict[ModelKey, Tally](Tally)
    _print(context, order, _bills(context, order, found, keys, Biller(known), total, of_model), total, of_model)
    _tell(context, order, found, total, known, set(keys.values()))
    return ExitCode.PENDING if total.incomplete_rows else ExitCode.OK


def _models(context: Context, found: UsageRows) -> tuple[dict[str, ModelKey], Known]:
    """Each name that the records use, and the models with their ledgers; names that mean none become bad rows."""
    from modelctl.core.records import BadRow
    from modelctl.store import read

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


def _bills(
    context: Context,
    order: Order,
    found: UsageRows,
    keys: dict[str, ModelKey],
    biller: Biller,
    total: Tally,
    of_model: defaultdict[ModelKey, Tally],
) -> Iterator[BilledRow]:
    """The bills one by one, counted as they pass."""
    from modelctl.render.bills import BilledRow

    default_at, default_tier = order.at or to_seconds(context.now), order.service_tier.value
    for row in found.rows:
        billed = biller.bill(keys[row.model], row.usage, row.at or default_at, row.service_tier or default_tier)
        total.add(billed)
        of_model[billed.key].add(billed)
        yield BilledRow(row.line, row.id, billed)


def _print(
    context: Context, order: Order, bills: Iterator[BilledRow], total: Tally, of_model: dict[ModelKey, Tally]
) -> None:
    from modelctl.render import bills as render
    from modelctl.render.terminal import look_of

    look = look_of(context.stdout, context.environ)
    if order.by_model:
        for _ in bills:
            pass  # counting them is all
        rendered = {
            "table": lambda: render.models_table(of_model, look),
            "json": lambda: render.models_json(of_model, total),
            "jsonl": lambda: render.models_jsonl(of_model),
            "csv": lambda: render.models_csv(of_model),
        }
    else:
        rendered = {
            "table": lambda: render.rows_table(bills, look),
            "json": lambda: render.rows_json(bills, total, look),
            "jsonl": lambda: render.rows_jsonl(bills, look),
            "csv": lambda: render.rows_csv(bills),
        }
    for text in rendered[order.format]():
        context.answer(text)
    if order.format == "table":
        context.answer(f"\n{render.summary(total)}")


def _tell(
    context: Context, order: Order, found: UsageRows, total: Tally, known: Known, used: Iterable[ModelKey]
) -> None:
    """The talk after the bills: what they come to, and what must be known before relying on it."""
    from modelctl.core.redirects import served
    from modelctl.render.bills import alarms, summary
    from modelctl.render.price_words import overruled_text

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
    for text in alarms(total):
        context.warn(text)


def _count(found: UsageRows) -> str:
    """Records in all: those of which only the model was bad are among the rows."""
    lines: set[int] = {row.line for row in found.rows} | {each.line for each in found.bad}
    return f"{len(lines):,}"
