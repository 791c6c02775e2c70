"""`modelctl price set` and `price correct`: prices that a person enters on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelctl.cli.context import context_of
from modelctl.cli.price_entering import AsJson, EntryFormat, Format, enter_and_tell
from modelctl.core.price import PriceKind, PriceUnit, ServiceTier
from modelctl.errors import UsageError

if TYPE_CHECKING:
    from modelctl.core.price_input import PriceRow

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
    format: Format = EntryFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Enter a model's prices from a day on; no sync changes them."""
    from modelctl.core.price_entry import entered

    as_json = json or format is EntryFormat.JSON
    enter_and_tell(context_of(ctx), "price set", _rows(ctx.params), entered, as_json=as_json)


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
    format: Format = EntryFormat.TABLE,
    json: AsJson = False,
) -> None:
    """Correct a wrong entry of the ledger.

    And with it the bills of its time.
    """
    from modelctl.core.price_entry import corrected

    as_json = json or format is EntryFormat.JSON
    enter_and_tell(context_of(ctx), "price correct", _rows(ctx.params), corrected, as_json=as_json)


def _rows(said: Mapping[str, Any]) -> list[PriceRow]:
    """A row per amount that the options state. UsageError naming the option for what cannot be, or is said twice."""
    from modelctl.core.price_input import PriceRow, price_terms, split_price

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
